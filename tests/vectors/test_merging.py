"""Saving never rewrites everything: the plan of what is merged, and what that costs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from facesearch.vectors.merging import SegmentOptions, plan
from facesearch.vectors.rows import Rows
from facesearch.vectors.segments import Part, Segment

LARGEST = 100_000
OPTIONS = SegmentOptions()


def part(live: int, dead: int = 0) -> Part:
    count = live + dead
    gone = np.zeros(count, bool)
    gone[:dead] = True
    rows = Rows(np.zeros((count, 1), np.float32))
    return Part(Segment(np.arange(count), rows), gone if dead else None)


def planned(parts: list[Part], new: tuple[Part, ...] = (), *, compact: bool = False):
    """Sizes that each written segment comes from, and the sizes kept."""
    groups = plan(parts, LARGEST, OPTIONS, lambda p: p not in new, compact=compact)
    assert sorted(id(p) for g in groups for p in g.parts) == sorted(map(id, parts))
    written = sorted(sorted(p.live_count for p in g.parts) for g in groups if not g.keep)
    return written, sorted(g.parts[0].live_count for g in groups if g.keep)


def test_nothing_new_nothing_written():
    assert planned([]) == ([], [])
    assert planned([part(10), part(50), part(500)]) == ([], [10, 50, 500])


def test_new_rows_are_written_alone_beside_a_large_segment():
    new = part(20)
    assert planned([part(5_000), new], (new,)) == ([[20]], [5_000])


def test_segments_no_larger_than_all_smaller_ones_are_merged():
    new = part(20)
    assert planned([part(20), part(30), part(500), new], (new,)) == ([[20, 20, 30]], [500])
    assert planned([part(20), part(40), part(80), new], (new,)) == ([[20, 20, 40, 80]], [])


def test_segments_of_half_the_largest_size_stay_for_ever():
    sizes = [part(60_000), part(60_000), part(90_000)]
    assert planned(sizes) == ([], [60_000, 60_000, 90_000])


def test_no_merge_exceeds_the_largest_size():
    new = tuple(part(30_000) for _ in range(10))
    written, _ = planned(list(new), new)
    assert written == [[30_000], [30_000] * 3, [30_000] * 3, [30_000] * 3]


@pytest.mark.parametrize(
    ("live", "dead", "rewritten"),
    [(50_000, 9_000, False), (50_000, 20_000, True), (4_000, 1, True), (5_000, 1, False)],
)
def test_worn_segments_are_rewritten(live: int, dead: int, rewritten: bool):
    worn = part(live, dead)
    assert planned([worn]) == (([[live]], []) if rewritten else ([], [live]))
    assert planned([worn], compact=True) == ([[live]], [])


def test_a_segment_with_no_row_left_is_not_kept():
    assert planned([part(0, 5_000), part(100)]) == ([[0]], [100])


@pytest.mark.parametrize("batch", [1, 37, 1_000])
def test_saving_after_every_batch_writes_n_log_n_rows(batch: int):
    """Each row is rewritten at most once per doubling; segments stay few."""
    sizes: list[int] = []
    written = total = 0
    for _ in range(600):
        parts = [part(size) for size in sizes]
        new = part(batch)
        groups = plan([*parts, new], 10**9, OPTIONS, lambda p, new=new: p is not new, compact=False)
        sizes = [sum(p.live_count for p in group.parts) for group in groups]
        written += sum(size for size, group in zip(sizes, groups, strict=True) if not group.keep)
        total += batch
        assert sum(sizes) == total
        assert len(sizes) <= math.log2(total / batch) + 2
    assert written <= total * (math.log2(600) + 2)
