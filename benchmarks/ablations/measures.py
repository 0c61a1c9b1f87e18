"""The figures a choice is judged by, from unit rows.

Comes in: rows float32 (n, d) of unit length, who they are of, and for pairs of LFW the
names of photos. Goes out: shares in percent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import Pair
from facesearch.values import FloatArray

Rows = NDArray[np.int64]

RATES = (1e-2, 1e-3, 1e-4, 1e-5)
_BLOCK = 1000
_FINENESS = 40_000
_MISSING = 2.0


def fnmr_at(
    rows: FloatArray, people: Rows, folds: Rows | None = None, rates: Sequence[float] = RATES
) -> list[float]:
    """FNMR in percent at each FMR, over all pairs; with folds, over all pairs within each."""
    genuine: list[FloatArray] = []
    impostors = np.zeros(_FINENESS, dtype=np.int64)
    groups = [np.arange(len(rows))]
    if folds is not None:
        groups = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    for group in groups:
        mine, who = rows[group], people[group]
        for start in range(0, len(group), _BLOCK):
            distances = 1 - mine[start : start + _BLOCK] @ mine.T
            same = who[start : start + _BLOCK, None] == who
            later = np.arange(len(group)) > np.arange(start, start + len(distances))[:, None]
            genuine.append(distances[same & later])
            counted = np.clip(distances[~same & later], 0, 2)
            impostors += np.histogram(counted, _FINENESS, (0, 2))[0]
    matches = np.cumsum(impostors)
    found = np.concatenate(genuine)
    limits = [np.searchsorted(matches, rate * matches[-1], side="right") for rate in rates]
    return [float(100 * np.mean(found > limit * 2 / _FINENESS)) for limit in limits]


def rank_one(rows: FloatArray, people: Rows, probes: NDArray[np.bool_] | None = None) -> float:
    """Share of probes whose nearest other row is of the same person, in percent.

    Args:
        rows, people: probes and gallery.
        probes: bool (n,), which rows to ask about; those of people with two rows at least.
    """
    shared = np.bincount(people)[people] > 1
    asked = np.flatnonzero(shared if probes is None else shared & probes)
    right = 0
    for start in range(0, len(asked), _BLOCK):
        part = asked[start : start + _BLOCK]
        cosines = rows[part] @ rows.T
        cosines[np.arange(len(part)), part] = -np.inf
        right += int((people[cosines.argmax(axis=1)] == people[part]).sum())
    return 100 * right / len(asked)


def accuracy(rows: FloatArray, paths: Sequence[str], folds: Sequence[Sequence[Pair]]) -> float:
    """Share of LFW's pairs judged right, in percent; each fold by the others' best distance.

    A photo without a face counts as as far as can be from any other.
    """
    row_of = {path.rpartition("/")[2].removesuffix(".jpg"): at for at, path in enumerate(paths)}

    def distance(pair: Pair) -> float:
        if pair.first not in row_of or pair.second not in row_of:
            return _MISSING
        return 1 - float(rows[row_of[pair.first]] @ rows[row_of[pair.second]])

    distances = [np.array([distance(pair) for pair in pairs]) for pairs in folds]
    same = [np.array([pair.same for pair in pairs]) for pairs in folds]
    shares = []
    for fold in range(len(distances)):
        limit = _best_limit(
            np.concatenate(distances[:fold] + distances[fold + 1 :]),
            np.concatenate(same[:fold] + same[fold + 1 :]),
        )
        shares.append(np.mean((distances[fold] < limit) == same[fold]))
    return float(100 * np.mean(shares))


def _best_limit(distances: FloatArray, same: NDArray[np.bool_]) -> float:
    """Half way between the last pair taken for one person and the next."""
    order = np.argsort(distances, kind="stable")
    best = int(np.argmax(np.cumsum(np.where(same[order], 1, -1))))
    return float(distances[order[best : best + 2]].mean())
