"""deepface's detectors as facesearch's: photos in, faces with five landmarks out.

In: what finds faces in one picture. Out: a `Detector`. Faces come in pixels of the full-size
photo, those that are too small are left out. Detectors that give fewer than five landmarks
have them placed by MTCNN's third network, and that network scores the faces of all: what
makes a score of 0.9 differs from one detector to the next, and qualities are worked out from
scores.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from facesearch.errors import FaceSearchError, ModelError
from facesearch.models.base import DetectorOptions
from facesearch.models.deepface.detection import DetectionModel, detector_key
from facesearch.models.mtcnn import Mtcnn
from facesearch.values import Box, ByteArray, Detection, FloatArray, Image, Landmarks


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A face in one picture, in pixels of its array.

    Attributes:
        corners: left, top, right, bottom.
        points: float32 (5, 2) in the order of `Landmarks`, counted from pixel centres; None
            where the detector has fewer.
    """

    corners: tuple[float, float, float, float]
    points: FloatArray | None = None


Find: TypeAlias = Callable[[ByteArray], list[Found]]


class DeepFaceDetector:
    """Finds faces with one of deepface's detectors. Safe to call from several threads at once.

    Args:
        model: which one.
        make: makes what finds faces in a picture, uint8 RGB; called again where several
            threads look at the same time, unless `shared`.
        placing: places landmarks, and scores.
        options: the smallest face.
        shared: one for all threads, which take turns: for networks that are large, or use
            all CPUs themselves.
    """

    def __init__(
        self,
        model: DetectionModel,
        make: Callable[[], Find],
        placing: Mtcnn,
        options: DetectorOptions,
        *,
        shared: bool,
    ) -> None:
        self._model = model
        self._make = make
        self._placing = placing
        self._options = options
        self._turns = threading.Lock() if shared else None
        self._lock = threading.Lock()
        self._idle = [make()]

    @property
    def key(self) -> str:
        """Model, weights and options."""
        return detector_key(self._model, self._options)

    @property
    def wanted_longer_px(self) -> int:
        """Longer side that the network wants of a photo."""
        return self._model.wanted_longer_px

    def detect(self, images: Sequence[Image]) -> list[tuple[Detection, ...]]:
        """The faces of each image, largest first.

        Args:
            images: any sizes, full or reduced.

        Returns:
            One tuple an image, empty where there is no face; boxes and landmarks
            in pixels of the full-size photo.

        Raises:
            ModelError: the detector failed.
        """
        with self._borrowed() as find:
            return [self._faces(image, self._found(find, image)) for image in images]

    def _found(self, find: Find, image: Image) -> list[Found]:
        try:
            return find(image.pixels)
        except FaceSearchError:
            raise
        except Exception as error:  # these libraries raise many unrelated types
            name, size = self._model.spec_name, image.size
            raise ModelError(
                name, f"{name} failed on a picture of {size.width} x {size.height} px: {error}"
            ) from error

    def _faces(self, image: Image, found: Sequence[Found]) -> tuple[Detection, ...]:
        size = image.size
        to_full = np.array(
            [image.full_size.width / size.width, image.full_size.height / size.height]
        )
        least = self._options.smallest_face_in(image.full_size)
        boxes, own = [], []
        for face in found:
            left, top, right, bottom = (np.array(face.corners) * np.tile(to_full, 2)).tolist()
            if max(right - left, bottom - top) < least or right <= left or bottom <= top:
                continue
            boxes.append(Box(left, top, right - left, bottom - top))
            own.append(face.points)
        faces = [
            placed
            if points is None
            else Detection(
                placed.box,
                Landmarks(((points + 0.5) * to_full - 0.5).astype(np.float32)),
                placed.score,
            )
            for placed, points in zip(self._placing.place(image, boxes), own, strict=True)
        ]
        return tuple(sorted(faces, key=lambda face: -face.box.area))

    @contextmanager
    def _borrowed(self) -> Iterator[Find]:
        """One that no other thread uses meanwhile."""
        if self._turns is not None:
            with self._turns:
                yield self._idle[0]
            return
        with self._lock:
            find = self._idle.pop() if self._idle else None
        if find is None:
            find = self._make()
        try:
            yield find
        finally:
            with self._lock:
                self._idle.append(find)
