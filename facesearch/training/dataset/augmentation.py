"""Augmentation: each time a chip is seen, it is seen a little differently.

In: a batch of chips and a key. Out: the chips changed at random, the same for the same key. It
runs inside tf.data: TensorFlow draws the random numbers, and OpenCV changes pixels, in a fifth
of the time that TensorFlow takes to. Mirroring, rotation and cropping are one resampling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from facesearch.errors import InvalidValue
from facesearch.models.tensorflow import started_tensorflow
from facesearch.opencv import cv2
from facesearch.values import ByteArray, FloatArray

_VALUES = np.arange(256, dtype=np.float32)[:, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How much chips are changed; every amount is drawn evenly between its ends.

    Attributes:
        mirror: half of the chips are mirrored left to right.
        rotation_deg: turned by up to this angle either way, in 0..45. What lies beyond the
            edge repeats the edge.
        crop: a square is cut out, smaller than the chip by up to this share of its side, at
            any place, and enlarged to the chip's size; in 0..0.5.
        brightness: up to this share of the full range is added or taken away, in 0..1.
        contrast: each channel's differences from its mean are multiplied by a factor in
            1 - contrast to 1 + contrast, in 0..1.

    Raises:
        InvalidValue: out of range.
    """

    mirror: bool = True
    rotation_deg: float = 10.0
    crop: float = 0.1
    brightness: float = 0.1
    contrast: float = 0.1

    def __post_init__(self) -> None:
        ends = {"rotation_deg": 45.0, "crop": 0.5, "brightness": 1.0, "contrast": 1.0}
        for name, most in ends.items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise InvalidValue(f"{name} is 0 to {most:g}, not {value}")

    def __call__(self, chips: Any, key: Any) -> Any:
        """The chips changed.

        Args:
            chips: a tensor, uint8 (n, size, size, 3).
            key: a stateless seed, int64 (2,).

        Returns:
            A tensor of the same shape and type.
        """
        tf = started_tensorflow()
        n, size = tf.shape(chips)[0], chips.shape[1]

        def drawn(purpose: int, low: float, high: float) -> Any:
            seed = tf.random.experimental.stateless_fold_in(key, purpose)
            return tf.random.stateless_uniform((n,), seed, low, high)

        turn = math.radians(self.rotation_deg)
        numbers = tf.stack(
            [
                drawn(0, 0, 1) if self.mirror else tf.ones((n,)),
                drawn(1, -turn, turn) if turn else tf.zeros((n,)),
                drawn(2, 1 - self.crop, 1) if self.crop else tf.ones((n,)),
                drawn(3, -0.5, 0.5),
                drawn(4, -0.5, 0.5),
                drawn(5, 1 - self.contrast, 1 + self.contrast) if self.contrast else tf.ones((n,)),
                drawn(6, -255, 255) * self.brightness,
            ],
            axis=1,
        )
        changed = tf.numpy_function(self._changed, (chips, numbers), tf.uint8)
        return tf.ensure_shape(changed, (None, size, size, 3))

    def _changed(self, chips: ByteArray, numbers: FloatArray) -> ByteArray:
        resampled, relit = self.rotation_deg or self.crop, self.contrast or self.brightness
        found = np.empty_like(chips)
        for at, (flip, turn, side, right, down, factor, added) in enumerate(numbers):
            chip: Any = chips[at]
            if resampled:
                chip = _resampled(chip, flip < 0.5, float(turn), float(side), right, down)
            elif flip < 0.5:
                chip = cv2.flip(chip, 1)
            if relit:
                mean = np.array(cv2.mean(chip)[:3], np.float32)
                table = np.rint((_VALUES - mean) * factor + mean + added)
                chip = cv2.LUT(chip, np.clip(table, 0, 255).astype(np.uint8)[None])
            found[at] = chip
        return found


def _resampled(
    chip: ByteArray, is_flipped: bool, turn: float, side: float, right: float, down: float
) -> Any:
    """A square of the chip, turned, as large as the chip.

    Args:
        side: of the square, as a share of the chip's.
        right, down: where it lies, in -0.5..0.5 of the room there is for it.
    """
    size = len(chip)
    middle, room = (size - 1) / 2, (1 - side) * size
    along, across = side * math.cos(turn), side * math.sin(turn)
    way = -1.0 if is_flipped else 1.0
    to_chip = np.array(
        [
            [along * way, -across, middle + right * room - middle * (along * way - across)],
            [across * way, along, middle + down * room - middle * (across * way + along)],
        ]
    )
    return cv2.warpAffine(
        chip,
        to_chip,
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
