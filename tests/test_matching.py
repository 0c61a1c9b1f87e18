"""From near faces to people."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facesearch.matching import identity_matches, rank
from facesearch.values import Box, Face, FaceHit, Identity, Landmarks, Photo

ANA, BO, CY = (Identity(number, name) for number, name in enumerate(("Ana", "Bo", "Cy"), start=1))


def hit(face: int, distance: float) -> FaceHit:
    photo = Photo(face, "0" * 64, ("/a.jpg",), None)
    points = Landmarks(np.zeros((5, 2), np.float32))
    return FaceHit(Face(face, photo, Box(0, 0, 1, 1), points, 0.9), distance)


def test_a_person_is_as_near_as_their_nearest_face():
    near = [(10, 0.01), (20, 0.02), (11, 0.03), (30, 0.04), (12, 0.05)]
    people = {10: ANA, 11: ANA, 12: ANA, 20: BO}
    ranked = rank(near, people, top=5)
    assert ranked.people == (
        (ANA, ((10, 0.01), (11, 0.03), (12, 0.05))),
        (BO, ((20, 0.02),)),
    )
    assert ranked.unnamed == ((30, 0.04),)
    assert ranked.face_ids == {10, 11, 12, 20, 30}


def test_top_counts_people_and_unnamed_faces_not_faces_of_people():
    near = [(face, face / 1000) for face in range(1, 13)]
    people = {1: ANA, 2: ANA, 3: ANA, 4: BO, 5: CY}
    ranked = rank(near, people, top=2)
    assert [who for who, _ in ranked.people] == [ANA, BO]
    assert [face for face, _ in ranked.people[0][1]] == [1, 2, 3]
    assert [face for face, _ in ranked.unnamed] == [6, 7]


def test_nobody_near():
    ranked = rank([], {}, top=5)
    assert (ranked.people, ranked.unnamed, ranked.face_ids) == ((), (), set())
    assert identity_matches(ranked, {}) == ()


def test_equal_distances_keep_the_order_they_came_in():
    ranked = rank([(1, 0.5), (2, 0.5), (3, 0.5)], {1: BO, 2: ANA}, top=5)
    assert [who for who, _ in ranked.people] == [BO, ANA]


def test_faces_that_left_meanwhile_are_passed_over():
    ranked = rank([(1, 0.1), (2, 0.2), (3, 0.3)], {1: ANA, 2: ANA, 3: BO}, top=5)
    (match,) = identity_matches(ranked, {2: hit(2, 0.2)})
    assert (match.identity, match.distance) == (ANA, 0.2)
    assert [one.face.id for one in match.faces] == [2]


@given(
    st.lists(st.tuples(st.integers(1, 40), st.floats(0, 2)), unique_by=lambda pair: pair[0]),
    st.dictionaries(st.integers(1, 40), st.sampled_from([ANA, BO, CY])),
    st.integers(1, 5),
)
def test_rankings_are_sorted_and_complete(near, people, top):
    near = sorted(near, key=lambda pair: pair[1])
    ranked = rank(near, people, top=top)
    firsts = [faces[0][1] for _, faces in ranked.people]
    assert firsts == sorted(firsts)
    assert len(ranked.people) <= top
    assert len(ranked.unnamed) <= top
    for who, faces in ranked.people:
        assert list(faces) == [pair for pair in near if people.get(pair[0]) == who]
    assert list(ranked.unnamed) == [pair for pair in near if pair[0] not in people][:top]
