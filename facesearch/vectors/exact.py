"""The reference: every distance to every row, sorted. Slow, and plainly right.

Other indexes are tested against this one. It reads and writes the same files.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from facesearch.errors import InvalidValue
from facesearch.values import FloatArray, IdArray
from facesearch.vectors import base
from facesearch.vectors.base import BoolArray, Generation, Neighbours
from facesearch.vectors.merging import SegmentOptions
from facesearch.vectors.saving import Save, live_rows, load_parts
from facesearch.vectors.segments import Part, sealed


class ExactIndex:
    """A `VectorIndex` that compares each probe with each row; see there for the methods.

    Adding and removing copy all rows, so this is for small galleries and for tests.
    """

    def __init__(self, space: str, dimension: int) -> None:
        base.checked_space(space, dimension)
        self._space = space
        self._dimension = dimension
        self._generation = Generation()
        self._lock = threading.Lock()
        # replaced together, never changed in place: a search reads one pair
        self._rows: tuple[IdArray, FloatArray] = (
            np.empty(0, np.int64),
            np.empty((0, dimension), np.float32),
        )

    @property
    def space(self) -> str:
        """The space all vectors belong to."""
        return self._space

    @property
    def dimension(self) -> int:
        """Numbers per vector."""
        return self._dimension

    @property
    def kind(self) -> str:
        """Always "exact"."""
        return "exact"

    @property
    def count(self) -> int:
        """Rows that can be found."""
        return len(self._rows[0])

    @property
    def generation(self) -> Generation:
        """The generation last given."""
        return self._generation

    def add(
        self, ids: ArrayLike, vectors: ArrayLike, *, generation: Generation | None = None
    ) -> None:
        """Add rows; see `VectorIndex.add`."""
        new_ids = base.checked_new_ids(ids)
        new_vectors = base.checked_vectors(vectors, self._dimension, "vectors")
        base.check_lengths(new_ids, new_vectors)
        with self._lock:
            old_ids, old_vectors = self._rows
            base.check_absent(new_ids, np.isin(new_ids, old_ids))
            self._rows = (
                np.concatenate([old_ids, new_ids]),
                np.concatenate([old_vectors, new_vectors]),
            )
            if generation is not None:
                self._generation = generation

    def remove(self, ids: ArrayLike, *, generation: Generation | None = None) -> int:
        """Remove rows; see `VectorIndex.remove`."""
        unwanted = base.checked_ids(ids)
        with self._lock:
            old_ids, old_vectors = self._rows
            keep = ~np.isin(old_ids, unwanted)
            self._rows = (old_ids[keep], old_vectors[keep])
            if generation is not None:
                self._generation = generation
            return len(old_ids) - len(self._rows[0])

    def search(self, probes: ArrayLike, k: int) -> list[Neighbours]:
        """The nearest rows; see `VectorIndex.search`."""
        return self._search(probes, 2.0, base.checked_count(k, "k"))

    def search_within(
        self, probes: ArrayLike, max_distance: float, limit: int | None = None
    ) -> list[Neighbours]:
        """The rows within a distance; see `VectorIndex.search_within`."""
        if limit is not None:
            limit = base.checked_count(limit, "limit")
        return self._search(probes, base.checked_max_distance(max_distance), limit)

    def _search(
        self, probes: ArrayLike, max_distance: float, limit: int | None
    ) -> list[Neighbours]:
        ids, vectors = self._rows
        return [
            base.nearest_first(ids, base.cosine_distances(vectors, probe), max_distance, limit)
            for probe in base.checked_vectors(probes, self._dimension, "probes")
        ]

    def ids(self) -> IdArray:
        """All ids, ascending."""
        return np.sort(self._rows[0])

    def contains(self, ids: ArrayLike) -> BoolArray:
        """Which of the ids are in the index."""
        return np.isin(base.checked_ids(ids), self._rows[0])

    def vectors_of(self, ids: ArrayLike) -> FloatArray:
        """The stored vectors of the ids; see `VectorIndex.vectors_of`."""
        wanted = base.checked_ids(ids)
        own, vectors = self._rows
        positions = {one: position for position, one in enumerate(own.tolist())}
        unknown = [one for one in wanted.tolist() if one not in positions]
        if unknown:
            raise InvalidValue(f"id {unknown[0]} is not in the vector index")
        return vectors[[positions[one] for one in wanted.tolist()]]

    def save(self, folder: Path, generation: Generation, *, compact: bool = False) -> None:
        """Write the index as one segment; see `VectorIndex.save`."""
        with self._lock:
            ids, vectors = self._rows
            self._generation = generation
        part = Part(sealed(ids.copy(), vectors.copy()))
        options = SegmentOptions(exact_rows=max(len(ids), 1))  # so no codes are made
        saving = Save(folder, self._space, self._dimension, options)
        saving.write([part], generation, compact=compact)
        saving.clean(everything=compact)

    @classmethod
    def load(cls, folder: Path, space: str, dimension: int) -> Self:
        """The index in a folder, of either kind; see `VectorIndex.load`."""
        index = cls(space, dimension)
        index._generation, parts = load_parts(folder, space, dimension, mapped_bytes=0)
        index._rows = live_rows(parts, dimension)
        return index
