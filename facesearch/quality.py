"""How well a face can be recognised: from its chip, landmarks and score to one number.

In: a chip and the detection it was cut for. Out: a `FaceQuality` with one value in 0..1 and
stable codes for what is poor.

The value is the expected share of good photos of the same person that the face matches where
one impostor in 1,000 matches too (1 - FNMR at FMR 1e-3, with the default embedder): 0.95 for
an ordinary portrait, 0.5 for a face that is missed every other time. It is a logistic model
with few terms, fitted by benchmarks/quality.py; docs/decisions/quality.md has the figures.

What has to be looked at in the chip (`ChipMeasures`) is kept in the catalog; everything else
follows from the landmarks and the score that are there already. So the value is worked out
whenever a face is read, and a better model needs no photo again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from facesearch.values import ByteArray, Detection, FaceQuality, Landmarks, PoorFace

__all__ = [
    "REFERENCE_MIN",
    "ChipMeasures",
    "FaceQuality",
    "PoorFace",
    "Terms",
    "graded",
    "is_reference",
    "measure_chip",
    "measure_quality",
    "pose",
    "terms_of",
]

REFERENCE_MIN = 0.4
"""A face of a lower quality never serves as reference for a name."""

# Chips are looked at in this size, so that measures of differently sized chips compare.
_CHIP_PX = 75
# The part of a chip that shows skin in all templates in use, as shares of its side.
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.213, 0.773, 0.2, 0.84
# Fine detail: what is lost between these two blurs, in pixels of `_CHIP_PX`. Finer detail
# than that is as often noise as skin.
_FINE_PX, _COARSE_PX = 1.0, 1.4
_BLUR_REACH_PX = 6
# Of a face seen from the front, in units of the distance between its eyes: how far the mouth
# lies below the eyes, and how far the tip of the nose stands out from eyes and mouth.
_EYES_TO_MOUTH, _NOSE_DEPTH = 1.1, 0.4
# Where the tip of the nose lies between eyes (0) and mouth (1), seen from the front.
_NOSE_AT = 0.54

# Where each term of the model begins to count.
_SMALL_PX, _TINY_PX = 25.0, 12.0
_SHARP, _CONTRAST, _BRIGHT, _TURNED_DEG = 0.12, 0.09, 0.7, 48.0
# An enlarged chip is not sharp: halving a face costs it this share of an octave of sharpness.
_SHARP_AT_SMALL_PX, _SHARP_PER_OCTAVE = 0.095, 0.5


@dataclass(frozen=True, slots=True)
class ChipMeasures:
    """What only the pixels of a chip tell about its quality. The catalog keeps these.

    Attributes:
        sharpness: fine detail (as large as a tenth of the distance between the eyes) as a
            share of the contrast, both as standard deviations; at least 0. About 0.1 in a
            sharp photo, below 0.05 in a blurred one.
        brightness: mean luminance, 0 (black) to 1 (white).
        contrast: standard deviation of the luminance, 0 to 0.5.
    """

    sharpness: float
    brightness: float
    contrast: float


@dataclass(frozen=True, slots=True)
class Terms:
    """What the model adds up: each at least 0, and 0 where there is nothing to complain about.

    Attributes:
        small, tiny: octaves of size below what suffices, and below half of that.
        blur: octaves of sharpness below what suffices.
        flat: octaves of contrast below what suffices.
        glare: tenths of brightness beyond what is good.
        turned: tens of degrees that the face is turned too far, at most 2.
        doubt: square root of what the detection score lacks to 1.
    """

    small: float
    tiny: float
    blur: float
    flat: float
    glare: float
    turned: float
    doubt: float


# The odds of being missed: what an ordinary face has, and by what each term raises them, as
# natural logarithms. From the 832 people of LFW that benchmarks/quality.py fits on; `turned` is
# set by hand from the 65 faces in LFW that are turned so far, which is too few for a fit.
_ORDINARY = -3.634
_WEIGHTS = Terms(
    small=0.289, tiny=1.12, blur=2.097, flat=0.603, glare=1.054, turned=1.5, doubt=6.353
)
# What raises the odds by less (a factor of e) is not worth a word.
_WORTH_MENTIONING = 1.0


def measure_quality(chip: ByteArray, detection: Detection) -> FaceQuality:
    """The quality of a face.

    Args:
        chip: uint8 RGB (size, size, 3), the upright face with eyes and mouth where
            recognition wants them: the first view that an embedder cuts.
        detection: the face it shows.
    """
    return graded(measure_chip(chip), detection.landmarks, detection.score)


def measure_chip(chip: ByteArray) -> ChipMeasures:
    """Look at the pixels of a chip: uint8 RGB (size, size, 3)."""
    # Reading a library asks for grades and no pixels, so it goes without OpenCV.
    from facesearch.opencv import cv2

    small = cv2.resize(chip, (_CHIP_PX, _CHIP_PX), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    top, bottom, left, right = (round(x * _CHIP_PX) for x in (_TOP, _BOTTOM, _LEFT, _RIGHT))
    reach = _BLUR_REACH_PX
    around = grey[top - reach : bottom + reach, left - reach : right + reach].astype(np.float32)
    fine = cv2.GaussianBlur(around, (0, 0), _FINE_PX) - cv2.GaussianBlur(around, (0, 0), _COARSE_PX)
    detail = float(fine[reach:-reach, reach:-reach].std())
    mean, deviation = cv2.meanStdDev(around[reach:-reach, reach:-reach])
    contrast = float(deviation[0, 0])
    # A chip of one grey has no detail either; one grey level keeps the ratio finite.
    return ChipMeasures(detail / max(contrast, 1.0), float(mean[0, 0]) / 255, contrast / 255)


def graded(measures: ChipMeasures, landmarks: Landmarks, score: float) -> FaceQuality:
    """The quality of a face from what the catalog keeps of it."""
    size_px, yaw, pitch, roll = pose(landmarks)
    terms = terms_of(measures, size_px, yaw, pitch, score)
    logit = _ORDINARY + sum(_raised(terms).values())
    value = 1 / (1 + math.exp(min(logit, 50.0)))
    return FaceQuality(
        value=value,
        problems=_problems(terms, measures, size_px, named=value < REFERENCE_MIN),
        size_px=size_px,
        sharpness=measures.sharpness,
        brightness=measures.brightness,
        contrast=measures.contrast,
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=roll,
        detection_score=score,
    )


def is_reference(quality: FaceQuality | None) -> bool:
    """Whether a face is good enough to decide who another one is.

    A face that was never measured is: nothing speaks against it.
    """
    return quality is None or quality.value >= REFERENCE_MIN


def pose(landmarks: Landmarks) -> tuple[float, float, float, float]:
    """Size in pixels and yaw, pitch, roll in degrees; see `FaceQuality`.

    Five points tell the angles to about ten degrees. Beyond half a right angle they only say
    that the face is turned far.
    """
    (ax, ay), (bx, by), (nx, ny), (cx, cy), (dx, dy) = landmarks.points.tolist()
    across_x, across_y = bx - ax, by - ay
    eyes_x, eyes_y = (ax + bx) / 2, (ay + by) / 2
    down_x, down_y = (cx + dx) / 2 - eyes_x, (cy + dy) / 2 - eyes_y
    size_px = max(math.hypot(across_x, across_y), math.hypot(down_x, down_y) / _EYES_TO_MOUTH)
    # To the right along the face: both the line through the eyes and the line from the eyes
    # to the mouth, turned by a right angle, have a say.
    axis_x, axis_y = across_x * _EYES_TO_MOUTH + down_y, across_y * _EYES_TO_MOUTH - down_x
    length = math.hypot(axis_x, axis_y)
    if length == 0:
        return size_px, 0.0, 0.0, 0.0
    axis_x, axis_y = axis_x / length, axis_y / length
    width = max(across_x * axis_x + across_y * axis_y, 1e-6)
    height = max(down_y * axis_x - down_x * axis_y, 1e-6)
    nose_x, nose_y = nx - eyes_x, ny - eyes_y
    along = (nose_y * axis_x - nose_x * axis_y) / height
    aside = (nose_x - along * down_x) * axis_x + (nose_y - along * down_y) * axis_y
    yaw = math.atan2(aside, _NOSE_DEPTH * width)
    pitch = math.atan2((_NOSE_AT - along) * _EYES_TO_MOUTH, _NOSE_DEPTH)
    roll = math.atan2(axis_y, axis_x)
    return size_px, math.degrees(yaw), math.degrees(pitch), math.degrees(roll)


def terms_of(
    measures: ChipMeasures, size_px: float, yaw_deg: float, pitch_deg: float, score: float
) -> Terms:
    """What the model adds up for a face."""
    facing = math.cos(math.radians(yaw_deg)) * math.cos(math.radians(pitch_deg))
    turned_deg = math.degrees(math.acos(max(-1.0, min(1.0, facing))))
    return Terms(
        small=_octaves_below(size_px, _SMALL_PX),
        tiny=_octaves_below(size_px, _TINY_PX),
        blur=_octaves_below(measures.sharpness, _SHARP),
        flat=_octaves_below(measures.contrast, _CONTRAST),
        glare=max(0.0, measures.brightness - _BRIGHT) * 10,
        turned=min(max(0.0, turned_deg - _TURNED_DEG) / 10, 2.0),
        doubt=math.sqrt(max(0.0, 1.0 - score)),
    )


def _octaves_below(value: float, enough: float) -> float:
    """How often a value must be doubled to be enough, at most 8 times; 0 where it is."""
    return max(0.0, math.log2(enough / max(value, enough / 256)))


def _raised(terms: Terms) -> dict[str, float]:
    """By what each term raises the logarithm of the odds of being missed."""
    return {name: getattr(_WEIGHTS, name) * getattr(terms, name) for name in Terms.__slots__}


def _problems(
    terms: Terms, measures: ChipMeasures, size_px: float, *, named: bool
) -> tuple[PoorFace, ...]:
    """What is poor, worst first; at least one thing where it is to be `named`."""
    raised = _raised(terms)
    # A small face cannot be sharp: that part of the blur is due to its size.
    usual = _SHARP_AT_SMALL_PX / 2 ** (_SHARP_PER_OCTAVE * terms.small)
    due_to_size = _WEIGHTS.blur * min(terms.blur, _octaves_below(usual, _SHARP))
    is_bright = measures.brightness > _BRIGHT
    found = {
        PoorFace.TOO_SMALL: raised["small"] + raised["tiny"]
        + (due_to_size if size_px < _SMALL_PX else 0.0),
        PoorFace.BLURRED: raised["blur"] - due_to_size,
        PoorFace.TOO_DARK: 0.0 if is_bright else raised["flat"],
        PoorFace.TOO_BRIGHT: raised["glare"] + (raised["flat"] if is_bright else 0.0),
        PoorFace.TURNED_AWAY: raised["turned"],
        PoorFace.UNCERTAIN_DETECTION: raised["doubt"],
    }  # fmt: skip
    worst_first = sorted(found, key=lambda code: -found[code])
    mentioned = [code for code in worst_first if found[code] >= _WORTH_MENTIONING]
    return tuple(mentioned or (worst_first[:1] if named else ()))
