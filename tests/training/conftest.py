"""Datasets of coloured chips, made once for all tests of training."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_training import make_chips

from facesearch.training.dataset import SplitKind


@pytest.fixture(scope="session")
def by_photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four people of eight chips, everybody's divided."""
    return make_chips(tmp_path_factory.mktemp("by-photo"))


@pytest.fixture(scope="session")
def by_person(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen people of six chips, half of the people to be judged by."""
    place = tmp_path_factory.mktemp("by-person")
    return make_chips(place, people=16, photos=6, split=SplitKind.BY_PERSON)
