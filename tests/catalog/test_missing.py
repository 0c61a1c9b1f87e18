"""Faces that lack an embedding in a space, and what they are given."""

from __future__ import annotations

import os

import numpy as np
import pytest

from facesearch.catalog import BareFace, BarePhoto, Catalog, SpaceInfo
from facesearch.errors import InvalidValue, SpaceMismatch
from facesearch.values import Box, Embedding, Landmarks, Size

SPACE, NEW = "toy@1", "new@1"
BOXES = [Box(10, 20, 100, 120), Box(200, 20, 50, 60)]


def embedding(space: str = NEW, dimension: int = 6) -> Embedding:
    return Embedding(np.eye(dimension, dtype=np.float32)[0], space)


def bare(catalog: Catalog, space: str = NEW, **options) -> list[BarePhoto]:
    return list(catalog.bare_photos(space, **options))


def test_photos_come_with_their_paths_and_faces(catalog, result):
    odd = os.fsdecode(b"/photos/\xff.jpg")
    catalog.store([result("1", "/photos/b.jpg", odd, boxes=BOXES), result("2", boxes=())])
    (found,) = bare(catalog)
    known = catalog.faces_of_photo(odd)
    assert (found.id, found.content_hash) == (known[0].photo.id, known[0].photo.content_hash)
    assert (found.paths, found.size) == (("/photos/b.jpg", odd), Size(640, 480))
    assert [face.id for face in found.faces] == [1, 2]
    for face, same in zip(found.faces, known, strict=True):
        assert face.landmarks.points.tobytes() == same.landmarks.points.tobytes()
    assert bare(catalog, SPACE) == []
    assert catalog.bare_count(NEW) == (1, 2)
    assert catalog.bare_count(SPACE) == (0, 0)


@pytest.mark.parametrize("page", [1, 2, 3, 100])
def test_pages_join_seamlessly(catalog, result, page):
    catalog.store([result(str(number), boxes=BOXES) for number in range(7)])
    assert [photo.id for photo in bare(catalog, page=page)] == list(range(1, 8))


def test_only_the_faces_that_lack_one(catalog, result):
    catalog.store([result("1", boxes=BOXES), result("2")])
    first, _ = bare(catalog)
    assert catalog.add_embeddings(NEW, [(first.faces[1], embedding())]) == 1
    assert [[face.id for face in photo.faces] for photo in bare(catalog)] == [[1], [3]]
    assert catalog.bare_count(NEW) == (2, 2)
    assert catalog.spaces() == [SpaceInfo(SPACE, 8, 3), SpaceInfo(NEW, 6, 1)]


def test_what_changes_before_the_place_reached_is_seen(catalog, result):
    catalog.store([result(str(number)) for number in range(4)])
    walk = catalog.bare_photos(NEW, page=2)
    assert [next(walk).id, next(walk).id] == [1, 2]
    catalog.remove_files(["/photos/3.jpg", "/photos/0.jpg"])
    catalog.store([result("new")])
    assert [photo.id for photo in walk] == [3, 5]


def test_a_face_gets_one_embedding_however_often_it_is_given_one(catalog, result):
    catalog.store([result("1", boxes=BOXES)])
    (photo,) = bare(catalog)
    rows = [(face, embedding()) for face in photo.faces]
    assert catalog.add_embeddings(NEW, rows[:1]) == 1
    assert catalog.add_embeddings(NEW, rows + rows) == 1
    before = catalog.generation(NEW)
    assert catalog.add_embeddings(NEW, rows) == 0
    assert catalog.add_embeddings(NEW, []) == 0
    assert catalog.spaces()[1].count == 2
    assert catalog.generation(NEW) == before
    catalog.check()


def test_faces_that_are_gone_or_elsewhere_get_none(catalog, result):
    catalog.store([result("1"), result("2"), result("3")])
    gone, elsewhere, there = (photo.faces[0] for photo in bare(catalog))
    catalog.remove_files(["/photos/1.jpg"])
    moved = BareFace(elsewhere.id, Landmarks(elsewhere.landmarks.points + np.float32(0.5)))
    rows = [(face, embedding()) for face in (gone, moved, there)]
    assert catalog.add_embeddings(NEW, rows) == 1
    assert [photo.faces[0].id for photo in bare(catalog)] == [elsewhere.id]
    catalog.check()


def test_an_embedding_of_another_space_or_dimension_stores_nothing(catalog, result):
    catalog.store([result("1", boxes=BOXES)])
    (photo,) = bare(catalog)
    one, other = photo.faces
    with pytest.raises(SpaceMismatch):
        catalog.add_embeddings(NEW, [(one, embedding()), (other, embedding(SPACE, 8))])
    with pytest.raises(InvalidValue, match="6 dimensions"):
        catalog.add_embeddings(NEW, [(one, embedding()), (other, embedding(dimension=7))])
    assert catalog.spaces() == [SpaceInfo(SPACE, 8, 2)]


def test_the_newest_face_changes_with_every_face_that_is_added(catalog, result):
    assert catalog.newest_face() == 0
    catalog.store([result("1")])
    assert catalog.newest_face() == 1
    catalog.store([result("1", detector="detector@2")])
    assert catalog.newest_face() == 2
