"""Made-up people, and datasets made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drawn_people import PEOPLE, chips, draw

from facesearch.training.dataset.chips import ChipDataset
from facesearch.training.dataset.making import make_dataset
from facesearch.training.dataset.sources import FolderSource


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Four people: ten, six, four and two pictures."""
    return draw(tmp_path / "people", PEOPLE)


@pytest.fixture
def made(tmp_path: Path, people: Path) -> Callable[..., ChipDataset]:
    """made(**options): a dataset of them, opened."""

    def make(**options: Any) -> ChipDataset:
        target = tmp_path / f"dataset-{len(list(tmp_path.iterdir()))}"
        make_dataset(FolderSource(people), target, chips(**options))
        return ChipDataset.open(target)

    return make
