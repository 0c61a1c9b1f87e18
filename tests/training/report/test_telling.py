"""Telling people apart by a distance: the same as by comparing every pair by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from facesearch.errors import InvalidValue
from facesearch.training.report.comparing import WORST, Compared, Distance, of_unit_length
from facesearch.training.report.telling import tell

PEOPLE = [f"P{number % 9}" for number in range(63)]


def embeddings(spread: float, seed: int = 3) -> np.ndarray:
    luck = np.random.default_rng(seed)
    centres = luck.normal(size=(9, 6))
    own = np.array([int(person[1:]) for person in PEOPLE])
    return (centres[own] + spread * luck.normal(size=(63, 6)) + 0.3).astype(np.float32)


def by_hand(vectors: np.ndarray, distance: Distance) -> dict[tuple[int, int], float]:
    found = {}
    for one, other in combinations(range(len(vectors)), 2):
        a, b = vectors[one].astype(np.float64), vectors[other].astype(np.float64)
        cosine = 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        far = float(np.linalg.norm(a - b)) if distance is Distance.EUCLIDEAN else float(cosine)
        found[one, other] = far
    return found


@pytest.mark.parametrize("distance", list(Distance))
def test_every_pair_counts(distance: Distance):
    vectors = embeddings(0.9)
    pairs = by_hand(vectors, distance)
    genuine = np.array([d for (a, b), d in pairs.items() if PEOPLE[a] == PEOPLE[b]])
    impostor = np.array([d for (a, b), d in pairs.items() if PEOPLE[a] != PEOPLE[b]])

    found = tell(vectors, PEOPLE, distance, seed=0)

    assert (found.genuine_pairs, found.impostor_pairs) == (len(genuine), len(impostor))
    assert sum(found.genuine) == len(genuine)
    assert sum(found.impostor) == len(impostor)
    nearer = (genuine[:, None] < impostor[None]).mean()
    assert found.auc == pytest.approx(nearer, abs=1e-4)
    at = found.best.threshold
    accuracy = ((genuine < at).mean() + (impostor >= at).mean()) / 2
    assert found.best.accuracy == pytest.approx(accuracy, abs=1e-9)
    cuts = np.sort(np.concatenate([genuine, impostor])) + 1e-6
    best = max((genuine < cut).mean() + (impostor >= cut).mean() for cut in cuts) / 2
    assert found.best.accuracy == pytest.approx(best, abs=1e-3)
    assert found.chosen is None
    assert found.separation == found.best


@pytest.mark.parametrize("distance", list(Distance))
def test_the_worst_pairs_are_named_worst_first(distance: Distance):
    vectors = embeddings(0.9)
    pairs = by_hand(vectors, distance)
    found = tell(vectors, PEOPLE, distance, seed=0)
    at = found.best.threshold
    near = sorted(
        (d, pair) for pair, d in pairs.items() if PEOPLE[pair[0]] != PEOPLE[pair[1]] and d < at
    )
    far = sorted(
        ((d, pair) for pair, d in pairs.items() if PEOPLE[pair[0]] == PEOPLE[pair[1]] and d >= at),
        reverse=True,
    )

    for named, expected in ((found.false_matches, near), (found.false_non_matches, far)):
        assert len(named) == min(WORST, len(expected)) > 0
        for one, (d, pair) in zip(named, expected, strict=False):
            assert tuple(sorted((one.first, one.second))) == pair
            assert one.distance == pytest.approx(d, abs=1e-5)


def test_people_who_lie_apart_are_told_apart():
    found = tell(embeddings(0.01), PEOPLE, Distance.EUCLIDEAN, seed=0)
    assert (found.auc, found.best.accuracy, found.eer) == (pytest.approx(1.0), 1.0, 0.0)
    assert found.false_matches == found.false_non_matches == ()


def test_euclidean_distances_keep_their_unit():
    vectors = embeddings(0.9)
    one = tell(vectors, PEOPLE, Distance.EUCLIDEAN, seed=0)
    other = tell(10 * vectors, PEOPLE, Distance.EUCLIDEAN, seed=0)
    assert other.best.threshold == pytest.approx(10 * one.best.threshold, rel=1e-3)
    assert other.edges[-1] == pytest.approx(10 * one.edges[-1], rel=1e-3)
    assert other.auc == pytest.approx(one.auc, abs=1e-4)


def test_a_threshold_of_other_chips_is_put_to_the_test():
    vectors = embeddings(0.9)
    validated = Compared.of(embeddings(1.1, seed=5), PEOPLE, Distance.COSINE, seed=0)
    found = tell(vectors, PEOPLE, Distance.COSINE, seed=0, validated=validated)
    assert found.chosen is not None
    assert found.separation.threshold == validated.best().threshold
    assert found.chosen.accuracy < found.best.accuracy
    assert [rate.fmr for rate in found.rates] == [0.1, 0.01]


def test_embeddings_of_zeros_are_compared_with_none():
    vectors = embeddings(0.9)
    vectors[5] = 0
    assert np.isnan(of_unit_length(vectors)[5]).all()
    found = tell(vectors, PEOPLE, Distance.COSINE, seed=0)
    assert found.chips == 62
    assert found.genuine_pairs == 8 * 21 + 15
    with pytest.raises(InvalidValue, match="cannot be judged"):
        tell(np.zeros_like(vectors), PEOPLE, Distance.COSINE, seed=0)


def test_at_most_ten_chips_of_a_person_count():
    luck = np.random.default_rng(1)
    vectors = luck.normal(size=(60, 4)).astype(np.float32)
    found = tell(vectors, ["Ada"] * 40 + ["Bo"] * 20, Distance.EUCLIDEAN, seed=0)
    assert (found.chips, found.genuine_pairs, found.impostor_pairs) == (20, 90, 100)


@pytest.mark.parametrize("people", [["Ada"] * 4, ["Ada", "Bo", "Cy", "Di"]])
def test_without_pairs_of_both_kinds_nothing_is_judged(people: list[str]):
    with pytest.raises(InvalidValue, match="cannot be judged"):
        tell(np.eye(4, dtype=np.float32), people, Distance.COSINE, seed=0)
