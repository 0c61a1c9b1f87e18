"""The index facesearch uses: exact while small, FAISS fast-scan with exact re-ranking above.

Rows lie in sealed segments that never change and in one fresh segment that
grows in memory. Adding touches the fresh one only; removing marks tombstones;
saving writes the fresh rows, merges small segments and rewrites worn ones.
Searches read a snapshot and wait for nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from facesearch.errors import InvalidValue
from facesearch.values import FloatArray, IdArray
from facesearch.vectors import base, storage
from facesearch.vectors.base import BoolArray, Generation, Neighbours
from facesearch.vectors.merging import SegmentOptions
from facesearch.vectors.saving import Replaced, Save, load_parts
from facesearch.vectors.scan import search_parts
from facesearch.vectors.segments import Fresh, Part, Segment, sealed

DEFAULT_OPTIONS = SegmentOptions()


class SegmentedIndex:
    """A `VectorIndex` for galleries from nothing to millions of rows; see there for the methods.

    Segments get fast-scan codes when they are saved; rows that were never saved
    are searched exactly, however many. One process saves into a folder at a
    time (the library's writer lock sees to that); any number may load.
    """

    def __init__(
        self, space: str, dimension: int, *, options: SegmentOptions = DEFAULT_OPTIONS
    ) -> None:
        """An empty index.

        Raises:
            InvalidValue: an empty space name or a dimension below 1.
        """
        base.checked_space(space, dimension)
        self._space = space
        self._dimension = dimension
        self._options = options
        self._generation = Generation()
        self._saving = threading.Lock()  # held for a whole save; taken before _changing
        self._changing = threading.Lock()  # held for moments, by whatever changes rows
        self._sealed: list[Part] = []
        self._fresh = Fresh(dimension)
        self._snapshot: tuple[Part, ...] = ()  # what searches read, without a lock

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
        """ "exact", or "fast-scan+exact" where some segments carry fast-scan codes."""
        coded = any(part.segment.codes is not None for part in self._snapshot)
        return "fast-scan+exact" if coded else "exact"

    @property
    def count(self) -> int:
        """Rows that can be found."""
        return sum(part.live_count for part in self._snapshot)

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
        with self._changing:
            base.check_absent(new_ids, self._contains(new_ids))
            if len(self._fresh) + len(new_ids) <= self._options.fresh_rows:
                self._fresh.append(new_ids, new_vectors)
            else:
                self._seal(new_ids, new_vectors)
            if generation is not None:
                self._generation = generation
            self._publish()

    def remove(self, ids: ArrayLike, *, generation: Generation | None = None) -> int:
        """Remove rows; see `VectorIndex.remove`."""
        unwanted = np.unique(base.checked_ids(ids))
        removed = 0
        with self._changing:
            in_fresh = unwanted[self._fresh.find(unwanted) >= 0]
            if len(in_fresh):
                self._fresh.remove(in_fresh.tolist())
                removed += len(in_fresh)
            for number, part in enumerate(self._sealed):
                positions = part.find(unwanted)
                positions = positions[positions >= 0]
                if len(positions):
                    self._sealed[number] = part.without(positions)
                    removed += len(positions)
            if generation is not None:
                self._generation = generation
            self._publish()
        return removed

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
        checked = base.checked_vectors(probes, self._dimension, "probes")
        return search_parts(self._snapshot, checked, max_distance, limit)

    def ids(self) -> IdArray:
        """All ids, ascending."""
        live = [part.segment.ids[part.live_positions()] for part in self._snapshot]
        return np.sort(np.concatenate([np.empty(0, np.int64), *live]))

    def contains(self, ids: ArrayLike) -> BoolArray:
        """Which of the ids are in the index."""
        wanted = base.checked_ids(ids)
        with self._changing:
            return self._contains(wanted)

    def vectors_of(self, ids: ArrayLike) -> FloatArray:
        """The stored vectors of the ids; see `VectorIndex.vectors_of`."""
        wanted = base.checked_ids(ids)
        with self._changing:
            places = [(part, part.find(wanted)) for part in self._sealed]
            places.append((self._fresh.view(), self._fresh.find(wanted)))
        vectors = np.empty((len(wanted), self._dimension), np.float32)
        missing = np.ones(len(wanted), np.bool_)
        for part, positions in places:
            here = positions >= 0
            if here.any():
                vectors[here] = part.segment.rows.take(positions[here])
                missing &= ~here
        if missing.any():
            raise InvalidValue(f"id {int(wanted[missing][0])} is not in the vector index")
        return vectors

    def save(self, folder: Path, generation: Generation, *, compact: bool = False) -> None:
        """Write what is new or changed; see `VectorIndex.save`.

        Rows may be added, removed and searched meanwhile; such changes are not
        part of this save.
        """
        with self._saving:
            with self._changing:
                self._seal(np.empty(0, np.int64), np.empty((0, self._dimension), np.float32))
                self._generation = generation
                self._publish()
                parts = tuple(self._sealed)
            saving = Save(folder, self._space, self._dimension, self._options)
            replaced = saving.write(parts, generation, compact=compact)
            with self._changing:
                self._install(replaced)
                self._publish()
            # unmap the files that go now: Windows removes none that is mapped
            del parts, replaced
            saving.clean(everything=compact)

    @classmethod
    def load(
        cls,
        folder: Path,
        space: str,
        dimension: int,
        *,
        options: SegmentOptions = DEFAULT_OPTIONS,
    ) -> Self:
        """The index in a folder; see `VectorIndex.load`.

        Ids, tombstones, codes and small segments are verified now, large
        segments block by block when a search first touches them.
        """
        index = cls(space, dimension, options=options)
        index._generation, index._sealed = load_parts(
            folder, space, dimension, options.mapped_bytes
        )
        index._publish()
        return index

    @staticmethod
    def bytes_on_disk(folder: Path) -> int:
        """Bytes of the files an index keeps in a folder; 0 where there is none."""
        sizes = 0
        for name in storage.own_files(folder):
            try:
                sizes += (folder / name).stat().st_size
            except FileNotFoundError:
                continue  # merged away by a save this moment
        return sizes

    def _contains(self, ids: IdArray) -> BoolArray:
        found = self._fresh.find(ids) >= 0
        for part in self._sealed:
            found |= part.find(ids) >= 0
        return found

    def _seal(self, ids: IdArray, vectors: FloatArray) -> None:
        """Seal the fresh rows together with these."""
        own_ids, own_vectors = self._fresh.live_arrays()
        all_ids = np.concatenate([own_ids, ids])
        all_vectors = np.concatenate([own_vectors, vectors])
        largest = self._options.largest(self._dimension)
        new = [
            Part(sealed(all_ids[start : start + largest], all_vectors[start : start + largest]))
            for start in range(0, len(all_ids), largest)
        ]
        self._sealed += new
        self._fresh = Fresh(self._dimension)

    def _install(self, replaced: Sequence[Replaced]) -> None:
        """Put saved segments in place of their sources, with what was removed meanwhile."""
        current = {id(part.segment): part for part in self._sealed}
        for one in replaced:
            now = [current.pop(id(source.segment)) for source in one.sources]
            if one.segment is None:
                continue
            part = Part(one.segment, one.dead)
            removed = [_removed_since(a, b) for a, b in zip(one.sources, now, strict=True)]
            positions = part.find(np.concatenate(removed))
            if len(positions):
                part = part.without(positions)
            current[id(one.segment)] = part
        self._sealed = list(current.values())

    def _publish(self) -> None:
        fresh = self._fresh.view()
        parts = [part for part in (*self._sealed, fresh) if len(part.segment)]
        self._snapshot = tuple(parts)


def _removed_since(before: Part, now: Part) -> IdArray:
    """Ids of the rows that were removed from a part between two moments."""
    if now.dead is None:
        return np.empty(0, np.int64)
    gone = now.dead if before.dead is None else now.dead & ~before.dead
    segment: Segment = before.segment
    return segment.ids[gone]
