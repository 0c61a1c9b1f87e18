"""The command line beside a folder of models of the test's own."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from facesearch.cli.app import app


@pytest.fixture
def models_folder(tmp_path, monkeypatch):
    """An empty folder of models, and nobody's files of deepface."""
    folder = tmp_path / "models"
    monkeypatch.setenv("FACESEARCH_MODELS", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return folder


@pytest.fixture
def facesearch(models_folder):
    """Run a command: facesearch("models", "show", "mtcnn") -> result."""
    return lambda *args: CliRunner().invoke(app, [str(arg) for arg in args])
