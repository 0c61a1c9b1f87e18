"""Which segments to write anew: those that are not on disk yet, many small ones, dead ones.

In: parts. Out: groups of parts, each to become one segment or to stay as it is.
Nothing is read or written here.

A segment is at least as large as all smaller ones together; where that no
longer holds, they are merged into one. So a row is rewritten only when its
segment at least doubles, n rows cost O(n log n) writes in all, and there are
never more than O(log n) segments below the largest size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facesearch.errors import InvalidValue
from facesearch.vectors.codes import LEAST_ROWS
from facesearch.vectors.segments import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentOptions:
    """Sizes that decide how an index is laid out. The defaults come from measurement.

    Attributes:
        exact_rows: up to so many rows everything is searched exactly.
        coded_rows: above that, segments of at least so many rows get fast-scan codes.
        fresh_rows: rows kept in the growing segment before it is sealed in memory.
        segment_bytes: vectors of the largest segment; also bounds the memory of a merge.
        mapped_bytes: larger segments are mapped from their file, not read when loaded.
        compact_share: segments are rewritten once this share of their rows was removed.
        small_rows: segments no larger than this are rewritten as soon as one row was removed.

    Raises:
        InvalidValue: a size that cannot work.
    """

    exact_rows: int = 100_000
    coded_rows: int = 32_768
    fresh_rows: int = 65_536
    segment_bytes: int = 512 << 20
    mapped_bytes: int = 32 << 20
    compact_share: float = 0.2
    small_rows: int = 4_096

    def __post_init__(self) -> None:
        if self.coded_rows < LEAST_ROWS:
            raise InvalidValue(f"codes need at least {LEAST_ROWS} rows, not {self.coded_rows}")
        if min(self.exact_rows, self.mapped_bytes, self.small_rows) < 0:
            raise InvalidValue("sizes cannot be negative")
        if min(self.fresh_rows, self.segment_bytes) < 1:
            raise InvalidValue("a segment has room for at least one row")
        if not 0 < self.compact_share <= 1:
            raise InvalidValue(f"a share lies in (0, 1], not at {self.compact_share}")

    def largest(self, dimension: int) -> int:
        """Rows of the largest segment, at least 1."""
        return max(1, self.segment_bytes // (4 * dimension))


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Parts that become one segment.

    Attributes:
        parts: at least one.
        keep: True where the one part stays as it is.
    """

    parts: tuple[Part, ...]
    keep: bool


def plan(
    parts: Sequence[Part],
    largest: int,
    options: SegmentOptions,
    on_disk: Callable[[Part], bool],
    *,
    compact: bool,
) -> list[Group]:
    """Group the parts for a save.

    Args:
        parts: all sealed parts of the index.
        largest: rows of the largest segment.
        options: when to compact.
        on_disk: whether a part's files are in the folder already.
        compact: rewrite every part with a removed row.
    """
    small = sorted((p for p in parts if p.live_count <= largest // 2), key=lambda p: p.live_count)
    merged, total, taken = 0, 0, 0
    for number, part in enumerate(small, start=1):
        if number > 1 and part.live_count <= total:
            merged = number
        total += part.live_count
    groups = []
    bundle: list[Part] = []
    for part in small[:merged]:
        if bundle and taken + part.live_count > largest:
            groups.append(bundle)
            bundle, taken = [], 0
        bundle.append(part)
        taken += part.live_count
    if bundle:
        groups.append(bundle)
    in_bundles = {id(part) for part in small[:merged]}
    groups += [[part] for part in parts if id(part) not in in_bundles]
    return [
        Group(tuple(g), len(g) == 1 and on_disk(g[0]) and not _worn(g[0], options, compact))
        for g in groups
    ]


def _worn(part: Part, options: SegmentOptions, compact: bool) -> bool:
    """Whether so much of a part was removed that it is worth writing again."""
    dead = part.dead_count
    if dead == 0:
        return False
    size = len(part.segment)
    return compact or size <= options.small_rows or dead >= options.compact_share * size
