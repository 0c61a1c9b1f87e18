"""Ways to cut a chip, each compared with and added to the standard one.

Comes in: the laboratory. Goes out: rows of a table: FNMR at four FMRs and rank-1, of the
mean of a chip and its mirror image cut that way, and of that mean and the standard one
together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.ablations.faces import Cut, Laboratory
from benchmarks.ablations.measures import fnmr_at, rank_one
from facesearch.models.align import ChipTemplate, similarity
from facesearch.models.dlib_resnet import CHIP_SIZE_PX, TEMPLATE
from facesearch.models.projection import unit_rows
from facesearch.opencv import cv2
from facesearch.values import FloatArray, Image, Landmarks

Chip = NDArray[np.uint8]
Line = tuple[str, list[float]]

_PARTS = 4
_EYES_WEIGHT = 3
_MIDDLE = (CHIP_SIZE_PX - 1) / 2


def table(laboratory: Laboratory) -> Iterator[Line]:
    """What each way is worth, on a quarter of the people who have several photos."""
    faces = laboratory.faces
    rows = np.flatnonzero(faces.part(0, _PARTS) & faces.capped & faces.shared)
    people = faces.people[rows]

    def line(name: str, descriptors: FloatArray) -> Line:
        placed = unit_rows(descriptors)
        return name, [*fnmr_at(placed, people), rank_one(placed, people)]

    chip, mirror = laboratory.descriptors("standard", TEMPLATE.cut, rows)
    standard = chip + mirror
    yield line("standard chip alone, no mirror", chip)
    yield line("standard", standard)
    yield line("standard, each at length 1 first", unit_rows(chip) + unit_rows(mirror))
    sums = {}
    for name, cut in VARIANTS.items():
        chip, mirror = laboratory.descriptors(name, cut, rows)
        sums[name] = chip + mirror
        yield line(name, sums[name])
        yield line(f"standard + {name}", standard + sums[name])
    wide = sums["scale 0.9"] + sums["scale 1.1"]
    yield line("scales 0.9 + 1.1", wide)
    yield line("scales 0.9 + 1.0 + 1.1", standard + wide)


def _sampled(interpolation: int, border: int = cv2.BORDER_CONSTANT, eyes: int = 1) -> Cut:
    """Cuts by other sampling, another border, or eyes that count several times."""
    weights = [eyes, eyes, 1, 1, 1]
    target = np.repeat(TEMPLATE.points, weights, axis=0)

    def cut(image: Image, landmarks: Landmarks) -> Chip:
        matrix = similarity(np.repeat(landmarks.points, weights, axis=0), target)
        size = (CHIP_SIZE_PX, CHIP_SIZE_PX)
        chip = cv2.warpAffine(image.pixels, matrix, size, flags=interpolation, borderMode=border)
        return np.asarray(chip, np.uint8)

    return cut


def _then(change: Callable[[Any], Any]) -> Cut:
    """Cuts as usual, then changes the chip."""
    return lambda image, landmarks: np.asarray(change(TEMPLATE.cut(image, landmarks)), np.uint8)


def _sharpened(chip: Chip) -> Any:
    return cv2.addWeighted(chip, 1.7, cv2.GaussianBlur(chip, (0, 0), 2.0), -0.7, 0)


def _evenly_bright(chip: Chip) -> Any:
    face = chip[20:130, 30:120].mean()
    return np.clip(chip * (118 / max(float(face), 1.0)), 0, 255)


def _moved(*, down_px: float = 0.0, degrees: float = 0.0) -> Cut:
    turn = np.deg2rad(degrees)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    points = (TEMPLATE.points - _MIDDLE) @ matrix + _MIDDLE + (0, down_px)
    return ChipTemplate("moved", CHIP_SIZE_PX, points.astype(np.float32)).cut


VARIANTS: dict[str, Cut] = {
    "scale 0.9": TEMPLATE.scaled(0.9).cut,
    "scale 0.95": TEMPLATE.scaled(0.95).cut,
    "scale 1.05": TEMPLATE.scaled(1.05).cut,
    "scale 1.1": TEMPLATE.scaled(1.1).cut,
    "4 px lower": _moved(down_px=4),
    "4 px higher": _moved(down_px=-4),
    "turned by 5 degrees": _moved(degrees=5),
    "eyes count three times": _sampled(cv2.INTER_LINEAR, eyes=_EYES_WEIGHT),
    "cubic sampling": _sampled(cv2.INTER_CUBIC),
    "Lanczos sampling": _sampled(cv2.INTER_LANCZOS4),
    "edges repeated": _sampled(cv2.INTER_LINEAR, cv2.BORDER_REPLICATE),
    "sharpened": _then(_sharpened),
    "softened": _then(lambda chip: cv2.GaussianBlur(chip, (0, 0), 1.0)),
    "evenly bright": _then(_evenly_bright),
}
