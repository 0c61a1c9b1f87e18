"""Who the probes are: what the index and the catalog say becomes answers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from facesearch.asking import face_answers
from facesearch.rates import RatesProvenance, SpaceRates
from facesearch.rates.curve import Curve
from facesearch.thresholds import limit_by
from facesearch.values import Box, Detection, Embedding, Face, Identity, Landmarks, Photo

ANA = Identity(7, "Ana")
POINTS = Landmarks(np.zeros((5, 2), np.float32))
PROBE = (
    Detection(Box(0, 0, 9, 9), POINTS, 0.9),
    Embedding(np.array([1, 0], np.float32), "toy@1"),
)
# Ten times fewer strangers with each 0.02 nearer: 1 in 1,000 at 0.08, 1 in 100,000 at 0.04.
RATES = SpaceRates(
    space="toy@1",
    provenance=RatesProvenance("made up", 2, 2, 1, 1, "this test"),
    references=1,
    calibrated=False,
    impostors=Curve.through(np.arange(0.02, 0.13, 0.02), 10.0 ** np.arange(-6.0, 0.0)),
    genuine=Curve.through([0.05, 0.1], [0.5, 0.9]),
)


class Library:
    """A catalog and an index of Ana's faces 1 to 9, at the given distances, and of face 20."""

    def __init__(self, distances: list[float]) -> None:
        self.near = [*enumerate(distances, start=1), (20, 0.07)]

    def neighbours(self, probes: list[Embedding], within: float) -> object:
        near = sorted((pair for pair in self.near if pair[1] <= within), key=lambda pair: pair[1])
        return [near for _ in probes], [min(self.near, key=lambda pair: pair[1]) for _ in probes]

    def identities_of(self, faces: Iterable[int]) -> dict[int, Identity]:
        return {face: ANA for face in faces if face < 20}

    def poor_faces(self, faces: Iterable[int]) -> set[int]:
        return {9} & set(faces)

    def face_counts(self, people: Iterable[int]) -> dict[int, int]:
        return {who: sum(face < 20 for face, _ in self.near) for who in people}

    def faces_by_id(self, faces: Iterable[int]) -> dict[int, Face]:
        photo = Photo(1, "0" * 64, ("/a.jpg",), None)
        return {face: Face(face, photo, Box(0, 0, 1, 1), POINTS, 0.9) for face in faces}


def ask(distances: list[float], max_distance: float | None = None):
    library = Library(distances)
    limit = limit_by(RATES, 10_000, max_distance, people=50)
    (answer,) = face_answers(library, library, [PROBE], top=5, limit=limit, rates=RATES)
    return answer, limit


def test_people_are_found_beyond_the_limit_of_single_faces():
    answer, limit = ask([0.07, 0.075, 0.3])
    assert limit.max_distance == pytest.approx(0.04)
    (ana,) = answer.identities
    assert (ana.identity, ana.distance) == (ANA, 0.07)
    assert [hit.distance for hit in ana.faces] == [0.07, 0.075]
    # a face without a name at the same distance is no match
    assert answer.unnamed == ()
    assert 0 < ana.probability < ana.faces[0].probability


def test_a_distance_that_was_asked_for_goes_by_the_nearest_face():
    answer, limit = ask([0.07, 0.075, 0.3], max_distance=0.06)
    assert limit.person_max_distance is None
    assert (answer.identities, answer.unnamed) == ((), ())
    assert answer.nearest.distance == 0.07
    answer, _ = ask([0.05, 0.3, 0.3], max_distance=0.06)
    assert [match.identity for match in answer.identities] == [ANA]


def test_a_poor_face_is_found_under_its_name_but_gives_it_to_nobody():
    answer, _ = ask([0.3] * 8 + [0.01])
    assert answer.identities == ()
    (hit,) = answer.unnamed
    assert (hit.face.id, hit.identity) == (9, ANA)
