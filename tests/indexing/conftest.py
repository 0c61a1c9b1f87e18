"""A library that sees with toy models, open and empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from toys import Toys

from facesearch.library import FaceLibrary


@pytest.fixture
def library(folder: Path, toys: Toys) -> Iterator[FaceLibrary]:
    with FaceLibrary.open(folder, options=toys.options()) as opened:
        yield opened
