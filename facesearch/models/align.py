"""Alignment: five landmarks in a photo to an upright, centred chip.

In: an image and a face's landmarks. Out: a uint8 RGB chip in which the landmarks lie
as near to the template as a similarity transform (rotation, one scale, shift) brings
them, so that the network always sees the eyes in the same place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidValue
from facesearch.opencv import cv2
from facesearch.values import ByteArray, FloatArray, Image, Landmarks

_Matrix: TypeAlias = NDArray[np.float64]

# The longest side OpenCV 4 samples from; JPEG allows 65,535.
LARGEST_SIDE_PX = 32_766
# Beyond this many image pixels per chip pixel, plain bilinear sampling would skip some.
_ANTIALIAS_FROM = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class ChipTemplate:
    """Where the five landmarks belong in a chip.

    Attributes:
        name: part of the space's name; another template makes another space.
        size_px: width and height of the chip.
        points: float32 (5, 2), x and y in chip pixels, in the order of `Landmarks`.
        turns: whether a tilted face is turned upright; else it is only moved and scaled.
    """

    name: str
    size_px: int
    points: FloatArray
    turns: bool = True

    def __post_init__(self) -> None:
        points = np.array(self.points, dtype=np.float32)
        if points.shape != (5, 2):
            raise InvalidValue(f"a chip template has 5 points, shape (5, 2), not {points.shape}")
        points.flags.writeable = False
        object.__setattr__(self, "points", points)

    def scaled(self, factor: float) -> ChipTemplate:
        """The same with a face `factor` times as large, around the middle of the chip."""
        middle = (self.size_px - 1) / 2
        points = (self.points - middle) * np.float32(factor) + middle
        return ChipTemplate(f"{self.name}-x{factor:g}", self.size_px, points, self.turns)

    def pixels_per_chip_pixel(self, landmarks: Landmarks) -> float:
        """How many full-size photo pixels one chip pixel covers; below 1 the chip is enlarged."""
        matrix = similarity(landmarks.points, self.points, turns=self.turns)
        return float(1.0 / np.hypot(matrix[0, 0], matrix[1, 0]))

    def cut(self, image: Image, landmarks: Landmarks) -> ByteArray:
        """The chip of one face: uint8 (size_px, size_px, 3). Outside the photo is black.

        Args:
            image: the photo, perhaps at reduced scale.
            landmarks: in pixels of the full-size photo.
        """
        height, width = image.pixels.shape[:2]
        to_array = np.array([width / image.full_size.width, height / image.full_size.height])
        # Sampling counts from pixel centres: a reduced picture's lie elsewhere by half a pixel.
        points = (landmarks.points + 0.5) * to_array - 0.5
        matrix = similarity(points, self.points, turns=self.turns)
        pixels = image.pixels
        covered = 1.0 / np.hypot(matrix[0, 0], matrix[1, 0])
        if covered >= _ANTIALIAS_FROM:
            pixels, matrix = _halved_region(pixels, matrix, self.size_px, int(covered))
        to_photo = np.asarray(cv2.invertAffineTransform(matrix), np.float64)
        pixels, to_photo = seen_part(pixels, to_photo, self.size_px)
        chip = cv2.warpAffine(
            pixels,
            to_photo,
            (self.size_px, self.size_px),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
        )
        return np.asarray(chip, dtype=np.uint8)


def similarity(
    source: NDArray[np.floating], target: NDArray[np.floating], *, turns: bool = True
) -> _Matrix:
    """The similarity transform (2, 3) that brings `source` points nearest to `target` points.

    Least squares over rotation, one scale and shift, without reflection (Umeyama, 1991;
    in the plane it has this closed form). Points have shape (n, 2).

    Args:
        turns: False for scale and shift alone; the scale stays what it is with rotation, so
            that a tilted face is shown as large as an upright one.
    """
    centre, goal = source.mean(axis=0, dtype=np.float64), target.mean(axis=0, dtype=np.float64)
    x, y = (source - centre).T.astype(np.float64)
    u, v = (target - goal).T.astype(np.float64)
    spread = max(float((x * x + y * y).sum()), 1e-12)
    a = float((x * u + y * v).sum()) / spread
    b = float((x * v - y * u).sum()) / spread
    if not turns:
        a, b = float(np.hypot(a, b)), 0.0
    if a == 0 and b == 0:
        a = 1e-6
    matrix = np.array([[a, -b, 0.0], [b, a, 0.0]])
    matrix[:, 2] = goal - matrix[:, :2] @ centre
    return matrix


def seen_part(
    pixels: ByteArray, to_picture: NDArray[np.float64], side: int
) -> tuple[ByteArray, NDArray[np.float64]]:
    """What sampling a square touches of a picture that is too large for OpenCV 4.

    Args:
        pixels: the picture; any other size is returned as it is.
        to_picture: (2, 3), from the pixels of the square to those of the picture.
        side: of the square, in its own pixels.

    Returns:
        The part, and the transform to its pixels.
    """
    if max(pixels.shape[:2]) <= LARGEST_SIDE_PX:
        return pixels, to_picture
    last = side - 1.0
    corners = np.array([[0.0, 0.0], [last, 0.0], [0.0, last], [last, last]])
    seen = corners @ to_picture[:, :2].T + to_picture[:, 2]
    ends = np.array([pixels.shape[1], pixels.shape[0]])
    # Two pixels more, because bilinear sampling looks at neighbours.
    first = np.clip(np.floor(seen.min(axis=0)) - 2, 0, ends - 1).astype(int)
    end = np.clip(np.ceil(seen.max(axis=0)) + 3, first + 1, ends).astype(int)
    part = pixels[first[1] : end[1], first[0] : end[0]]
    matrix = to_picture.copy()
    matrix[:, 2] -= first
    while max(part.shape[:2]) > LARGEST_SIDE_PX:
        part, matrix = np.ascontiguousarray(part[::2, ::2]), matrix / 2
    return part, matrix


def _halved_region(
    pixels: ByteArray, matrix: _Matrix, size_px: int, factor: int
) -> tuple[ByteArray, _Matrix]:
    """The part of the picture the chip shows, averaged over factor x factor pixels."""
    corners = np.array([[0, 0], [size_px, 0], [0, size_px], [size_px, size_px]], np.float64)
    inverse = cv2.invertAffineTransform(matrix)
    seen = corners @ inverse[:, :2].T + inverse[:, 2]
    height, width = pixels.shape[:2]
    left, top = np.clip(np.floor(seen.min(axis=0)).astype(int) - factor, 0, None)
    right, bottom = np.ceil(seen.max(axis=0)).astype(int) + factor
    # Whole blocks only, so that block centres map exactly; the rest is beyond the edge.
    right = min(int(right), width)
    bottom = min(int(bottom), height)
    right -= (right - left) % factor
    bottom -= (bottom - top) % factor
    if right - left < factor or bottom - top < factor:
        return pixels, matrix
    region = pixels[top:bottom, left:right]
    size = ((right - left) // factor, (bottom - top) // factor)
    averaged = np.asarray(cv2.resize(region, size, interpolation=cv2.INTER_AREA), np.uint8)
    # A block's centre lies (factor - 1) / 2 pixels inside it.
    to_photo = np.array(
        [
            [factor, 0.0, left + (factor - 1) / 2],
            [0.0, factor, top + (factor - 1) / 2],
            [0.0, 0.0, 1.0],
        ]
    )
    return averaged, matrix @ to_photo
