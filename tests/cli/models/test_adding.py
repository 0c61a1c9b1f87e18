"""`facesearch models add`: which options go with a file, and which with a training run."""

from __future__ import annotations

from pathlib import Path

import pytest

from facesearch.cli.exits import ExitCode
from facesearch.training.folder import CONFIG, MANIFEST


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What a training run is known by."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / CONFIG).touch()
    (folder / MANIFEST).touch()
    return folder


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--standardise",), "--standardise"),
        (("--input", 112, "--channels", "bgr"), "--input, --channels"),
        (("--detector", "yunet"), "--detector"),
        (("--output", "F7"), "--output"),
    ],
)
def test_what_a_run_says_itself_is_not_to_be_stated(facesearch, run: Path, words, named: str):
    ended = facesearch("models", "add", "mine", run, *words)
    assert ended.exit_code == ExitCode.USAGE
    assert f"{named}: a training run says this itself" in " ".join(ended.output.split())


def test_a_file_has_no_dataset(facesearch, tmp_path: Path):
    ended = facesearch("models", "add", "mine", tmp_path / "some.onnx", "--dataset", tmp_path)
    assert ended.exit_code == ExitCode.USAGE
    assert "--dataset goes with the folder of a training run" in " ".join(ended.output.split())
