"""Smaller pictures of a photo, as the three networks of MTCNN take them.

In: pixels. Out: the photo at falling scales, in tiles, and square cut-outs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np

from facesearch.models.align import LARGEST_SIDE_PX, seen_part
from facesearch.models.mtcnn_boxes import Candidates
from facesearch.opencv import cv2
from facesearch.values import ByteArray, Image

CELL_PX = 12
# Up to this many pixels a picture's levels are averages over areas.
_EXACT_PIXELS = 640 * 480
# Outside the photo lies what the networks see as zero.
_OUTSIDE = (127.5, 127.5, 127.5)


def pyramid(
    pixels: ByteArray, smallest_px: float, *, step: float, border_px: int
) -> Iterator[tuple[float, ByteArray]]:
    """The picture at falling scales: in the first, the smallest face fills one cell.

    In the last, the largest face does. (The package stops sooner where faces of less
    than 20 px are asked for, and misses the largest ones.) Each scale is `step` times the
    one before, and a grey border is added on all sides of each.

    Levels of a small picture are averages over areas, as in the package. Of a larger
    one they are sampled bilinearly from the picture halved as often as possible before:
    a tenth of the time. On small pictures, whose faces are near the limit, that would
    lose 1.5 % of the faces that the package finds; on larger ones it loses none.
    """
    height, width = pixels.shape[:2]
    exact = height * width <= _EXACT_PIXELS
    halved, halvings = pixels, 1.0
    for level in count():
        scale = CELL_PX / smallest_px * step**level
        rows, columns = int(height * scale), int(width * scale)
        if min(rows, columns) < CELL_PX:
            return
        while scale * halvings <= 0.5 and not exact:
            even = halved[: halved.shape[0] // 2 * 2, : halved.shape[1] // 2 * 2]
            half = (even.shape[1] // 2, even.shape[0] // 2)
            halved = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), np.uint8)
            halvings *= 2
        method = cv2.INTER_AREA if exact and scale < 1 else cv2.INTER_LINEAR
        picture = cv2.resize(halved, (columns, rows), interpolation=method)
        if border_px:
            sides = (border_px,) * 4
            picture = cv2.copyMakeBorder(picture, *sides, cv2.BORDER_CONSTANT, value=_OUTSIDE)
        yield scale, np.asarray(picture, np.uint8)


def tiles(level: ByteArray, side: int) -> Iterator[tuple[int, int, ByteArray]]:
    """Overlapping tiles whose cells are those of the whole: first row, first column, tile."""
    # An even tile of s pixels has s / 2 - 5 whole cells, so the next one starts there.
    step = side // 2 - 5
    height, width = level.shape[:2]
    rows = max(1, math.ceil((height - 2 * 5) / (2 * step)))
    columns = max(1, math.ceil((width - 2 * 5) / (2 * step)))
    # Tiles of like size: a sliver at the edge would cost a call for a few cells.
    row_step = math.ceil((height / 2 - 5) / rows)
    column_step = math.ceil((width / 2 - 5) / columns)
    for row in range(0, max(1, rows * row_step), max(1, row_step)):
        for column in range(0, max(1, columns * column_step), max(1, column_step)):
            bottom = height if row + row_step >= height / 2 - 5 else 2 * (row + row_step) + 10
            right = (
                width
                if column + column_step >= width / 2 - 5
                else (2 * (column + column_step) + 10)
            )
            tile = level[2 * row : bottom, 2 * column : right]
            if tile.shape[0] >= CELL_PX and tile.shape[1] >= CELL_PX:
                yield row, column, tile


def cut(images: Sequence[Image], found: Candidates, side: int) -> ByteArray:
    """The candidates as small pictures, uint8 (n, side, side, 3), sampled bilinearly."""
    pictures = np.empty((len(found), side, side, 3), dtype=np.uint8)
    for number, image in enumerate(images):
        rows = np.flatnonzero(found.image == number)
        if rows.size == 0:
            continue
        height, width = image.pixels.shape[:2]
        # The package's crop: corners as shares of the size, times the last pixel's index.
        to_pixels = np.array([(width - 1) / width, (height - 1) / height] * 2)
        corners = found.corners[rows] * to_pixels
        steps = (corners[:, 2:] - corners[:, :2]) / (side - 1)
        too_large = max(height, width) > LARGEST_SIDE_PX
        for row, (left, top), (dx, dy) in zip(
            rows.tolist(), corners[:, :2].tolist(), steps.tolist(), strict=True
        ):
            pixels, matrix = image.pixels, np.array([[dx, 0.0, left], [0.0, dy, top]])
            if too_large:
                pixels, matrix = seen_part(pixels, matrix, side)
            cv2.warpAffine(
                pixels,
                matrix,
                (side, side),
                dst=pictures[row],
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=_OUTSIDE,
            )
    return pictures
