"""The default face detector: MTCNN under ONNX Runtime.

In: images. Out: boxes, five landmarks and a score for each face.

Three networks look in turn. P-Net sees the photo at many scales and proposes every
12-pixel cell that may be a face; R-Net looks at the proposals as 24-pixel pictures,
O-Net at what is left as 48-pixel pictures. The steps between, coordinates and
suppression follow the package `mtcnn` 1.0.0 exactly, and a test holds both side by side.
Two things go beyond it, each an option: landmarks are found once more when it is known
where the face is, and a photo without a face is looked at again, more thoroughly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from facesearch.models.base import DetectorOptions
from facesearch.models.mtcnn_boxes import (
    Candidates,
    concatenate,
    squared,
    suppress,
    suppress_cells,
)
from facesearch.models.mtcnn_looks import Look, first_look, second_look
from facesearch.models.mtcnn_sampling import CELL_PX, cut, pyramid, tiles
from facesearch.models.mtcnn_stages import BUILDER_VERSION, NAME, WEIGHTS, Stage
from facesearch.models.network_cache import cached_network
from facesearch.models.onnx import Device, Network, Runtime
from facesearch.values import Box, ByteArray, Detection, FloatArray, Image, Landmarks

_STRIDE_PX = 2
_REFINE_PX, _OUTPUT_PX = 24, 48
# Suppression after R-Net, over the union, and after O-Net, over the smaller one.
_REFINED_IOU, _OUTPUT_OVERLAP = 0.7, 0.7
# Tiles and batches that keep a core's layers in its second-level cache.
_CPU_TILE_PX, _GPU_TILE_PX = 160, 4096
_CPU_BATCH = {Stage.REFINE: 16, Stage.OUTPUT: 4}
_GPU_BATCH = {Stage.REFINE: 4096, Stage.OUTPUT: 1024}
# How often a box of another detector is corrected before its landmarks are taken.
_CORRECTIONS = 2
# A mirrored face has its left eye and mouth corner where the right ones were.
_MIRRORED = [1, 0, 2, 4, 3]
# How wide the smallest faces looked for should appear, and a photo's longer side at least.
_WANTED_FACE_PX, _LEAST_LONGER_PX = 24, 1200


class Mtcnn:
    """Finds faces with MTCNN. Safe to call from several threads at once.

    Args:
        runtime: device and threads the networks run with.
        options: smallest face and thresholds.
    """

    def __init__(self, runtime: Runtime, options: DetectorOptions | None = None) -> None:
        self._options = options if options is not None else DetectorOptions()
        self._first, self._second = first_look(self._options), second_look(self._options)
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
        faces = self._look(images, self._first)
        again = [number for number, found in enumerate(faces) if not found]
        if again and self._options.second_look:
            second = self._look([images[number] for number in again], self._second)
            for number, found in zip(again, second, strict=True):
                faces[number] = found
        return faces

    def place(self, image: Image, boxes: Sequence[Box]) -> list[Detection]:
        """Landmarks and scores of faces that something else found, by the third network alone.

        Detectors frame faces differently: first it says, twice, where its own box would be.

        Args:
            image: full or reduced.
            boxes: where the faces are, in pixels of the full-size photo.

        Returns:
            One for each box, which is kept as it is.
        """
        corners = [(b.x, b.y, b.x + b.width, b.y + b.height) for b in boxes]
        pixels = np.asarray(np.reshape(corners, (-1, 4)) / np.tile(_to_full(image), 2), np.float32)
        logit = np.zeros(len(pixels), np.float32)
        found = Candidates(np.zeros(len(pixels), np.int64), pixels, logit)
        for _ in range(_CORRECTIONS):
            square = squared(found)
            moved = _moved(square, self._judge(cut([image], square, _OUTPUT_PX), Stage.OUTPUT))
            rows = np.flatnonzero((moved.corners[:, 2:] - moved.corners[:, :2] > 1).all(axis=1))
            found.corners[rows] = moved.corners[rows]
        if self._options.settle_landmarks:
            logit, points = self._settle([image], found)
        else:
            square = squared(found)
            out = self._judge(cut([image], square, _OUTPUT_PX), Stage.OUTPUT)
            logit, points = out[:, 0], _landmarks(square, _points(out))
        return [
            Detection(box, _in_full(image, five), _probability(float(one)))
            for box, five, one in zip(boxes, points, logit, strict=True)
        ]

    def _look(self, images: Sequence[Image], look: Look) -> list[tuple[Detection, ...]]:
        """The faces of each image, largest first."""
        found = self._propose(images, look)
        found, _ = self._look_closer(images, found, Stage.REFINE, look)
        found, landmarks = self._look_closer(images, found, Stage.OUTPUT, look)
        if self._options.settle_landmarks or look.settled_logit is not None:
            settled, calmer = self._settle(images, found)
            if self._options.settle_landmarks:
                landmarks = calmer
            if look.settled_logit is not None:
                kept = np.flatnonzero(settled > look.settled_logit)
                found = Candidates(found.image[kept], found.corners[kept], settled[kept])
                landmarks = landmarks[kept]
        return [
            _detections(image, found.take(rows), landmarks[rows])
            for number, image in enumerate(images)
            for rows in (np.flatnonzero(found.image == number),)
        ]

    def _propose(self, images: Sequence[Image], look: Look) -> Candidates:
        """Stage one: every cell of every scale that may hold a face, thinned out, square."""
        chosen = []
        for number, image in enumerate(images):
            smallest_px = self._options.smallest_face_in(image.full_size) * image.scale
            levels = [
                (level, *self._cells(picture, scale, look))
                for level, (scale, picture) in enumerate(
                    pyramid(image.pixels, smallest_px, step=look.step, border_px=look.border_px)
                )
            ]
            corners = np.concatenate([np.empty((0, 4), np.float32), *(c for _, c, _ in levels)])
            logit = np.concatenate([np.empty(0, np.float32), *(p for _, _, p in levels)])
            of_level = np.repeat([n for n, _, _ in levels], [len(p) for _, _, p in levels])
            rows = suppress_cells(corners, logit, of_level)
            chosen.append(Candidates(np.full(rows.size, number), corners[rows], logit[rows]))
        return squared(concatenate(chosen))

    def _cells(self, picture: ByteArray, scale: float, look: Look) -> tuple[FloatArray, FloatArray]:
        """The cells of one scale that P-Net takes for faces: corners (n, 4) and logits (n,)."""
        network = self._networks[Stage.PROPOSE]
        all_corners, all_logits = [], []
        for row, column, tile in tiles(picture, self._tile_px):
            cells = network.run(tile[None])[0][0]
            rows, columns = np.nonzero(cells[0] > look.logits[0])
            if rows.size == 0:
                continue
            likely = cells[:, rows, columns]
            # The package places the upper left corner one pixel further in, and so do we.
            first = np.stack([columns + column, rows + row], axis=1) * np.float32(_STRIDE_PX) + 1
            first -= look.border_px
            first = np.concatenate([first, first + (CELL_PX - 1)], axis=1)
            all_corners.append((first + likely[1:].T * (CELL_PX - 1)) / np.float32(scale))
            all_logits.append(likely[0])
        if not all_logits:
            return np.empty((0, 4), np.float32), np.empty(0, np.float32)
        return np.concatenate(all_corners), np.concatenate(all_logits)

    def _look_closer(
        self, images: Sequence[Image], found: Candidates, stage: Stage, look: Look
    ) -> tuple[Candidates, FloatArray]:
        """Stage two or three: judge each candidate from its own small picture."""
        side = _REFINE_PX if stage is Stage.REFINE else _OUTPUT_PX
        threshold = look.logits[1 if stage is Stage.REFINE else 2]
        out = self._judge(cut(images, found, side), stage)
        kept = np.flatnonzero(out[:, 0] > threshold)
        found, out = found.take(kept), out[kept]
        landmarks = np.empty((len(found), 5, 2), np.float32)
        if stage is Stage.OUTPUT:
            landmarks = _landmarks(found, _points(out))
        moved = _moved(found, out)
        if stage is Stage.REFINE:
            rows = suppress(moved, _REFINED_IOU, by_smaller=False)
            return squared(moved.take(rows)), landmarks
        rows = suppress(moved, _OUTPUT_OVERLAP, by_smaller=True)
        return moved.take(rows), landmarks[rows]

    def _settle(self, images: Sequence[Image], found: Candidates) -> tuple[FloatArray, FloatArray]:
        """O-Net once more, now that it is known where the faces are, and in the mirror too.

        Returns:
            The means of both: logits (n,), and landmarks (n, 5, 2).
        """
        square = squared(found)
        pictures = cut(images, square, _OUTPUT_PX)
        both = self._judge(np.concatenate([pictures, pictures[:, :, ::-1]]), Stage.OUTPUT)
        seen, mirrored = both[: len(pictures)], both[len(pictures) :]
        back = _points(mirrored)[:, _MIRRORED]
        back[:, :, 0] = 1 - back[:, :, 0]
        logits = np.asarray((seen[:, 0] + mirrored[:, 0]) / 2, np.float32)
        points = np.asarray((_points(seen) + back) / 2, np.float32)
        return logits, _landmarks(square, points)

    def _judge(self, pictures: ByteArray, stage: Stage) -> FloatArray:
        """What the second or third network says of pictures: (n, 5) or (n, 15)."""
        batch, network = self._batch[stage], self._networks[stage]
        parts = [network.run(pictures[at : at + batch])[0] for at in range(0, len(pictures), batch)]
        columns = 5 if stage is Stage.REFINE else 15
        return np.concatenate([np.empty((0, columns), np.float32), *parts])


def _points(out: FloatArray) -> FloatArray:
    """O-Net's five points (n, 5, 2), as shares of its picture."""
    return out[:, 5:].reshape(-1, 2, 5).transpose(0, 2, 1)


