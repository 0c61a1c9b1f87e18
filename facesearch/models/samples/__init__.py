"""Two portraits of two people, for looking whether a model works; README.md says whose.

In: nothing. Out: images.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np

from facesearch.opencv import cv2
from facesearch.values import Image


class Sample(StrEnum):
    """Who is in the photos."""

    COLLINS = "eileen-collins"
    HOPPER = "grace-hopper"


@cache
def sample(which: Sample) -> Image:
    """The portrait of a person."""
    data = np.fromfile(Path(__file__).with_name(f"{which}.jpg"), np.uint8)
    return Image.of(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8))
