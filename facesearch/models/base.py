"""What a model is to the rest of facesearch: two protocols and their options.

A detector takes images and returns faces; an embedder takes aligned chips and
returns vectors. What is specific to one network stays in its adapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from facesearch.errors import InvalidValue
from facesearch.values import ByteArray, Detection, FloatArray, Image, Landmarks, Size

if TYPE_CHECKING:
    from facesearch.models.align import ChipTemplate


class Device(StrEnum):
    """What networks run on."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"
    ROCM = "rocm"
    COREML = "coreml"
    DIRECTML = "directml"
    OPENVINO = "openvino"


class Engine(StrEnum):
    """What runs a network. Few models have a choice; see `listing.ListedModel`.

    ONNX is ONNX Runtime. NATIVE is a library of the model's own, such as dlib or OpenCV.
    """

    AUTO = "auto"
    ONNX = "onnx"
    TENSORFLOW = "tensorflow"
    PYTORCH = "pytorch"
    NATIVE = "native"


class EngineRuntime(Protocol):
    """An engine on one device: `onnx.Runtime`, `tensorflow.TensorFlowRuntime`, ..."""

    @property
    def device(self) -> Device:
        """The device in use, never AUTO."""
        ...

    @property
    def embed_batch(self) -> int:
        """Chips per call that keep the device busy."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorOptions:
    """What counts as a face.

    Attributes:
        smallest_face_fraction: faces are found from this share of the photo's longer
            side upward, in (0, 1]. Somewhat smaller ones may be found too.
        smallest_face_px: but never below this width, in pixels of the full-size photo.
        thresholds: least confidence of the three stages (propose, refine, output) in (0, 1).
        second_look: look more thoroughly where the first look finds no face.
        settle_landmarks: find each face's landmarks once more, now that it is known where
            the face is, and take the mean with those of its mirror image.

    Raises:
        InvalidValue: out of range.
    """

    smallest_face_fraction: float = 0.02
    smallest_face_px: float = 20.0
    thresholds: tuple[float, float, float] = (0.6, 0.7, 0.8)
    second_look: bool = True
    settle_landmarks: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.smallest_face_fraction <= 1:
            raise InvalidValue(
                f"the smallest face is a share of the photo in (0, 1], "
                f"not {self.smallest_face_fraction}"
            )
        if not self.smallest_face_px >= 1:
            raise InvalidValue(f"the smallest face has at least 1 px, not {self.smallest_face_px}")
        if len(self.thresholds) != 3 or not all(0 < t < 1 for t in self.thresholds):
            raise InvalidValue(
                f"detector thresholds are three numbers in (0, 1), not {self.thresholds}"
            )

    def smallest_face_in(self, full_size: Size) -> float:
        """Width of the smallest face looked for, in pixels of the full-size photo."""
        return max(self.smallest_face_px, self.smallest_face_fraction * full_size.longer)

    @property
    def key(self) -> str:
        """Short text that differs where results may differ."""
        thresholds = ",".join(f"{t:g}" for t in self.thresholds)
        # Numbered: another second look is another result under the same options.
        ways = ("second-look-1" * self.second_look, "settled-1" * self.settle_landmarks)
        smallest = f"{self.smallest_face_fraction:g},{self.smallest_face_px:g}"
        return ";".join((smallest, thresholds, *filter(None, ways)))


class Detector(Protocol):
    """Finds faces. Safe to call from several threads at once."""

    @property
    def key(self) -> str:
        """Model, weights and options: photos looked at under another key are looked at again."""
        ...

    @property
    def wanted_longer_px(self) -> int:
        """Longer side that a photo needs at least for its faces to be found well, in pixels."""
        ...

    def detect(self, images: Sequence[Image]) -> list[tuple[Detection, ...]]:
        """The faces of each image, largest first, in pixels of the full-size photo."""
        ...


class Embedder(Protocol):
    """Turns aligned chips into vectors. Safe to call from several threads at once.

    A face may be looked at in several views: chips of the same face that are cut
    differently, and go through the network together. Most embedders have one.
    """

    @property
    def space(self) -> str:
        """Model, weights and alignment; vectors of different spaces are never compared."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    @property
    def template(self) -> ChipTemplate:
        """Where a face lies in the first view; the others need about as many pixels."""
        ...

    @property
    def views(self) -> int:
        """Chips of each face, at least 1."""
        ...

    def cut(self, image: Image, landmarks: Landmarks) -> ByteArray:
        """The chips of one face: uint8 RGB (views, size, size, 3), `size` as in `template`.

        Args:
            image: the photo, perhaps at reduced scale.
            landmarks: in pixels of the full-size photo.
        """
        ...

    def embed(self, chips: ByteArray) -> FloatArray:
        """float32 (n, dimension), rows of unit length.

        Args:
            chips: uint8 RGB (n, views, size, size, 3), each face as `cut` returns it.
        """
        ...
