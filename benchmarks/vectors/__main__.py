"""Measures exact search against fast-scan with exact re-ranking, over gallery sizes.

In: sizes. Out: raw times of every query as JSON, and a Markdown table on standard output.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.machine import describe_machine
from benchmarks.vectors.gallery import Gallery
from facesearch.vectors.base import Generation, Neighbours
from facesearch.vectors.faiss import SegmentedIndex
from facesearch.vectors.merging import SegmentOptions

SIZES = {128: (10_000, 30_000, 100_000, 300_000, 1_000_000), 512: (10_000, 30_000, 100_000)}
QUICK_SIZES = {128: (5_000, 20_000)}
MAX_DISTANCE = 0.057  # the default of `query`
TOP = 10
BATCH = 8

Result = TypeVar("Result")

EXACT = SegmentOptions(exact_rows=1 << 60)
FAST_SCAN = SegmentOptions(exact_rows=0, coded_rows=1_024)

QUESTIONS: dict[str, Callable[[SegmentedIndex, Any], list[Neighbours]]] = {
    "within": lambda index, probes: index.search_within(probes, MAX_DISTANCE),
    "nearest": lambda index, probes: index.search(probes, 1),
    "top10": lambda index, probes: index.search(probes, TOP),
}


@dataclass
class Row:
    """What was measured of one kind of index on one gallery; times in seconds."""

    kind: str
    dimension: int
    faces: int
    load_average: float = 0.0  # of the machine while measuring: 0 is an idle one
    save_s: float = 0.0
    load_s: float = 0.0
    first_query_s: float = 0.0
    bytes_on_disk: int = 0
    query_s: dict[str, list[float]] = field(default_factory=dict)
    batch_s: dict[str, list[float]] = field(default_factory=dict)  # per probe, in batches of 8
    recall: dict[str, float] = field(default_factory=dict)

    def median_ms(self, question: str) -> float:
        """Median milliseconds of a query with one probe."""
        return statistics.median(self.query_s[question]) * 1e3


def measure(dimension: int, faces: int, probes_each: int) -> list[Row]:
    """Build both kinds from one gallery and ask them the same, in turn."""
    gallery = Gallery(faces, dimension)
    probes = np.concatenate([gallery.new_photos(probes_each), gallery.strangers(probes_each)])
    rows = [Row("exact", dimension, faces), Row("fast-scan+exact", dimension, faces)]
    with tempfile.TemporaryDirectory() as folder:
        indexes = [
            _built(row, gallery.vectors, Path(folder) / row.kind, options)
            for row, options in zip(rows, (EXACT, FAST_SCAN), strict=True)
        ]
        del gallery
        for row, index in zip(rows, indexes, strict=True):
            row.first_query_s, _ = _timed(index.search, probes[:1], TOP)
        for question, ask in QUESTIONS.items():
            answers: list[list[Neighbours]] = [[], []]
            for number in range(len(probes)):
                for way in (0, 1):
                    seconds, found = _timed(ask, indexes[way], probes[number : number + 1])
                    rows[way].query_s.setdefault(question, []).append(seconds)
                    answers[way] += found
            for start in range(0, len(probes), BATCH):
                for way in (0, 1):
                    some = probes[start : start + BATCH]
                    seconds, _ = _timed(ask, indexes[way], some)
                    rows[way].batch_s.setdefault(question, []).append(seconds / len(some))
            for way in (0, 1):
                rows[way].load_average = _load_average()
                rows[way].recall[question] = _recall(answers[way], answers[0])
        return rows


def _built(
    row: Row, vectors: np.ndarray[Any, Any], folder: Path, options: SegmentOptions
) -> SegmentedIndex:
    index = SegmentedIndex("benchmark", row.dimension, options=options)
    index.add(np.arange(row.faces), vectors)
    row.save_s, _ = _timed(index.save, folder, Generation(row.faces, 0))
    del index
    load = partial(SegmentedIndex.load, options=options)
    row.load_s, loaded = _timed(load, folder, "benchmark", row.dimension)
    if loaded.kind != row.kind:
        raise RuntimeError(f"expected {row.kind}, built {loaded.kind}")
    row.bytes_on_disk = SegmentedIndex.bytes_on_disk(folder)
    return loaded


def _timed(work: Callable[..., Result], *arguments: Any) -> tuple[float, Result]:
    start = time.perf_counter()
    result = work(*arguments)
    return time.perf_counter() - start, result


def _load_average() -> float:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _recall(found: Sequence[Neighbours], truth: Sequence[Neighbours]) -> float:
    """Share of the exact answer's rows that were found, over all probes."""
    hits = sum(len(np.intersect1d(a.ids, b.ids)) for a, b in zip(found, truth, strict=True))
    return hits / max(1, sum(len(one) for one in truth))


def table(rows: Sequence[Row]) -> str:
    """The medians as Markdown: exact, fast-scan, and how much faster that is."""
    lines = [
        "| dimension | faces | exact: within / nearest / top 10, ms "
        "| fast-scan: the same, ms | times faster | recall | build, s | first query, ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for exact, coded in zip(rows[::2], rows[1::2], strict=True):
        cells = [
            f"{exact.dimension}",
            f"{exact.faces:,}",
            " / ".join(f"{exact.median_ms(name):.2f}" for name in QUESTIONS),
            " / ".join(f"{coded.median_ms(name):.2f}" for name in QUESTIONS),
            " / ".join(
                f"{exact.median_ms(name) / coded.median_ms(name):.1f}" for name in QUESTIONS
            ),
            " / ".join(f"{coded.recall[name]:.4f}" for name in QUESTIONS),
            f"{exact.save_s:.1f} / {coded.save_s:.1f}",
            f"{exact.first_query_s * 1e3:.0f} / {coded.first_query_s * 1e3:.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Read the options, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vectors", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--probes", type=int, default=40, help="of each sort")
    parser.add_argument("--quick", action="store_true", help="tiny galleries, 8 probes")
    options = parser.parse_args()
    rows: list[Row] = []
    for dimension, sizes in (QUICK_SIZES if options.quick else SIZES).items():
        for faces in sizes:
            rows += measure(dimension, faces, 8 if options.quick else options.probes)
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "faiss-cpu")}
    record = {
        "machine": describe_machine(),
        "versions": versions,
        "max_distance": MAX_DISTANCE,
        "quick": options.quick,
        "rows": [asdict(row) for row in rows],
    }
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "vectors.json").write_text(json.dumps(record, indent=1) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
