"""The vectors of one segment, in memory or mapped from a file whose every block is checked.

In: an array and, for a mapped one, the CRC-32 of each block. Out: rows that are
known to be what was written, or IndexDamaged.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import IndexDamaged
from facesearch.values import FloatArray, IdArray
from facesearch.vectors.base import BoolArray

BLOCK_BYTES = 16_384  # small enough to check a block for the sake of one row in it


def rows_per_block(dimension: int) -> int:
    """Rows that share one checksum."""
    return max(1, BLOCK_BYTES // (4 * dimension))


def block_checksums(rows: FloatArray) -> NDArray[np.uint32]:
    """CRC-32 of each block of C-contiguous rows (n, d), the last block perhaps shorter."""
    step = rows_per_block(rows.shape[1])
    sums = [zlib.crc32(rows[start : start + step].data) for start in range(0, len(rows), step)]
    return np.array(sums, dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class Checksums:
    """What the blocks of a file must add up to, and which were found to.

    Attributes:
        expected: uint32, one per block.
        verified: bool, one per block; turns True once, from any thread.
        source: the file, for the error message.
    """

    expected: NDArray[np.uint32]
    verified: BoolArray
    source: str


class Rows:
    """Vectors of one segment: float32, shape (n, d), read-only.

    A mapped block is verified when it is first touched, not when the file is
    opened: a query on a large library touches few of them.
    """

    __slots__ = ("_array", "_checksums")

    def __init__(self, array: FloatArray, checksums: Checksums | None = None) -> None:
        self._array = array
        self._checksums = checksums

    def __len__(self) -> int:
        return len(self._array)

    @property
    def dimension(self) -> int:
        """Numbers per row."""
        return int(self._array.shape[1])

    def between(self, start: int, stop: int) -> FloatArray:
        """Rows start to stop, a view.

        Raises:
            IndexDamaged: a block of them fails its checksum.
        """
        if self._checksums is not None:
            step = rows_per_block(self.dimension)
            self._verify(np.arange(start // step, -(-min(stop, len(self)) // step)))
        return self._array[start:stop]

    def take(self, positions: IdArray) -> FloatArray:
        """The rows at these positions, a copy.

        Raises:
            IndexDamaged: a block of them fails its checksum.
        """
        if self._checksums is not None:
            self._verify(positions // rows_per_block(self.dimension))
        return np.take(self._array, positions, axis=0)

    def _verify(self, blocks: IdArray) -> None:
        checksums = self._checksums
        if checksums is None or checksums.verified[blocks].all():
            return
        step = rows_per_block(self.dimension)
        for block in np.unique(blocks[~checksums.verified[blocks]]).tolist():
            found = zlib.crc32(self._array[block * step : (block + 1) * step].data)
            if found != int(checksums.expected[block]):
                raise IndexDamaged(
                    f"{checksums.source} has changed since it was written: rows {block * step} to "
                    f"{min((block + 1) * step, len(self)) - 1} fail their checksum; "
                    "rebuild the vector index from the catalog"
                )
            checksums.verified[block] = True
