"""The vector index of a library, kept in step with its catalog.

In: the catalog and probes. Out: near faces. The index is a cache: it is caught up from
SQLite before every search, and built anew when its files are missing, damaged or ahead
of the catalog.
"""

from __future__ import annotations

import logging
import re
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facesearch.catalog.catalog import Catalog
from facesearch.catalog.errors import errors_translated
from facesearch.errors import IndexDamaged, InvalidValue
from facesearch.values import Embedding
from facesearch.vectors.base import Generation
from facesearch.vectors.faiss import SegmentedIndex
from facesearch.vectors.manifest import read_manifest

_log = logging.getLogger(__name__)
_VERIFIED_ROWS = 65_536


class VectorCache:
    """The index over the embeddings of one space of one library.

    Searching is safe from several threads at once. `save`, `check_files`, `save_if_stale` and
    `remove` write files; call them while holding the catalog's writer lock.

    Args:
        catalog: where the embeddings are.
        space: whose embeddings.
        dimension: their length.
    """

    def __init__(self, catalog: Catalog, space: str, dimension: int) -> None:
        self._catalog = catalog
        self._space = space
        self._dimension = dimension
        # Bound to the library too: a backup put back may stand at the same generation.
        self._label = f"{space}#{catalog.library_id}"
        name = re.sub(r"[^A-Za-z0-9._-]", "_", space)
        self._folder = catalog.folder / "vectors" / name
        self._lock = threading.Lock()
        self._index: SegmentedIndex | None = None
        self._rebuilt = False  # the index does not come from its files, so they are of no use

    @property
    def folder(self) -> Path:
        """Where the index files lie."""
        return self._folder

    def neighbours(
        self, probes: Sequence[Embedding], max_distance: float
    ) -> tuple[list[list[tuple[int, float]]], list[tuple[int, float] | None]]:
        """Per probe: all faces within a distance, nearest first, and the nearest of all.

        Faces are given as (face id, cosine distance). The nearest is None in an empty library.
        """
        vectors = np.stack([probe.vector for probe in probes])
        for attempt in (0, 1):
            index = self._current()
            try:
                near = [
                    list(zip(n.ids.tolist(), n.distances.tolist(), strict=True))
                    for n in index.search_within(vectors, max_distance)
                ]
                nearest: list[tuple[int, float] | None] = []
                for number, hits in enumerate(near):
                    if hits:
                        nearest.append(hits[0])
                        continue
                    one = index.search(vectors[number : number + 1], 1)[0]
                    nearest.append((int(one.ids[0]), float(one.distances[0])) if len(one) else None)
            except IndexDamaged as damage:
                if attempt:
                    raise
                self._forget(index, damage)
                continue
            return near, nearest
        raise AssertionError("the second attempt returned or raised")

    def check_files(self) -> None:
        """Make sure that the files are not ahead of the catalog, before the catalog grows.

        They are where an older copy of the database was put back. Once it had grown to the
        same generation again, nothing would tell its faces from those in the files.
        """
        if self.is_ahead():
            self.save()

    def is_ahead(self) -> bool:
        """Whether the files hold something that the catalog does not know (yet)."""
        stored = self._stored_generation()
        added, removed = self._catalog.generation(self._space)
        return stored is not None and (stored.added > added or stored.removed > removed)

    def save_if_stale(self) -> None:
        """Bring the files up to date, where there are some: they may hold faces that went."""
        stored = self._stored_generation()
        if stored is None:
            return
        if self._catalog.generation(self._space) != (stored.added, stored.removed):
            self.save()

    def remove(self) -> None:
        """Delete the index files. The catalog can make them again.

        Raises:
            LibraryError: the system does not let them go.
        """
        self.close()
        if self._folder.is_dir():
            with errors_translated(self._catalog.folder):
                shutil.rmtree(self._folder)

    def save(self) -> None:
        """Bring the index up to date and write it to its folder, if that changes anything.

        Searches in other threads go on meanwhile.
        """
        try:
            index = self._current()
            try:
                self._write(index)
            except IndexDamaged as damage:
                self._forget(index, damage)
                self._write(self._current())
        except OSError as error:
            # The catalog has everything; the next query builds what is missing in memory.
            _log.warning("the vector index could not be saved to %s: %s", self._folder, error)

    def kind(self, count: int) -> str:
        """How faces are searched, for people: "exact" or "fast-scan+exact"; "none" when empty."""
        if count == 0:
            return "none"
        return self._current().kind

    def bytes_on_disk(self) -> int:
        """Size of the index files."""
        return SegmentedIndex.bytes_on_disk(self._folder)

    def close(self) -> None:
        """Let go of the index files."""
        with self._lock:
            self._index = None

    def _current(self) -> SegmentedIndex:
        """The index, holding exactly what the catalog holds now."""
        with self._lock:
            # Out of the cache while it changes: what fails half-way is not used again.
            index, self._index = self._index, None
            try:
                if index is None:
                    index = self._load()
                    self._catch_up(index)
                    self._check_count(index)
                elif self._catch_up(index):
                    self._check_count(index)
            except (IndexDamaged, InvalidValue) as damage:
                index = self._new(damage)
                self._catch_up(index)
            self._index = index
            return index

    def _load(self) -> SegmentedIndex:
        self._rebuilt = False
        if self._folder.is_dir():
            try:
                return SegmentedIndex.load(self._folder, self._label, self._dimension)
            except (IndexDamaged, OSError) as damage:
                return self._new(damage)
        return SegmentedIndex(self._label, self._dimension)

    def _new(self, damage: Exception) -> SegmentedIndex:
        _log.warning("the vector index is rebuilt: %s", damage)
        self._rebuilt = True
        return SegmentedIndex(self._label, self._dimension)

    def _catch_up(self, index: SegmentedIndex) -> bool:
        """Take in what the catalog has that the index has not; says whether that was anything.

        Raises:
            IndexDamaged, InvalidValue: the index holds something else than the catalog.
        """
        at = index.generation
        if self._catalog.generation(self._space) == (at.added, at.removed):
            return False
        changes = self._catalog.changes_since(self._space, at.added, at.removed)
        index.remove(changes.removed_ids)
        for batch in changes.batches:
            index.add(batch.ids, batch.vectors)
        index.remove([], generation=Generation(changes.added, changes.removed))
        return True

    def _check_count(self, index: SegmentedIndex) -> None:
        """Check that the index holds as many faces as the catalog.

        Raises:
            IndexDamaged: it does not.
        """
        counts = {space.name: space.count for space in self._catalog.spaces()}
        at = index.generation
        if self._catalog.generation(self._space) != (at.added, at.removed):
            return  # somebody writes at this moment, so the count is of another generation
        expected = counts.get(self._space, 0)
        if index.count != expected:
            raise IndexDamaged(f"it holds {index.count} faces and the catalog {expected}")

    def _write(self, index: SegmentedIndex) -> None:
        """Write the index to its folder, unless that is there already and whole.

        Raises:
            IndexDamaged: its files fail their checksums.
            OSError: as the system raised it.
        """
        ids = index.ids()
        for start in range(0, len(ids), _VERIFIED_ROWS):  # touching rows verifies them
            index.vectors_of(ids[start : start + _VERIFIED_ROWS])
        if self._rebuilt or self._stored_generation() != index.generation:
            index.save(self._folder, index.generation)
            self._rebuilt = False

    def _forget(self, index: SegmentedIndex, damage: IndexDamaged) -> None:
        """Start anew from the catalog after damage was met in an index."""
        with self._lock:
            if self._index is index:
                self._index = self._new(damage)

    def _stored_generation(self) -> Generation | None:
        """The generation of the index files, or None where there is no usable index."""
        try:
            manifest = read_manifest(self._folder)
        except (IndexDamaged, OSError):
            return None
        is_ours = (manifest.space, manifest.dimension) == (self._label, self._dimension)
        return manifest.generation if is_ours else None
