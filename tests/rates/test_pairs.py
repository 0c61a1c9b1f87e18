"""Which pairs of a library's faces tell about it."""

from __future__ import annotations

import numpy as np
import pytest

from facesearch.errors import InvalidValue
from facesearch.rates import LibraryPairs, library_pairs
from facesearch.rates.pairs import FACES_PER_PERSON, PAIRS_PER_PHOTO


def pairs_of(photos: list[int], people: list[int]) -> LibraryPairs:
    vectors = np.random.default_rng(0).normal(size=(len(photos), 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return library_pairs(vectors, np.array(photos), np.array(people, dtype=np.int64))


def test_faces_of_one_photo_are_two_people_unless_they_have_one_name() -> None:
    found = pairs_of([1, 1, 1, 2], [0, 0, 0, 0])
    assert (len(found.impostors), found.same_photo, len(found.genuine)) == (3, 3, 0)
    mirror = pairs_of([1, 1, 1], [7, 7, 0])
    assert (len(mirror.impostors), len(mirror.genuine)) == (2, 0)


def test_names_give_pairs_across_photos() -> None:
    found = pairs_of([1, 2, 3, 4], [5, 5, 6, 0])
    assert (len(found.impostors), found.same_photo, len(found.genuine)) == (2, 0, 1)


def test_distances_are_cosine_distances() -> None:
    vectors = np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float32)
    found = library_pairs(vectors, np.array([1, 1, 1]), np.zeros(3, dtype=np.int64))
    assert sorted(found.impostors.tolist()) == [1.0, 1.0, 2.0]


def test_no_photo_and_no_person_dominates() -> None:
    crowd = pairs_of([1] * 60 + [2, 2], [0] * 62)
    assert len(crowd.impostors) == PAIRS_PER_PHOTO + 1
    album = pairs_of(list(range(200)), [1] * 199 + [2])
    assert len(album.genuine) == FACES_PER_PERSON * (FACES_PER_PERSON - 1) / 2
    assert len(album.impostors) == FACES_PER_PERSON


def test_many_people_take_no_more_memory_than_few() -> None:
    found = pairs_of(list(range(6_000)), list(range(1, 6_001)))
    assert len(found.impostors) == 20_000


def test_an_empty_library_gives_no_pairs() -> None:
    found = pairs_of([], [])
    assert (found.impostors.shape, found.genuine.shape) == ((0,), (0,))


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(InvalidValue, match="one of each per face"):
        library_pairs(np.eye(3, dtype=np.float32), np.array([1, 2]), np.array([0, 0, 0]))
