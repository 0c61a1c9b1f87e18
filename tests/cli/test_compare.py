"""`facesearch compare`: however the folder is named, one table, and clear refusals."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys as toy
import typer
from toys import ToyEmbedder, Toys
from typer.testing import CliRunner

from facesearch.cli import app
from facesearch.cli.compare import compare
from facesearch.cli.exits import ExitCode
from facesearch.models import catalogue

command = typer.Typer()
command.callback()(app.start)
command.command()(compare)


def run(*words: object, code: int = ExitCode.DONE) -> Any:
    ended = CliRunner().invoke(
        command, ["--device", "cpu", "compare", "--detector", "toy-detector", *map(str, words)]
    )
    assert ended.exit_code == code, ended.output
    return ended


@pytest.fixture
def people(toys: Toys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight people, four photos each, and a second toy model."""
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("FACESEARCH_CACHE", str(tmp_path / "cache"))
    spec = catalogue.EmbedderSpec(
        "toy-twin", "CC-BY-4.0", "here", "twin@1:square", 4, None,
        lambda runtime: ToyEmbedder(space="twin@1:square"),
    )  # fmt: skip
    monkeypatch.setattr(catalogue, "_EMBEDDERS", (*catalogue._EMBEDDERS, spec))
    random = np.random.default_rng(2)
    for who in range(8):
        middle = random.integers(40, 216, size=3)
        for number in range(4):
            red, green, blue = (int(c) for c in middle + random.integers(-9, 10, size=3))
            place = tmp_path / "people" / f"P{who}" / f"{number}.png"
            toy.photo(place, (red, green, blue), number=10 * who + number)
    return tmp_path / "people"


def test_the_folder_may_be_named_in_three_ways(people: Path):
    models = ("toy-embedder", "toy-twin")
    documents = [
        json.loads(run(*words, "--json").stdout)
        for words in ((*models, people), (*models, "--on", people), ("--on", people, *models))
    ]
    parted = run("--json", *models, "--", people)
    documents.append(json.loads(parted.stdout))
    for document in documents:
        assert [model["name"] for model in document["models"]] == list(models)
        assert (document["photos"], document["people"]) == (32, 8)
    named = [row["measure"] for row in documents[0]["measures"]]
    assert named == ["fnmr", "eer", "rank1", "ms_per_face"]


def test_one_table_with_the_best_marked(people: Path):
    printed = run("toy-embedder", "toy-twin", "--", people).stdout
    assert "32 photos of 8 people, faces found by toy-detector" in printed
    header, *rows = (line for line in printed.splitlines()[2:] if line)
    assert re.split(r"\s{2,}", header.strip()) == ["toy-embedder", "toy-twin"]
    found = next(row for row in rows if row.startswith("Found first"))
    assert found.count("*") == 1
    assert found.rstrip().endswith("~")
    assert re.search(r"Licence +MIT +CC-BY-4\.0", printed)
    assert "space twin@1:square" in printed
    assert "the difference may be luck" in printed


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["toy-embedder"], "no folder toy-embedder"),
        (["toy-embedder", "toy-twin"], "no folder toy-twin"),
        (["toy-embedder", "FOLDER"], "two models or more"),
        (["toy-embedder", "toy-twin", "nowhere"], "nowhere is no folder"),
        (["toy-embedder", "--on", "FOLDER"], "two models or more"),
        (["toy-embedder", "toy-twin", "FOLDER/P0/0.png"], "is a file"),
        (["toy-embedder", "toy-embedder", "FOLDER"], "named twice"),
    ],
)
def test_slips_are_told(toys: Toys, people: Path, words: list[str], expected: str):
    given = [word.replace("FOLDER", str(people)) for word in words]
    ended = run(*given, code=ExitCode.USAGE)
    assert expected in re.sub(r"[\s│]+", " ", ended.stderr)
    assert toys.detector.seen == 0


def test_an_unknown_model_is_told_before_photos_are_looked_at(toys: Toys, people: Path):
    ended = run("toy-embedder", "toy-twinn", people, code=ExitCode.MODEL)
    assert "toy-twin" in ended.stderr
    assert toys.detector.seen == 0
