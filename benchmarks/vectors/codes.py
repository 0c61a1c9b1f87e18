"""Why four bits a number, and not the usual product quantisation of pairs.

From the top of a checkout: ``python -m benchmarks.vectors.codes`` (about a minute).

In: a synthetic gallery. Out: for each kind of code what it costs to build, how long a scan
takes, and how many of the true nearest rows are among its best candidates; raw results as
JSON and a Markdown table on standard output.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.machine import describe_machine
from benchmarks.vectors.gallery import FloatArray, Gallery
from facesearch.vectors.codes import Codes
from facesearch.vectors.rows import Rows

CANDIDATES = (200, 1_000, 4_000)
TOP = 10
TRAINING_ROWS = 40_000


def quantised(vectors: FloatArray, pieces: int) -> Any:
    """FAISS's own fast-scan index: trained and encoded by FAISS, on one thread."""
    index = faiss.IndexPQFastScan(vectors.shape[1], pieces, 4, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[:: max(1, len(vectors) // TRAINING_ROWS)])
    index.add(vectors)
    return index


def ours(vectors: FloatArray) -> Any:
    """The codes facesearch makes, as a FAISS index."""
    return faiss.deserialize_index(Codes.build(Rows(vectors)).to_bytes())


def measure(name: str, build: Callable[[], Any], vectors: FloatArray, probes: FloatArray) -> Any:
    """What one kind of code costs and gives."""
    start = time.perf_counter()
    index = build()
    build_s = time.perf_counter() - start
    truth = probes @ vectors.T
    best = np.argsort(-truth, axis=1)[:, :TOP]
    _, positions = index.search(probes, max(CANDIDATES))
    scans = []
    for probe in probes:
        start = time.perf_counter()
        index.search(probe[np.newaxis], CANDIDATES[1])
        scans.append(time.perf_counter() - start)
    return {
        "name": name,
        "build_s": build_s,
        "bytes_per_row": faiss.serialize_index(index).nbytes / len(vectors),
        "scan_s": scans,
        "recall": {
            str(count): float(
                np.mean(
                    [np.isin(b, p[:count]).mean() for b, p in zip(best, positions, strict=True)]
                )
            )
            for count in CANDIDATES
        },
    }


def table(kinds: list[Any]) -> str:
    """The results as Markdown."""
    recalls = " / ".join(f"{count:,}" for count in CANDIDATES)
    lines = [
        f"| codes | build, s | bytes a row | scan, ms | recall@{TOP} at {recalls} candidates |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {kind['name']} | {kind['build_s']:.1f} | {kind['bytes_per_row']:.0f} "
        f"| {statistics.median(kind['scan_s']) * 1e3:.2f} "
        f"| {' / '.join(format(value, '.4f') for value in kind['recall'].values())} |"
        for kind in kinds
    ]
    return "\n".join(lines)


def main() -> None:
    """Read the options, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vectors.codes")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--faces", type=int, default=300_000)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--probes", type=int, default=100, help="of each sort")
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)
    gallery = Gallery(options.faces, options.dimension)
    vectors = gallery.vectors
    probes = np.concatenate([gallery.new_photos(options.probes), gallery.strangers(options.probes)])
    d = options.dimension
    kinds = [
        measure(f"FAISS PQ{d // 2}x4fs", lambda: quantised(vectors, d // 2), vectors, probes),
        measure(f"FAISS PQ{d}x4fs", lambda: quantised(vectors, d), vectors, probes),
        measure("facesearch", lambda: ours(vectors), vectors, probes),
    ]
    record = {
        "machine": describe_machine(),
        "versions": {"numpy": np.__version__, "faiss": faiss.__version__},
        "faces": options.faces,
        "dimension": d,
        "kinds": kinds,
    }
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "codes.json").write_text(json.dumps(record, indent=1) + "\n")
    print(table(kinds))


if __name__ == "__main__":
    main()
