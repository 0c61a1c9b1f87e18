"""Any picture Pillow holds, as 8-bit RGB on white.

In comes a loaded Pillow image of any mode, out goes a uint8 array of shape
(height, width, 3). Colour profiles are not applied.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import PIL.Image as pillow
from numpy.typing import NDArray

from facesearch.values import ByteArray

_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262
_WHITE_IS_ZERO = 0


def to_rgb(picture: pillow.Image) -> ByteArray:
    """Convert a loaded Pillow image to RGB.

    Transparency is laid on white. Grey of more than 8 bits is scaled to 8, not
    clipped: 16 bits by their range, 32 bits and floats by the range their values
    suggest (0..1, 0..255, 0..65535, else from the least to the greatest).
    """
    if picture.mode in {"I", "F"} or picture.mode.startswith("I;16"):
        grey = _grey_to_8_bits(picture)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if picture.mode == "La":  # premultiplied grey, which Pillow converts to nothing else
        picture = picture.convert("LA")
    if picture.has_transparency_data:
        return on_white(np.asarray(picture.convert("RGBA")))
    if picture.mode != "RGB":
        picture = picture.convert("RGB")
    return np.asarray(picture)


def on_white(rgba: ByteArray) -> ByteArray:
    """RGBA pixels of shape (height, width, 4) laid on white, rounded to the nearest value."""
    colour, alpha = rgba[:, :, :3], rgba[:, :, 3:]
    if (alpha == 255).all():  # screenshots carry alpha and use none
        return colour.copy()
    # In place and in 16 bits: 255 * 255 fits, and the photo may be large.
    mixed = colour.astype(np.uint16)
    mixed *= alpha
    mixed += (255 - alpha.astype(np.uint16)) * np.uint16(255)
    mixed += np.uint16(127)
    mixed //= np.uint16(255)
    return mixed.astype(np.uint8)


def _grey_to_8_bits(picture: pillow.Image) -> ByteArray:
    values = np.asarray(picture)
    tags: Any = getattr(picture, "tag_v2", {})
    if picture.mode.startswith("I;16"):
        bits = tags.get(_BITS_PER_SAMPLE, (16,))
        top = 4095 if tuple(bits)[:1] == (12,) else 65535
        grey = _scaled_integers(values, top)
        # Pillow turns 8-bit negatives (white is 0) around, 16-bit ones not.
        return 255 - grey if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else grey
    if picture.mode == "I" and picture.format == "PNG":  # as Pillow before 11 opened 16 bits
        return _scaled_integers(values, 65535)
    return _scaled_by_content(values)


def _scaled_integers(values: NDArray[Any], top: int) -> ByteArray:
    table = (np.arange(65536, dtype=np.uint32) * 255 + top // 2) // top
    scaled: ByteArray = np.minimum(table, 255).astype(np.uint8)[np.clip(values, 0, 65535)]
    return scaled


def _scaled_by_content(values: NDArray[Any]) -> ByteArray:
    finite = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    if low >= 0:
        low = 0.0
        is_fraction = values.dtype.kind == "f" and high <= 1
        high = 1.0 if is_fraction else 255.0 if high <= 255 else max(high, 65535.0)
    return np.rint((finite - low) * (255 / ((high - low) or 1.0))).astype(np.uint8)
