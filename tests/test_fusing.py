"""Several references of one person become one probe."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.errors import InvalidValue, SpaceMismatch
from facesearch.fusing import fuse, same_person_faces
from facesearch.values import Embedding

SPACE = "toy@1"


def near(person: int, number: int, spread: float = 0.3) -> Embedding:
    """A face of a person: their direction and some noise, the same each time."""
    centre = np.random.default_rng(person).normal(size=16)
    noise = np.random.default_rng((person, number)).normal(size=16) * spread
    vector = centre / np.linalg.norm(centre) + noise / 4
    return Embedding((vector / np.linalg.norm(vector)).astype(np.float32), SPACE)


def test_one_reference_is_a_plain_query():
    face = near(1, 1)
    fused = fuse([face])
    assert fused.embedding is face
    assert (fused.references, fused.farthest, fused.farthest_pair) == (1, 0.0, None)


def test_the_same_face_twice_is_that_face():
    face = near(1, 1)
    fused = fuse([face, face, face])
    np.testing.assert_allclose(fused.embedding.vector, face.vector, atol=1e-6)
    assert fused.references == 3
    assert fused.farthest == pytest.approx(0, abs=1e-6)


@given(st.permutations(range(5)))
def test_order_does_not_matter(order):
    faces = [near(1, number) for number in range(5)]
    expected, fused = fuse(faces), fuse([faces[number] for number in order])
    assert np.array_equal(fused.embedding.vector, expected.embedding.vector)
    assert fused.farthest == pytest.approx(expected.farthest)


def test_a_fused_probe_is_nearer_to_the_person_than_its_references_are_on_average():
    *faces, other = (near(1, number) for number in range(5))
    single = np.mean([face.distance(other) for face in faces])
    assert fuse(faces).embedding.distance(other) < single


def test_the_two_references_farthest_apart_are_named():
    faces = [near(1, 1), near(2, 1), near(1, 2)]
    fused = fuse(faces)
    apart = {
        pair: faces[pair[0]].distance(faces[pair[1]])
        for pair in itertools.combinations(range(3), 2)
    }
    assert fused.farthest_pair == max(apart, key=apart.__getitem__)
    assert fused.farthest == pytest.approx(max(apart.values()), abs=1e-6)


def test_what_cannot_be_fused():
    face = near(1, 1)
    opposite = Embedding(-face.vector, SPACE)
    with pytest.raises(InvalidValue, match="at least one reference"):
        fuse([])
    with pytest.raises(InvalidValue, match="opposite directions"):
        fuse([face, opposite])
    with pytest.raises(SpaceMismatch, match="toy@2"):
        fuse([face, Embedding(face.vector, "toy@2")])


def test_the_person_in_all_photos_is_chosen():
    photos = [
        [near(2, 1), near(1, 1), near(3, 1)],
        [near(1, 2)],
        [near(4, 1), near(5, 1), near(6, 1), near(1, 3)],
    ]
    assert same_person_faces(photos) == (1, 0, 3)


def test_two_people_who_are_in_both_photos_leave_the_nearer_pair():
    twin = near(2, 1)
    photos = [[near(1, 1), twin], [twin, near(1, 2)]]
    assert same_person_faces(photos) == (1, 0)


def test_ties_go_to_the_face_that_comes_first():
    face = near(1, 1)
    assert same_person_faces([[face, face], [face, face]]) == (0, 0)
    assert same_person_faces([[near(3, 1), near(1, 1)]]) == (0,)


def test_many_photos_of_many_faces_are_chosen_without_trying_everything():
    photos = [[near(100 * photo + other, 1) for other in range(9)] for photo in range(1, 9)]
    for number, faces in enumerate(photos):
        faces.insert(number % 9, near(7, number, spread=0.2))
    assert same_person_faces(photos) == tuple(number % 9 for number in range(8))


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 50))
def test_no_other_choice_is_nearer(sizes, seed):
    photos = [[near(seed + 10 * p + f, 1) for f in range(n)] for p, n in enumerate(sizes)]

    def apart(choice: tuple[int, ...]) -> float:
        chosen = [faces[k] for faces, k in zip(photos, choice, strict=True)]
        return sum(a.distance(b) for a, b in itertools.combinations(chosen, 2))

    best = min(apart(choice) for choice in itertools.product(*(range(n) for n in sizes)))
    assert apart(same_person_faces(photos)) == pytest.approx(best, abs=1e-5)


def test_photos_to_choose_from_need_faces():
    with pytest.raises(InvalidValue, match="at least one photo"):
        same_person_faces([])
    with pytest.raises(InvalidValue, match="photo 2 of 2 has no face"):
        same_person_faces([[near(1, 1)], []])
    with pytest.raises(SpaceMismatch):
        same_person_faces([[near(1, 1)], [Embedding(near(1, 1).vector, "toy@2")]])
