"""Pictures to encode, and ways to encode them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image as pillow
import pillow_heif
import pytest
import skimage.data

from facesearch.values import ByteArray

Encode = Callable[..., bytes]


@pytest.fixture(scope="session")
def portrait() -> ByteArray:
    """A photograph, upright, 96 wide and 128 high; no symmetry anywhere."""
    face = skimage.data.astronaut()[:256, 128:320]
    return np.asarray(pillow.fromarray(face).resize((96, 128), pillow.Resampling.LANCZOS))


@pytest.fixture(scope="session")
def encode() -> Encode:
    """encode(pixels or Pillow image, format, **save options) -> file bytes.

    `orientation` states an EXIF orientation; the pixels are stored as given.
    """

    def encoded(
        picture: ByteArray | pillow.Image,
        kind: str = "JPEG",
        *,
        orientation: int | None = None,
        **options: Any,
    ) -> bytes:
        if isinstance(picture, np.ndarray):
            picture = pillow.fromarray(picture)
        if orientation is not None:
            exif = pillow.Exif()
            exif[0x0112] = orientation
            options["exif"] = exif.tobytes()
        file = io.BytesIO()
        if kind == "HEIF":
            pillow_heif.from_pillow(picture).save(file, quality=90, **options)
        elif kind == "DIB":
            picture.save(file, "BMP", **options)
            return file.getvalue()[14:]
        else:
            picture.save(file, kind, **options)
        return file.getvalue()

    return encoded
