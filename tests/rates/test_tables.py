"""Rates measured on this machine: found at once, never instead of shipped ones, never damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from facesearch.errors import ModelError, RatesMissing
from facesearch.models.catalogue import embedder_spec
from facesearch.rates import measured_rates
from facesearch.rates.tables import _FOLDER, has_shipped_rates, table_name, user_table

SHIPPED = embedder_spec().space
SPACE = "mine@12345678:arcface"


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def store(space: str, *, moved: float = 1.0, **changes: Any) -> Path:
    """A shipped table, as that of another space, its distances stretched."""
    table = json.loads((_FOLDER / table_name(SHIPPED)).read_text())
    for part in table["tables"]:
        part["impostors"]["distances"] = [moved * d for d in part["impostors"]["distances"]]
    path = user_table(space)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**table, "space": space, **changes}))
    return path


def test_a_table_is_found_as_soon_as_it_is_there(models: Path):
    with pytest.raises(RatesMissing, match="facesearch models calibrate NAME FOLDER"):
        measured_rates(SPACE)
    path = store(SPACE)
    assert path.parent == models / "rates"
    first = measured_rates(SPACE, references=2)
    assert (first.space, first.references) == (SPACE, 2)
    assert first.distance_at(1e-3) == measured_rates(SHIPPED, references=2).distance_at(1e-3)
    store(SPACE, moved=1.5)
    assert measured_rates(SPACE).distance_at(1e-3) > 1.3 * first.distance_at(1e-3)
    path.unlink()
    with pytest.raises(RatesMissing):
        measured_rates(SPACE)


def test_shipped_rates_are_never_replaced(models: Path):
    before = measured_rates(SHIPPED).distance_at(1e-3)
    store(SHIPPED, moved=1.5)
    assert measured_rates(SHIPPED).distance_at(1e-3) == before
    assert has_shipped_rates(SHIPPED)
    assert not has_shipped_rates(SPACE)


def test_names_that_differ_in_punctuation_only_are_not_mixed_up(models: Path):
    store("mine@12345678+arcface")
    assert user_table("mine@12345678+arcface") == user_table(SPACE)
    with pytest.raises(RatesMissing):
        measured_rates(SPACE)


@pytest.mark.parametrize("damage", [b"", b'{"format": 1', b"\xff\xfe", b'{"format": 9}', b"[]"])
def test_a_damaged_table_says_to_measure_again(models: Path, damage: bytes):
    path = store(SPACE)
    measured_rates(SPACE)
    path.write_bytes(damage)
    with pytest.raises(ModelError, match="Measure them again with facesearch models") as error:
        measured_rates(SPACE)
    assert error.value.model == SPACE
    assert str(path) in str(error.value)


def test_a_file_in_place_of_the_folder_is_no_table(models: Path):
    models.write_text("in the way")
    with pytest.raises(RatesMissing):
        measured_rates(SPACE)
