"""Names that follow a photo whose file was edited, and do not follow another photo."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from toys import GREEN, RED, draw, photo

from facesearch.catalog import DecisionOrigin, FileStamp, Stored
from facesearch.errors import LibraryDamaged, UnreadableReason
from facesearch.library import FaceLibrary
from facesearch.values import Box, Size

USER, FOLDER = DecisionOrigin.USER, DecisionOrigin.FOLDER
LEFT, RIGHT = Box(10, 10, 100, 100), Box(300, 10, 80, 80)
PATH = "/photos/a.jpg"


def axis(number: int, towards: int = 7, distance: float = 0.0) -> np.ndarray:
    """A vector of length 1, at some cosine distance from the axis of that number."""
    made = np.zeros(8)
    made[number] = 1.0 - distance
    made[towards] = np.sqrt(1.0 - made[number] ** 2)
    return made.astype(np.float32)


LOOKS = [axis(0), axis(1)]


@pytest.fixture
def shot(result):
    """What looking at a photo of two people, LEFT and RIGHT, comes to."""

    def make(content, *paths, boxes=(LEFT, RIGHT), vectors=LOOKS, **more):
        return result(content, *(paths or [PATH]), boxes=boxes, vectors=vectors, **more)

    return make


def confirm(catalog, *names, path=PATH, origin=USER):
    """Name the faces of a photo, largest first; None names nobody."""
    for face, name in zip(catalog.faces_of_photo(path), names, strict=False):
        if name is not None:
            catalog.confirm(face.id, name, origin)


def names(catalog, path=PATH):
    faces = catalog.faces_of_photo(path)
    people = catalog.identities_of([face.id for face in faces])
    return [people[face.id].name if face.id in people else None for face in faces]


def log(folder):
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection:
        return connection.execute(
            "SELECT name, origin, hex(content_hash) FROM decisions "
            "JOIN identities ON identities.id = identity_id ORDER BY decisions.id"
        ).fetchall()


def test_names_follow_an_edit_with_their_origin(catalog, shot, folder):
    catalog.store([shot("old")])
    confirm(catalog, "Ana", origin=USER)
    confirm(catalog, None, "Bo", origin=FOLDER)
    edited = shot("new")
    assert catalog.store([edited]) == Stored(new=1, faces=2, dropped=1)
    assert names(catalog) == ["Ana", "Bo"]
    new_hash = edited.content_hash.upper()
    assert sorted(log(folder)[2:]) == [("Ana", "user", new_hash), ("Bo", "folder", new_hash)]
    confirm(catalog, "Cy", "Dee", origin=FOLDER)
    assert names(catalog) == ["Ana", "Dee"]


def test_what_was_carried_over_follows_from_the_log(catalog, shot):
    catalog.store([shot("old")])
    confirm(catalog, "Ana", "Bo")
    catalog.store([shot("new")])
    catalog.rebuild_identities()
    assert names(catalog) == ["Ana", "Bo"]
    catalog.remove_files([PATH])
    catalog.store([shot("new", "/photos/back.jpg")])
    assert names(catalog, "/photos/back.jpg") == ["Ana", "Bo"]


def test_only_the_faces_that_had_names_get_them(catalog, shot):
    catalog.store([shot("old")])
    confirm(catalog, None, "Bo")
    catalog.store([shot("new", boxes=[RIGHT, LEFT], vectors=LOOKS[::-1])])
    assert names(catalog) == [None, "Bo"]


def test_editing_again_and_again(catalog, shot, folder):
    catalog.store([shot("0")])
    confirm(catalog, "Ana")
    for number in range(1, 4):
        catalog.store([shot(str(number))])
    assert names(catalog) == ["Ana", None]
    catalog.store([shot("0")])
    catalog.store([shot("3")])
    catalog.store([shot("3")])
    assert names(catalog) == ["Ana", None]
    assert len(log(folder)) == 4


def test_the_old_photo_may_still_lie_elsewhere(catalog, shot):
    catalog.store([shot("old", PATH, "/photos/copy.jpg")])
    confirm(catalog, "Ana", "Bo")
    assert catalog.store([shot("new")]) == Stored(new=1, faces=2)
    assert names(catalog) == names(catalog, "/photos/copy.jpg") == ["Ana", "Bo"]


@pytest.mark.parametrize("first", [PATH, "/photos/0.jpg"])
def test_an_edit_that_was_copied_at_once(catalog, shot, first):
    catalog.store([shot("old")])
    confirm(catalog, "Ana", "Bo")
    catalog.store([shot("new", first), shot("new", PATH, "/photos/0.jpg")])
    assert names(catalog) == ["Ana", "Bo"]


def test_an_edit_seen_with_another_detector(catalog, shot):
    catalog.store([shot("old")])
    confirm(catalog, "Ana", "Bo")
    nearly_left = Box(18, 14, 96, 104)
    catalog.store([shot("new", boxes=[nearly_left, RIGHT], detector="detector@2")])
    assert names(catalog) == ["Ana", "Bo"]


@pytest.mark.parametrize(("distance", "carried"), [(0.02, True), (0.04, False), (1.0, False)])
def test_another_look_at_the_same_place_is_another_face(catalog, shot, distance, carried):
    catalog.store([shot("old")])
    confirm(catalog, "Ana", "Bo")
    catalog.store([shot("new", vectors=[axis(0, distance=distance), axis(1)])])
    assert names(catalog) == ["Ana" if carried else None, "Bo"]


def test_the_same_look_elsewhere_is_another_photo(catalog, shot, folder):
    catalog.store([shot("old")])
    confirm(catalog, "Ana", "Bo")
    catalog.store([shot("new", boxes=[Box(70, 10, 100, 100), Box(300, 90, 80, 80)])])
    assert names(catalog) == [None, None]
    assert len(log(folder)) == 2


def test_a_different_photo_under_the_same_path_inherits_nothing(catalog, result):
    catalog.store([result("old", PATH, boxes=[LEFT, RIGHT])])
    confirm(catalog, "Ana", "Bo")
    catalog.store([result("new", PATH, boxes=[LEFT, RIGHT])])
    assert names(catalog) == [None, None]


@pytest.mark.parametrize(
    ("size", "carried"),
    [
        (Size(1280, 960), True),
        (Size(213, 160), True),
        (Size(640, 400), False),
        (Size(480, 640), False),
    ],
)
def test_a_photo_at_another_size(catalog, shot, size, carried):
    catalog.store([shot("old")])
    confirm(catalog, "Ana", "Bo")
    scale = size.width / 640
    boxes = [
        Box(b.x * scale, b.y * scale, b.width * scale, b.height * scale) for b in (LEFT, RIGHT)
    ]
    catalog.store([shot("new", boxes=boxes, size=size)])
    assert names(catalog) == (["Ana", "Bo"] if carried else [None, None])


def test_embeddings_of_different_spaces_say_nothing(catalog, shot):
    catalog.store([shot("old")])
    confirm(catalog, "Ana", "Bo")
    catalog.store([shot("new", space="toy@2")])
    assert names(catalog) == [None, None]


def test_of_faces_that_lie_on_each_other_each_keeps_its_name(catalog, shot):
    inner = Box(15, 15, 92, 92)
    alike = [axis(0), axis(0, distance=0.01)]
    catalog.store([shot("old", boxes=[LEFT, inner], vectors=alike)])
    confirm(catalog, "Ana", "Bo")
    catalog.store([shot("new", boxes=[LEFT, inner], vectors=alike)])
    assert names(catalog) == ["Ana", "Bo"]


def test_a_name_the_new_content_has_already_stays(catalog, shot, folder):
    catalog.store([shot("new", "/photos/b.jpg")])
    confirm(catalog, "Cy", "Dee", path="/photos/b.jpg")
    catalog.remove_files(["/photos/b.jpg"])
    catalog.store([shot("old")])
    confirm(catalog, "Ana", "Bo")
    catalog.store([shot("new")])
    assert names(catalog) == ["Cy", "Dee"]
    assert len(log(folder)) == 4


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [(USER, FOLDER, "Ana"), (FOLDER, FOLDER, "Cy"), (FOLDER, USER, "Cy")],
)
def test_a_folder_does_not_stand_against_the_user(catalog, shot, before, after, kept):
    catalog.store([shot("new", "/photos/b.jpg")])
    confirm(catalog, "Cy", path="/photos/b.jpg", origin=after)
    catalog.remove_files(["/photos/b.jpg"])
    catalog.store([shot("old")])
    confirm(catalog, "Ana", origin=before)
    catalog.store([shot("new")])
    assert names(catalog) == [kept, None]


def test_photos_that_change_places_pass_no_names_on(catalog, shot):
    """Two photos of a burst, which look alike: both were known, neither was edited."""
    catalog.store([shot("1", PATH), shot("2", "/photos/b.jpg")])
    confirm(catalog, "Ana", "Bo")
    catalog.store([shot("1", "/photos/b.jpg"), shot("2", PATH)])
    assert (names(catalog), names(catalog, "/photos/b.jpg")) == ([None, None], ["Ana", "Bo"])


def test_an_edit_that_shows_no_face_or_cannot_be_read(catalog, shot, result):
    catalog.store([shot("1", PATH), shot("2", "/photos/b.jpg")])
    confirm(catalog, "Ana")
    catalog.store(
        [
            result("3", PATH, boxes=()),
            result("4", "/photos/b.jpg", unreadable=UnreadableReason.DAMAGED),
        ]
    )
    catalog.store([shot("5", PATH), shot("6", "/photos/b.jpg")])
    assert names(catalog) == [None, None]


def test_a_damaged_embedding_is_said_and_nothing_stored(catalog, shot, folder):
    catalog.store([shot("old")])
    confirm(catalog, "Ana")
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection, connection:
        connection.execute("DROP TRIGGER embeddings_fixed")
        connection.execute("UPDATE embeddings SET vector = substr(vector, 1, 9)")
    with pytest.raises(LibraryDamaged, match="wrong length") as caught:
        catalog.store([shot("new")])
    assert str(folder) in str(caught.value)
    assert names(catalog) == ["Ana", None]


def test_attaching_known_content_passes_no_names_on(catalog, shot):
    catalog.store([shot("1", PATH), shot("2", "/photos/b.jpg")])
    confirm(catalog, "Ana")
    second = catalog.files_at(["/photos/b.jpg"])["/photos/b.jpg"].photo_id
    catalog.attach([(second, FileStamp(PATH, 5, 5))])
    assert names(catalog) == [None, None]


# Through the library


@pytest.fixture
def library(tmp_path, blank_library, toys):
    with FaceLibrary.open(blank_copy(tmp_path, blank_library), options=toys.options()) as opened:
        yield opened


def blank_copy(place, blank):
    copy = place / "blank.faces"
    copy.mkdir()
    for file in blank.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    return copy


def people(library):
    return [(who.name, faces) for who, faces in library.identities()]


def with_comment(jpeg: bytes, comment: bytes) -> bytes:
    """A JPEG with a comment in it, as other programs write one: the pixels stay."""
    assert jpeg[:2] == b"\xff\xd8"
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    return jpeg[:2] + segment + jpeg[2:]


def test_a_tag_written_into_a_jpeg_costs_no_name(tmp_path, blank_library, portraits, photos):
    """With the real models: index, name, write a comment into the file, index again."""
    path = photos / "portrait.jpg"
    encoded = io.BytesIO()
    portraits["official"].save(encoded, "JPEG", quality=95)
    path.write_bytes(encoded.getvalue())
    with FaceLibrary.open(blank_copy(tmp_path, blank_library)) as library:
        library.index([photos])
        face, _ = library.name(path, "Eileen")
        path.write_bytes(with_comment(path.read_bytes(), b"Eileen Collins, NASA"))
        report = library.index([photos])
        assert (report.new, report.faces) == (1, 1)
        assert people(library) == [("Eileen", 1)]
        assert library.faces_of(path)[0].id != face.id
        (answer,) = library.query(path).faces
        assert [match.identity.name for match in answer.identities] == ["Eileen"]
        # Stored again at half its size: a little different, and still the same picture.
        half = portraits["official"].resize((150, 150))
        half.save(path, "JPEG", quality=90)
        library.index([photos])
        assert people(library) == [("Eileen", 1)]
        # Another photo of her, under the same path.
        portraits["cut"].save(path, "JPEG", quality=95)
        library.index([photos])
        assert people(library) == []


def test_a_file_deleted_and_made_again_between_two_runs(library, photos):
    path = photo(photos / "a.png", RED, GREEN, number=1)
    library.index([photos])
    library.name(path, "Ana")
    path.unlink()
    photo(path, RED, GREEN, number=2)
    library.index([photos])
    assert people(library) == [("Ana", 1)]
    assert library.identities()[0][0] == library.name(path, "Ana")[1]


def test_a_carried_name_stands_against_the_folder(library, photos):
    path = photo(photos / "Bo" / "a.png", RED, number=1)
    library.index([photos])
    library.name(path, "Ana")
    photo(path, RED, number=2)
    library.index([photos], people_from_folders=True)
    assert people(library) == [("Ana", 1)]


def test_another_photo_saved_in_the_place_of_a_named_one(library, photos):
    path = photo(photos / "a.png", RED)
    library.index([photos])
    library.name(path, "Ana")
    draw(GREEN).save(path, "PNG")
    library.index([photos])
    assert people(library) == []
