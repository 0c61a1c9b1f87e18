"""View 2 of LFW, pair by pair: which pairs does a model judge rightly?

In: vectors and the folds of pairs. Out: `JudgedFolds`. The threshold of each fold is the one
that suits the others.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facesearch.evaluation.labelled import Bools
from facesearch.evaluation.lfw_files import LfwPair
from facesearch.evaluation.pair_lists import best_threshold, judged
from facesearch.values import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class JudgedFolds:
    """The pairs of all folds, in order.

    Attributes:
        right: bool (n,), which pairs were judged rightly.
        fold: int (n,), the fold of each pair.
    """

    right: Bools
    fold: np.ndarray[tuple[int], np.dtype[np.int64]]

    @property
    def accuracy(self) -> float:
        """Share of pairs judged rightly: the mean over the folds."""
        return float(self._by_fold().mean())

    @property
    def standard_error(self) -> float:
        """Of that mean."""
        by_fold = self._by_fold()
        return float(by_fold.std(ddof=1) / math.sqrt(len(by_fold)))

    @property
    def folds(self) -> int:
        """How many folds there are."""
        return int(self.fold[-1]) + 1

    def _by_fold(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.bincount(self.fold, weights=self.right) / np.bincount(self.fold)


def judge_folds(
    folds: Sequence[Sequence[LfwPair]], vectors: FloatArray, paths: Sequence[str]
) -> JudgedFolds:
    """Judge each fold at the threshold that suits the others.

    Args:
        folds: two at least, none of them empty.
        vectors: float32 (n, d), rows of unit length, or NaN where a photo gave no face.
        paths: of the photos, n.
    """
    row_of = {path: row for row, path in enumerate(paths)}
    listed = [(p.first, p.second, p.same) for p in itertools.chain.from_iterable(folds)]
    pairs = judged(listed, vectors, row_of)
    fold = np.repeat(np.arange(len(folds)), [len(some) for some in folds])
    right = np.empty(len(fold), np.bool_)
    for number in range(len(folds)):
        own = fold == number
        threshold = best_threshold(pairs.distance[~own], pairs.same[~own])
        right[own] = (pairs.distance[own] < threshold) == pairs.same[own]
    return JudgedFolds(right, fold)
