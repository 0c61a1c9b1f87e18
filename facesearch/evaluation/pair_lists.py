"""Published lists of pairs: the share that is judged rightly.

In: distances of pairs and whether each is genuine. Out: `PairsResult`. A threshold is never
chosen on the pairs it judges.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from facesearch.evaluation.labelled import Bools
from facesearch.evaluation.measured import (
    FAILED_DISTANCE,
    Floats,
    FoldResult,
    PairsResult,
    PhotoPair,
)
from facesearch.evaluation.spectrum import BINS, Spectrum, bins_of
from facesearch.evaluation.verification import eer_and_auc, error_curve, histogram
from facesearch.values import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Pairs: their photos, float64 distances (n,), and whether they are genuine."""

    first: tuple[str, ...]
    second: tuple[str, ...]
    distance: Floats
    same: Bools


def judged(
    pairs: Sequence[tuple[str, str, bool]], vectors: FloatArray, row_of: Mapping[str, int]
) -> Judged:
    """Measure pairs.

    Args:
        pairs: two paths each, and whether they show one person.
        vectors: float32 (n, d), rows of unit length, or NaN where a photo gave no face.
        row_of: where the vector of each path is.
    """
    first, second, same = zip(*pairs, strict=True)
    a, b = (vectors[[row_of[path] for path in side]].astype(np.float64) for side in (first, second))
    distance = np.clip(1 - np.einsum("nd,nd->n", a, b), 0, FAILED_DISTANCE)
    distance = np.where(np.isnan(distance), FAILED_DISTANCE, distance)
    return Judged(first, second, distance, np.array(same, np.bool_))


def best_threshold(distance: Floats, same: Bools) -> float:
    """The distance below which calling two photos one person is right most often.

    Between two distances that do equally well lies their middle; of several such places the
    middle one is taken. It is 0 where calling all pairs different is best.
    """
    order = np.argsort(distance, kind="stable")
    ordered, gains = distance[order], np.where(same[order], 1, -1)
    right = np.cumsum(gains)  # beyond calling all pairs different, threshold after each pair
    following = np.append(ordered[1:], FAILED_DISTANCE)
    # Equal distances fall on one side, and nothing reaches the pairs without faces.
    usable = (ordered < following) & (ordered < FAILED_DISTANCE)
    places = np.flatnonzero(usable & (right == right[usable].max(initial=0)))
    if len(places) == 0 or right[usable].max(initial=0) <= 0:
        return 0.0
    place = places[len(places) // 2]
    return float(ordered[place] + following[place]) / 2


def accuracy(pairs: Judged, rows: Bools, threshold: float) -> float:
    """Share of some pairs that a threshold judges rightly."""
    return float(((pairs.distance[rows] < threshold) == pairs.same[rows]).mean())


def pairs_result(
    pairs: Judged,
    parts: Sequence[tuple[Bools, Bools]],
    *,
    protocol: str,
    name_of: Mapping[str, str],
    worst_pairs: int,
) -> PairsResult:
    """Judge a list of pairs.

    Args:
        pairs: all of them, those that only choose thresholds included.
        parts: for each fold, which pairs it judges and which ones choose its threshold.
        protocol: in words.
        name_of: who is on each photo.
        worst_pairs: how many false matches and false non-matches are named.
    """
    folds = []
    tested = np.zeros(len(pairs.same), np.bool_)
    for test, choose in parts:
        threshold = best_threshold(pairs.distance[choose], pairs.same[choose])
        folds.append(FoldResult(int(test.sum()), threshold, accuracy(pairs, test, threshold)))
        tested |= test
    right = np.array([fold.accuracy for fold in folds])
    flattering = best_threshold(pairs.distance[tested], pairs.same[tested])
    found = Spectrum(_counts(pairs, tested & pairs.same), _counts(pairs, tested & ~pairs.same))
    eer, auc = eer_and_auc(found)
    return PairsResult(
        protocol=protocol,
        genuine_pairs=found.genuine_pairs,
        impostor_pairs=found.impostor_pairs,
        pairs_with_failures=int((pairs.distance[tested] >= FAILED_DISTANCE).sum()),
        accuracy=float(right.mean()),
        standard_error=_standard_error(right),
        best_accuracy=accuracy(pairs, tested, flattering),
        folds=tuple(folds),
        eer=eer,
        auc=auc,
        curve=error_curve(found),
        genuine=histogram(found.genuine, found),
        impostor=histogram(found.impostor, found),
        worst_false_matches=_worst(pairs, tested & ~pairs.same, 1, name_of, worst_pairs),
        worst_false_non_matches=_worst(pairs, tested & pairs.same, -1, name_of, worst_pairs),
    )


def _standard_error(right: Floats) -> float | None:
    if len(right) < 2:
        return None
    return float(right.std(ddof=1) / math.sqrt(len(right)))


def _counts(pairs: Judged, rows: Bools) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.bincount(bins_of(pairs.distance[rows]), minlength=BINS + 1)


def _worst(
    pairs: Judged, rows: Bools, sign: int, name_of: Mapping[str, str], count: int
) -> tuple[PhotoPair, ...]:
    seen = np.flatnonzero(rows & (pairs.distance < FAILED_DISTANCE))
    order = seen[np.argsort(sign * pairs.distance[seen], kind="stable")]
    return tuple(
        PhotoPair(
            pairs.first[at],
            pairs.second[at],
            name_of[pairs.first[at]],
            name_of[pairs.second[at]],
            float(pairs.distance[at]),
        )
        for at in order[:count]
    )
