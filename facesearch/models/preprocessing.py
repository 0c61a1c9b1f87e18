"""What networks are fed: pixels of chips in, numbers in the network's own order out.

In: chips, uint8 RGB. Out: an array as one network was trained to see it. Networks differ
in channel order, memory layout, mean, scale and number type, and nearly always in nothing
else, so this one description serves models of every origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidValue
from facesearch.values import ByteArray

_SMALLEST_DEVIATION_PER_ROOT = 1.0


class Channels(StrEnum):
    """In which order a network takes colours."""

    RGB = "rgb"
    BGR = "bgr"


class Layout(StrEnum):
    """Where a network expects the channels: before the rows, or last."""

    NCHW = "nchw"
    NHWC = "nhwc"


class Number(StrEnum):
    """The type of the numbers a network takes."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    UINT8 = "uint8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """From chips to a network's input: (pixel - mean) * scale, in the network's order.

    Attributes:
        width_px, height_px: of the network's input. The longer of the two is the side of
            the chip; the middle of the chip is taken of the other.
        channels: order of colours.
        layout: where the channels are.
        mean: subtracted from pixels 0..255; one number a channel, red, green, blue.
        scale: multiplied afterwards, in the same order.
        standardise: instead of both, subtract each picture's own mean and divide by its
            own standard deviation ("prewhitening", as FaceNet was trained).
        number: type of the numbers.

    Raises:
        InvalidValue: a size below 1, a scale of 0, or bytes that would have to be scaled.
    """

    width_px: int
    height_px: int
    channels: Channels = Channels.RGB
    layout: Layout = Layout.NCHW
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    standardise: bool = False
    number: Number = Number.FLOAT32

    def __post_init__(self) -> None:
        if self.width_px < 1 or self.height_px < 1:
            raise InvalidValue(
                f"a network's input has at least 1 x 1 px, not {self.width_px} x {self.height_px}"
            )
        for name in ("mean", "scale"):
            values = getattr(self, name)
            if len(values) != 3 or not all(np.isfinite(values)):
                raise InvalidValue(f"the {name} is three numbers, red, green, blue, not {values}")
        if 0 in self.scale:
            raise InvalidValue("a scale of 0 would feed the network nothing")
        if self.number is Number.UINT8 and (self.standardise or not self._is_plain):
            raise InvalidValue(
                "a network that takes bytes takes pixels as they are: no mean, scale"
            )

    @property
    def side_px(self) -> int:
        """Width and height of the chips it takes."""
        return max(self.width_px, self.height_px)

    @property
    def _is_plain(self) -> bool:
        return self.mean == (0.0, 0.0, 0.0) and self.scale == (1.0, 1.0, 1.0)

    def apply(self, chips: ByteArray) -> NDArray[Any]:
        """The input for a batch.

        Args:
            chips: uint8 RGB, shape (n, side_px, side_px, 3).

        Returns:
            C-contiguous, shape (n, 3, height, width) or (n, height, width, 3), of `number`.

        Raises:
            InvalidValue: chips of another shape or type.
        """
        side = self.side_px
        if chips.dtype != np.uint8 or chips.ndim != 4 or chips.shape[1:] != (side, side, 3):
            raise InvalidValue(
                f"expected uint8 chips of shape (n, {side}, {side}, 3), not {chips.dtype} "
                f"{chips.shape}: cut them with this embedder"
            )
        top, left = (side - self.height_px) // 2, (side - self.width_px) // 2
        return self.feed(chips[:, top : top + self.height_px, left : left + self.width_px])

    def feed(self, pixels: ByteArray) -> NDArray[Any]:
        """The input for pictures that have the network's own size already; see `apply`.

        Args:
            pixels: uint8 RGB, shape (n, height_px, width_px, 3).

        Raises:
            InvalidValue: pictures of another shape or type.
        """
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (self.height_px, self.width_px, 3):
            raise InvalidValue(
                f"expected uint8 pictures of shape (n, {self.height_px}, {self.width_px}, 3), "
                f"not {pixels.dtype} {pixels.shape}"
            )
        if self.number is Number.UINT8:
            return self._ordered(pixels)
        if self.standardise:
            numbers = pixels.astype(np.float32)
            mean = numbers.mean(axis=(1, 2, 3), keepdims=True)
            deviation = numbers.std(axis=(1, 2, 3), keepdims=True)
            # A picture of one colour must not divide by 0; the bound is FaceNet's own.
            least = _SMALLEST_DEVIATION_PER_ROOT / np.sqrt(numbers[0].size) if len(numbers) else 1
            numbers = (numbers - mean) / np.maximum(deviation, least)
        else:
            numbers = pixels.astype(np.float32)
            if not self._is_plain:
                numbers -= np.asarray(self.mean, np.float32)
                numbers *= np.asarray(self.scale, np.float32)
        return self._ordered(numbers.astype(self.number.value, copy=False))

    def _ordered(self, pictures: NDArray[Any]) -> NDArray[Any]:
        if self.channels is Channels.BGR:
            pictures = pictures[..., ::-1]
        if self.layout is Layout.NCHW:
            pictures = pictures.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(pictures)
