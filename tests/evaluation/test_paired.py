"""Differences of two models: none where there is none, found where there is one."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
import pytest

from facesearch.evaluation.counted import count_pairs
from facesearch.evaluation.identification import Part, ranked
from facesearch.evaluation.labelled import Labelled, labelled
from facesearch.evaluation.paired import (
    Difference,
    accuracy_difference,
    fnmr_at,
    fnmr_difference,
    rank1_difference,
)

COUNTS = [1, 4, 6, 3, 5, 2, 7, 1, 4, 5] * 4


def sharp_and_blurred(crowd: Any) -> tuple[Labelled, Labelled]:
    """The same people as two models see them, the second one with far more noise."""
    vectors, people = crowd(COUNTS, spread=0.5, dim=16)
    noise = np.random.default_rng(1).normal(size=vectors.shape) * 0.3
    blurred = vectors + noise.astype(np.float32)
    blurred /= np.linalg.norm(blurred, axis=1, keepdims=True)
    return labelled(vectors, people), labelled(blurred, people)


@pytest.mark.parametrize(("one", "other"), [(0, 0), (1, 0), (3, 9), (9, 3), (20, 20), (0, 12)])
def test_mcnemar_is_a_fair_coin(one: int, other: int):
    first = np.array([True] * one + [False] * other + [True] * 50 + [False] * 7)
    second = np.array([False] * one + [True] * other + [True] * 50 + [False] * 7)
    found = accuracy_difference(first, second)
    tosses = one + other
    tail = sum(comb(tosses, k) for k in range(min(one, other) + 1)) / 2**tosses
    assert found.p_value == pytest.approx(min(1.0, 2 * tail))
    assert found.value == pytest.approx((one - other) / len(first))
    assert found.is_significant == (2 * tail < 0.05)


def test_many_pairs_do_not_overflow():
    first = np.arange(6000) % 2 == 0
    assert accuracy_difference(first, ~first).p_value == pytest.approx(1.0)
    assert accuracy_difference(first | True, first).p_value == pytest.approx(0.0, abs=1e-12)


def test_a_model_does_not_differ_from_itself(crowd: Any):
    sharp, _ = sharp_and_blurred(crowd)
    pairs, found = count_pairs([sharp], [1e-2]), ranked([Part.whole(sharp)])
    missed = fnmr_difference(pairs, pairs, 1e-2, samples=50, seed=0)
    assert missed == Difference(0.0, 0.0, 0.0, None)
    assert not missed.is_significant
    assert rank1_difference(found, found, samples=50, seed=0) == Difference(0.0, 0.0, 0.0, None)


def test_a_worse_model_is_told_apart_though_the_intervals_are_wide(crowd: Any):
    sharp, blurred = sharp_and_blurred(crowd)
    one, other = (count_pairs([data], [1e-2]) for data in (sharp, blurred))
    missed = fnmr_difference(other, one, 1e-2, samples=300, seed=0)
    assert missed is not None
    assert missed.is_significant
    assert missed.value == pytest.approx(fnmr_at(other, 1e-2) - fnmr_at(one, 1e-2))
    assert missed.low is not None
    assert missed.high is not None
    assert 0 < missed.low <= missed.value <= missed.high
    first, second = (ranked([Part.whole(data)]) for data in (sharp, blurred))
    hits = rank1_difference(second, first, samples=300, seed=0)
    assert hits.value == pytest.approx((second.rank == 1).mean() - (first.rank == 1).mean())
    assert hits.is_significant == (hits.high is not None and hits.high < 0)


def test_people_in_parts_are_drawn_as_people_in_one(crowd: Any):
    """However the people are put in order: a model compared with itself never differs."""
    sharp, _ = sharp_and_blurred(crowd)
    odd = sharp.person % 2 == 1
    forth = count_pairs([sharp.only(odd), sharp.only(~odd)], [1e-2])
    back = count_pairs([sharp.only(~odd), sharp.only(odd)], [1e-2])
    assert forth.people != back.people
    found = fnmr_difference(forth, back, 1e-2, samples=50, seed=0)
    assert found is not None
    assert (found.low, found.value, found.high) == pytest.approx((0, 0, 0), abs=1e-12)


def test_a_rate_that_cannot_be_seen_has_no_difference(crowd: Any):
    sharp, _ = sharp_and_blurred(crowd)
    pairs = count_pairs([sharp], [1e-2, 1e-6])
    assert fnmr_difference(pairs, pairs, 1e-6, samples=10, seed=0) is None
