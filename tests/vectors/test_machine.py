"""Any sequence of adding, removing, searching, saving and loading, beside the reference."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from galleries import SPACE, assert_same, unit
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from facesearch.vectors.base import Generation
from facesearch.vectors.exact import ExactIndex
from facesearch.vectors.faiss import SegmentedIndex
from facesearch.vectors.merging import SegmentOptions

D = 4
OPTIONS = SegmentOptions(
    fresh_rows=15, segment_bytes=4 * D * 40, mapped_bytes=64, small_rows=5, compact_share=0.4
)
# few directions, so that equal vectors and equal distances are common
DIRECTIONS = unit(np.array([(a, b, c, 1) for a in (-1, 0, 1) for b in (-1, 1) for c in (0, 2)]))

ids = st.integers(-4, 40)
id_lists = st.lists(ids, unique=True, max_size=12)
directions = st.integers(0, len(DIRECTIONS) - 1)


class IndexMachine(RuleBasedStateMachine):
    """Both indexes see the same; they must agree to the last bit."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="facesearch-test-"))
        self.index = SegmentedIndex(SPACE, D, options=OPTIONS)
        self.model = ExactIndex(SPACE, D)
        self.saved: tuple[np.ndarray, np.ndarray, Generation] | None = None
        self.steps = 0

    @rule(some=id_lists, data=st.data())
    def add(self, some: list[int], data: st.DataObject) -> None:
        new = np.array(some, np.int64)[~self.model.contains(np.array(some, np.int64))]
        rows = DIRECTIONS[[data.draw(directions) for _ in new]].reshape(-1, D)
        self.steps += 1
        for one in (self.index, self.model):
            one.add(new, rows, generation=Generation(self.steps, 0))

    @rule(some=id_lists)
    def remove(self, some: list[int]) -> None:
        wanted = np.array(some, np.int64)
        assert self.index.remove(wanted) == self.model.remove(wanted)

    @rule(probes=st.lists(directions, min_size=1, max_size=3), k=st.integers(1, 60))
    def search(self, probes: list[int], k: int) -> None:
        assert_same(
            self.index.search(DIRECTIONS[probes], k), self.model.search(DIRECTIONS[probes], k)
        )

    @rule(
        probe=directions,
        max_distance=st.sampled_from([0.0, 0.1, 0.3, 0.7, 1.0, 1.4, 2.0]),
        limit=st.none() | st.integers(1, 9),
    )
    def search_within(self, probe: int, max_distance: float, limit: int | None) -> None:
        rows = DIRECTIONS[[probe]]
        assert_same(
            self.index.search_within(rows, max_distance, limit),
            self.model.search_within(rows, max_distance, limit),
        )

    @rule(compact=st.booleans())
    def save(self, compact: bool) -> None:
        self.steps += 1
        generation = Generation(self.steps, 1)
        self.index.save(self.folder, generation, compact=compact)
        kept = self.model.ids()
        self.model._generation = generation
        self.saved = kept, self.model.vectors_of(kept), generation

    @precondition(lambda self: self.saved is not None)
    @rule(other=st.booleans())
    def load(self, other: bool) -> None:
        """Go on from the last save, as the next process does."""
        assert self.saved is not None
        kept, rows, generation = self.saved
        self.index = SegmentedIndex.load(self.folder, SPACE, D, options=OPTIONS)
        self.model = ExactIndex(SPACE, D)
        self.model.add(kept, rows, generation=generation)
        if other:
            reference = ExactIndex.load(self.folder, SPACE, D)
            np.testing.assert_array_equal(reference.vectors_of(kept), rows)
            assert reference.count == len(kept)

    @invariant()
    def same_rows(self) -> None:
        if not hasattr(self, "index"):
            return
        kept = self.model.ids()
        np.testing.assert_array_equal(self.index.ids(), kept)
        np.testing.assert_array_equal(self.index.vectors_of(kept), self.model.vectors_of(kept))
        assert self.index.count == self.model.count
        assert self.index.generation == self.model.generation

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)


IndexMachine.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestIndexMachine = IndexMachine.TestCase
