"""Opening, making and refusing libraries."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing

import pytest

from facesearch.catalog import Catalog, FileStamp
from facesearch.catalog.migrate import HEAD
from facesearch.errors import (
    LibraryDamaged,
    LibraryError,
    LibraryNotFound,
    LibraryReadOnly,
    LibraryTooNew,
)
from facesearch.values import Failure


def files_of(folder):
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_a_library_is_made_once_and_found_again(folder, result):
    with Catalog.open(folder, create=True, read_only=False) as made:
        made.store([result("1")])
        assert made.schema_revision == HEAD
        assert len(made.library_id) == 32
        assert made.bytes_on_disk() > 0
    assert {file.name for file in folder.iterdir()} == {"catalog.sqlite", "writer.lock"}
    for read_only in (True, False):
        with Catalog.open(folder, create=True, read_only=read_only) as found:
            assert found.counts().photos == 1
            assert found.library_id == made.library_id


def test_two_libraries_have_different_numbers(tmp_path):
    ids = set()
    for name in ("a", "b"):
        with Catalog.open(tmp_path / name, create=True, read_only=False) as catalog:
            ids.add(catalog.library_id)
    assert len(ids) == 2


@pytest.mark.parametrize(("create", "read_only"), [(False, False), (True, True)])
def test_no_library_is_made_unasked(folder, create, read_only):
    with pytest.raises(LibraryNotFound, match="no library"):
        Catalog.open(folder, create=create, read_only=read_only)
    assert not folder.exists()


def test_a_folder_with_other_files_is_left_alone(folder):
    folder.mkdir()
    (folder / "holiday\N{SNOWMAN}.jpg").write_bytes(b"photo")
    with pytest.raises(LibraryError, match="not empty"):
        Catalog.open(folder, create=True, read_only=False)
    assert files_of(folder) == {"holiday\N{SNOWMAN}.jpg": b"photo"}


def test_an_empty_folder_will_do_even_with_a_desktop_file(folder):
    folder.mkdir()
    (folder / ".DS_Store").write_bytes(b"")
    Catalog.open(folder, create=True, read_only=False).close()


def test_a_file_is_no_folder(folder):
    folder.write_bytes(b"text")
    with pytest.raises(LibraryError):
        Catalog.open(folder, create=True, read_only=False)
    assert folder.read_bytes() == b"text"


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
@pytest.mark.parametrize(
    "name", ["a b?c#d%20%e&mode=ro", "neue\nZeile", os.fsdecode(b"m\xfc"), "ü"]
)
def test_any_folder_name_will_do(tmp_path, result, name):
    folder = tmp_path / name
    for create in (True, False):
        with Catalog.open(folder, create=create, read_only=False) as catalog:
            catalog.store([result("1")])
            catalog.check()
    assert [file.name for file in tmp_path.iterdir()] == [name]
    with pytest.raises(LibraryNotFound) as caught:
        Catalog.open(folder / "inner", create=False, read_only=True)
    str(caught.value).encode()  # printable


def test_a_newer_library_is_refused_and_not_touched(catalog, folder):
    catalog.close()
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = files_of(folder)
    for read_only in (True, False):
        with pytest.raises(LibraryTooNew, match="9999"):
            Catalog.open(folder, create=True, read_only=read_only)
    after = files_of(folder)
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize(
    "content",
    [b"", b"this is a text file, not a database\n" * 500, b"SQLite format 3\0" + b"x" * 5000],
)
def test_what_is_no_database_is_damage_and_stays_as_it_is(folder, content, read_only):
    folder.mkdir()
    (folder / "catalog.sqlite").write_bytes(content)
    with pytest.raises(LibraryDamaged, match="nothing was overwritten"):
        Catalog.open(folder, create=True, read_only=read_only)
    assert (folder / "catalog.sqlite").read_bytes() == content


@pytest.mark.parametrize("read_only", [True, False])
def test_a_database_of_another_program_is_not_ours(folder, read_only):
    folder.mkdir()
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute(f"INSERT INTO alembic_version VALUES ('{HEAD}')")
        connection.commit()
    before = (folder / "catalog.sqlite").read_bytes()
    with pytest.raises(LibraryDamaged, match="no tables of facesearch"):
        Catalog.open(folder, create=True, read_only=read_only)
    assert (folder / "catalog.sqlite").read_bytes() == before


def test_reading_only_writes_nothing(catalog, folder, result):
    catalog.store([result("1")])
    catalog.close()
    before = (folder / "catalog.sqlite").read_bytes()
    with Catalog.open(folder, create=False, read_only=True) as reader:
        (face,) = reader.faces_of_photo("/photos/1.jpg")
        writes = [
            lambda: reader.store([result("2")]),
            lambda: reader.attach([(1, FileStamp("/x", 1, 1))]),
            lambda: reader.remove_files(["/photos/1.jpg"]),
            lambda: reader.record_file_failures([Failure("/x", "io-error", "")]),
            lambda: reader.confirm(face.id, "Ana"),
            lambda: reader.confirm_from_folders([(face.id, "Ana")]),
            lambda: reader.ensure_space("toy@2", 3),
            lambda: reader.remember_root("/photos"),
            lambda: reader.writer_lock(0).__enter__(),
        ]
        for write in writes:
            with pytest.raises(LibraryReadOnly, match="reading only"):
                write()
        assert reader.counts(["/photos"]).faces == 1
        reader.check()
    assert (folder / "catalog.sqlite").read_bytes() == before


def test_a_library_where_nobody_can_write(catalog, folder, result, frozen):
    catalog.store([result("1")])
    catalog.close()
    library = frozen(folder)
    with pytest.raises(LibraryReadOnly, match="cannot be written to"):
        Catalog.open(library, create=True, read_only=False)
    with Catalog.open(library, create=False, read_only=True) as reader:
        assert reader.counts(["/photos"]).faces == 1
        assert len(list(reader.embeddings("toy@1"))) == 1
        with pytest.raises(LibraryReadOnly):
            reader.store([result("2")])
    with pytest.raises(LibraryReadOnly):
        Catalog.open(library.parent / "new", create=True, read_only=False)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions are those of POSIX")
def test_a_library_without_permission(folder, run_python):
    """In a process of its own, which gives up being root if it is: root may do everything."""
    program = """
