"""Galleries made for the index tests, every kind of index, and how to compare answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facesearch.values import FloatArray, IdArray
from facesearch.vectors.base import Generation, Neighbours, VectorIndex
from facesearch.vectors.exact import ExactIndex
from facesearch.vectors.faiss import SegmentedIndex
from facesearch.vectors.merging import SegmentOptions

SPACE = "toy@1"
DIMENSION = 16
CODED = SegmentOptions(exact_rows=2_000, coded_rows=1_024, fresh_rows=3_000)
TINY = SegmentOptions(
    exact_rows=2_000,
    coded_rows=1_024,
    fresh_rows=40,
    segment_bytes=4 * DIMENSION * 700,
    mapped_bytes=0,
    small_rows=8,
)


def unit(vectors: np.ndarray) -> FloatArray:
    """Rows scaled to length 1."""
    rows = np.asarray(vectors, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def strangers(count: int, dimension: int = DIMENSION, seed: int = 0) -> FloatArray:
    """Vectors with no structure at all."""
    return unit(np.random.default_rng(seed).standard_normal((count, dimension)))


def look_alikes(
    count: int, each: int, spread: float = 0.3, dimension: int = DIMENSION, seed: int = 0
) -> FloatArray:
    """Identities of about `each` vectors, all about as far from their middle."""
    rng = np.random.default_rng(seed)
    middles = unit(rng.standard_normal((max(1, count // each), dimension)))
    noise = unit(rng.standard_normal((count, dimension)))
    return unit(middles[rng.integers(0, len(middles), count)] + spread * noise)


@dataclass(frozen=True)
class Kind:
    """A kind of index under test: how to make it, and to make it search as it does at scale."""

    name: str
    make: Callable[[str, int], VectorIndex]
    load: Callable[[Path, str, int], VectorIndex]

    def filled(self, ids: IdArray, vectors: FloatArray, folder: Path) -> VectorIndex:
        """An index with these rows; coded ones are saved, which builds their codes."""
        index = self.make(SPACE, vectors.shape[1])
        index.add(ids, vectors)
        if self.name == "coded":
            index.save(folder / "filled", Generation())
            assert index.kind == ("fast-scan+exact" if len(ids) > 2_000 else "exact")
        return index


def _segmented(name: str, options: SegmentOptions) -> Kind:
    return Kind(
        name,
        lambda space, dimension: SegmentedIndex(space, dimension, options=options),
        lambda folder, space, dimension: SegmentedIndex.load(
            folder, space, dimension, options=options
        ),
    )


KINDS = [
    Kind("exact", ExactIndex, ExactIndex.load),
    _segmented("segmented", SegmentOptions()),
    _segmented("tiny", TINY),
    _segmented("coded", CODED),
]


def reference(ids: IdArray, vectors: FloatArray) -> ExactIndex:
    """The index that is plainly right, with these rows."""
    index = ExactIndex(SPACE, vectors.shape[1])
    index.add(ids, vectors)
    return index


def assert_same(found: list[Neighbours], expected: list[Neighbours]) -> None:
    """The same ids in the same order at the same distances, to the last bit."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.ids, other.ids)
        np.testing.assert_array_equal(one.distances, other.distances)
