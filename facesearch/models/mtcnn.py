"""The default face detector: MTCNN under ONNX Runtime.

In: images. Out: boxes, five landmarks and a score for each face.

Three networks look in turn. P-Net sees the photo at many scales and proposes every
12-pixel cell that may be a face; R-Net looks at the proposals as 24-pixel pictures,
O-Net at what is left as 48-pixel pictures. The steps between, coordinates and
suppression follow the package `mtcnn` 1.0.0 exactly, and a test holds both side by side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import cv2
import numpy as np
from numpy.typing import NDArray

from facesearch.models.align import LARGEST_SIDE_PX, seen_part
from facesearch.models.base import DetectorOptions
from facesearch.models.mtcnn_stages import BUILDER_VERSION, NAME, WEIGHTS, Stage
from facesearch.models.network_cache import cached_network
from facesearch.models.onnx import Device, Network, Runtime
from facesearch.values import Box, ByteArray, Detection, FloatArray, Image, Landmarks

_CELL_PX, _STRIDE_PX = 12, 2
_PYRAMID_FACTOR = 0.709
_REFINE_PX, _OUTPUT_PX = 24, 48
_EXACT_PIXELS = 640 * 480
# Suppression: within one scale, between scales, after R-Net, after O-Net.
_SAME_SCALE_IOU, _SCALES_IOU, _REFINED_IOU, _OUTPUT_OVERLAP = 0.5, 0.7, 0.7, 0.7
# Rectangles up to which all pairs are compared at once.
_LARGEST_MATRIX = 400
# Tiles and batches that keep a core's layers in its second-level cache.
_CPU_TILE_PX, _GPU_TILE_PX = 160, 4096
_CPU_BATCH = {Stage.REFINE: 16, Stage.OUTPUT: 4}
_GPU_BATCH = {Stage.REFINE: 4096, Stage.OUTPUT: 1024}
# Outside the photo lies what the networks see as zero.
_OUTSIDE = (127.5, 127.5, 127.5)
# How wide the smallest faces looked for should appear, and a photo's longer side at least.
_WANTED_FACE_PX, _LEAST_LONGER_PX = 24, 1200


@dataclass(slots=True, eq=False)
class _Candidates:
    """Rectangles under consideration, in pixels of the image array.

    Attributes:
        image: int64 (n,), which image of the batch.
        corners: float32 (n, 4), left, top, right, bottom.
        logit: float32 (n,), of the probability that it is a face.
    """

    image: NDArray[np.int64]
    corners: FloatArray
    logit: FloatArray

    def __len__(self) -> int:
        return len(self.image)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> _Candidates:
        return _Candidates(self.image[rows], self.corners[rows], self.logit[rows])


class Mtcnn:
    """Finds faces with MTCNN. Safe to call from several threads at once.

    Args:
        runtime: device and threads the networks run with.
        options: smallest face and thresholds.
    """

    def __init__(self, runtime: Runtime, options: DetectorOptions | None = None) -> None:
        self._options = options if options is not None else DetectorOptions()
        self._logits = [math.log(t / (1 - t)) for t in self._options.thresholds]
        on_cpu = runtime.device is Device.CPU
        self._tile_px = _CPU_TILE_PX if on_cpu else _GPU_TILE_PX
        self._batch = _CPU_BATCH if on_cpu else _GPU_BATCH
        self._networks: dict[Stage, Network] = {
            stage: runtime.load(NAME, cached_network(_cache_key(stage), _builder(stage)))
            for stage in Stage
        }

    @property
    def key(self) -> str:
        """Model, weights and options."""
        return f"{NAME}@{WEIGHTS[Stage.OUTPUT].sha256[:8]}:{self._options.key}"

    @property
    def wanted_longer_px(self) -> int:
        """Longer side at which the smallest faces looked for are wide enough to be found well."""
        wanted = math.ceil(_WANTED_FACE_PX / self._options.smallest_face_fraction)
        return max(_LEAST_LONGER_PX, wanted)

    def detect(self, images: Sequence[Image]) -> list[tuple[Detection, ...]]:
        """The faces of each image, largest first.

        Args:
            images: any sizes, full or reduced.

        Returns:
            One tuple an image, empty where there is no face; boxes and landmarks
            in pixels of the full-size photo.
        """
        found = self._propose(images)
        found, _ = self._look_closer(images, found, Stage.REFINE)
        found, landmarks = self._look_closer(images, found, Stage.OUTPUT)
        return [
            _detections(image, found.take(rows), landmarks[rows])
            for number, image in enumerate(images)
            for rows in (np.flatnonzero(found.image == number),)
        ]

    def _propose(self, images: Sequence[Image]) -> _Candidates:
        """Stage one: every cell of every scale that may hold a face, thinned out, square."""
        chosen = []
        for number, image in enumerate(images):
            smallest_px = self._options.smallest_face_in(image.full_size) * image.scale
            levels = [
                (level, *self._cells(picture, scale))
                for level, (scale, picture) in enumerate(_pyramid(image.pixels, smallest_px))
            ]
            corners = np.concatenate([np.empty((0, 4), np.float32), *(c for _, c, _ in levels)])
            logit = np.concatenate([np.empty(0, np.float32), *(p for _, _, p in levels)])
            of_level = np.repeat([n for n, _, _ in levels], [len(p) for _, _, p in levels])
            rows = _suppress_cells(corners, logit, of_level)
            chosen.append(_Candidates(np.full(rows.size, number), corners[rows], logit[rows]))
        return _squared(_concatenate(chosen))

    def _cells(self, picture: ByteArray, scale: float) -> tuple[FloatArray, FloatArray]:
        """The cells of one scale that P-Net takes for faces: corners (n, 4) and logits (n,)."""
        network = self._networks[Stage.PROPOSE]
        all_corners, all_logits = [], []
        for row, column, tile in _tiles(picture, self._tile_px):
            cells = network.run(tile[None])[0][0]
            rows, columns = np.nonzero(cells[:, :, 0] > self._logits[0])
            if rows.size == 0:
                continue
            likely = cells[rows, columns]
            # The package places the upper left corner one pixel further in, and so do we.
            first = np.stack([columns + column, rows + row], axis=1) * np.float32(_STRIDE_PX) + 1
            first = np.concatenate([first, first + (_CELL_PX - 1)], axis=1)
            all_corners.append((first + likely[:, 1:5] * (_CELL_PX - 1)) / np.float32(scale))
            all_logits.append(likely[:, 0])
        if not all_logits:
            return np.empty((0, 4), np.float32), np.empty(0, np.float32)
        return np.concatenate(all_corners), np.concatenate(all_logits)

    def _look_closer(
        self, images: Sequence[Image], found: _Candidates, stage: Stage
    ) -> tuple[_Candidates, FloatArray]:
        """Stage two or three: judge each candidate from its own small picture."""
        side = _REFINE_PX if stage is Stage.REFINE else _OUTPUT_PX
        threshold = self._logits[1 if stage is Stage.REFINE else 2]
        pictures = _cut(images, found, side)
        batch = self._batch[stage]
        network = self._networks[stage]
        results = [network.run(pictures[at : at + batch])[0] for at in range(0, len(found), batch)]
        columns = 5 if stage is Stage.REFINE else 15
        out = np.concatenate([np.empty((0, columns), np.float32), *results])
        kept = np.flatnonzero(out[:, 0] > threshold)
        found, out = found.take(kept), out[kept]
        # Sizes one pixel larger than the difference of corners, as the package has them.
        extent = found.corners[:, 2:] - found.corners[:, :2] + 1
        origin = found.corners[:, :2]
        landmarks = np.empty((len(found), 5, 2), np.float32)
        if stage is Stage.OUTPUT:
            landmarks = (
                origin[:, None]
                + out[:, 5:].reshape(-1, 2, 5).transpose(0, 2, 1) * (extent[:, None])
            )
            landmarks -= 1
        moved = _Candidates(
            found.image, found.corners + out[:, 1:5] * np.tile(extent, 2), out[:, 0]
        )
        if stage is Stage.REFINE:
            rows = _suppress(moved, _REFINED_IOU, by_smaller=False)
            return _squared(moved.take(rows)), landmarks
        rows = _suppress(moved, _OUTPUT_OVERLAP, by_smaller=True)
        return moved.take(rows), landmarks[rows]


def _cache_key(stage: Stage) -> str:
    return f"{NAME}-{stage}-{WEIGHTS[stage].sha256[:16]}-{BUILDER_VERSION}"


def _builder(stage: Stage) -> Callable[[], bytes]:
    def build_stage() -> bytes:
        # Here, because it loads `onnx`, which a cached network does not need.
        from facesearch.models.mtcnn_networks import build

        return build(stage)

    return build_stage


def _pyramid(pixels: ByteArray, smallest_px: float) -> Iterator[tuple[float, ByteArray]]:
    """The picture at falling scales: in the first, the smallest face fills one cell.

    In the last, the largest face does. (The package stops sooner where faces of less
    than 20 px are asked for, and misses the largest ones.)

    Levels of a small picture are averages over areas, as in the package. Of a larger
    one they are sampled bilinearly from the picture halved as often as possible before:
    a tenth of the time. On small pictures, whose faces are near the limit, that would
    lose 1.5 % of the faces that the package finds; on larger ones it loses none.
    """
    height, width = pixels.shape[:2]
    exact = height * width <= _EXACT_PIXELS
    halved, halvings = pixels, 1.0
    for level in count():
        scale = _CELL_PX / smallest_px * _PYRAMID_FACTOR**level
        rows, columns = int(height * scale), int(width * scale)
        if min(rows, columns) < _CELL_PX:
            return
        while scale * halvings <= 0.5 and not exact:
            even = halved[: halved.shape[0] // 2 * 2, : halved.shape[1] // 2 * 2]
            half = (even.shape[1] // 2, even.shape[0] // 2)
            halved = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), np.uint8)
            halvings *= 2
        method = cv2.INTER_AREA if exact and scale < 1 else cv2.INTER_LINEAR
        yield scale, np.asarray(cv2.resize(halved, (columns, rows), interpolation=method), np.uint8)


def _tiles(level: ByteArray, side: int) -> Iterator[tuple[int, int, ByteArray]]:
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
            if tile.shape[0] >= _CELL_PX and tile.shape[1] >= _CELL_PX:
                yield row, column, tile


def _cut(images: Sequence[Image], found: _Candidates, side: int) -> ByteArray:
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


def _concatenate(parts: Sequence[_Candidates]) -> _Candidates:
    if not parts:
        return _Candidates(
            np.empty(0, np.int64), np.empty((0, 4), np.float32), np.empty(0, np.float32)
        )
    return _Candidates(
        np.concatenate([p.image for p in parts]),
        np.concatenate([p.corners for p in parts]),
        np.concatenate([p.logit for p in parts]),
    )


def _squared(found: _Candidates) -> _Candidates:
    """Each rectangle grown to a square around the same centre."""
    extent = found.corners[:, 2:] - found.corners[:, :2]
    side = extent.max(axis=1, keepdims=True) if len(found) else extent[:, :1]
    origin = found.corners[:, :2] + extent * 0.5 - side * 0.5
    return _Candidates(found.image, np.concatenate([origin, origin + side], axis=1), found.logit)


def _suppress(found: _Candidates, threshold: float, *, by_smaller: bool) -> NDArray[np.int64]:
    """Rows that no better row of the same image overlaps by more than the threshold.

    Overlap is intersection over union, or over the smaller of the two. Best first
    within an image. A row counts even where it was itself suppressed: that is what the
    package does, and it needs no loop.
    """
    kept = [np.empty(0, np.int64)]
    for number in np.unique(found.image):
        rows = np.flatnonzero(found.image == number)
        rows = rows[np.argsort(-found.logit[rows], kind="stable")]
        kept.append(rows[~_covered(found.corners[rows], threshold, by_smaller=by_smaller)])
    return np.concatenate(kept)


def _suppress_cells(
    corners: FloatArray, logit: FloatArray, level: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Rows of one image's cells left after suppression within, then between its scales."""
    order = np.argsort(-logit, kind="stable")
    if order.size > _LARGEST_MATRIX:
        # Within each scale first: the matrix of all pairs would not fit the cache.
        kept = [
            rows[~_covered(corners[rows], _SAME_SCALE_IOU, by_smaller=False)]
            for number in np.unique(level)
            for rows in (order[level[order] == number],)
        ]
        left = np.concatenate(kept)
        left = left[np.argsort(-logit[left], kind="stable")]
        return left[~_covered(corners[left], _SCALES_IOU, by_smaller=False)]
    best_first = corners[order]
    overlap = _overlaps(best_first, best_first, by_smaller=False)
    same = level[order][:, None] == level[order][None, :]
    alive = ~_meets_earlier((overlap > _SAME_SCALE_IOU) & same)
    left = order[alive]
    return left[~_meets_earlier(overlap[np.ix_(alive, alive)] > _SCALES_IOU)]


