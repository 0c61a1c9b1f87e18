"""Small pictures of made-up people, and options that take them as the chips they are."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from facesearch.training.dataset.options import DatasetOptions, Storage


def draw(folder: Path, people: Mapping[str, int], *, side: int = 24) -> Path:
    """FOLDER/NAME/0.png, 1.png, ...: so many pictures of each, every one different."""
    for name, count in people.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            luck = np.random.default_rng(zlib.crc32(f"{name}{number}".encode()))
            small = luck.integers(0, 256, (4, 4, 3), np.uint8)
            picture = PIL.Image.fromarray(small).resize((side, side), PIL.Image.Resampling.BICUBIC)
            picture.save(folder / name / f"{number}.png")
    return folder


def chips(**more: Any) -> DatasetOptions:
    """Options that take pictures as the chips they are."""
    given: dict[str, Any] = {
        "chip_px": 24,
        "already_aligned": True,
        "template": None,
        "storage": Storage.FOLDERS,
        "workers": 2,
    }
    return DatasetOptions(**(given | more))


PEOPLE = {"Ada": 10, "Bo": 6, "Cy": 4, "Di": 2}
