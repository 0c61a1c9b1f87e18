"""All pairs: counted in blocks and bins, they come out as counted one by one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facesearch.errors import InvalidValue
from facesearch.evaluation.labelled import labelled
from facesearch.evaluation.measured import VerificationResult
from facesearch.evaluation.spectrum import BIN_WIDTH, edge_of, spectrum, tail_counts
from facesearch.evaluation.verification import all_pairs


def one_by_one(vectors: Any, people: list[str]) -> tuple[Any, Any]:
    """Distances of genuine and of impostor pairs."""
    found: tuple[list[float], list[float]] = ([], [])
    for a, b in itertools.combinations(range(len(people)), 2):
        distance = 1 - float(vectors[a].astype(float) @ vectors[b].astype(float))
        found[people[a] != people[b]].append(2.0 if np.isnan(distance) else distance)
    return np.array(found[0]), np.array(found[1])


def checked(result: VerificationResult, genuine: Any, impostor: Any) -> None:
    assert (result.genuine_pairs, result.impostor_pairs) == (len(genuine), len(impostor))
    for point in result.points:
        if not point.measurable:
            assert point.fmr * len(impostor) < 10
            continue
        assert point.threshold is not None
        assert point.fnmr is not None
        assert (impostor < point.threshold).mean() <= point.fmr
        # a little farther, and the rate would be exceeded
        assert (impostor < point.threshold + 2 * BIN_WIDTH).mean() > point.fmr
        assert point.fnmr.value == pytest.approx((genuine >= point.threshold).mean(), abs=1e-3)
        assert 0 <= point.fnmr.low <= point.fnmr.value <= point.fnmr.high <= 1


def test_counts_are_those_of_counting_one_by_one(crowd: Any):
    vectors, people = crowd([1, 7, 3, 1, 5, 2, 9, 1, 1, 4])
    vectors[[2, 20]] = np.nan
    genuine, impostor = one_by_one(vectors, people)
    result = all_pairs(vectors, people, bootstrap_samples=50)
    checked(result, genuine, impostor)
    assert result.genuine.failed == (genuine == 2).sum()
    assert result.genuine.counts.sum() == (genuine < 2).sum()
    assert result.impostor.counts.sum() == (impostor < 2).sum()
    farther = (genuine[:, None] < impostor[None]) + 0.5 * (genuine[:, None] == impostor[None])
    assert result.auc == pytest.approx(farther.mean(), abs=1e-3)
    assert result.worst_false_matches[0].distance == pytest.approx(impostor.min(), abs=1e-5)
    farthest = result.worst_false_non_matches[0].distance
    assert farthest == pytest.approx(genuine[genuine < 2].max(), abs=1e-5)
    distances = [pair.distance for pair in result.worst_false_matches]
    assert distances == sorted(distances)


def test_photos_of_different_folds_are_not_compared(crowd: Any):
    """As if each fold were measured by itself, and the pairs then counted together."""
    vectors, people = crowd([4, 2, 5, 3, 1, 6])
    folds = [int(name[1:]) % 2 for name in people]
    pairs = [
        one_by_one(vectors[rows], [people[at] for at in rows])
        for rows in (np.flatnonzero(np.array(folds) == fold) for fold in (0, 1))
    ]
    genuine, impostor = (np.concatenate(side) for side in zip(*pairs, strict=True))
    result = all_pairs(vectors, people, folds=folds, bootstrap_samples=20)
    checked(result, genuine, impostor)
    assert result.worst_false_matches[0].distance == pytest.approx(impostor.min(), abs=1e-5)


@settings(max_examples=4, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_photos_does_not_matter(crowd: Any, random: Any):
    vectors, people = crowd([4, 12, 2, 1, 3, 6])
    paths = [f"{at:02}.jpg" for at in range(len(people))]
    order = list(range(len(people)))
    random.shuffle(order)
    first = all_pairs(vectors, people, paths=paths, max_photos_per_person=5, bootstrap_samples=20)
    other = all_pairs(
        vectors[order],
        [people[at] for at in order],
        paths=[paths[at] for at in order],
        max_photos_per_person=5,
        bootstrap_samples=20,
    )
    assert first.points == other.points
    assert first.worst_false_matches == other.worst_false_matches
    assert (first.eer, first.auc) == (other.eer, other.auc)


def test_curves_are_monotone_and_reach_from_none_to_all(crowd: Any):
    vectors, people = crowd([6] * 8)
    curve = all_pairs(vectors, people, bootstrap_samples=10).curve
    assert (np.diff(curve.threshold) > 0).all()
    assert (np.diff(curve.fmr) >= 0).all()
    assert (np.diff(curve.fnmr) <= 0).all()
    assert (curve.fmr[0], curve.fnmr[0]) == (0, 1)
    assert (curve.fmr[-1], curve.fnmr[-1]) == (1, 0)


def test_people_that_are_told_apart_perfectly_make_no_errors():
    vectors = np.repeat(np.eye(8, dtype=np.float32), 4, axis=0)
    result = all_pairs(vectors, [f"p{at // 4}" for at in range(32)], bootstrap_samples=10)
    assert result.eer == 0
    assert result.auc == 1
    fnmr = result.points[0].fnmr
    assert fnmr is not None
    assert (fnmr.low, fnmr.value) == (0, 0)
    assert fnmr.high == pytest.approx(3 / 8)  # eight people without an error prove no more


def test_a_photo_without_a_face_is_an_error_and_never_drops_out():
    vectors = np.repeat(np.eye(6, dtype=np.float32), 3, axis=0)
    vectors[0] = np.nan  # two of the 18 genuine pairs
    result = all_pairs(vectors, [f"p{at // 3}" for at in range(18)], bootstrap_samples=10)
    assert result.genuine_pairs == 18
    assert result.points[0].fnmr is not None
    assert result.points[0].fnmr.value == pytest.approx(2 / 18)
    assert result.genuine.failed == 2
    assert result.worst_false_non_matches[0].distance < 2
    assert result.curve.fnmr[-1] == pytest.approx(2 / 18)


def test_nobody_dominates(crowd: Any):
    vectors, people = crowd([200, 2, 2, 2])
    result = all_pairs(vectors, people, max_photos_per_person=4, bootstrap_samples=10)
    assert (result.photos, result.people, result.genuine_pairs) == (10, 4, 9)


def test_the_interval_covers_what_other_people_would_give(crowd: Any):
    """Of 20 crowds drawn alike, the truth lies in most of their intervals."""
    counts = [5] * 30
    everybody = [all_pairs(*crowd(counts, seed=s), bootstrap_samples=100) for s in range(20)]
    found = [result.points[1].fnmr for result in everybody]
    truth = np.mean([fnmr.value for fnmr in found if fnmr is not None])
    inside = [fnmr is not None and fnmr.low <= truth <= fnmr.high for fnmr in found]
    assert np.mean(inside) >= 0.8


def test_counts_per_person_add_up_to_all(crowd: Any):
    vectors, people = crowd([3, 5, 2, 4, 1])
    data = labelled(vectors, people)
    genuine = data.genuine_pairs()
    edges = np.array([edge_of(0.2), edge_of(0.5), edge_of(1.0)])
    counts = tail_counts(data, genuine, edges, nearest_below=edge_of(1.0), nearest=5)
    all_of_them = spectrum(data, genuine)
    np.testing.assert_allclose(
        counts.impostor.sum(axis=0) / 2 / all_of_them.impostor_pairs, all_of_them.fmr[edges]
    )
    np.testing.assert_allclose(
        1 - counts.genuine.sum(axis=0) / all_of_them.genuine_pairs, all_of_them.fnmr[edges]
    )
    assert len(counts.nearest) == 5


@pytest.mark.parametrize("people", [["a", "a", "a"], ["a", "b", "c"]])
def test_what_cannot_be_measured_is_an_error(people: list[str]):
    with pytest.raises(InvalidValue, match="at least"):
        all_pairs(np.eye(3, dtype=np.float32), people)


def test_vectors_are_checked():
    with pytest.raises(InvalidValue, match="length 1"):
        all_pairs(2 * np.eye(3, dtype=np.float32), ["a", "a", "b"])
    with pytest.raises(InvalidValue, match="do not fit"):
        all_pairs(np.eye(3, dtype=np.float32), ["a", "a"])
