"""How many pairs of photos lie at which distance, for millions of pairs in seconds.

In: `Labelled` photos. Out: counts in 131,072 bins over the distances 0..2, so that a threshold
is known to 0.000015; counts per person below chosen thresholds, for intervals; the nearest
impostor pairs. Pairs are made block by block as a matrix product and never kept, so memory
stays below a few hundred megabytes whatever the number of photos.

A threshold is an edge between bins: edge e stands for the distance e * BIN_WIDTH, and a pair
matches where its bin is below e. Pairs with a photo without a face lie in a bin of their own
beyond the last one, FAILED_BIN, which no threshold reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from facesearch.evaluation.labelled import Bools, GenuinePairs, Ints, Labelled
from facesearch.evaluation.measured import FAILED_DISTANCE, Floats

BINS = 1 << 17
BIN_WIDTH = FAILED_DISTANCE / BINS
FAILED_BIN = BINS
_NO_PAIR = BINS + 1
_BLOCK_BYTES = 48 * 2**20

OnRows = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Counts of pairs by distance, int64 (BINS + 1,); the last bin holds the failed pairs."""

    genuine: Ints
    impostor: Ints

    @property
    def genuine_pairs(self) -> int:
        """How many there are."""
        return int(self._genuine_below[-1]) + int(self.genuine[FAILED_BIN])

    @property
    def impostor_pairs(self) -> int:
        """How many there are."""
        return int(self._impostor_below[-1]) + int(self.impostor[FAILED_BIN])

    @cached_property
    def fmr(self) -> Floats:
        """FMR at every edge from 0 to BINS, float64 (BINS + 1,); NaN without impostor pairs."""
        return self._impostor_below / (self.impostor_pairs or np.nan)

    @cached_property
    def fnmr(self) -> Floats:
        """FNMR at every edge, likewise."""
        return 1 - self._genuine_below / (self.genuine_pairs or np.nan)

    def edge_at(self, fmr: float) -> int:
        """The largest edge at which a false match rate is kept."""
        allowed = int(fmr * self.impostor_pairs * (1 + 1e-12))
        return int(np.searchsorted(self._impostor_below, allowed, side="right")) - 1

    @cached_property
    def _genuine_below(self) -> Ints:
        return _below(self.genuine)

    @cached_property
    def _impostor_below(self) -> Ints:
        return _below(self.impostor)


def _below(counts: Ints) -> Ints:
    """Pairs below each edge from 0 to BINS."""
    return np.concatenate([[0], np.cumsum(counts[:BINS])])


def bins_of(distances: NDArray[np.floating]) -> Ints:
    """The bin of each distance; `FAILED_DISTANCE` itself is the failed bin's."""
    bins = np.clip(distances / BIN_WIDTH, 0, BINS - 1).astype(np.int64)
    return np.where(distances >= FAILED_DISTANCE, FAILED_BIN, bins)


def edge_of(distance: float) -> int:
    """The edge nearest to a distance, at most BINS."""
    return int(np.clip(round(distance / BIN_WIDTH), 0, BINS))


def spectrum(data: Labelled, genuine: GenuinePairs, on_rows: OnRows | None = None) -> Spectrum:
    """Count all pairs.

    Args:
        data: the photos.
        genuine: their genuine pairs.
        on_rows: told how many rows of how many are done.
    """
    impostor = np.zeros(_NO_PAIR + 1, np.int64)
    for block in _impostor_blocks(data, on_rows):
        impostor += np.bincount(block.bins.ravel(), minlength=_NO_PAIR + 1)
    mated = np.bincount(bins_of(genuine.distance), minlength=BINS + 1)
    return Spectrum(mated, impostor[: BINS + 1])


@dataclass(frozen=True, slots=True, eq=False)
class TailCounts:
    """Pairs below chosen edges, by person. Each impostor pair counts for both of its people.

    Attributes:
        edges: int (g,), ascending.
        impostor, genuine: int64 (people, g): pairs with this person below each edge.
        impostor_pairs, genuine_pairs: int64 (people,): pairs with this person in all.
        nearest: int (k, 2): rows of impostor pairs, nearest first.
    """

    edges: Ints
    impostor: Ints
    genuine: Ints
    impostor_pairs: Ints
    genuine_pairs: Ints
    nearest: Ints


