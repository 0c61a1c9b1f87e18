"""Rows as an index holds them: sealed segments that never change, and one fresh one that grows.

In: ids and vectors. Out: parts, each a segment and the tombstones of its rows,
which a search may go on reading while rows are added and removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facesearch.values import FloatArray, IdArray
from facesearch.vectors.base import BoolArray
from facesearch.vectors.codes import Codes
from facesearch.vectors.rows import Rows


@dataclass(frozen=True, slots=True)
class Stored:
    """The files of a segment, by names that are never used again, and their checksums.

    Attributes:
        rows_token, rows_crc: of the file with ids and vectors.
        codes_token, codes_crc: of the file with fast-scan codes; None where it has none.
    """

    rows_token: str
    rows_crc: int
    codes_token: str | None = None
    codes_crc: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Rows that never change.

    Attributes:
        ids: int64, shape (n,), read-only; ascending in every sealed segment.
        rows: their vectors.
        codes: fast-scan codes of the same rows; None where they are searched exactly.
        stored: where it lies on disk; None while it is only in memory.
    """

    ids: IdArray
    rows: Rows
    codes: Codes | None = None
    stored: Stored | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A segment and which of its rows were removed.

    Attributes:
        segment: the rows.
        dead: bool, shape (n,), True where removed; None where none was. Never
            changed in place: removing makes a new part.
    """

    segment: Segment
    dead: BoolArray | None = None

    @property
    def dead_count(self) -> int:
        """Rows removed."""
        return 0 if self.dead is None else int(np.count_nonzero(self.dead))

    @property
    def live_count(self) -> int:
        """Rows that can be found."""
        return len(self.segment) - self.dead_count

    def live_positions(self) -> IdArray:
        """Positions of the rows that can be found, ascending."""
        if self.dead is None:
            return np.arange(len(self.segment), dtype=np.int64)
        return np.flatnonzero(~self.dead)

    def live(self, positions: IdArray) -> IdArray:
        """Those of the positions whose rows were not removed."""
        return positions if self.dead is None else positions[~self.dead[positions]]

    def find(self, ids: IdArray) -> IdArray:
        """Position of each id in a sealed segment; -1 where it is not there or was removed."""
        own = self.segment.ids
        positions = np.searchsorted(own, ids)
        positions[positions == len(own)] = 0
        found = own[positions] == ids
        if self.dead is not None:
            found &= ~self.dead[positions]
        return np.where(found, positions, -1)

    def without(self, positions: IdArray) -> Part:
        """The same part with these rows removed as well."""
        dead = np.zeros(len(self.segment), np.bool_) if self.dead is None else self.dead.copy()
        dead[positions] = True
        return Part(self.segment, dead)


def sealed(ids: IdArray, vectors: FloatArray) -> Segment:
    """A segment in memory from arrays it takes over; sorts them by id."""
    if len(ids) > 1 and not (ids[:-1] < ids[1:]).all():
        order = np.argsort(ids)
        ids, vectors = ids[order], vectors[order]
    ids.flags.writeable = False
    vectors.flags.writeable = False
    return Segment(ids, Rows(vectors))


class Fresh:
    """The segment that grows. Changed under the index's lock; its views are read without it.

    Rows are appended behind those a view shows, and arrays that are full are
    replaced, never resized, so a view stays as it was.
    """

    def __init__(self, dimension: int) -> None:
        self._ids: IdArray = np.empty(256, np.int64)
        self._vectors: FloatArray = np.empty((256, dimension), np.float32)
        self._dead: BoolArray | None = None
        self._positions: dict[int, int] = {}
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def append(self, ids: IdArray, vectors: FloatArray) -> None:
        """Append rows whose ids are not here."""
        start, stop = self._used, self._used + len(ids)
        if stop > len(self._ids):
            self._grow(max(stop, 2 * len(self._ids)))
        self._ids[start:stop] = ids
        self._vectors[start:stop] = vectors
        self._positions.update(zip(ids.tolist(), range(start, stop), strict=True))
        self._used = stop

    def _grow(self, capacity: int) -> None:
        ids = np.empty(capacity, np.int64)
        vectors = np.empty((capacity, self._vectors.shape[1]), np.float32)
        ids[: self._used] = self._ids[: self._used]
        vectors[: self._used] = self._vectors[: self._used]
        self._ids, self._vectors = ids, vectors

    def find(self, ids: IdArray) -> IdArray:
        """Position of each id, -1 where it is not here."""
        if not self._positions:
            return np.full(len(ids), -1, np.int64)
        return np.array([self._positions.get(one, -1) for one in ids.tolist()], np.int64)

    def remove(self, ids: Sequence[int]) -> None:
        """Remove ids that are here."""
        dead = np.zeros(self._used, np.bool_)
        if self._dead is not None:
            dead[: len(self._dead)] = self._dead
        for one in ids:
            dead[self._positions.pop(one)] = True
        self._dead = dead

    def view(self) -> Part:
        """The rows as they are now; its ids are in no order."""
        ids, vectors = self._ids[: self._used], self._vectors[: self._used]
        ids.flags.writeable = False
        vectors.flags.writeable = False
        dead = self._dead
        if dead is not None and len(dead) < self._used:
            dead = np.concatenate([dead, np.zeros(self._used - len(dead), np.bool_)])
        return Part(Segment(ids, Rows(vectors)), dead)

    def live_arrays(self) -> tuple[IdArray, FloatArray]:
        """Copies of the ids and vectors that were not removed."""
        part = self.view()
        live = part.live_positions()
        return part.segment.ids[live], part.segment.rows.take(live)
