"""A face detector from an ONNX file, read by one of the output decodings.

In: images. Out: boxes, five landmarks and a score for each face. A photo is scaled to fit
the network's input, into the upper left corner; the rest of the input is black. That is how
the authors of these networks run them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidValue, ModelError
from facesearch.models.base import DetectorOptions
from facesearch.models.heads import Head, head_spec
from facesearch.models.heads.base import Found, suppress
from facesearch.models.heads.key import detector_key
from facesearch.models.onnx import Runtime
from facesearch.models.preprocessing import Preprocessing
from facesearch.opencv import cv2
from facesearch.values import Box, ByteArray, Detection, Image, Landmarks


class OnnxDetector:
    """Finds faces with a network of a known family. Safe to call from several threads at once.

    Args:
        runtime: device and threads the network runs with.
        model: the ONNX file's bytes.
        name: what users call it, for messages.
        sha256: of the file.
        head: the family.
        preprocessing: what the network is fed; width and height are those of its input.
        options: the smallest face. `thresholds` and the looks after the first are MTCNN's
            own; these networks go by the threshold that their authors publish.

    Raises:
        ModelError: ONNX Runtime refuses the file, or its batch is fixed at more than 1.
    """

    def __init__(
        self,
        runtime: Runtime,
        model: bytes,
        *,
        name: str,
        sha256: str,
        head: Head,
        preprocessing: Preprocessing,
        options: DetectorOptions | None = None,
    ) -> None:
        self._options = options if options is not None else DetectorOptions()
        self._name = name
        self._head = head_spec(head)
        self._fed = preprocessing
        self._network = runtime.load(name, model)
        if self._network.fixed_batch not in (None, 1):
            raise ModelError(
                name,
                f"{name} takes {self._network.fixed_batch} pictures at once: export it with a "
                "batch of 1, or with a dynamic one",
            )
        self._key = detector_key(name, sha256, head, preprocessing, self._options)

    @property
    def key(self) -> str:
        """Model, weights, decoding and options."""
        return self._key

    @property
    def wanted_longer_px(self) -> int:
        """The longer side of the network's input: it sees no more of a photo."""
        return self._fed.side_px

    def detect(self, images: Sequence[Image]) -> list[tuple[Detection, ...]]:
        """The faces of each image, largest first.

        Args:
            images: any sizes, full or reduced.

        Returns:
            One tuple an image, empty where there is no face; boxes and landmarks
            in pixels of the full-size photo.

        Raises:
            ModelError: the network fails, or its outputs are not of the family.
        """
        return [self._look(image) for image in images]

    def _look(self, image: Image) -> tuple[Detection, ...]:
        picture, size = _fitted(image.pixels, self._fed.width_px, self._fed.height_px)
        found = suppress(self._decoded(picture), self._head.overlap)
        # From the part of the input that shows the photo to the photo at full size.
        to_full = np.array([image.full_size.width, image.full_size.height]) / size
        smallest_px = self._options.smallest_face_in(image.full_size)
        detections = []
        for corners, points, score in zip(found.corners, found.points, found.scores, strict=True):
            (left, top), (right, bottom) = corners[:2] * to_full, corners[2:] * to_full
            if max(right - left, bottom - top) < smallest_px or min(right - left, bottom - top) < 1:
                continue
            middle = (corners[:2] + corners[2:]) / 2
            if (middle < 0).any() or (middle > size).any():  # in the black beside the photo
                continue
            detections.append(
                Detection(
                    box=Box(float(left), float(top), float(right - left), float(bottom - top)),
                    # Landmarks count from pixel centres, as sampling does.
                    landmarks=Landmarks(((points + 0.5) * to_full - 0.5).astype(np.float32)),
                    score=float(min(score, 1)),
                )
            )
        return tuple(sorted(detections, key=lambda d: -d.box.area))

    def _decoded(self, picture: ByteArray) -> Found:
        """The faces in one picture of the network's size, before suppression."""
        outputs = self._network.run(self._fed.feed(picture[None]))
        try:
            found = self._head.decode(
                outputs, self._fed.width_px, self._fed.height_px, self._head.threshold
            )
        except InvalidValue as error:
            raise ModelError(
                self._name, f"{self._name} gives {error}; expected {self._head.describe}"
            ) from error
        if not (np.isfinite(found.corners).all() and np.isfinite(found.points).all()):
            raise ModelError(
                self._name,
                f"{self._name} finds faces at places that are no numbers: its file is damaged, or "
                "it expects other pixels than it is given (mean, scale)",
            )
        return found


def _fitted(
    pixels: ByteArray, width_px: int, height_px: int
) -> tuple[ByteArray, NDArray[np.float64]]:
    """A photo scaled into the upper left corner of a black picture of the given size.

    Returns:
        The picture, and width and height of the part that shows the photo.
    """
    height, width = pixels.shape[:2]
    factor = min(width_px / width, height_px / height)
    size = (
        min(width_px, max(1, round(width * factor))),
        min(height_px, max(1, round(height * factor))),
    )
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    picture = np.zeros((height_px, width_px, 3), np.uint8)
    picture[: size[1], : size[0]] = (
        pixels if size == (width, height) else cv2.resize(pixels, size, interpolation=how)
    )
    return picture, np.array(size, np.float64)
