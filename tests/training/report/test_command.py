"""`facesearch train report`: a page beside the run, an article, plots, JSON, clear refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from facesearch.cli import app
from facesearch.cli.exits import ExitCode
from facesearch.cli.train_report import report
from facesearch.training.report.making import Reported

command = typer.Typer()
command.callback()(app.start)
command.command()(report)


@pytest.fixture
def run(naming_run: Path, naming_report: Reported, tmp_path: Path) -> Path:
    """A copy of a run that was measured."""
    return Path(shutil.copytree(naming_run, tmp_path / "run"))


def ask(*words: object, code: int = ExitCode.DONE) -> Any:
    ended = CliRunner().invoke(command, ["--device", "cpu", "report", *map(str, words)])
    assert ended.exit_code == code, ended.output
    return ended


def test_a_report_lies_in_its_run(run: Path, tmp_path: Path):
    ended = ask(run, "--ieee", tmp_path / "paper", "--plots", tmp_path / "plots")
    assert (run / "report.html").stat().st_size > 10_000
    assert (tmp_path / "paper/article.tex").exists()
    assert {each.name for each in (tmp_path / "plots").iterdir()} >= {"loss.svg", "roc.svg"}
    assert "convnet on chips & more" in ended.stdout
    assert "accuracy" in ended.stdout
    for name in ("report.html", "paper", "plots"):
        assert str(tmp_path)[:20] in ended.stdout
        assert name in ended.stdout.replace("\n", "")


def test_a_page_goes_where_it_is_asked_for(run: Path, tmp_path: Path):
    document = json.loads(ask(run, "--output", tmp_path / "page.html", "--json").stdout)
    assert (tmp_path / "page.html").exists()
    assert not (run / "report.html").exists()
    assert document["status"] == "finished"
    assert document["measured"]["split"] == "test"
    assert "shown" not in document["measured"]


def test_what_cannot_be_is_refused(run: Path, tmp_path: Path):
    ask(tmp_path / "none", code=ExitCode.USAGE)
    ask(run, "--output", tmp_path / "page.jpg", code=ExitCode.USAGE)
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper/article.tex").write_text("mine")
    ended = ask(run, "--ieee", tmp_path / "paper", code=ExitCode.USAGE)
    assert "may have been worked on" in ended.output
    assert (tmp_path / "paper/article.tex").read_text() == "mine"
    ask(run, "--again", "--dataset", tmp_path, code=ExitCode.USAGE)
