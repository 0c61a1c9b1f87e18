"""From one photo to its faces: decode, detect, align.

In: an opened photo and the models. Out: detections, each with the chip that the
embedder takes. Indexing and queries both come through here, so that a face is seen
the same way whether it is stored or asked about. Where the faces are known already, only
their chips are cut.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facesearch.models.base import Detector, Embedder
from facesearch.photos.decode import PhotoData
from facesearch.quality import measure_quality
from facesearch.values import ByteArray, Detection, FaceQuality, Landmarks


@dataclass(frozen=True, slots=True, eq=False)
class ExtractedFaces:
    """The faces of one photo, ready to be embedded.

    Attributes:
        detections: largest first.
        chips: uint8, shape (n, views, size, size, 3), one row for each detection.
        qualities: one for each detection, measured in its first view.
    """

    detections: tuple[Detection, ...]
    chips: ByteArray
    qualities: tuple[FaceQuality, ...]


def extract_faces(photo: PhotoData, detector: Detector, embedder: Embedder) -> ExtractedFaces:
    """Find and align the faces of a photo.

    A JPEG is first decoded at the smallest scale that detection can do with. Faces too
    small for a sharp chip there are cut from a second decoding, at the scale that the
    smallest of them needs.

    Raises:
        PhotoUnreadable: it cannot be decoded.
        ModelError: a network failed.
    """
    image = photo.decode(min_longer_px=detector.wanted_longer_px)
    (detections,) = detector.detect([image])
    # At full size there is nothing sharper to be had, so nobody needs to ask.
    is_reduced = image.size != image.full_size
    wanted = [
        _scale_needed(d.landmarks, embedder) if is_reduced else image.scale for d in detections
    ]
    finest = max(wanted, default=image.scale)
    sharper = image
    if finest > image.scale:
        sharper = photo.decode(min_longer_px=math.ceil(finest * image.full_size.longer))
    chips = _room_for(len(detections), embedder)
    for row, (detection, scale) in enumerate(zip(detections, wanted, strict=True)):
        source = sharper if scale > image.scale else image
        chips[row] = embedder.cut(source, detection.landmarks)
    qualities = tuple(
        measure_quality(views[0], detection)
        for views, detection in zip(chips, detections, strict=True)
    )
    return ExtractedFaces(detections, chips, qualities)


def cut_faces(photo: PhotoData, faces: Sequence[Landmarks], embedder: Embedder) -> ByteArray:
    """Cut the chips of known faces from a photo, decoded as fine as the smallest of them needs.

    Args:
        faces: in pixels of the full-size photo, at least one.

    Returns:
        uint8 (n, views, size, size, 3), one row for each face.

    Raises:
        PhotoUnreadable: it cannot be decoded.
    """
    finest = max(_scale_needed(landmarks, embedder) for landmarks in faces)
    image = photo.decode(min_longer_px=math.ceil(finest * photo.size.longer))
    chips = _room_for(len(faces), embedder)
    for row, landmarks in enumerate(faces):
        chips[row] = embedder.cut(image, landmarks)
    return chips


def _room_for(faces: int, embedder: Embedder) -> ByteArray:
    size = embedder.template.size_px
    return np.empty((faces, embedder.views, size, size, 3), dtype=np.uint8)


def _scale_needed(landmarks: Landmarks, embedder: Embedder) -> float:
    """The scale of decoding, at most 1, at which a chip pixel covers a whole image pixel."""
    return min(1.0, 1.0 / embedder.template.pixels_per_chip_pixel(landmarks))
