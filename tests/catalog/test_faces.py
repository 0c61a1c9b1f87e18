"""Reading faces."""

from __future__ import annotations

import pytest

from facesearch.errors import UnknownIdentity
from facesearch.values import Box

SMALL, LARGE = Box(10, 10, 20, 20), Box(100, 10, 80, 90)


def test_faces_of_a_photo_come_largest_first(catalog, result):
    catalog.store([result("1", boxes=[SMALL, LARGE]), result("2", boxes=())])
    faces = catalog.faces_of_photo("/photos/1.jpg")
    assert [face.box for face in faces] == [LARGE, SMALL]
    assert [f.id for f in catalog.faces_of_photo(faces[0].photo.id)] == [f.id for f in faces]
    assert catalog.faces_of_photo("/photos/2.jpg") == []


def test_the_largest_face_of_each_path(catalog, result):
    catalog.store([result("1", boxes=[SMALL, LARGE]), result("2", boxes=()), result("3")])
    paths = [f"/photos/{number}.jpg" for number in (1, 2, 3, 4)]
    found = catalog.largest_faces(paths)
    assert list(found) == [paths[0], paths[2]]
    assert catalog.face(found[paths[0]]).box == LARGE


def test_any_number_of_faces_by_id(catalog, result):
    catalog.store([result(str(number)) for number in range(50)])
    found = catalog.faces_by_id(range(1, 40_000))
    assert len(found) == 50
    assert all(face.id == face_id for face_id, face in found.items())
    assert found[1].photo.paths == ("/photos/0.jpg",)
    assert catalog.faces_by_id([]) == {}


@pytest.mark.parametrize("photo", ["/photos/1.jpg", 7])
def test_an_unknown_photo_is_an_error_that_names_it(catalog, photo):
    with pytest.raises(UnknownIdentity, match=str(photo)):
        catalog.faces_of_photo(photo)


def test_an_unknown_face_is_an_error_that_names_it(catalog):
    with pytest.raises(UnknownIdentity, match="face 12"):
        catalog.face(12)
