"""From near faces to people."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.matching import PersonRule, identity_matches, person_rule, rank
from facesearch.rates import RatesProvenance, SpaceRates
from facesearch.rates.curve import Curve
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
    assert [(one.identity, one.distance, one.faces) for one in ranked.people] == [
        (ANA, 0.01, ((10, 0.01), (11, 0.03), (12, 0.05))),
        (BO, 0.02, ((20, 0.02),)),
    ]
    assert ranked.unnamed == ((30, 0.04),)
    assert ranked.face_ids == {10, 11, 12, 20, 30}


def test_top_counts_people_and_unnamed_faces_not_faces_of_people():
    near = [(face, face / 1000) for face in range(1, 13)]
    people = {1: ANA, 2: ANA, 3: ANA, 4: BO, 5: CY}
    ranked = rank(near, people, top=2)
    assert [one.identity for one in ranked.people] == [ANA, BO]
    assert [face for face, _ in ranked.people[0].faces] == [1, 2, 3]
    assert [face for face, _ in ranked.unnamed] == [6, 7]


def test_nobody_near():
    ranked = rank([], {}, top=5)
    assert (ranked.people, ranked.unnamed, ranked.face_ids) == ((), (), set())
    assert identity_matches(ranked, {}) == ()


def test_equal_distances_keep_the_order_they_came_in():
    ranked = rank([(1, 0.5), (2, 0.5), (3, 0.5)], {1: BO, 2: ANA}, top=5)
    assert [one.identity for one in ranked.people] == [BO, ANA]


def test_faces_that_left_meanwhile_are_passed_over():
    ranked = rank([(1, 0.1), (2, 0.2), (3, 0.3)], {1: ANA, 2: ANA, 3: BO}, top=5)
    (match,) = identity_matches(ranked, {2: hit(2, 0.2)})
    assert match.identity == ANA
    assert [one.face.id for one in match.faces] == [2]


NEAR = st.lists(st.tuples(st.integers(1, 40), st.floats(0, 2)), unique_by=lambda pair: pair[0]).map(
    lambda near: sorted(near, key=lambda pair: pair[1])
)
PEOPLE = st.dictionaries(st.integers(1, 40), st.sampled_from([ANA, BO, CY]))
POOR = st.sets(st.integers(1, 40))


@given(NEAR, PEOPLE, st.integers(1, 5), POOR)
def test_rankings_are_sorted_and_complete(near, people, top, poor):
    ranked = rank(near, people, top=top, poor=poor)
    nearest = [one.distance for one in ranked.people]
    assert nearest == sorted(nearest)
    assert len(ranked.people) <= top
    deciding = {people[face] for face, _ in near if face in people and face not in poor}
    assert {one.identity for one in ranked.people} <= deciding
    assert len(ranked.people) == min(top, len(deciding))
    for one in ranked.people:
        assert list(one.faces) == [pair for pair in near if people.get(pair[0]) == one.identity]
        good = [distance for face, distance in one.faces if face not in poor]
        assert one.distance == one.combined_distance == good[0]
    left = [pair for pair in near if people.get(pair[0]) not in deciding]
    assert list(ranked.unnamed) == left[:top]


def test_a_poor_face_is_found_but_decides_nobody():
    near, people = [(10, 0.01), (20, 0.02), (11, 0.03)], {10: ANA, 11: ANA, 20: BO}
    ranked = rank(near, people, top=5, poor={10, 20})
    (ana,) = ranked.people
    assert (ana.identity, ana.distance, ana.faces) == (ANA, 0.03, ((10, 0.01), (11, 0.03)))
    assert ranked.unnamed == ((20, 0.02),)  # it alone would have said Bo


def test_faces_beyond_the_limit_are_no_matches():
    ranked = rank([(10, 0.1), (11, 0.3), (30, 0.4)], {10: ANA, 11: BO}, top=5, max_distance=0.2)
    assert [one.identity for one in ranked.people] == [ANA]
    assert ranked.unnamed == ()


# People compared as one


def rates() -> SpaceRates:
    """Ten times fewer strangers with each 0.02 nearer: 1 in 1,000 at 0.08."""
    exponents = np.arange(-7.0, 0.0)
    distances = 0.14 + 0.02 * exponents
    about = RatesProvenance("made up", 2, 2, 1, 1, "this test")
    return SpaceRates(
        space="toy@1",
        provenance=about,
        references=1,
        calibrated=False,
        impostors=Curve.through(distances[1:], 10.0 ** exponents[1:]),
        genuine=Curve.through([0.05, 0.1], [0.5, 0.9]),
    )


def rule(*, gallery_faces: int = 10_000, people: int = 50) -> PersonRule:
    return person_rule(rates(), gallery_faces=gallery_faces, people=people, false_matches=0.1)


def found(near: list[tuple[int, float]], people: dict[int, Identity], **about: object) -> list[str]:
    chosen = about.pop("rule", rule())
    ranked = rank(near, people, top=5, max_distance=0.04, rule=chosen, **about)
    return [one.identity.name for one in ranked.people]


def test_with_a_rule_the_line_goes_by_people_and_not_by_faces():
    """0.1 / 10,000 faces is 1e-5, at 0.04; half of it for 50 people is 1e-3, at 0.08."""
    assert rule().max_fmr == pytest.approx(1e-3)
    assert rule().max_distance == pytest.approx(0.08, abs=1e-3)
    assert found([(1, 0.07)], {1: ANA}) == ["Ana"]
    assert found([(1, 0.09)], {1: ANA}) == []
    (ana,) = rank([(1, 0.07), (2, 0.071)], {1: ANA}, top=5, max_distance=0.04, rule=rule()).people
    assert (ana.distance, ana.combined_distance) == (0.07, 0.07)


def test_many_faces_are_one_chance_to_be_mistaken():
    """A fair distance to one of twenty faces is luck; to most of them it is not."""
    people = dict.fromkeys(range(1, 21), ANA)
    one = [(1, 0.07)]
    most = [(face, 0.07) for face in range(1, 16)]
    assert found(one, people, face_counts={ANA.id: 20}) == []
    assert found(most, people, face_counts={ANA.id: 20}) == ["Ana"]


def test_one_face_near_enough_decides_whatever_the_others_look_like():
    assert found([(1, 0.02)], {1: ANA}, face_counts={ANA.id: 5_000}) == ["Ana"]


def test_poor_faces_add_nothing_to_a_person():
    near = [(face, 0.07) for face in range(1, 4)]
    people = dict.fromkeys(range(1, 4), ANA)
    assert found(near, people, face_counts={ANA.id: 3}) == ["Ana"]
    assert found(near, people, face_counts={ANA.id: 3}, poor={1, 2, 3}) == []


@given(st.lists(st.floats(0.0, 0.2), min_size=1, max_size=20), st.integers(0, 30))
def test_a_persons_rate_lies_between_that_of_the_nearest_and_of_all_chances(distances, more):
    chosen = rule()
    fmrs = chosen.rates.fmr(np.array(distances)).tolist()
    whole = chosen.person_fmr(fmrs, len(fmrs) + more)
    assert min(fmrs) * (1 - 1e-9) <= whole <= min(fmrs) * (len(fmrs) + more) * (1 + 1e-9)
    assert whole == pytest.approx(chosen.person_fmr(fmrs[::-1], len(fmrs) + more))


@given(NEAR, PEOPLE, POOR, st.integers(0, 300))
def test_whoever_matches_has_a_face_to_show(near, people, poor, count):
    chosen = rule()
    counts = dict.fromkeys((1, 2, 3), count)
    ranked = rank(
        near, people, top=9, max_distance=0.04, poor=poor, rule=chosen, face_counts=counts
    )
    for one in ranked.people:
        assert one.distance in [distance for face, distance in one.faces if face not in poor]
        assert one.distance <= max(chosen.max_distance, 0.04)
    order = [one.combined_distance for one in ranked.people]
    assert order == sorted(order)
    shown = {face for one in ranked.people for face, _ in one.faces}
    assert shown.isdisjoint(face for face, _ in ranked.unnamed)


def test_libraries_of_any_size_and_with_nobody_named_have_a_rule():
    for faces, people in ((0, 0), (1, 1), (10, 10), (10**7, 5), (10**7, 10**7)):
        chosen = rule(gallery_faces=faces, people=people)
        assert 0 < chosen.max_face_fmr <= chosen.max_fmr <= 1e-3
        assert chosen.search_distance >= chosen.max_distance
