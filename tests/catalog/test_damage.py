"""Full disks and broken files: said plainly, and nothing is lost that was there."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

from facesearch.catalog import Catalog
from facesearch.catalog.connection import Database
from facesearch.errors import LibraryDamaged, LibraryFull, LibraryNotFound
from facesearch.values import Box

PAGE = 8192
BOXES = [Box(10 * i, 0, 9, 9) for i in range(8)]


@pytest.fixture
def stored(catalog, folder, result):
    """A closed library of 400 photos with one face each; its file."""
    catalog.store([result(str(number)) for number in range(400)])
    catalog.confirm(1, "Ana")
    catalog.close()
    return folder / "catalog.sqlite"


def zero_a_page(content, number):
    content[number * PAGE : (number + 1) * PAGE] = bytes(PAGE)


def flip_a_page_header(content, number):
    content[number * PAGE] ^= 0xFF


def cut_off(content, number):
    del content[number * PAGE :]


def read_everything(catalog):
    """Everything the tables hold, or the error that tells it is damaged."""
    embeddings = [batch.vectors.tobytes() for batch in catalog.embeddings("toy@1")]
    faces = catalog.faces_by_id(range(1, 401))
    return (
        embeddings,
        catalog.files_at(list(catalog.paths_under(["/photos"]))),
        {face_id: (face.box, face.photo) for face_id, face in faces.items()},
        catalog.identities_of(faces),
        catalog.photos_by_hash(face.photo.content_hash for face in faces.values()),
        catalog.counts(),
    )


@pytest.mark.parametrize("harm", [zero_a_page, flip_a_page_header, cut_off])
def test_damage_is_found_before_anything_is_written(stored, folder, harm):
    whole = stored.read_bytes()
    for part in (3, 5, 8):
        content = bytearray(whole)
        harm(content, len(whole) // PAGE * part // 10)
        stored.write_bytes(content)
        with pytest.raises(LibraryDamaged, match="nothing was overwritten"):
            Catalog.open(folder, create=True, read_only=False)
        assert stored.read_bytes() == content


@pytest.mark.parametrize("harm", [zero_a_page, flip_a_page_header, cut_off])
def test_a_reader_of_a_damaged_library_gets_no_wrong_answer(stored, folder, harm):
    """Pages it does not need may be broken; what it answers is right."""
    with Catalog.open(folder, create=False, read_only=True) as catalog:
        right = read_everything(catalog)
    whole = stored.read_bytes()
    found = 0
    for page in range(1, len(whole) // PAGE):
        content = bytearray(whole)
        harm(content, page)
        stored.write_bytes(content)
        try:
            with Catalog.open(folder, create=False, read_only=True) as catalog:
                assert read_everything(catalog) == right
        except LibraryDamaged:
            found += 1
        assert stored.read_bytes() == content
    assert found > len(whole) // PAGE // 3


def test_check_finds_what_reading_would_not(stored, folder):
    """An index that was lost leaves pages that nothing refers to."""
    with closing(sqlite3.connect(stored)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_master WHERE name = 'faces_photo'")
        connection.execute("PRAGMA writable_schema = OFF")
        connection.commit()
    with (
        Catalog.open(folder, create=False, read_only=True) as catalog,
        pytest.raises(LibraryDamaged),
    ):
        catalog.check()


def test_check_finds_rows_that_refer_to_nothing(stored, folder):
    with closing(sqlite3.connect(stored)) as connection:
        connection.execute("DELETE FROM photos WHERE id = 7")
        connection.commit()
    with (
        Catalog.open(folder, create=False, read_only=True) as catalog,
        pytest.raises(LibraryDamaged, match="missing rows of photos"),
    ):
        catalog.check()


def fill(catalog, result):
    """Store until no space is left; returns how many batches were stored."""
    for number in range(2000):
        try:
            catalog.store([result(f"{number}-{i}", boxes=BOXES) for i in range(8)])
        except LibraryFull:
            return number
    raise AssertionError("the disk never got full")


def test_a_full_disk_keeps_what_was_committed(tiny_disk, result):
    folder = tiny_disk / "family.faces"
    with Catalog.open(folder, create=True, read_only=False) as catalog:
        batches = fill(catalog, result)
        assert batches > 2
        assert catalog.counts().photos == batches * 8
        with pytest.raises(LibraryFull, match="no space left"):
            catalog.backup(folder / "copy.sqlite")
        assert not list(folder.glob("copy*"))
    with Catalog.open(folder, create=False, read_only=True) as catalog:
        catalog.check()
        assert catalog.counts().photos == batches * 8
        assert catalog.generation("toy@1") == (batches * 64, 0)


def test_a_full_disk_can_be_emptied_and_indexing_goes_on(tiny_disk, result):
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(bytes(1 << 20))
    with Catalog.open(tiny_disk / "library", create=True, read_only=False) as catalog:
        batches = fill(catalog, result)
        ballast.unlink()
        catalog.store([result("after")])
        catalog.check()
        assert catalog.counts().photos == batches * 8 + 1


def test_a_disk_too_full_for_a_library_gets_none(tiny_disk):
    (tiny_disk / "ballast").write_bytes(bytes((3 << 20) - 64 * 1024))
    with pytest.raises(LibraryFull):
        Catalog.open(tiny_disk / "library", create=True, read_only=False)
    assert not list((tiny_disk / "library").glob("catalog*"))


def test_a_database_at_its_size_limit_keeps_what_was_committed(
    catalog, folder, result, monkeypatch
):
    """The same without a small disk: SQLite refuses to grow the file."""
    catalog.close()
    opened = Database._open

    def limited(self, mode):
        connection = opened(self, mode)
        connection.execute("PRAGMA max_page_count = 100")
        return connection

    monkeypatch.setattr(Database, "_open", limited)
    with Catalog.open(folder, create=False, read_only=False) as limited_catalog:
        batches = fill(limited_catalog, result)
        assert batches > 0
        assert limited_catalog.counts().photos == batches * 8
    monkeypatch.undo()
    with Catalog.open(folder, create=False, read_only=False) as unlimited:
        unlimited.check()
        unlimited.store([result("after")])
        assert unlimited.counts().photos == batches * 8 + 1


def test_a_library_that_goes_away_is_an_error_of_its_own(stored, folder):
    with Catalog.open(folder, create=False, read_only=True) as catalog:
        shutil.rmtree(folder)
        with catalog._database.read(), pytest.raises(LibraryNotFound, match="is gone"):
            catalog.counts()  # needs a second connection
