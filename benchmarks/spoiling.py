"""Ways in which photos of faces turn out badly, drawn at random.

In: the pixels of a good photo and how wide its face is. Out: a spoiled copy, perhaps
smaller, and what was done to it. In the order in which it happens to real photos: out of
focus or shaken, too little or too much light, a noisy sensor, few pixels, a small file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.opencv import cv2
from facesearch.values import ByteArray

# Blur is drawn for faces of this width and scaled to others.
_FACE_PX = 56


class Fault(StrEnum):
    """What goes wrong."""

    BLUR = "blur"
    SHAKE = "shake"
    DARK = "dark"
    BRIGHT = "bright"
    NOISE = "noise"
    SMALL = "small"
    JPEG = "jpeg"


_FAULTS = tuple(Fault)
_HOW_OFTEN = (0.12, 0.08, 0.14, 0.12, 0.06, 0.36, 0.12)
_ONE_FAULT, _SOME_JPEG = 0.6, 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Spoiled:
    """A spoiled photo.

    Attributes:
        pixels: uint8 RGB.
        scale: its pixels per pixel of the good photo.
        faults: what was done.
    """

    pixels: ByteArray
    scale: float
    faults: frozenset[Fault]


def spoil(pixels: ByteArray, face_px: float, draw: np.random.Generator) -> Spoiled:
    """A copy with one or two faults of random strength.

    Args:
        pixels: uint8 RGB.
        face_px: width of the face.
        draw: where the chances come from.
    """
    count = 1 if draw.random() < _ONE_FAULT else 2
    drawn = draw.choice(len(_FAULTS), size=count, replace=False, p=_HOW_OFTEN)
    faults = frozenset(_FAULTS[at] for at in drawn)
    light: NDArray[Any] = pixels.astype(np.float32)
    if Fault.BLUR in faults:
        light = cv2.GaussianBlur(light, (0, 0), _between(draw, 0.6, 6) * face_px / _FACE_PX)
    if Fault.SHAKE in faults:
        light = _shaken(light, int(draw.integers(3, 22)), draw.uniform(0, np.pi))
    if Fault.DARK in faults:
        light = light * np.float32(_between(draw, 0.02, 0.5))
    if Fault.BRIGHT in faults:
        light = np.minimum(light * np.float32(draw.uniform(1.5, 5)), 255)
    if faults & {Fault.NOISE, Fault.DARK}:
        grain = _between(draw, 1, 30 if Fault.NOISE in faults else 6)
        light = light + draw.standard_normal(light.shape, np.float32) * np.float32(grain)
    spoiled: ByteArray = np.clip(np.rint(light), 0, 255).astype(np.uint8)
    if Fault.SMALL in faults:
        scale = _between(draw, 8, 50) / face_px
        height, width = (max(12, round(side * scale)) for side in spoiled.shape[:2])
        smaller = cv2.resize(spoiled, (width, height), interpolation=cv2.INTER_AREA)
        spoiled = np.asarray(smaller, np.uint8)
    if Fault.JPEG in faults:
        spoiled = _as_jpeg(spoiled, int(draw.integers(5, 60)))
    elif draw.random() < _SOME_JPEG:
        spoiled = _as_jpeg(spoiled, int(draw.integers(60, 95)))
    return Spoiled(spoiled, spoiled.shape[1] / pixels.shape[1], faults)


def _between(draw: np.random.Generator, low: float, high: float) -> float:
    """Doubling is as likely at the lower as at the upper end."""
    return float(np.exp(draw.uniform(np.log(low), np.log(high))))


def _shaken(light: NDArray[Any], length: int, angle: float) -> NDArray[Any]:
    path = np.zeros((length, length), np.float32)
    middle = (length - 1) / 2
    for at in np.linspace(-middle, middle, length * 3):
        path[round(middle + at * np.sin(angle)), round(middle + at * np.cos(angle))] = 1
    return np.asarray(cv2.filter2D(light, -1, path / path.sum()), np.float32)


def _as_jpeg(pixels: ByteArray, quality: int) -> ByteArray:
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1].copy()
