"""Photos that move, swap, shift and come back: never looked at twice, names kept."""

from __future__ import annotations

import shutil

import pytest
from audits import audit
from toys import BLUE, DIMENSION, GREEN, RED, SPACE, album, photo

from facesearch.indexing import IndexOptions


@pytest.fixture(autouse=True)
def whole_afterwards(folder):
    yield
    audit(folder, SPACE, DIMENSION)


def paths_in(library) -> set[str]:
    return {path.rpartition("/")[2] for path in library.photos_with_faces()}


def test_a_renamed_folder(library, photos, toys):
    album(photos / "old", 5)
    library.index([photos])
    face, _ = library.name(photos / "old" / "p002.png", "Ana")
    seen = toys.detector.seen
    (photos / "old").rename(photos / "new")
    report = library.index([photos])
    assert (report.new, report.moved, report.removed, report.photos) == (0, 5, 5, 5)
    assert toys.detector.seen == seen
    (same,) = library.faces_of(photos / "new" / "p002.png")
    assert same.id == face.id
    assert same.photo.paths == (str(photos / "new" / "p002.png"),)


def test_a_move_between_roots(library, tmp_path, toys):
    one, two = tmp_path / "one", tmp_path / "two"
    album(one, 3)
    two.mkdir()
    library.index([one, two])
    seen = toys.detector.seen
    (one / "p001.png").rename(two / "p001.png")
    report = library.index()
    assert (report.new, report.moved, report.removed, report.unchanged) == (0, 1, 1, 2)
    assert toys.detector.seen == seen


def test_a_copy_and_then_the_original_goes(library, photos, toys):
    original = photo(photos / "a.png", RED)
    library.index([photos])
    face, _ = library.name(original, "Ana")
    shutil.copy(original, photos / "b.png")
    assert library.index([photos]).moved == 1
    original.unlink()
    report = library.index([photos])
    assert (report.removed, report.new) == (1, 0)
    assert [f.id for f in library.faces_of(photos / "b.png")] == [face.id]
    assert toys.detector.seen == 1


def test_swapped_photos(library, photos, toys):
    a, b = photo(photos / "a.png", RED), photo(photos / "b.png", GREEN, BLUE)
    library.index([photos])
    a.rename(photos / "x")
    b.rename(a)
    (photos / "x").rename(b)
    report = library.index([photos])
    assert (report.new, report.moved, report.removed, report.faces) == (0, 2, 0, 3)
    assert [len(library.faces_of(path)) for path in (a, b)] == [2, 1]
    assert toys.detector.seen == 2


@pytest.mark.parametrize("step", [1, -1])
def test_photos_renumbered_by_one(library, photos, toys, step):
    """Each takes the name of the next; batch borders must not matter."""
    album(photos, 30)
    library.index([photos])
    library.name(photos / "p014.png", "Ana")
    numbers = range(29, -1, -1) if step == 1 else range(30)
    for number in numbers:
        (photos / f"p{number:03}.png").rename(photos / f"p{number + 1 * step:03}.png")
    seen = toys.detector.seen
    report = library.index([photos], options=IndexOptions(commit_photos=4))
    assert (report.new, report.moved, report.removed) == (0, 30, 1)
    assert toys.detector.seen == seen
    (person,) = library.identities()
    assert (person[0].name, person[1]) == ("Ana", 1)
    ((answer),) = library.query(photos / f"p{14 + step:03}.png").faces
    assert answer.identities[0].identity.name == "Ana"


@pytest.mark.parametrize("kept", ["a_original.png", "z.png", "0.png"])
def test_an_edit_beside_a_copy_of_the_original(library, photos, toys, kept):
    """What an editor does: the old content gets a new name, the new content the old one."""
    path = photo(photos / "a.png", RED)
    album(photos / "others", 10, first=1)
    library.index([photos])
    library.name(path, "Ana")
    shutil.copy(path, photos / kept)
    photo(path, GREEN, number=99)
    report = library.index([photos], options=IndexOptions(commit_photos=1, workers=1))
    assert (report.photos, report.faces, report.failed) == (12, 12, 0)
    assert paths_in(library) >= {"a.png", kept}
    assert library.index([photos]).unchanged == 12
    (answer,) = library.query(photos / kept).faces
    assert answer.identities[0].identity.name == "Ana"


def test_a_photo_that_comes_back_gets_its_name_back(library, photos, tmp_path):
    album(photos, 2)
    library.index([photos])
    library.name(photos / "p000.png", "Ana")
    (photos / "p000.png").rename(tmp_path / "away.png")
    library.index([photos])
    assert library.identities() == []
    (tmp_path / "away.png").rename(photos / "back.png")
    library.index([photos])
    assert [(who.name, faces) for who, faces in library.identities()] == [("Ana", 1)]


def test_a_move_that_was_cut_short_costs_no_look_later(library, photos, toys):
    album(photos, 40)
    library.index([photos])
    for number in range(39, -1, -1):
        (photos / f"p{number:03}.png").rename(photos / f"p{number + 1:03}.png")
    seen = toys.detector.seen
    asked = iter(range(10**6))
    first = library.index(
        [photos],
        options=IndexOptions(commit_photos=2, workers=1),
        cancelled=lambda: next(asked) > 9,
    )
    assert first.cancelled
    report = library.index([photos])
    assert (report.photos, report.faces, report.removed) == (40, 40, 1)
    assert toys.detector.seen == seen
