"""Ranks are those of counting by hand; failures and ties never flatter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facesearch.errors import InvalidValue
from facesearch.evaluation.identification import closed_set, open_set


def rank(vectors: Any, people: list[str], probe: int) -> float:
    """How many people are at least as near to a photo as its own person's other photos."""
    nearest: dict[str, float] = {}
    for at, name in enumerate(people):
        if at != probe:
            distance = 1 - float(vectors[at] @ vectors[probe])
            distance = 2.0 if np.isnan(distance) else distance
            nearest[name] = min(distance, nearest.get(name, 9.0))
    own = nearest[people[probe]]
    return np.inf if own >= 2 else sum(distance <= own for distance in nearest.values())


def test_ranks_are_those_of_counting_by_hand(crowd: Any):
    vectors, people = crowd([1, 4, 2, 3, 1, 5, 2], spread=1.5)
    vectors[[1, 8]] = np.nan
    probes = [at for at, name in enumerate(people) if people.count(name) > 1]
    ranks = np.array([rank(vectors, people, at) for at in probes])
    result = closed_set(vectors, people, bootstrap_samples=50)
    assert (result.probes, result.people, result.failed_probes) == (len(probes), 7, 2)
    np.testing.assert_allclose(result.cmc, [(ranks <= k).mean() for k in range(1, 8)])
    assert result.rank1.value == pytest.approx(result.cmc[0])
    assert result.rank5.value == pytest.approx(result.cmc[4])
    assert (np.diff(result.cmc) >= 0).all()


def test_somebody_at_the_same_distance_counts_as_nearer():
    vectors = np.tile(np.array([[1, 0]], np.float32), (3, 1))
    result = closed_set(vectors, ["a", "a", "b"], bootstrap_samples=10)
    assert list(result.cmc) == [0, 1]


def test_open_set_thresholds_keep_the_rate(crowd: Any):
    vectors, people = crowd([4] * 150, spread=0.7)
    result = open_set(vectors, people, seed=3)
    assert result.seeds == (3, 4, 5, 6, 7)
    assert (result.gallery_people, result.gallery_photos, result.mated_probes) == (75, 150, 150)
    assert result.unknown_probes == 300
    strict, loose = result.points
    assert not strict.measurable  # three false alarms of 300 say nothing
    assert strict.fnir is None
    assert loose.measurable
    assert loose.fnir is not None
    assert loose.fnir_spread is not None
    assert 0 < loose.fnir < 1
    assert (np.diff(result.fpir) > 0).all()
    assert (np.diff(result.fnir) <= 1e-12).all()
    assert open_set(vectors, people, seed=3).points == result.points


def test_open_set_is_easy_where_people_are_told_apart_perfectly():
    vectors = np.repeat(np.eye(64, dtype=np.float32), 4, axis=0)
    people = [f"p{at // 4:02}" for at in range(256)]
    (_, point) = open_set(vectors, people).points
    # unknowns all lie at one distance, at which nobody is found falsely
    assert point.fnir == 0
    vectors[::4] = np.nan
    (_, point) = open_set(vectors, people).points
    assert point.fnir is not None
    assert 0.1 < point.fnir < 0.5


def test_what_cannot_be_measured_is_an_error():
    for measure in (closed_set, open_set):
        with pytest.raises(InvalidValue, match="two photos"):
            measure(np.eye(3, dtype=np.float32), ["a", "b", "c"])
