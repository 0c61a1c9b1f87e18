"""A detector and an embedder of a few lines each, as anybody would add their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facesearch.models.align import ChipTemplate
from facesearch.models.base import Detector, DetectorOptions, Embedder
from facesearch.models.catalogue import DetectorSpec, EmbedderSpec
from facesearch.models.onnx import Runtime
from facesearch.values import Box, ByteArray, Detection, FloatArray, Image, Landmarks

POINTS = np.array([[2, 2], [6, 2], [4, 4], [2, 6], [6, 6]], np.float32)


class WholePhoto:
    """Takes every photo for a face."""

    key = "whole@1"
    wanted_longer_px = 100

    def detect(self, images: Sequence[Image]) -> list[tuple[Detection, ...]]:
        return [(self._face(image),) for image in images]

    def _face(self, image: Image) -> Detection:
        size = image.full_size
        points = (POINTS / 8 * (size.width, size.height)).astype(np.float32)
        return Detection(Box(0, 0, size.width, size.height), Landmarks(points), 1.0)


class MeanColour:
    """Takes faces of one colour for one person."""

    space = "mean@1:square"
    dimension = 3
    template = ChipTemplate("square", 8, POINTS)
    views = 1

    def cut(self, image: Image, landmarks: Landmarks) -> ByteArray:
        return self.template.cut(image, landmarks)[None]

    def embed(self, chips: ByteArray) -> FloatArray:
        colours = chips.mean(axis=(1, 2, 3)).astype(np.float32) + 1  # never of length 0
        lengths = np.linalg.norm(colours, axis=1, keepdims=True)
        return np.asarray(colours / lengths, np.float32)


def load_detector(runtime: Runtime, options: DetectorOptions) -> Detector:
    return WholePhoto()


def load_embedder(runtime: Runtime) -> Embedder:
    return MeanColour()


DETECTOR = DetectorSpec(
    name="whole",
    licence="MIT",
    source="here",
    key=lambda options: "whole@1",
    load=load_detector,
)
EMBEDDER = EmbedderSpec(
    name="mean",
    licence="MIT",
    source="here",
    space=MeanColour.space,
    dimension=MeanColour.dimension,
    max_distance=0.01,
    load=load_embedder,
)
