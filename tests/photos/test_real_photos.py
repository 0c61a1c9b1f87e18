"""Photographs from cameras and the web, where they are at hand: all are sound, none refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image as pillow
import pytest
from PIL import ImageOps

from facesearch.photos.decode import DecodeLimits, open_photo
from facesearch.photos.read import read_photo
from facesearch.photos.walk import WalkProblem, walk

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the shared photographs are not on this machine"
)


@pytest.mark.parametrize(("folder", "every"), [("albums", 2), ("lfw/images", 40)])
def test_real_photographs_are_sound_and_upright(folder: str, every: int) -> None:
    problems: list[WalkProblem] = []
    files = list(walk([DATA / folder], on_problem=problems.append))[::every]
    assert not problems
    assert len(files) > 40
    for file in files:
        data = read_photo(file.path, max_bytes=1 << 30).data
        photo = open_photo(data, file.path, DecodeLimits())
        with pillow.open(file.path) as opened:
            expected = ImageOps.exif_transpose(opened).convert("RGB")
        np.testing.assert_array_equal(photo.decode().pixels, np.asarray(expected))
        image = photo.decode(min_longer_px=200)
        assert image.full_size == photo.size
        small = expected.resize((image.size.width, image.size.height), pillow.Resampling.BOX)
        difference = np.abs(image.pixels.astype(np.int16) - np.asarray(small)).mean()
        assert difference < 8, file.path  # half a pixel beside it in a photo full of hair
