"""All pairs of labelled photos, counted once for everything that is asked of them.

In: `Labelled` photos, in parts whose people are never compared with each other. Out:
`CountedPairs`: how distances are spread, where false match rates are kept, and the counts per
person that intervals are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from facesearch.errors import InvalidValue
from facesearch.evaluation.labelled import GenuinePairs, Ints, Labelled
from facesearch.evaluation.spectrum import (
    BINS,
    OnRows,
    Spectrum,
    TailCounts,
    edge_of,
    merged,
    spectrum,
    tail_counts,
)

# Below so many expected false matches a rate is a matter of luck.
LEAST_EVENTS = 10
_POINTS_PER_DECADE = 24
_WIDEST_RATE = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class CountedPairs:
    """Pairs of photos by distance.

    Attributes:
        parts: the photos.
        genuine: the genuine pairs of each part.
        spectrum: of all pairs.
        edges: for each false match rate that can be seen here, the largest edge that keeps it.
        counts: per person, the people of the first part first.
        nearest: int (k, 2) for each part: rows of its nearest impostor pairs.
    """

    parts: tuple[Labelled, ...]
    genuine: tuple[GenuinePairs, ...]
    spectrum: Spectrum
    edges: dict[float, int]
    counts: TailCounts
    nearest: tuple[Ints, ...]

    @property
    def people(self) -> tuple[str, ...]:
        """Whose counts the rows of `counts` are."""
        return tuple(name for data in self.parts for name in data.names)


def count_pairs(
    parts: Sequence[Labelled],
    rates: Sequence[float],
    *,
    distances: Sequence[float] = (),
    nearest: int = 0,
    on_rows: OnRows | None = None,
) -> CountedPairs:
    """Count all pairs within each part.

    Args:
        parts: the photos.
        rates: false match rates that are asked for.
        distances: thresholds that rates are asked for at.
        nearest: how many impostor pairs of each part are named at most.
        on_rows: told how many rows of how many are compared; they are compared twice.

    Raises:
        InvalidValue: no two photos of one person, or no two people.
    """
    genuine = [data.genuine_pairs() for data in parts]
    if all(data.people < 2 for data in parts):
        raise InvalidValue("verification needs at least two people, found one")
    if all(len(pairs.distance) == 0 for pairs in genuine):
        raise InvalidValue("verification needs at least one person with two photos, found none")
    told = _in_all(parts, on_rows)
    counted = [
        spectrum(data, pairs, told(number))
        for number, (data, pairs) in enumerate(zip(parts, genuine, strict=True))
    ]
    found = Spectrum(
        np.sum([part.genuine for part in counted], axis=0),
        np.sum([part.impostor for part in counted], axis=0),
    )
    edges = {fmr: found.edge_at(fmr) for fmr in rates if _is_measurable(found, fmr)}
    grid = [*edges_by_fmr(found, _WIDEST_RATE), *edges.values(), *map(edge_of, distances)]
    # Two edges at least, to draw lines between.
    columns = np.unique([*grid, min(max(grid) + 1, BINS)]).astype(np.int64)
    below = found.edge_at(min(1.0, (nearest + 1) / max(found.impostor_pairs, 1))) + 1
    by_part = [
        tail_counts(
            data,
            pairs,
            columns,
            nearest_below=below,
            nearest=nearest,
            on_rows=told(len(parts) + number),
        )
        for number, (data, pairs) in enumerate(zip(parts, genuine, strict=True))
    ]
    return CountedPairs(
        tuple(parts),
        tuple(genuine),
        found,
        edges,
        merged(by_part),
        tuple(part.nearest for part in by_part),
    )


def edges_by_fmr(found: Spectrum, widest: float) -> Ints:
    """Edges whose false match rates are evenly spread on a log scale, up to `widest`."""
    lowest = max(0.5 / found.impostor_pairs, 1e-9)
    decades = max(np.log10(widest / lowest), 0.1)
    rates = np.logspace(np.log10(lowest), np.log10(widest), int(_POINTS_PER_DECADE * decades) + 2)
    return np.unique([found.edge_at(rate) for rate in rates]).astype(np.int64)


def _is_measurable(found: Spectrum, fmr: float) -> bool:
    return fmr * found.impostor_pairs >= LEAST_EVENTS * (1 - 1e-9)


def _in_all(parts: Sequence[Labelled], on_rows: OnRows | None) -> Callable[[int], OnRows | None]:
    """Progress of one piece of work as progress of all: each part is gone through twice."""
    rows = [len(data) for data in parts] * 2

    def of_piece(number: int) -> OnRows | None:
        if on_rows is None:
            return None
        before = sum(rows[:number])
        return lambda done, _: on_rows(before + done, sum(rows))

    return of_piece
