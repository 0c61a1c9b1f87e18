"""Older libraries become today's, after a copy, wholly or not at all."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from facesearch.catalog import Catalog, migrate
from facesearch.errors import (
    FaceSearchError,
    LibraryDamaged,
    LibraryReadOnly,
    LibraryTooNew,
)

NEXT_REVISION = """
from alembic import op

revision = "next"
down_revision = "{head}"


def upgrade():
    op.add_column("photos", Column("camera", Text))
    op.execute("UPDATE photos SET camera = 'unknown'")
    {then}


from sqlalchemy import Column, Text
"""


@pytest.fixture
def later_program(tmp_path, monkeypatch):
    """Turn this program into one with a further revision."""

    def become(then="pass"):
        folder = tmp_path / "100% later" / "migrations"
        shutil.copytree(migrate.migrations_folder(), folder, dirs_exist_ok=True)
        source = NEXT_REVISION.format(head=migrate.HEAD, then=then)
        (folder / "versions" / "next.py").write_text(source)
        monkeypatch.setattr(migrate, "migrations_folder", lambda: folder)
        monkeypatch.setattr(migrate, "HEAD", "next")

    return become


def backups(folder):
    return sorted(folder.glob("catalog.sqlite.backup-*"))


def columns(file):
    with closing(sqlite3.connect(file)) as connection:
        return [row[1] for row in connection.execute("PRAGMA table_info(photos)")]


def test_head_is_the_newest_revision_there_is():
    assert ScriptDirectory(str(migrate.migrations_folder())).get_heads() == [migrate.HEAD]


def test_an_older_library_is_migrated_when_it_is_opened(catalog, folder, result, later_program):
    catalog.store([result("1")])
    catalog.confirm(1, "Ana")
    old_id, old_revision = catalog.library_id, catalog.schema_revision
    catalog.close()
    later_program()
    with Catalog.open(folder, create=False, read_only=False) as migrated:
        assert migrated.schema_revision == "next"
        assert migrated.library_id == old_id
        assert migrated.counts().faces == 1
        assert [person.name for person, _ in migrated.identities()] == ["Ana"]
        migrated.store([result("2")])
        migrated.check()
    assert "camera" in columns(folder / "catalog.sqlite")
    (backup,) = backups(folder)
    assert backup.name.startswith(f"catalog.sqlite.backup-{old_revision}-")
    assert "camera" not in columns(backup)
    with Catalog.open(folder, create=False, read_only=False) as again:
        assert again.counts().photos == 2
    assert backups(folder) == [backup]


def test_the_backup_is_a_library_of_the_program_that_wrote_it(
    catalog, folder, result, later_program, monkeypatch, tmp_path
):
    catalog.store([result("1")])
    catalog.close()
    with monkeypatch.context() as _:
        later_program()
        Catalog.open(folder, create=False, read_only=False).close()
    monkeypatch.undo()
    with pytest.raises(LibraryTooNew):
        Catalog.open(folder, create=False, read_only=False)
    (backup,) = backups(folder)
    (folder / "catalog.sqlite").unlink()
    backup.rename(folder / "catalog.sqlite")
    with Catalog.open(folder, create=False, read_only=False) as restored:
        restored.store([result("2")])
        assert restored.counts().faces == 2
        assert restored.library_id != catalog.library_id
        with restored._database.read() as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_older_library_that_may_not_be_written_to_is_not_opened(catalog, folder, later_program):
    catalog.close()
    later_program()
    with pytest.raises(LibraryReadOnly, match="earlier facesearch"):
        Catalog.open(folder, create=False, read_only=True)
    assert backups(folder) == []


def test_a_migration_that_fails_leaves_everything_as_it_was(catalog, folder, result, later_program):
    catalog.store([result("1")])
    catalog.close()
    before = (folder / "catalog.sqlite").read_bytes()
    later_program(then="op.execute('INSERT INTO nowhere VALUES (1)')")
    with pytest.raises(FaceSearchError, match="no such table: nowhere"):
        Catalog.open(folder, create=False, read_only=False)
    assert (folder / "catalog.sqlite").read_bytes() == before
    assert len(backups(folder)) == 1


def test_a_migration_that_breaks_references_is_taken_back(catalog, folder, result, later_program):
    catalog.store([result("1")])
    catalog.close()
    later_program(then="op.execute('DELETE FROM photos')")
    with pytest.raises(LibraryDamaged, match="missing rows of photos"):
        Catalog.open(folder, create=False, read_only=False)
    assert "camera" not in columns(folder / "catalog.sqlite")


def test_a_damaged_library_is_not_migrated(catalog, folder, result, later_program):
    catalog.store([result(str(number)) for number in range(300)])
    catalog.close()
    file = folder / "catalog.sqlite"
    content = bytearray(file.read_bytes())
    middle = len(content) // 2 // 8192 * 8192
    content[middle : middle + 8192] = bytes(8192)
    file.write_bytes(content)
    later_program()
    with pytest.raises(LibraryDamaged):
        Catalog.open(folder, create=False, read_only=False)
    assert file.read_bytes() == content
    assert backups(folder) == []


def test_a_new_library_goes_through_every_revision(folder, later_program):
    later_program()
    with Catalog.open(folder, create=True, read_only=False) as catalog:
        assert catalog.schema_revision == "next"
    assert "camera" in columns(folder / "catalog.sqlite")
    assert backups(folder) == []


def test_a_library_that_cannot_be_made_leaves_nothing(folder, later_program):
    later_program(then="raise RuntimeError('a mistake in a migration')")
    with pytest.raises(RuntimeError):
        Catalog.open(folder, create=True, read_only=False)
    assert [file.name for file in folder.iterdir()] == ["writer.lock"]


def test_the_migrations_are_found_installed_and_in_a_checkout(tmp_path, monkeypatch):
    package = tmp_path / "facesearch"
    monkeypatch.setattr(migrate, "__file__", str(package / "catalog" / "migrate.py"))
    with pytest.raises(FaceSearchError, match="install it again"):
        migrate.migrations_folder()
    for folder in (tmp_path / "migrations", package / "_migrations"):
        folder.mkdir(parents=True)
        (folder / "env.py").touch()
        assert migrate.migrations_folder() == folder


def test_the_migrations_run_from_a_library_only(tmp_path):
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(migrate.migrations_folder())))
    with pytest.raises(RuntimeError, match="open the library"):
        command.upgrade(config, "head")
