"""RetinaFace (Deng and others, 2019), as Pytorch_Retinaface exports it, with either backbone.

In: three tables of a row for each prior box: the box and five points relative to the prior,
and the probabilities of background and face. Priors stand in the middle of the cells of
strides 8, 16 and 32, two sizes in each. Out: faces in pixels of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidValue
from facesearch.models.heads.base import (
    BOX_COLUMNS,
    POINT_COLUMNS,
    Found,
    HeadSpec,
    grid,
    tables,
)
from facesearch.models.preprocessing import Channels
from facesearch.values import FloatArray

_PRIOR_SIDES_PX = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
_CENTRE_VARIANCE, _SIZE_VARIANCE = 0.1, 0.2
_COLUMNS = ({BOX_COLUMNS: 1, 2: 1, POINT_COLUMNS: 1},)
# Probabilities add up to 1, also where they are of 16 bits; other numbers are logits.
_SUM_TOLERANCE = 0.01


def _decode(
    outputs: Sequence[NDArray[Any]], width_px: int, height_px: int, threshold: float
) -> Found:
    by_columns = tables(outputs, _COLUMNS)
    (boxes,), (chances,), (points,) = (by_columns[n] for n in (BOX_COLUMNS, 2, POINT_COLUMNS))
    priors = _priors(width_px, height_px)
    if not len(boxes) == len(chances) == len(points) == len(priors):
        raise InvalidValue(
            f"outputs of {len(boxes)}, {len(chances)} and {len(points)} rows where there are "
            f"{len(priors)} prior boxes"
        )
    scores = _face_chances(chances)
    rows = np.flatnonzero(scores >= threshold)
    middle, side = priors[rows, :2], priors[rows, 2:]
    centre = middle + boxes[rows, :2] * _CENTRE_VARIANCE * side
    half = side * np.exp(boxes[rows, 2:] * _SIZE_VARIANCE) / 2
    moved = points[rows].reshape(-1, 5, 2) * _CENTRE_VARIANCE * side[:, None]
    return Found(
        np.asarray(np.concatenate([centre - half, centre + half], axis=1), np.float32),
        np.asarray(middle[:, None] + moved, np.float32),
        scores[rows],
    )


def _face_chances(chances: FloatArray) -> FloatArray:
    """Probability of a face for each row; some exports leave the last step out."""
    with np.errstate(invalid="ignore"):
        done = np.abs(chances.sum(axis=1) - 1) <= _SUM_TOLERANCE
        within = (chances >= -_SUM_TOLERANCE).all(axis=1)
    if (done & within).all():
        return chances[:, 1]
    return np.asarray(1 / (1 + np.exp(chances[:, 0] - chances[:, 1])), np.float32)


@lru_cache(maxsize=16)
def _priors(width_px: int, height_px: int) -> FloatArray:
    """Centre and side of each prior box: float32 (n, 3), read-only."""
    parts = []
    for stride, sides in _PRIOR_SIDES_PX.items():
        middles = (grid(width_px, height_px, stride) + 0.5) * stride
        each = np.repeat(middles, len(sides), axis=0)
        of_each = np.tile(np.array(sides, np.float32), len(middles))
        parts.append(np.concatenate([each, of_each[:, None]], axis=1))
    priors = np.concatenate(parts).astype(np.float32)
    priors.flags.writeable = False
    return priors


SPEC = HeadSpec(
    version=1,
    channels=Channels.BGR,
    mean=(123.0, 117.0, 104.0),
    scale=(1.0, 1.0, 1.0),
    side_px=640,
    multiple_px=32,
    threshold=0.6,
    overlap=0.4,
    columns=_COLUMNS,
    describe="3 outputs: 4 numbers of a box, 2 probabilities and 10 coordinates for each prior",
    decode=_decode,
)