def tail_counts(
    data: Labelled,
    genuine: GenuinePairs,
    edges: Ints,
    *,
    nearest_below: int = 0,
    nearest: int = 0,
    on_rows: OnRows | None = None,
) -> TailCounts:
    """Count the pairs below edges for every person.

    Args:
        data: the photos.
        genuine: their genuine pairs.
        edges: ascending.
        nearest_below: impostor pairs below this edge are looked through for the nearest ones.
        nearest: how many of these are returned at most.
        on_rows: told how many rows of how many are done.
    """
    people, width = data.people, len(edges)
    # The first edge above each bin; the bins of failed and of no pairs have none.
    column = np.searchsorted(edges, np.arange(_NO_PAIR + 1), side="right")
    column[FAILED_BIN:] = width
    impostor = np.zeros(people * width, np.int64)
    found: list[tuple[Floats, Ints]] = []
    for block in _impostor_blocks(data, on_rows):
        flat = block.bins.ravel()
        hits = np.flatnonzero(flat < edges[-1])
        rows, columns = hits // block.bins.shape[1], hits % block.bins.shape[1]
        rows, columns = rows + block.start, columns + block.start
        of_hit = column[flat[hits]]
        for person in (data.person[rows], data.person[columns]):
            impostor += np.bincount(person * width + of_hit, minlength=people * width)
        close = np.flatnonzero(flat[hits] < nearest_below)[: 100 * max(nearest, 1)]
        if nearest and len(close):
            pairs = np.stack([rows[close], columns[close]], axis=1)
            found.append((_distances(data, pairs), pairs))
    mated = column[bins_of(genuine.distance)]
    inside = mated < width
    owner = data.person[genuine.first]
    counts = np.bincount(owner[inside] * width + mated[inside], minlength=people * width)
    each = data.photos_of
    return TailCounts(
        edges,
        np.cumsum(impostor.reshape(people, width), axis=1),
        np.cumsum(counts.reshape(people, width), axis=1),
        each * (len(data) - each),
        each * (each - 1) // 2,
        _nearest(found, nearest),
    )


def _distances(data: Labelled, pairs: Ints) -> Floats:
    first, second = (data.vectors[pairs[:, side]].astype(np.float64) for side in (0, 1))
    return np.asarray(1 - np.einsum("nd,nd->n", first, second))


def _nearest(found: list[tuple[Floats, Ints]], count: int) -> Ints:
    if not found:
        return np.empty((0, 2), np.int64)
    distances, pairs = (np.concatenate(part) for part in zip(*found, strict=True))
    return np.asarray(pairs[np.lexsort((pairs[:, 1], pairs[:, 0], distances))[:count]])


def merged(parts: Sequence[TailCounts]) -> TailCounts:
    """Counts of several sets of people, none of whom is in two; `nearest` is left empty."""
    return TailCounts(
        parts[0].edges,
        np.concatenate([part.impostor for part in parts]),
        np.concatenate([part.genuine for part in parts]),
        np.concatenate([part.impostor_pairs for part in parts]),
        np.concatenate([part.genuine_pairs for part in parts]),
        np.empty((0, 2), np.int64),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Bins of the pairs of rows from `start` on with columns from `start` on, intp (r, c)."""

    start: int
    bins: NDArray[np.intp]


def _impostor_blocks(data: Labelled, on_rows: OnRows | None) -> Iterator[_Block]:
    """Each pair of photos of different people once; what is none has the bin _NO_PAIR."""
    count = len(data)
    step = max(1, min(1024, _BLOCK_BYTES // (8 * max(count, 1))))
    ends = np.cumsum(data.photos_of)
    lost = data.failed
    for start in range(0, count, step):
        stop = min(start + step, count)
        cosines = data.vectors[start:stop] @ data.vectors[start:].T
        np.subtract(1, cosines, out=cosines)
        np.multiply(cosines, 1 / BIN_WIDTH, out=cosines)
        np.clip(cosines, 0, BINS - 1, out=cosines)
        bins = cosines.astype(np.intp)
        bins[lost[start:stop]] = FAILED_BIN
        bins[:, lost[start:]] = FAILED_BIN
        # Photos of one person are neighbours, so pairs that are none lie near the diagonal.
        near = int(ends[data.person[stop - 1]])
        bins[:, : near - start][_no_pairs(data, start, stop, near)] = _NO_PAIR
        yield _Block(start, bins)
        if on_rows is not None:
            on_rows(stop, count)


def _no_pairs(data: Labelled, start: int, stop: int, near: int) -> Bools:
    """True for pairs of one person and for pairs that another row has already."""
    rows, columns = np.arange(start, stop)[:, None], np.arange(start, near)[None, :]
    same = data.person[start:stop, None] == data.person[None, start:near]
    return np.asarray(same | (columns <= rows))
