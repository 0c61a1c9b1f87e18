"""Pictures to encode, ways to encode them, and a user without privileges."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
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


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """An empty folder that every user of the machine may enter (tmp_path is the owner's)."""
    folder = Path(tempfile.mkdtemp(prefix="facesearch-test-")).resolve()
    folder.chmod(0o755)
    yield folder
    for path, _, _ in os.walk(folder):
        Path(path).chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def unprivileged() -> Callable[[], AbstractContextManager[None]]:
    """`with unprivileged():` permissions hold inside, even where the tests run as root."""
    if os.name != "posix":
        pytest.skip("permissions of this kind exist on POSIX systems only")

    @contextmanager
    def as_nobody() -> Iterator[None]:
        if os.geteuid() != 0:
            yield
            return
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    return as_nobody
