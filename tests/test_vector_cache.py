"""The vector index as a cache: whatever happens to its files, answers stay right."""

from __future__ import annotations

import logging
import shutil
import threading
from pathlib import Path

import pytest
from audits import audit
from toys import BLUE, DIMENSION, GREEN, MAX_DISTANCE, RED, SPACE, WHITE, album, photo, vector

from facesearch.catalog.catalog import Catalog
from facesearch.errors import IndexDamaged, LibraryError
from facesearch.library import FaceLibrary
from facesearch.values import Embedding
from facesearch.vector_cache import VectorCache
from facesearch.vectors.base import Generation
from facesearch.vectors.faiss import SegmentedIndex

COLOURS = (RED, GREEN, BLUE)


@pytest.fixture
def indexed(folder, photos, toys):
    """A library of twelve faces, four of each colour, closed."""
    album(photos, 12, colours=COLOURS)
    with FaceLibrary.open(folder, options=toys.options()) as library:
        library.index([photos])
    return folder


@pytest.fixture
def opened(indexed, toys):
    """Open the library anew, as another process would."""

    def opened_again() -> FaceLibrary:
        return FaceLibrary.open(indexed, options=toys.options())

    return opened_again


def near(library: FaceLibrary, colour=RED) -> set[int]:
    probe = Embedding(vector(colour), SPACE)
    (found,), _ = library._vectors.neighbours([probe], MAX_DISTANCE)
    return {face for face, _ in found}


def index_files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "vectors").rglob("*") if path.is_file())


def test_an_index_run_leaves_an_index_that_others_load(indexed, opened, caplog, monkeypatch):
    assert index_files(indexed)
    with opened() as library, monkeypatch.context() as patch:
        patch.setattr(SegmentedIndex, "add", None)  # nothing is to be added
        assert len(near(library)) == 4
    assert caplog.text == ""


def test_nothing_new_writes_nothing(indexed, opened, photos):
    before = {path: path.stat().st_mtime_ns for path in index_files(indexed)}
    with opened() as library:
        library.index([photos])
        library.name(photos / "p000.png", "Ana")
        near(library)
    assert {path: path.stat().st_mtime_ns for path in index_files(indexed)} == before


