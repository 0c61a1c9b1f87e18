"""YuNet (Wu and others, 2023), as OpenCV's model zoo has it: face_detection_yunet_2023mar.onnx.

In: for the strides 8, 16 and 32 how much a cell looks like a face and how much like any
object, the centre and the logarithm of the size of a box, and five points, counted in
strides from the upper left corner of the cell. Out: faces in pixels of the input.
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

_STRIDES_PX = (8, 16, 32)
_COLUMNS = ({1: 6, BOX_COLUMNS: 3, POINT_COLUMNS: 3},)


def _decode(
    outputs: Sequence[NDArray[Any]], width_px: int, height_px: int, threshold: float
) -> Found:
    by_columns = tables(outputs, _COLUMNS)
    shares, boxes, points = (by_columns[columns] for columns in (1, BOX_COLUMNS, POINT_COLUMNS))
    parts = []
    for level, stride in enumerate(_STRIDES_PX):
        cells = grid(width_px, height_px, stride)
        # Their product is what counts, so it does not matter which of the two is which.
        face, thing = shares[2 * level : 2 * level + 2]
        rows_of(face, thing, boxes[level], points[level], cells=len(cells))
        scores = np.sqrt(np.clip(face[:, 0], 0, 1) * np.clip(thing[:, 0], 0, 1))
        rows = np.flatnonzero(scores >= threshold)
        corner = cells[rows]
        centre = corner + boxes[level][rows, :2]
        half = np.exp(boxes[level][rows, 2:]) / 2
        parts.append(
            Found(
                np.concatenate([centre - half, centre + half], axis=1) * np.float32(stride),
                (points[level][rows].reshape(-1, 5, 2) + corner[:, None]) * np.float32(stride),
                scores[rows],
            )
        )
    return together(parts)


SPEC = HeadSpec(
    version=1,
    channels=Channels.BGR,
    mean=(0.0, 0.0, 0.0),
    scale=(1.0, 1.0, 1.0),
    side_px=640,
    multiple_px=32,
    threshold=0.6,
    overlap=0.3,
    columns=_COLUMNS,
    describe="12 outputs: for each stride two scores, 4 numbers of a box and 10 coordinates",
    decode=_decode,
)