def _covered(corners: FloatArray, threshold: float, *, by_smaller: bool) -> NDArray[np.bool_]:
    """Which rectangles overlap an earlier one by more than the threshold.

    Compared in blocks: a picture of a thousand faces proposes 20,000 cells, and a matrix
    of all their pairs takes gigabytes.
    """
    covered = np.zeros(len(corners), np.bool_)
    block = max(1, _LARGEST_MATRIX**2 // max(1, len(corners)))
    for at in range(0, len(corners), block):
        rows = corners[at : at + block]
        overlap = _overlaps(rows, corners[: at + block], by_smaller=by_smaller)
        covered[at : at + block] = _meets_earlier(overlap > threshold, at)
    return covered


def _meets_earlier(overlapping: NDArray[np.bool_], start: int = 0) -> NDArray[np.bool_]:
    """Which rows overlap an earlier column than their own; the first row's own is `start`."""
    if overlapping.size == 0:
        return np.zeros(0, np.bool_)
    first = overlapping.argmax(axis=1)
    return np.asarray(first < np.arange(start, start + len(first)))


def _overlaps(rows: FloatArray, columns: FloatArray, *, by_smaller: bool) -> FloatArray:
    """Intersection over union, or over the smaller area, of each of (n, 4) with each of (m, 4)."""
    left, top, right, bottom = rows.T[:, :, None]
    other_left, other_top, other_right, other_bottom = columns.T
    width = np.minimum(right, other_right) - np.maximum(left, other_left)
    height = np.minimum(bottom, other_bottom) - np.maximum(top, other_top)
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    areas = (right - left) * (bottom - top)
    other_areas = (other_right - other_left) * (other_bottom - other_top)
    if by_smaller:
        return np.asarray(shared / np.minimum(areas, other_areas), np.float32)
    return np.asarray(shared / (areas + other_areas - shared), np.float32)


def _detections(image: Image, found: _Candidates, landmarks: FloatArray) -> tuple[Detection, ...]:
    """Faces in pixels of the full-size photo, largest first."""
    to_full = np.array(
        [
            image.full_size.width / image.pixels.shape[1],
            image.full_size.height / image.pixels.shape[0],
        ]
    )
    detections = []
    for corners, points, logit in zip(found.corners, landmarks, found.logit, strict=True):
        left, top = corners[:2] * to_full
        right, bottom = corners[2:] * to_full
        if right - left < 1 or bottom - top < 1:
            continue
        detections.append(
            Detection(
                box=Box(float(left), float(top), float(right - left), float(bottom - top)),
                # Landmarks count from pixel centres, as sampling does.
                landmarks=Landmarks(((points + 0.5) * to_full - 0.5).astype(np.float32)),
                score=1 / (1 + math.exp(-logit)),
            )
        )
    return tuple(sorted(detections, key=lambda d: -d.box.area))
