"""One photo to one chip, seen as `index` and `query` see it.

In: a `SourcePhoto`. Out: `CutPhoto`, with the chip as JPEG bytes or the reason why there is
none. Runs on several threads at once.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facesearch.errors import InvalidDataset, PhotoUnreadable, UnreadableReason
from facesearch.evaluation.embedding import NO_FACE, FaceSelection
from facesearch.models.align import ChipTemplate
from facesearch.models.base import Detector, DetectorOptions
from facesearch.models.catalogue import detector_spec
from facesearch.models.templates import template
from facesearch.opencv import cv2
from facesearch.photos.decode import DecodeLimits, PhotoData, open_photo
from facesearch.photos.files import printable
from facesearch.photos.read import read_photo
from facesearch.pipeline import BYTES_PER_PIXEL, PIXEL_BUDGET
from facesearch.training.dataset.options import DatasetOptions
from facesearch.training.dataset.sources import SourcePhoto
from facesearch.values import ByteArray, Detection, Image, Landmarks, Size
from facesearch.workers import Budget

CHANGED = "changed"
"""Why a face of a library has no chip: other content lies where its photo was."""


@dataclass(frozen=True, slots=True, eq=False)
class CutPhoto:
    """What became of a photo; either a chip or a reason.

    Attributes:
        photo: which one.
        jpeg: the chip; None where there is none.
        reason: why: "no-face", "changed" or one of `UnreadableReason`; "" where there is one.
        detail: the same, a sentence for people.
    """

    photo: SourcePhoto
    jpeg: bytes | None
    reason: str = ""
    detail: str = ""

    @property
    def sha256(self) -> str:
        """Of the chip's bytes; "" where there is none."""
        return "" if self.jpeg is None else hashlib.sha256(self.jpeg).hexdigest()


class ChipCutter:
    """Cuts the chip of each photo.

    Args:
        options: how.
        detector: finds faces; None where they are known or photos are chips already.
    """

    def __init__(self, options: DatasetOptions, detector: Detector | None) -> None:
        self._options = options
        self._detector = detector
        self._template: ChipTemplate | None = None
        if options.template is not None:
            self._template = template(options.template, options.chip_px)
        self._limits = DecodeLimits()
        self._budget = Budget(PIXEL_BUDGET)

    def __call__(self, photo: SourcePhoto) -> CutPhoto:
        """The chip of a photo. Raises nothing on account of the photo.

        Raises:
            ModelError: the detector failed.
        """
        try:
            opened = self._open(photo)
            taken = self._budget.take(opened.size.pixels * BYTES_PER_PIXEL)
            try:
                chip = self._chip(photo, opened)
            finally:
                self._budget.give_back(taken)
        except PhotoUnreadable as problem:
            return CutPhoto(photo, None, problem.reason.value, str(problem))
        except _Without as why:
            return CutPhoto(photo, None, why.reason, why.detail)
        return CutPhoto(photo, encoded(chip, self._options.jpeg_quality))

    def _open(self, photo: SourcePhoto) -> PhotoData:
        """The photo, from the first of its files that can be read and is what it was."""
        problem: Exception | None = None
        for path in photo.paths:
            try:
                read = read_photo(path, max_bytes=self._limits.max_bytes)
                if photo.content_hash is None or read.content_hash == photo.content_hash:
                    return open_photo(read.data, path, self._limits)
                problem = _Without(
                    CHANGED,
                    f"{printable(path)} is not the photo that was indexed: run facesearch index",
                )
            except PhotoUnreadable as unreadable:
                problem = problem or unreadable
        assert problem is not None, "every photo has a path"
        raise problem

    def _chip(self, photo: SourcePhoto, opened: PhotoData) -> ByteArray:
        if self._options.already_aligned:
            return _middle_square(opened, self._options.chip_px)
        assert self._template is not None, "checked by the options"
        if photo.landmarks is not None:
            return cut_chip(opened, photo.landmarks, self._template)
        assert self._detector is not None, "loaded where there are photos that need it"
        image = opened.decode(min_longer_px=self._detector.wanted_longer_px)
        (detections,) = self._detector.detect([image])
        if not detections:
            shown = printable(photo.paths[0])
            raise _Without(NO_FACE, f"no face found in {shown}")
        chosen = _chosen(detections, image.full_size, self._options.face)
        return cut_chip(opened, chosen.landmarks, self._template, image)


class _Without(Exception):
    """A photo that can be read and gives no chip."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def load_detector(options: DatasetOptions) -> Detector:
    """The detector that the options name.

    Raises:
        UnknownModel, ModelError: there is none, or it cannot be loaded on that device.
    """
    from facesearch.models.engines import device_named, runtime_on

    spec = detector_spec(options.detector)
    if spec.non_commercial:
        from facesearch.models.downloads import check_licence

        check_licence(spec.name, spec.licence, spec.non_commercial, accept=False)
    runtime = runtime_on(spec.engine, device_named(options.device))
    return spec.load(runtime, DetectorOptions())


def cut_chip(
    photo: PhotoData, landmarks: Landmarks, to: ChipTemplate, image: Image | None = None
) -> ByteArray:
    """The chip of one face, cut from a decoding that is as fine as it needs.

    Args:
        landmarks: in pixels of the full-size photo.
        image: the photo as it was decoded before; it is decoded anew where the face needs
            it finer.

    Returns:
        uint8 RGB (size, size, 3).

    Raises:
        PhotoUnreadable: it cannot be decoded.
    """
    scale = min(1.0, 1.0 / to.pixels_per_chip_pixel(landmarks))
    if image is None or (scale > image.scale and image.size != image.full_size):
        image = photo.decode(min_longer_px=math.ceil(scale * photo.size.longer))
    return to.cut(image, landmarks)


def encoded(chip: ByteArray, quality: int) -> bytes:
    """A chip, uint8 RGB (size, size, 3), as JPEG with colours at half resolution.

    So are nearly all photos that chips are cut from, and it saves a sixth of decoding.
    """
    settings = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    ]
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(chip[..., ::-1]), settings)
    if not done:
        raise InvalidDataset("<chip>", f"OpenCV cannot encode a picture of shape {chip.shape}")
    return bytes(data)


def is_final(reason: str) -> bool:
    """Whether looking at the same file again would end in the same way."""
    return reason in ("", NO_FACE) or (
        reason != CHANGED and UnreadableReason(reason).is_about_content
    )


def _chosen(detections: Sequence[Detection], size: Size, selection: FaceSelection) -> Detection:
    if selection is FaceSelection.LARGEST:
        return detections[0]

    def off_centre(found: Detection) -> float:
        box = found.box
        return math.hypot(
            box.x + box.width / 2 - size.width / 2, box.y + box.height / 2 - size.height / 2
        )

    return min(detections, key=off_centre)


def _middle_square(photo: PhotoData, size_px: int) -> ByteArray:
    shorter = min(photo.size.width, photo.size.height)
    least = math.ceil(size_px / shorter * photo.size.longer) if shorter > size_px else None
    pixels = photo.decode(min_longer_px=least).pixels
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = pixels[top : top + side, left : left + side]
    if side == size_px:
        return square
    how = cv2.INTER_AREA if side > size_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (size_px, size_px), interpolation=how), np.uint8)