import os, sys, tempfile
from pathlib import Path
from facesearch.catalog import Catalog
from facesearch.errors import LibraryError
with tempfile.TemporaryDirectory() as place:
    library = Path(place, "library")
    with Catalog.open(library, create=True, read_only=False) as catalog:
        catalog.remember_root("/photos")
    if os.geteuid() == 0:
        for path in (place, library, *library.iterdir()):
            os.chown(path, 65534, 65534)
        os.setuid(65534)

    def try_both(what):
        for read_only in (False, True):
            try:
                with Catalog.open(library, create=True, read_only=read_only) as catalog:
                    print(what, "reads", *catalog.roots())
            except LibraryError as error:
                print(what, type(error).__name__, "may not read" in str(error))

    library.chmod(0o500)
    try_both("folder")
    (library / "catalog.sqlite").chmod(0o400)
    try_both("both")
    library.chmod(0o700)
    try_both("file")
    (library / "catalog.sqlite").chmod(0o000)
    try_both("unreadable")
    library.chmod(0o000)
    try_both("closed")
    library.chmod(0o700)
"""
    out, trouble = run_python(program).communicate(timeout=60)
    assert trouble == ""
    assert out.splitlines() == [
        "folder LibraryReadOnly False",
        "folder reads /photos",
        "both LibraryReadOnly False",
        "both reads /photos",
        "file LibraryReadOnly False",
        "file reads /photos",
        "unreadable LibraryError True",
        "unreadable LibraryError True",
        "closed LibraryError True",
        "closed LibraryError True",
    ]


def test_a_log_that_cannot_be_recovered_here_is_not_passed_over(catalog, folder, result, frozen):
    """What is only in the log must not silently be missing."""
    catalog.store([result("1")])
    log = (folder / "catalog.sqlite-wal").read_bytes()
    assert log
    catalog.close()
    (folder / "catalog.sqlite-wal").write_bytes(log)
    library = frozen(folder)
    with pytest.raises(LibraryReadOnly, match="opened for writing once"):
        Catalog.open(library, create=False, read_only=True)


def test_a_frozen_reader_notices_that_somebody_wrote(catalog, folder, result, monkeypatch):
    """A folder that is read-only for this reader may be writable for somebody else."""
    catalog.store([result("1")])
    catalog.close()
    from facesearch.catalog.connection import Database

    opened = Database._open

    def as_if_read_only(self, mode):
        if mode == "ro" and not list(folder.glob("*-shm")):
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise error
        return opened(self, mode)

    monkeypatch.setattr(Database, "_open", as_if_read_only)
    with Catalog.open(folder, create=False, read_only=True) as reader:
        assert reader.counts().photos == 1
        with Catalog.open(folder, create=False, read_only=False) as writer:
            writer.store([result("2")])
            assert reader.counts().photos == 2
            writer.store([result("3")])
            assert reader.counts().photos == 3
        assert reader.counts().photos == 3


def test_a_closed_catalog_says_so(catalog):
    catalog.close()
    catalog.close()
    with pytest.raises(LibraryError, match="is closed"):
        catalog.counts()


def test_closing_leaves_one_file_with_everything(catalog, folder, result, tmp_path):
    catalog.store([result("1")])
    catalog.close()
    assert not list(folder.glob("catalog.sqlite-*"))
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "catalog.sqlite").write_bytes((folder / "catalog.sqlite").read_bytes())
    with Catalog.open(tmp_path / "copy", create=False, read_only=False) as copy:
        assert copy.counts().faces == 1


def test_many_threads_make_and_use_one_library(folder, result):
    barrier = threading.Barrier(6)
    failures: list[Exception] = []

    def use(number):
        try:
            barrier.wait()
            with Catalog.open(folder, create=True, read_only=False) as catalog:
                catalog.store([result(str(number))])
        except Exception as error:  # noqa: BLE001, raised below in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Catalog.open(folder, create=False, read_only=True) as catalog:
        assert catalog.counts().photos == 6


def test_opening_imports_neither_sqlalchemy_nor_alembic(catalog, folder, run_python):
    catalog.close()
    program = """
import sys
from pathlib import Path
from facesearch.catalog import Catalog
with Catalog.open(Path(sys.argv[1]), create=True, read_only=False) as catalog:
    catalog.counts()
print(*(name for name in ("sqlalchemy", "alembic") if name in sys.modules))
"""
    out, trouble = run_python(program, folder).communicate(timeout=60)
    assert trouble == ""
    assert out.strip() == ""
