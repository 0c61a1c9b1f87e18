"""Augmentation: each time a chip is seen, it is seen a little differently.

In: a batch of chips and a key. Out: the chips changed at random, the same for the same key. It
runs inside tf.data. Rotation and cropping are one resampling, so that chips are blurred once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from facesearch.errors import InvalidValue
from facesearch.models.tensorflow import started_tensorflow


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

        def drawn(purpose: int, low: Any, high: Any) -> Any:
            seed = tf.random.experimental.stateless_fold_in(key, purpose)
            return tf.random.stateless_uniform((n,), seed) * (high - low) + low

        flips = drawn(0, 0.0, 1.0) < 0.5 if self.mirror else tf.zeros((n,), tf.bool)
        if self.rotation_deg or self.crop:
            turn = math.radians(self.rotation_deg)
            side = drawn(2, 1 - self.crop, 1.0)
            moves = [drawn(at, -0.5, 0.5) * (1 - side) * size for at in (3, 4)]
            pixels = tf.raw_ops.ImageProjectiveTransformV3(
                images=tf.cast(chips, tf.float32),
                transforms=_transforms(tf, size, flips, drawn(1, -turn, turn), side, *moves),
                output_shape=(size, size),
                fill_value=0.0,
                interpolation="BILINEAR",
                fill_mode="NEAREST",
            )
        else:
            if self.mirror:  # tf.reverse: slicing with a step of -1 takes ten times as long
                chips = tf.where(flips[:, None, None, None], tf.reverse(chips, (2,)), chips)
            if not (self.brightness or self.contrast):
                return chips
            pixels = tf.cast(chips, tf.float32)
        if self.contrast:
            mean = tf.reduce_mean(pixels, axis=(1, 2), keepdims=True)
            factor = drawn(5, 1 - self.contrast, 1 + self.contrast)
            pixels = (pixels - mean) * factor[:, None, None, None] + mean
        if self.brightness:
            added = drawn(6, -255 * self.brightness, 255 * self.brightness)
            pixels += added[:, None, None, None]
        changed = tf.saturate_cast(tf.round(pixels), tf.uint8)
        return tf.ensure_shape(changed, (None, size, size, 3))


def _transforms(tf: Any, size: int, flips: Any, turn: Any, side: Any, right: Any, down: Any) -> Any:
    """From pixels of the changed chips to those of the given ones: (n, 8), as tf.raw_ops wants."""
    middle = (size - 1) / 2
    along, across = side * tf.cos(turn), side * tf.sin(turn)
    way = tf.where(flips, -1.0, 1.0)  # of the changed chip's columns
    none = tf.zeros_like(turn)
    return tf.stack(
        [
            along * way,
            -across,
            middle + right - middle * (along * way - across),
            across * way,
            along,
            middle + down - middle * (across * way + along),
            none,
            none,
        ],
        axis=1,
    )
