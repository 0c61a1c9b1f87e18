"""A detector whose faces are scored by MTCNN's third network.

In: what a detector found. Out: the same faces with other scores. What makes a score of 0.9
differs from one network to the next (YuNet's sure faces have 0.93), and the quality of a
face, which decides whether it may give its name to others, is worked out from MTCNN's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from facesearch.models.base import Detector
from facesearch.models.mtcnn import Mtcnn
from facesearch.values import Detection, Image


class RescoredDetector:
    """Finds what another detector finds. Safe to call from several threads at once.

    Args:
        detector: finds faces and their landmarks.
        judge: scores them.
    """

    def __init__(self, detector: Detector, judge: Mtcnn) -> None:
        self._detector = detector
        self._judge = judge

    @property
    def key(self) -> str:
        """That of the detector."""
        return self._detector.key

    @property
    def wanted_longer_px(self) -> int:
        """What the detector wants of a photo."""
        return self._detector.wanted_longer_px

    def detect(self, images: Sequence[Image]) -> list[tuple[Detection, ...]]:
        """The faces of each image, largest first, as `Detector.detect` has it."""
        return [
            tuple(
                replace(face, score=judged.score)
                for face, judged in zip(
                    faces, self._judge.place(image, [face.box for face in faces]), strict=True
                )
            )
            for image, faces in zip(images, self._detector.detect(images), strict=True)
        ]