def _moved(found: Candidates, out: FloatArray) -> Candidates:
    """The candidates where the second or third network would have them, with its logits."""
    return Candidates(
        found.image, found.corners + out[:, 1:5] * np.tile(_extent(found), 2), out[:, 0]
    )


def _landmarks(found: Candidates, points: FloatArray) -> FloatArray:
    """Points as shares of the candidates' pictures, in pixels of the image array."""
    return np.asarray(found.corners[:, None, :2] + points * _extent(found)[:, None] - 1, np.float32)


def _extent(found: Candidates) -> FloatArray:
    """Widths and heights, one pixel larger than the difference of corners, as in the package."""
    return np.asarray(found.corners[:, 2:] - found.corners[:, :2] + 1, np.float32)


def _probability(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def _to_full(image: Image) -> NDArray[np.float64]:
    """Full-size pixels per pixel of the array, across and down."""
    size = image.size
    return np.array([image.full_size.width / size.width, image.full_size.height / size.height])


def _in_full(image: Image, points: FloatArray) -> Landmarks:
    """Landmarks in pixels of the full-size photo."""
    # They count from pixel centres, as sampling does.
    return Landmarks(((points + 0.5) * _to_full(image) - 0.5).astype(np.float32))


def _cache_key(stage: Stage) -> str:
    return f"{NAME}-{stage}-{WEIGHTS[stage].sha256[:16]}-{BUILDER_VERSION}"


def _builder(stage: Stage) -> Callable[[], bytes]:
    def build_stage() -> bytes:
        # Here, because it loads `onnx`, which a cached network does not need.
        from facesearch.models.mtcnn_networks import build

        return build(stage)

    return build_stage


def _detections(image: Image, found: Candidates, landmarks: FloatArray) -> tuple[Detection, ...]:
    """Faces in pixels of the full-size photo, largest first."""
    to_full = _to_full(image)
    detections = []
    for corners, points, logit in zip(found.corners, landmarks, found.logit, strict=True):
        left, top = corners[:2] * to_full
        right, bottom = corners[2:] * to_full
        if right - left < 1 or bottom - top < 1:
            continue
        detections.append(
            Detection(
                box=Box(float(left), float(top), float(right - left), float(bottom - top)),
                landmarks=_in_full(image, points),
                score=_probability(float(logit)),
            )
        )
    return tuple(sorted(detections, key=lambda d: -d.box.area))
