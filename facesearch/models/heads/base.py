"""What the decodings have in common: tables of rows, cells of grids, suppression.

In: arrays as a network gives them. Out: `Found`. Coordinates are pixels of the network's
input; x grows to the right, y grows down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidValue
from facesearch.models.preprocessing import Channels
from facesearch.values import FloatArray

Shape: TypeAlias = tuple[int | None, ...]

# Rows of one face: a box, five points, and whatever says how sure the network is.
BOX_COLUMNS, POINT_COLUMNS = 4, 10
# What the original programs look at most before suppression.
_MOST_CANDIDATES = 5000


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Faces that one run found.

    Attributes:
        corners: float32 (n, 4), left, top, right, bottom.
        points: float32 (n, 5, 2), x and y, in the order of `Landmarks`.
        scores: float32 (n,), in 0..1.
    """

    corners: FloatArray
    points: FloatArray
    scores: FloatArray

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Found:
        """Some of them."""
        return Found(self.corners[rows], self.points[rows], self.scores[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSpec:
    """How the networks of a family are fed and read, as their authors publish it.

    Attributes:
        version: part of what results are remembered under: another decoding, another number.
        channels, mean, scale: of the input; mean and scale are red, green, blue.
        side_px: width and height of the input where the file leaves it open.
        multiple_px: width and height have to be multiples of this where the file leaves
            them open; its coarsest grid then fits.
        threshold: least score of a face, in (0, 1).
        overlap: intersection over union beyond which the worse of two faces is dropped.
        columns: of the output tables and how many there are of each: one set of counts for
            each kind of network of the family.
        describe: the outputs it takes, in words.
        decode: outputs, width and height of the input and least score to faces, before
            suppression; raises InvalidValue where they are not outputs of the family.
    """

    version: int
    channels: Channels
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    side_px: int
    multiple_px: int
    threshold: float
    overlap: float
    columns: tuple[dict[int, int], ...]
    describe: str
    decode: Callable[[Sequence[NDArray[Any]], int, int, float], Found]

    def may_take(self, shapes: Sequence[Shape]) -> bool:
        """Whether outputs of these shapes, as far as a file states them, may be the family's."""
        stated = Counter(shape[-1] for shape in shapes if shape and shape[-1] is not None)
        return any(
            len(shapes) == sum(counts.values())
            and all(number <= counts.get(columns, 0) for columns, number in stated.items())
            for counts in self.columns
        )

    def takes(self, shapes: Sequence[Shape]) -> bool:
        """Whether these shapes are the family's; False where a file leaves columns open."""
        return all(shape and shape[-1] is not None for shape in shapes) and self.may_take(shapes)


def tables(
    outputs: Sequence[NDArray[Any]], columns: Sequence[dict[int, int]]
) -> dict[int, list[FloatArray]]:
    """Outputs as tables of one row a candidate, by their number of columns, longest first.

    Grids of finer stride have more cells, so that the order of the outputs in the file and
    their names do not matter.

    Args:
        outputs: (rows, columns) or (1, rows, columns).
        columns: how many tables of which number of columns are expected: one of these.

    Raises:
        InvalidValue: other outputs than expected.
    """
    found: dict[int, list[FloatArray]] = {}
    for output in outputs:
        if output.ndim not in (2, 3) or (output.ndim == 3 and output.shape[0] != 1):
            raise InvalidValue(_unexpected(outputs))
        table = np.asarray(output.reshape(output.shape[-2:]), np.float32)
        found.setdefault(table.shape[1], []).append(table)
    if {number: len(those) for number, those in found.items()} not in list(columns):
        raise InvalidValue(_unexpected(outputs))
    return {number: sorted(those, key=lambda table: -len(table)) for number, those in found.items()}


def _unexpected(outputs: Sequence[NDArray[Any]]) -> str:
    return "unexpected outputs of shapes " + ", ".join(str(output.shape) for output in outputs)


def rows_of(*tables_of_level: FloatArray, cells: int) -> int:
    """Candidates in each cell of a grid, given the tables that belong to it.

    Raises:
        InvalidValue: the tables do not fit the grid.
    """
    (rows, *others) = {len(table) for table in tables_of_level}
    if others or rows == 0 or rows % cells:
        lengths = ", ".join(str(len(table)) for table in tables_of_level)
        raise InvalidValue(f"outputs of {lengths} rows where the grid has {cells} cells")
    return rows // cells


@lru_cache(maxsize=64)
def grid(width_px: int, height_px: int, stride_px: int) -> FloatArray:
    """Column and row of each cell of a grid, row by row: float32 (cells, 2), read-only."""
    columns, rows = -(-width_px // stride_px), -(-height_px // stride_px)
    down, across = np.indices((rows, columns), np.float32)
    cells = np.stack([across.ravel(), down.ravel()], axis=1)
    cells.flags.writeable = False
    return cells


def together(parts: Sequence[Found]) -> Found:
    """The faces of several grids."""
    return Found(
        np.concatenate([np.empty((0, 4), np.float32), *(part.corners for part in parts)]),
        np.concatenate([np.empty((0, 5, 2), np.float32), *(part.points for part in parts)]),
        np.concatenate([np.empty(0, np.float32), *(part.scores for part in parts)]),
    )


def suppress(found: Found, overlap: float) -> Found:
    """Without faces that a better one overlaps, best first.

    Args:
        overlap: intersection over union beyond which the worse one goes.
    """
    order = np.argsort(-found.scores, kind="stable")[:_MOST_CANDIDATES]
    corners = found.corners[order]
    areas = np.prod(np.maximum(corners[:, 2:] - corners[:, :2], 0), axis=1)
    alive, kept = np.ones(len(order), np.bool_), []
    while alive.any():
        best = int(alive.argmax())
        kept.append(best)
        first = np.maximum(corners[:, :2], corners[best, :2])
        last = np.minimum(corners[:, 2:], corners[best, 2:])
        shared = np.prod(np.maximum(last - first, 0), axis=1)
        alive &= shared <= overlap * (areas + areas[best] - shared)
        alive[best] = False
    return found.take(order[np.asarray(kept, np.int64)])