def test_it_is_caught_up_before_every_search(opened, photos):
    with opened() as asking, opened() as indexing:
        assert (len(near(asking)), len(near(asking, WHITE))) == (4, 0)
        photo(photos / "white.png", WHITE, number=500)
        (photos / "p000.png").unlink()
        indexing.index([photos])
        assert (len(near(asking)), len(near(asking, WHITE))) == (3, 1)


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "flipped start", "flipped end"])
@pytest.mark.parametrize("number", [0, 1])
def test_damaged_files_are_rebuilt(indexed, opened, photos, caplog, damage, number):
    files = index_files(indexed)
    assert len(files) == 2, "a manifest and the rows"
    with opened() as library:
        expected = [near(library, colour) for colour in COLOURS]
    path, content = files[number], bytearray(files[number].read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[3 if damage.endswith("start") else -3] ^= 0x10
        path.write_bytes(content)
    with opened() as library:
        assert [near(library, colour) for colour in COLOURS] == expected
        assert "rebuilt" in caplog.text
        library.index([photos])  # an index run writes them anew
    caplog.clear()
    with opened() as library:
        assert [near(library, colour) for colour in COLOURS] == expected
    assert caplog.text == ""
    assert audit(indexed, SPACE, DIMENSION) == 12


def test_the_whole_folder_may_go(indexed, opened, photos, caplog):
    shutil.rmtree(indexed / "vectors")
    with opened() as library:
        assert len(near(library)) == 4
        assert library.status().index == "exact"
        library.index([photos])
    assert index_files(indexed)
    assert caplog.text == "", "a missing cache is nothing to warn about"


def test_a_file_in_the_folders_place(indexed, opened, photos, caplog):
    shutil.rmtree(indexed / "vectors")
    (indexed / "vectors").write_text("somebody's note")
    with opened() as library:
        assert len(near(library)) == 4
        assert library.index([photos]).unchanged == 12
    assert "could not be saved" in caplog.text


def test_the_index_of_another_library_is_not_believed(
    indexed, opened, blank_library, tmp_path, photos, toys
):
    """Not even at the same generation."""
    other = tmp_path / "other.faces"
    with FaceLibrary.open(other, options=toys.options()) as library:
        album(tmp_path / "others", 12, first=100, colours=(WHITE,))
        library.index([tmp_path / "others"])
    shutil.rmtree(indexed / "vectors")
    shutil.copytree(other / "vectors", indexed / "vectors")
    with opened() as library:
        assert (len(near(library)), len(near(library, WHITE))) == (4, 0)
        library.index([photos])
    assert audit(indexed, SPACE, DIMENSION) == 12


@pytest.fixture
def grown(indexed, opened, photos, tmp_path):
    """The same library after it grew; returns a copy of its database from before that."""
    before = tmp_path / "before.sqlite"
    shutil.copy(indexed / "catalog.sqlite", before)
    for number in range(3):
        photo(photos / f"white{number}.png", WHITE, number=500 + number)
    with opened() as library:
        library.index([photos])
        assert len(near(library, WHITE)) == 3
    return before


def put_back(copy: Path, folder: Path) -> None:
    for path in folder.glob("catalog.sqlite-*"):
        path.unlink()
    shutil.copy(copy, folder / "catalog.sqlite")


def test_an_older_database_beside_a_newer_index(indexed, opened, grown, photos):
    put_back(grown, indexed)
    with opened() as library:
        assert (len(near(library)), len(near(library, WHITE))) == (4, 0)
        library.index([photos])
        assert len(near(library, WHITE)) == 3
    assert audit(indexed, SPACE, DIMENSION) == 15


def test_an_older_database_that_grows_to_the_same_generation(indexed, opened, grown, photos):
    """Other photos this time: only the time before tells the index from what it should be."""
    put_back(grown, indexed)
    for path in photos.glob("white*"):
        path.unlink()
    for number in range(3):
        photo(photos / f"blue{number}.png", BLUE, number=600 + number)
    with opened() as library:
        library.index([photos])
    with opened() as library:
        assert (len(near(library, BLUE)), len(near(library, WHITE))) == (7, 0)
    assert audit(indexed, SPACE, DIMENSION) == 15


def test_the_same_when_the_run_is_killed_before_it_saves(
    indexed, opened, grown, photos, monkeypatch
):
    put_back(grown, indexed)
    for path in photos.glob("white*"):
        path.unlink()
    for number in range(3):
        photo(photos / f"blue{number}.png", BLUE, number=600 + number)
    with opened() as library:
        monkeypatch.setattr(library._vectors, "save", lambda: save_once.pop()())
        save_once = [lambda: None, library._vectors.__class__.save.__get__(library._vectors)]
        library.index([photos])
    with opened() as library:
        assert (len(near(library, BLUE)), len(near(library, WHITE))) == (7, 0)


def test_a_backup_made_by_the_catalog(indexed, opened, photos, tmp_path):
    with Catalog.open(indexed, create=False, read_only=False) as catalog:
        catalog.backup(tmp_path / "backup.sqlite")
    put_back(tmp_path / "backup.sqlite", indexed)
    with opened() as library:
        assert len(near(library)) == 4
        library.index([photos])
    assert audit(indexed, SPACE, DIMENSION) == 12


def test_an_index_that_lacks_a_face_is_noticed(indexed, opened, photos, caplog):
    """At the right generation, of the right library, and wrong all the same."""
    with opened() as library:
        cache = library._vectors
        index = cache._current()
        index.remove(index.ids()[:1])
        index.save(cache.folder, index.generation)
    with opened() as library:
        assert len(near(library)) == 4
        library.index([photos])
    assert "holds 11 faces and the catalog 12" in caplog.text
    assert audit(indexed, SPACE, DIMENSION) == 12


def test_an_index_that_holds_too_much_is_noticed(indexed, opened, photos):
    """Rows that the catalog is about to add are there already."""
    photo(photos / "white.png", WHITE, number=700)
    with opened() as library:
        index = library._vectors._current()
        next_id = int(index.ids().max()) + 1
        index.add([next_id], vector(GREEN)[None])
        library.index([photos])
        assert (len(near(library, GREEN)), len(near(library, WHITE))) == (4, 1)
    assert audit(indexed, SPACE, DIMENSION) == 13


def test_catching_up_that_fails_half_way_is_done_again(opened, photos, monkeypatch):
    """The index is not left with a part of what it was to take in."""
    with opened() as asking, opened() as indexing:
        assert len(near(asking)) == 4
        album(photos, 12, first=100, colours=COLOURS)
        indexing.index([photos])
        changes_since = Catalog.changes_since

        def broken_off(catalog, *args, **options):
            changes = changes_since(catalog, *args, batch_rows=3, **options)

            def batches():
                yield next(changes.batches)
                raise LibraryError("here", "the disk reports an error")

            return type(changes)(changes.added, changes.removed, changes.removed_ids, batches())

        with monkeypatch.context() as patch:
            patch.setattr(Catalog, "changes_since", broken_off)
            with pytest.raises(LibraryError, match="disk"):
                near(asking)
        assert len(near(asking)) == 8


def test_damage_that_shows_only_in_a_search(indexed, opened, photos, monkeypatch, caplog):
    """Large segments are checked block by block, when a search first touches them."""
    with opened() as library:
        expected = near(library)
        loaded = library._vectors._current()

        def damaged(*args, **options):
            raise IndexDamaged("rows 3 to 5 fail their checksum")

        monkeypatch.setattr(loaded, "search_within", damaged)
        assert near(library) == expected
        assert library._vectors._current() is not loaded
        assert "rebuilt" in caplog.text
        before = [path.name for path in index_files(indexed)]
        library.index([photos])
        assert [path.name for path in index_files(indexed)] != before, "not written anew"


def test_damage_in_rows_that_no_search_touched_is_repaired_by_the_next_run(
    indexed, opened, photos, monkeypatch, caplog
):
    with opened() as library:
        loaded = library._vectors._current()

        def damaged(ids):
            raise IndexDamaged("rows 3 to 5 fail their checksum")

        monkeypatch.setattr(loaded, "vectors_of", damaged)
        before = [path.name for path in index_files(indexed)]
        library.index([photos])
        assert [path.name for path in index_files(indexed)] != before
        assert len(near(library)) == 4
    assert "rebuilt" in caplog.text


def test_questions_do_not_wait_while_the_index_is_saved(opened, photos, monkeypatch):
    with opened() as library:
        assert len(near(library)) == 4
        photo(photos / "red.png", RED, number=800)
        saving, go_on = threading.Event(), threading.Event()
        save = SegmentedIndex.save

        def slow(index, folder: Path, generation: Generation, **options):
            saving.set()
            assert go_on.wait(30)
            save(index, folder, generation, **options)

        monkeypatch.setattr(SegmentedIndex, "save", slow)
        thread = threading.Thread(target=library.index, args=([photos],))
        thread.start()
        try:
            assert saving.wait(30)
            assert len(near(library)) == 5
        finally:
            go_on.set()
            thread.join()
        assert len(near(library)) == 5


def test_an_empty_library(folder, toys, caplog):
    with FaceLibrary.open(folder, options=toys.options()) as library:
        probe = Embedding(vector(RED), SPACE)
        assert library._vectors.neighbours([probe, probe], 2.0) == ([[], []], [None, None])
        assert library.status().index == "none"
        library._vectors.save()
    assert caplog.text == ""


def test_the_nearest_is_told_even_where_nobody_is_near(opened):
    with opened() as library:
        probe = Embedding(vector(WHITE), SPACE)
        (hits,), (nearest,) = library._vectors.neighbours([probe], 0.0)
        assert hits == []
        assert nearest is not None
        assert nearest[1] > MAX_DISTANCE


def test_closing_lets_go_and_may_be_done_twice(indexed, caplog):
    caplog.set_level(logging.WARNING)
    with Catalog.open(indexed, create=False, read_only=False) as catalog:
        cache = VectorCache(catalog, SPACE, DIMENSION)
        assert cache.kind(12) == "exact"
        cache.close()
        cache.close()
        assert cache.kind(12) == "exact"
        assert cache.bytes_on_disk() == sum(p.stat().st_size for p in index_files(indexed))
    assert caplog.text == ""
