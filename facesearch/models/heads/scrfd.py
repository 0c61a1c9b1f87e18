"""SCRFD (Guo and others, 2021), as insightface exports it: det_10g.onnx, scrfd_10g_bnkps.onnx.

In: for each stride a score, distances to the four sides, and offsets of five points,
counted in strides from the upper left corner of a cell. Strides are 8, 16 and 32 with two
candidates a cell, or 8 to 128 with one. Out: faces in pixels of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.models.heads.base import (
    BOX_COLUMNS,
    POINT_COLUMNS,
    Found,
    HeadSpec,
    grid,
    rows_of,
    tables,
    together,
)
from facesearch.models.preprocessing import Channels

_FIRST_STRIDE_PX = 8
_COLUMNS = tuple({1: levels, BOX_COLUMNS: levels, POINT_COLUMNS: levels} for levels in (3, 5))


def _decode(
    outputs: Sequence[NDArray[Any]], width_px: int, height_px: int, threshold: float
) -> Found:
    by_columns = tables(outputs, _COLUMNS)
    levels = zip(by_columns[1], by_columns[BOX_COLUMNS], by_columns[POINT_COLUMNS], strict=True)
    parts = []
    for level, (scores, sides, points) in enumerate(levels):
        stride = _FIRST_STRIDE_PX << level
        cells = grid(width_px, height_px, stride)
        in_each = rows_of(scores, sides, points, cells=len(cells))
        rows = np.flatnonzero(scores[:, 0] >= threshold)
        corner = cells[rows // in_each]
        near, far = corner - sides[rows, :2], corner + sides[rows, 2:]
        parts.append(
            Found(
                np.concatenate([near, far], axis=1) * np.float32(stride),
                (points[rows].reshape(-1, 5, 2) + corner[:, None]) * np.float32(stride),
                scores[rows, 0],
            )
        )
    return together(parts)


SPEC = HeadSpec(
    version=1,
    channels=Channels.RGB,
    mean=(127.5, 127.5, 127.5),
    scale=(1 / 128, 1 / 128, 1 / 128),
    side_px=640,
    multiple_px=32,
    threshold=0.5,
    overlap=0.4,
    columns=_COLUMNS,
    describe="9 or 15 outputs: for each stride a score, 4 distances and 10 coordinates",
    decode=_decode,
)
