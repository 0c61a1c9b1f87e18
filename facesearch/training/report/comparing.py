"""Every chip compared with every other one.

In: embeddings of chips, and who is on them. Out: how many pairs lie at which distance, which lie
nearest, and the one distance that separates those of one person from those of two best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np

from facesearch.errors import InvalidValue
from facesearch.evaluation.labelled import Bools, Ints, Labelled, labelled
from facesearch.evaluation.measured import FAILED_DISTANCE, Floats
from facesearch.evaluation.spectrum import BIN_WIDTH, BINS, Spectrum, bins_of, edge_of
from facesearch.evaluation.verification import MAX_PHOTOS_PER_PERSON
from facesearch.values import FloatArray

WORST = 24
"""Pairs of each kind that are named: as many as one looks at."""

_AT_ONCE = 512
_WITHIN, _TINY = 1 - 1e-6, 1e-12


class Distance(StrEnum):
    """How far apart two embeddings are."""

    COSINE = "cosine"
    EUCLIDEAN = "Euclidean"


@dataclass(frozen=True, slots=True)
class Separation:
    """One distance that separates, and how many pairs lie on the right side of it.

    Attributes:
        threshold: pairs within it count as one person.
        accuracy: where there are as many pairs of one person as of two: the mean of both
            kinds' shares on the right side.
    """

    threshold: float
    accuracy: float


@dataclass(frozen=True, slots=True, eq=False)
class ComparedPairs:
    """Pairs as rows of a `Labelled`, int64 (n, 2), and how far apart they are, float64 (n,)."""

    rows: Ints
    distance: Floats

    def only(self, keep: Bools) -> ComparedPairs:
        """Some of them."""
        return ComparedPairs(self.rows[keep], self.distance[keep])

    def first(self, most: int) -> ComparedPairs:
        """The nearest, nearest first."""
        order = np.lexsort((self.rows[:, 1], self.rows[:, 0], self.distance))[:most]
        return ComparedPairs(self.rows[order], self.distance[order])

    def last(self, most: int) -> ComparedPairs:
        """The farthest, farthest first."""
        order = np.lexsort((self.rows[:, 1], self.rows[:, 0], -self.distance))[:most]
        return ComparedPairs(self.rows[order], self.distance[order])


@dataclass(frozen=True, eq=False)
class Compared:
    """All pairs of some chips by one distance.

    Attributes:
        data: the chips, at most ten of each person; `rows` are their positions.
        pairs: how many lie at which distance, times `scale`.
        scale: from distances to 0..2, which `pairs` counts in.
        nearest: impostor pairs, nearest first, `WORST` at most.
        genuine: genuine pairs.
    """

    data: Labelled
    pairs: Spectrum
    scale: float
    nearest: ComparedPairs
    genuine: ComparedPairs

    @classmethod
    def of(
        cls, vectors: FloatArray, people: Sequence[str], distance: Distance, *, seed: int
    ) -> Self:
        """Compare every chip with every other one.

        Args:
            vectors: float32 (n, d), as the network gives them; those of length 0 are compared
                with none.
            people: who is on each.
            seed: chooses ten chips of those who have more.

        Raises:
            InvalidValue: no two chips of one person, or only one person.
        """
        unit = of_unit_length(vectors)
        data = labelled(unit, people).capped(MAX_PHOTOS_PER_PERSON, seed)
        data = data.only(~data.failed)
        mated = data.genuine_pairs()
        if not len(mated.first) or data.people < 2:
            raise InvalidValue(
                "distances cannot be judged: no person has two chips, or there is only one person"
            )
        if distance is Distance.COSINE:
            points, scale = data.vectors.astype(np.float64), _WITHIN
        else:
            points = vectors[data.rows].astype(np.float64)
            points -= points.mean(axis=0)
            # No two are farther apart than twice the one farthest out.
            farthest = float(np.linalg.norm(points, axis=1).max())
            scale = FAILED_DISTANCE / max(2 * farthest, _TINY) * _WITHIN
        pair = np.stack([mated.first, mated.second], axis=1)
        genuine = ComparedPairs(pair, _between(points[pair[:, 0]], points[pair[:, 1]], distance))
        counts, nearest = _impostors(data, points, distance, scale)
        mated_counts = np.bincount(bins_of(genuine.distance * scale), minlength=BINS + 1)
        return cls(data, Spectrum(mated_counts, counts), scale, nearest, genuine)

    def best(self) -> Separation:
        """The distance that separates these pairs best; in the middle where several do."""
        wrong = self.pairs.fmr + self.pairs.fnmr
        best = np.flatnonzero(wrong <= wrong.min() + 1e-12)
        # The first stretch of edges that are equally good.
        ends = np.flatnonzero(np.diff(best) > 1)
        last = best[ends[0]] if len(ends) else best[-1]
        edge = int(best[0] + last) // 2
        return self.at(edge * BIN_WIDTH / self.scale)

    def at(self, threshold: float) -> Separation:
        """How many pairs lie on the right side of a distance."""
        edge = edge_of(threshold * self.scale)
        both = float(self.pairs.fmr[edge] + self.pairs.fnmr[edge])
        return Separation(float(threshold), 1 - both / 2)


def of_unit_length(vectors: FloatArray) -> FloatArray:
    """Embeddings brought to unit length; NaN for those of length 0, which have no direction."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, np.nan)).astype(np.float32)


def _between(first: Floats, second: Floats, distance: Distance) -> Floats:
    """The distance of each row of one to the same row of the other."""
    if distance is Distance.EUCLIDEAN:
        return np.asarray(np.linalg.norm(first - second, axis=1))
    return np.asarray(np.clip(1 - np.einsum("nd,nd->n", first, second), 0, FAILED_DISTANCE))


def _impostors(
    data: Labelled, points: Floats, distance: Distance, scale: float
) -> tuple[Ints, ComparedPairs]:
    """Pairs of different people by distance, int64 (BINS + 1,), and the nearest of them."""
    counts = np.zeros(BINS + 1, np.int64)
    nearest = ComparedPairs(np.empty((0, 2), np.int64), np.empty(0))
    squared = (points**2).sum(axis=1)
    for start in range(0, len(data), _AT_ONCE):
        rows, later = slice(start, start + _AT_ONCE), slice(start, None)
        products = points[rows] @ points[later].T
        if distance is Distance.COSINE:
            far = np.clip(1 - products, 0, FAILED_DISTANCE)
        else:
            far = np.sqrt(np.maximum(squared[rows, None] + squared[None, later] - 2 * products, 0))
        is_pair = np.triu(data.person[rows, None] != data.person[None, later], k=1)
        found = np.argwhere(is_pair) + start
        values = far[is_pair]
        counts += np.bincount(bins_of(values * scale), minlength=BINS + 1)
        near = np.argpartition(values, WORST)[:WORST] if len(values) > WORST else slice(None)
        nearest = ComparedPairs(
            np.concatenate([nearest.rows, found[near]]),
            np.concatenate([nearest.distance, values[near]]),
        ).first(WORST)
    return counts, nearest
