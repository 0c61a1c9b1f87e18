"""Fast-scan codes of one large segment: four bits a number, scanned by FAISS.

In: unit vectors. Out: positions of the rows that are probably nearest, with
approximate scores, and how far such a score may be off. Nothing here is an
answer yet: the caller ranks the candidates again by exact distance.

Each number of a vector is rounded to one of 16 levels of its own, chosen to
make the error small over the segment. Levels and codes are made here, ten
times as fast as FAISS makes them; FAISS scans them. It is imported when codes
are first built or searched, not before.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import IndexDamaged
from facesearch.values import ByteArray, FloatArray, IdArray
from facesearch.vectors.rows import Rows

LEAST_ROWS = 1_024  # fewer rows say little about the noise, and are quickly searched exactly

_LEVELS = 16
_TRAINING_ROWS = 16_384
_TRAINING_ROUNDS = 50
_ENCODE_ROWS = 2_048  # a chunk and its codes stay in the processor's cache
_SAMPLE_ROWS = 4_096
_SAMPLE_PROBES = 128
_LEAST_NOISE = 1e-3  # rounding of the codes' own arithmetic


@dataclass(frozen=True, slots=True)
class Calibration:
    """How approximate scores relate to exact ones: approximate = slope * exact + offset + noise.

    Quantisation shortens vectors, so a near row scores lower than it should;
    measured on rows of the segment itself.

    Attributes:
        slope, offset: of the line.
        noise: root mean square distance from it, in score, the worst of the
            rows themselves, their nearest neighbours and strangers. Infinite
            where the codes tell no row from another.
    """

    slope: float
    offset: float
    noise: float


class Codes:
    """The codes of one segment. Built once, never changed; safe to search from any thread."""

    def __init__(
        self,
        dimension: int,
        rows: int,
        calibration: Calibration,
        *,
        index: Any = None,
        data: bytes | ByteArray = b"",
        source: str = "",
    ) -> None:
        """Codes from a FAISS index or from its bytes, which are read when first needed.

        Use `build` or `from_bytes`.
        """
        self.dimension = dimension
        self.rows = rows
        self.calibration = calibration
        self._index = index
        self._data = data
        self._source = source
        self._lock = threading.Lock()

    @classmethod
    def build(cls, rows: Rows) -> Codes:
        """Choose levels by a sample of the rows, and encode all of them.

        Args:
            rows: at least 1,024.

        Raises:
            IndexDamaged: the rows fail their checksums.
        """
        levels = best_levels(rows.take(_spread(len(rows), _TRAINING_ROWS)))
        pieces = [
            encoded(rows.between(start, start + _ENCODE_ROWS), levels)
            for start in range(0, len(rows), _ENCODE_ROWS)
        ]
        index = _fast_scan(levels, np.concatenate(pieces))
        return cls(rows.dimension, len(rows), _calibrate(levels, rows), index=index)

    @classmethod
    def from_bytes(
        cls,
        data: ByteArray,
        dimension: int,
        rows: int,
        calibration: Calibration,
        source: str,
    ) -> Codes:
        """Codes from what `to_bytes` gave; `source` is the file, for error messages."""
        return cls(dimension, rows, calibration, data=data, source=source)

    def to_bytes(self) -> ByteArray:
        """The codes and centroids as FAISS writes them; uint8, shape (n,)."""
        with self._lock:
            if self._index is None:
                return np.frombuffer(self._data, np.uint8)
            import faiss

            data: ByteArray = faiss.serialize_index(self._index)
            return data

    def search(self, probes: FloatArray, count: int) -> tuple[IdArray, FloatArray]:
        """The rows that are probably nearest.

        Args:
            probes: float32, shape (q, d).
            count: candidates per probe, at most the number of rows.

        Returns:
            Positions (q, count) and approximate scores (q, count), best first. FAISS
            leaves out some rows that score worst of all: the position is -1 then.

        Raises:
            IndexDamaged: FAISS cannot read the codes.
        """
        scores, positions = self._loaded().search(probes, min(count, self.rows))
        return positions, scores

    def least_score(self, exact: float, deviations: float) -> float:
        """The approximate score that a row of this exact score hardly ever falls below."""
        line = self.calibration
        return line.slope * exact + line.offset - deviations * line.noise

    def _loaded(self) -> Any:
        with self._lock:
            if self._index is None:
                self._index = _read(self._data, self.dimension, self.rows, self._source)
                self._data = b""
            return self._index


def _read(data: bytes | ByteArray, dimension: int, rows: int, source: str) -> Any:
    import faiss

    try:
        index = faiss.deserialize_index(np.frombuffer(data, np.uint8))
    except RuntimeError as error:
        raise IndexDamaged(
            f"FAISS {faiss.__version__} cannot read {source}: {error}; "
            "rebuild the vector index from the catalog"
        ) from error
    if not isinstance(index, faiss.IndexPQFastScan) or (index.d, index.ntotal) != (dimension, rows):
        raise IndexDamaged(
            f"{source} holds {index.ntotal} codes of dimension {index.d}, expected {rows} of "
            f"{dimension}; rebuild the vector index from the catalog"
        )
    return index


def _spread(count: int, at_most: int) -> IdArray:
    """Positions of at most so many rows, evenly spread: the same ones every time."""
    return np.unique(np.linspace(0, count - 1, min(count, at_most)).astype(np.int64))


def _calibrate(levels: FloatArray, rows: Rows) -> Calibration:
    """Compare approximate with exact scores among a sample of the rows."""
    sample = rows.take(_spread(len(rows), _SAMPLE_ROWS))
    index = _fast_scan(levels, encoded(sample, levels))
    own = _spread(len(sample), _SAMPLE_PROBES)
    scores, positions = index.search(sample[own], len(sample))
    exact = np.take_along_axis(sample[own] @ sample.T, np.maximum(positions, 0), axis=1)

    is_self = positions == own[:, np.newaxis]
    strangers = ~is_self & (positions >= 0)
    if not is_self.any() or not strangers.any():
        # rows that are all alike: FAISS leaves out those in its last bucket, here all of them
        return Calibration(1.0, 0.0, np.inf)
    near = strangers & (exact >= np.quantile(exact[strangers], 0.999))
    spread = float(exact[is_self].mean() - exact[strangers].mean())
    rise = float(scores[is_self].mean() - scores[strangers].mean())
    # a segment of one vector many times has no slope to measure
    slope = rise / spread if spread > 1e-3 and rise > 0 else 1.0
    offset = float(scores[strangers].mean() - slope * exact[strangers].mean())
    error = scores - (slope * exact + offset)
    noise = max(float(np.sqrt(np.mean(error[mask] ** 2))) for mask in (is_self, near, strangers))
    return Calibration(slope, offset, max(noise, _LEAST_NOISE))


def best_levels(sample: FloatArray) -> FloatArray:
    """The 16 levels of each column that make the squared rounding error small (Lloyd's method).

    Args:
        sample: float32, shape (n, d).

    Returns:
        float32, shape (d, 16), ascending.
    """
    count, dimension = sample.shape
    columns = np.ascontiguousarray(np.sort(sample, axis=0).T)
    sums = np.zeros((dimension, count + 1))
    np.cumsum(columns, axis=1, dtype=np.float64, out=sums[:, 1:])
    quantiles = ((np.arange(_LEVELS) + 0.5) / _LEVELS * count).astype(np.int64)
    levels = columns[:, quantiles].astype(np.float64)
    cuts = np.zeros((dimension, _LEVELS + 1), np.int64)
    cuts[:, -1] = count
    for _ in range(_TRAINING_ROUNDS):
        borders = _borders(levels)
        for column, border, cut in zip(columns, borders, cuts, strict=True):
            cut[1:-1] = np.searchsorted(column, border)
        members = np.diff(cuts, axis=1)
        totals = np.diff(np.take_along_axis(sums, cuts, axis=1), axis=1)
        # a level that no number is rounded to stays where it is
        levels = np.where(members > 0, totals / np.maximum(members, 1), levels)
    return levels.astype(np.float32)


def encoded(rows: FloatArray, levels: FloatArray) -> ByteArray:
    """The nearest level of each number, two to a byte as FAISS has them, the first one low.

    Args:
        rows: float32, shape (n, d).
        levels: float32, shape (d, 16), ascending.

    Returns:
        uint8, shape (n, ceil(d / 2)).
    """
    borders = np.ascontiguousarray(_borders(levels.astype(np.float64)).T)
    numbers = np.zeros(rows.shape, np.uint8)
    for border in borders:
        numbers += rows > border
    packed = np.ascontiguousarray(numbers[:, 0::2])
    packed[:, : rows.shape[1] // 2] |= numbers[:, 1::2] << 4
    return packed


def _borders(levels: NDArray[np.float64]) -> FloatArray:
    """Half-way between neighbouring levels; (d, 15)."""
    return ((levels[:, 1:] + levels[:, :-1]) / 2).astype(np.float32)


def _fast_scan(levels: FloatArray, codes: ByteArray) -> Any:
    """A FAISS index over codes made by `encoded`."""
    import faiss

    dimension = len(levels)
    flat = faiss.IndexPQ(dimension, dimension, 4, faiss.METRIC_INNER_PRODUCT)
    faiss.copy_array_to_vector(levels.ravel(), flat.pq.centroids)
    flat.is_trained = True
    faiss.copy_array_to_vector(codes.ravel(), flat.codes)
    flat.ntotal = len(codes)
    fast_scan: Any = faiss.IndexPQFastScan  # its stubs leave out that it takes an index
    return fast_scan(flat)
