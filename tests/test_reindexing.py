"""From one space to another: every face, no name lost, whatever happens in between."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from audits import audit, rows
from toys import (
    BLUE,
    DIMENSION,
    GREEN,
    OTHER,
    OTHER_DIMENSION,
    OTHER_SPACE,
    RED,
    SPACE,
    WHITE,
    Toys,
    album,
    other_vector,
    photo,
    vector,
)

from facesearch import reindexing
from facesearch.errors import (
    Cancelled,
    LibraryBusy,
    LibraryReadOnly,
    ModelError,
    NoFaceFound,
    UnknownModel,
    UnreadableReason,
)
from facesearch.indexing import IndexOptions
from facesearch.library import FaceLibrary
from facesearch.photos.decode import DecodeLimits
from facesearch.values import IndexProgress

pytestmark = pytest.mark.usefixtures("no_thread_left", "other")

COLOURS = (RED, GREEN, BLUE)
SMALL_STEPS = IndexOptions(commit_photos=2, embed_batch=2, workers=2)


@pytest.fixture
def library(folder: Path, toys: Toys) -> Iterator[FaceLibrary]:
    """Sees with the first toy embedder as long as nobody says otherwise."""
    with FaceLibrary.open(folder, options=toys.options()) as first:
        first._remember(first._view())
    with FaceLibrary.open(folder) as opened:
        yield opened


def embeddings(library: FaceLibrary, space: str) -> dict[int, np.ndarray]:
    return {
        face_id: embedding
        for batch in library._catalog.embeddings(space)
        for face_id, embedding in zip(batch.ids.tolist(), batch.vectors, strict=True)
    }


def face_of(library: FaceLibrary, path: Path) -> int:
    return library.faces_of(path)[0].id


def test_every_face_gets_an_embedding_and_no_name_is_lost(library, photos, toys, folder):
    album(photos, 9, colours=COLOURS)
    photo(photos / "group.png", RED, GREEN, WHITE, number=100)
    photo(photos / "nobody.png", number=101)
    library.index([photos])
    library.name(photos / "p000.png", "Ana")
    seen, before = toys.detector.seen, embeddings(library, SPACE)

    report = library.reindex(OTHER)

    assert (report.space, report.embedded, report.already) == (OTHER_SPACE, 12, 0)
    assert (report.switched, report.cancelled, report.left_out) == (True, False, {})
    assert report.warnings == ()
    assert toys.detector.seen == seen, "no detector runs"
    found = embeddings(library, OTHER_SPACE)
    assert found.keys() == before.keys()
    for number in range(9):
        expected = other_vector(COLOURS[number % 3])
        np.testing.assert_allclose(
            found[face_of(library, photos / f"p{number:03}.png")], expected, atol=1e-6
        )
    assert {k: v.tobytes() for k, v in embeddings(library, SPACE).items()} == {
        k: v.tobytes() for k, v in before.items()
    }
    assert (library.space, library.embedder) == (OTHER_SPACE, OTHER)
    answer = library.query(photos / "p003.png")
    assert answer.space == OTHER_SPACE
    assert answer.faces[0].identities[0].identity.name == "Ana"
    assert len(answer.faces[0].unnamed) == 3
    assert audit(folder, OTHER_SPACE, OTHER_DIMENSION) == audit(folder, SPACE, DIMENSION) == 12
    manifest = folder / "vectors" / "toy-other_1_square" / "manifest.fsv"
    assert manifest.exists(), "the index is there before the first question"


def test_faces_that_the_model_says_nothing_of_stop_nothing_and_are_listed(library, photos, toys):
    """From going over to the model to queries and new photos."""
    photo(photos / "group.png", RED, BLUE, GREEN)
    photo(photos / "alone.png", BLUE, number=1)
    library.index([photos])
    library.name(photos / "group.png", "Ana")
    toys.other.silent_of = BLUE

    report = library.reindex(OTHER)

    assert (report.embedded, report.left_out, report.switched) == (2, {"no-embedding": 2}, True)
    (warning,) = report.warnings
    assert warning.startswith("faces left out: 2, because the model says nothing of them")
    assert warning.endswith("queries do not find them, and facesearch failures lists them")
    blue = {library.faces_of(photos / "group.png")[1].id, face_of(library, photos / "alone.png")}
    assert {face.id for face in library.unsearchable()} == blue
    assert library.status().outdated == 2
    assert library.reindex(OTHER).left_out == {"no-embedding": 2}

    photo(photos / "new.png", BLUE, RED, number=2)
    indexed = library.index([photos])

    assert (indexed.photos, indexed.faces) == (3, 6)
    assert indexed.warnings[0].startswith("faces left out: 3, because the model says nothing")
    assert len(list(library.unsearchable())) == 3
    answer = library.query(photos / "group.png")
    assert (len(answer.faces), answer.without_embedding) == (2, 1)
    assert len(answer.faces[0].identities[0].faces) + len(answer.faces[0].unnamed) == 2
    with pytest.raises(NoFaceFound, match=r"says nothing of the face in .*alone\.png"):
        library.query(photos / "alone.png")
    with pytest.raises(NoFaceFound, match="says nothing of the face"):
        library.query(photos / "group.png", face=2)

    toys.other.silent_of = None
    assert library.reindex(OTHER).embedded == 3
    assert list(library.unsearchable()) == []


def test_a_model_that_says_nothing_of_all_faces_is_not_gone_over_to(library, photos, toys):
    album(photos, 3)
    library.index([photos])
    toys.other.silent_of = RED
    report = library.reindex(OTHER)
    assert (report.embedded, report.switched, library.space) == (0, False, SPACE)
    assert report.left_out == {"no-embedding": 3}


def test_running_again_does_nothing(library, photos, toys):
    album(photos, 5)
    library.index([photos])
    library.reindex(OTHER)
    toys.other.batches.clear()
    report = library.reindex(OTHER)
    assert (report.embedded, report.already, report.switched) == (0, 5, True)
    assert toys.other.batches == []


def test_without_switching_the_library_works_as_before(library, photos, toys):
    album(photos, 4, colours=(RED, GREEN))
    library.index([photos])
    report = library.reindex(OTHER, switch=False)
    assert (report.embedded, report.switched) == (4, False)
    assert library.query(photos / "p000.png").space == SPACE
    album(photos / "more", 2, first=10)
    library.index([photos])
    assert [(one.space, one.faces, one.missing) for one in library.spaces()] == [
        (SPACE, 6, 0),
        (OTHER_SPACE, 4, 2),
    ]
    assert library.reindex(OTHER).embedded == 2


def test_new_photos_are_embedded_in_the_space_in_use_only(library, photos, toys):
    album(photos, 3)
    library.index([photos])
    library.reindex(OTHER)
    toys.embedder.batches.clear()
    album(photos / "more", 2, first=10)
    report = library.index([photos])
    assert (report.new, report.unchanged) == (2, 3)
    assert toys.embedder.batches == []
    assert [(one.model, one.missing, one.active) for one in library.spaces()] == [
        ("toy-embedder", 2, False),
        (OTHER, 0, True),
    ]
    assert library.status().outdated == 0


def test_an_empty_library_takes_the_model_it_is_given(library, photos):
    report = library.reindex(OTHER)
    assert (report.embedded, report.switched) == (0, True)
    album(photos, 2)
    library.index([photos])
    assert [one.space for one in library.spaces()] == [OTHER_SPACE]


def test_progress_counts_photos(library, photos):
    album(photos, 6)
    photo(photos / "group.png", RED, GREEN, number=100)
    library.index([photos])
    (photos / "p005.png").unlink()
    told: list[IndexProgress] = []
    library.reindex(OTHER, on_progress=told.append)
    last = told[-1]
    assert (last.done, last.total, last.faces, last.failed) == (7, 7, 7, 1)
    assert [one.done for one in told] == sorted(one.done for one in told)


def test_chips_of_many_photos_share_batches(library, photos, toys):
    album(photos, 40, colours=COLOURS)
    library.index([photos])
    library.reindex(OTHER, options=IndexOptions(embed_batch=8, workers=2))
    assert sum(toys.other.batches) == 40
    assert toys.other.batches.count(8) >= 4


# Photos that are not what they were


def test_faces_whose_photos_cannot_be_read_are_left_out(library, photos, monkeypatch):
    album(photos, 6, colours=COLOURS)
    photo(photos / "group.png", RED, GREEN, number=100)
    library.index([photos])
    (photos / "group.png").unlink()
    photo(photos / "p001.png", WHITE, number=500)
    (photos / "p002.png").write_bytes(b"")
    read_photo = reindexing.read_photo

    def read(path, *, max_bytes):
        if path.endswith("p003.png"):
            raise reindexing.PhotoUnreadable(path, UnreadableReason.NO_PERMISSION, "it is not ours")
        return read_photo(path, max_bytes=max_bytes)

    with monkeypatch.context() as patch:
        patch.setattr(reindexing, "read_photo", read)
        report = library.reindex(OTHER)
    assert report.left_out == {"gone": 2, "changed": 2, "no-permission": 1}
    assert (report.embedded, report.switched) == (3, True)
    assert len(report.warnings) == 3
    assert any("2" in one and str(photos / "group.png") in one for one in report.warnings)
    assert library.status().outdated == 5
    report = library.reindex(OTHER)
    assert (report.embedded, report.left_out) == (1, {"gone": 2, "changed": 2})


def test_what_was_left_out_comes_with_the_next_index(library, photos, toys):
    album(photos, 3)
    library.index([photos])
    library.name(photos / "p001.png", "Ana")
    (photos / "p001.png").rename(photos.parent / "away.png")
    assert library.reindex(OTHER).left_out == {"gone": 1}
    (photos.parent / "away.png").rename(photos / "p001.png")
    assert library.index([photos]).unchanged == 2
    assert library.status().outdated == 0
    (answer,) = library.query(photos / "p000.png").faces
    assert [match.identity.name for match in answer.identities] == ["Ana"]


def test_a_copy_serves_where_a_file_is_not_what_it_was(library, photos):
    photo(photos / "a.png", RED)
    shutil.copy(photos / "a.png", photos / "b.png")
    shutil.copy(photos / "a.png", photos / "c.png")
    library.index([photos])
    (photos / "a.png").unlink()
    photo(photos / "b.png", BLUE, number=9)
    report = library.reindex(OTHER)
    assert (report.embedded, report.left_out) == (1, {})
    (face,) = embeddings(library, OTHER_SPACE).values()
    np.testing.assert_allclose(face, other_vector(RED), atol=1e-6)


def test_a_photo_that_is_decoded_otherwise_today_is_left_out(library, photos, folder, toys):
    """Its landmarks lie in a picture of another size."""
    album(photos, 2)
    library.index([photos])
    with library._catalog._database.write() as connection:
        connection.execute("UPDATE photos SET width = 95 WHERE id = 1")
    assert library.reindex(OTHER).left_out == {"changed": 1}


def test_photos_beyond_the_limits_are_left_out(folder, photos, toys, library):
    album(photos, 2)
    library.index([photos])
    with FaceLibrary.open(
        folder, options=toys.options(limits=DecodeLimits(max_pixels=100))
    ) as strict:
        report = strict.reindex(OTHER)
    assert (report.embedded, report.left_out) == (0, {"too-large": 2})
    assert not report.switched, "a space without a face is of no use"
    assert library.space == SPACE


# What happens meanwhile


def once(what):
    """A hook that calls something the first time it is called."""
    done = threading.Lock()

    def hook(chips: object) -> None:
        if done.acquire(blocking=False):
            what()

    return hook


def test_photos_may_leave_in_the_middle(library, photos, toys, folder):
    album(photos, 20, colours=COLOURS)
    library.index([photos])

    def leave() -> None:
        for number in range(20):
            if number % 2:
                (photos / f"p{number:03}.png").unlink()
        assert library.index([photos]).removed == 10

    toys.other.hook = once(leave)
    report = library.reindex(OTHER, options=SMALL_STEPS)
    assert (report.left_out, report.warnings, report.switched) == ({}, (), True)
    assert 10 <= len(embeddings(library, OTHER_SPACE)) == library.status().faces == 10
    assert audit(folder, OTHER_SPACE, OTHER_DIMENSION) == 10


def test_photos_may_come_in_the_middle(library, photos, toys, folder):
    album(photos, 12, colours=COLOURS)
    library.index([photos])

    def come() -> None:
        album(photos / "more", 30, first=100, colours=COLOURS)
        assert library.index([photos]).new == 30
        assert library.space == SPACE

    toys.other.hook = once(come)
    report = library.reindex(OTHER, options=SMALL_STEPS)
    assert (report.embedded, report.switched) == (42, True)
    assert audit(folder, OTHER_SPACE, OTHER_DIMENSION) == audit(folder, SPACE, DIMENSION) == 42


def test_faces_that_are_found_anew_in_the_middle(library, photos, toys, folder, monkeypatch):
    """Other detector options: the old faces go, with what was computed for them."""
    album(photos, 10, colours=COLOURS)
    library.index([photos])
    library.name(photos / "p004.png", "Ana")

    def look_again() -> None:
        from facesearch.models.base import DetectorOptions

        options = toys.options(detector_options=DetectorOptions(smallest_face_px=30))
        with FaceLibrary.open(folder, options=options) as again:
            assert again.index([photos]).new == 10

    toys.other.hook = once(look_again)
    report = library.reindex(OTHER, options=SMALL_STEPS)
    assert (report.left_out, report.switched) == ({}, True)
    assert audit(folder, OTHER_SPACE, OTHER_DIMENSION) == audit(folder, SPACE, DIMENSION) == 10
    (answer,) = library.query(photos / "p004.png").faces
    assert answer.identities[0].identity.name == "Ana"


def test_a_photo_that_moved_in_the_middle_is_found_at_its_new_place(library, photos, toys):
    album(photos / "a", 8)
    library.index([photos])

    def move() -> None:
        (photos / "a").rename(photos / "b")
        assert library.index([photos]).moved == 8

    toys.other.hook = once(move)
    report = library.reindex(OTHER, options=SMALL_STEPS)
    assert (report.embedded, report.left_out) == (8, {})


def test_names_may_be_given_and_questions_asked_meanwhile(library, photos, toys):
    album(photos, 6)
    library.index([photos])

    def use() -> None:
        library.name(photos / "p002.png", "Ana")
        answer = library.query(photos / "p001.png")
        assert answer.space == SPACE
        assert answer.faces[0].identities[0].identity.name == "Ana"

    toys.other.hook = once(use)
    library.reindex(OTHER, options=SMALL_STEPS)
    answer = library.query(photos / "p001.png")
    assert answer.space == OTHER_SPACE
    assert answer.faces[0].identities[0].identity.name == "Ana"


def test_what_an_index_adds_at_the_very_end_is_embedded_too(library, photos, toys):
    """It holds the writer lock when all else is done; nothing is switched over its head."""
    album(photos / "a", 3)
    library.index([photos])
    album(photos / "b", 3, first=10)
    reached, go_on = threading.Event(), threading.Event()

    def pause(image: object) -> None:
        reached.set()
        assert go_on.wait(60)

    toys.detector.hook = pause
    told = threading.Event()

    def on_progress(progress: IndexProgress) -> None:
        if progress.faces == 3:
            told.set()

    with ThreadPoolExecutor(2) as pool:
        indexing = pool.submit(library.index, [photos])
        assert reached.wait(60)
        reindexing_ = pool.submit(library.reindex, OTHER, on_progress=on_progress)
        while library._catalog.bare_count(OTHER_SPACE) != (0, 0):
            assert not reindexing_.done()
        go_on.set()
        assert indexing.result(60).new == 3
        report = reindexing_.result(60)
    assert (report.embedded, report.switched) == (6, True)
    assert [(one.faces, one.missing) for one in library.spaces()] == [(6, 0), (6, 0)]


def test_another_process_that_writes_all_the_time(library, photos):
    album(photos, 3)
    library.index([photos])
    busy = IndexOptions(wait_s=0)
    with library._catalog.writer_lock(0), pytest.raises(LibraryBusy, match="run again"):
        library.reindex(OTHER, options=busy)
    assert library.space == SPACE
    report = library.reindex(OTHER, options=busy)
    assert (report.embedded, report.already, report.switched) == (0, 3, True)


def test_a_second_reindex_waits_for_the_first(library, photos, toys):
    album(photos, 6)
    library.index([photos])

    def second() -> None:
        with pytest.raises(LibraryBusy, match="reindexing"):
            library.reindex(OTHER, options=IndexOptions(wait_s=0))

        def cancelled() -> bool:
            return True

        with pytest.raises(Cancelled):
            library.reindex(OTHER, cancelled=cancelled)

    toys.other.hook = once(second)
    assert library.reindex(OTHER).embedded == 6


# Stopping


def test_a_run_that_is_cancelled_goes_on_the_next_time(library, photos, toys, folder):
    album(photos, 20)
    library.index([photos])
    embedding, asked, stopping = threading.Event(), threading.Event(), threading.Event()

    def pause(chips: object) -> None:
        embedding.set()
        assert stopping.wait(60)

    def cancelled() -> bool:
        if embedding.is_set():
            asked.set()
        return embedding.is_set()

    def on_progress(progress: IndexProgress) -> None:
        if asked.is_set():
            stopping.set()

    toys.other.hook = pause
    report = library.reindex(
        OTHER, options=SMALL_STEPS, cancelled=cancelled, on_progress=on_progress
    )
    assert (report.cancelled, report.switched) == (True, False)
    assert report.embedded < 20
    assert library.space == SPACE
    there = report.embedded
    assert len(embeddings(library, OTHER_SPACE)) == there
    report = library.reindex(OTHER)
    assert (report.embedded, report.already) == (20 - there, there)
    assert audit(folder, OTHER_SPACE, OTHER_DIMENSION) == 20


def test_cancelled_while_it_waits_for_a_writer(library, photos):
    album(photos, 3)
    library.index([photos])
    with library._catalog.writer_lock(0):
        report = library.reindex(
            OTHER, cancelled=lambda: library._catalog.bare_count(OTHER_SPACE) == (0, 0)
        )
    assert (report.cancelled, report.switched, report.embedded) == (True, False, 3)


def test_a_network_that_fails_ends_the_run(library, photos, toys):
    album(photos, 20)
    library.index([photos])

    def fail(chips: object) -> None:
        if len(toys.other.batches) == 4:
            raise ModelError(OTHER, "it broke")

    toys.other.hook = fail
    with pytest.raises(ModelError, match="it broke"):
        library.reindex(OTHER, options=IndexOptions(commit_photos=1, embed_batch=2, workers=1))
    there = len(embeddings(library, OTHER_SPACE))
    assert there < 20
    report = library.reindex(OTHER)
    assert report.embedded == 20 - there


def test_a_model_that_there_is_not(library, folder, photos):
    with pytest.raises(UnknownModel, match="crystal ball"):
        library.reindex("crystal ball")
    album(photos, 1)
    library.index([photos])
    with (
        FaceLibrary.open(folder, read_only=True) as read_only,
        pytest.raises(LibraryReadOnly),
    ):
        read_only.reindex(OTHER)


def test_index_files_of_another_time_are_not_believed(library, photos, folder, toys):
    """The database of before was put back, and grows to the generation of the files again."""
    album(photos, 4, colours=(RED,))
    library.index([photos])
    library.close()
    before = folder.parent / "before.sqlite"
    shutil.copy(folder / "catalog.sqlite", before)
    with FaceLibrary.open(folder) as opened:
        opened.reindex(OTHER)
    for path in folder.glob("catalog.sqlite*"):
        path.unlink()
    shutil.copy(before, folder / "catalog.sqlite")
    for number in range(4):
        photo(photos / f"p{number:03}.png", GREEN, number=50 + number)
    with FaceLibrary.open(folder) as opened:
        opened.reindex(OTHER)  # all left out: other content lies there
        opened.index([photos])
        opened.reindex(OTHER)
        (answer,) = opened.query(photos / "p000.png", top=9).faces
        assert len(answer.unnamed) == 4
    assert audit(folder, OTHER_SPACE, OTHER_DIMENSION) == 4


def test_the_bare_faces_of_a_library_of_before(library, photos, folder):
    """It remembers nothing; the space it works in follows from what it holds."""
    album(photos, 3)
    library.index([photos])
    library.close()
    with FaceLibrary.open(folder) as opened:
        with opened._catalog._database.write() as connection:
            connection.execute("DELETE FROM settings")
        assert opened.space == SPACE
        opened.reindex(OTHER, switch=False)
        assert opened.space == SPACE
    assert rows(folder, "SELECT value FROM settings WHERE name = 'space'") == [(SPACE,)]
    assert vector(RED).shape != other_vector(RED).shape
