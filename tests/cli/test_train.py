"""`facesearch train`: a plan, a run, how it is stopped and gone on with, and clear refusals."""

from __future__ import annotations

import json
import signal
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from small_training import SMALL, make_chips
from typer.testing import CliRunner

from facesearch.cli import app, jsonout
from facesearch.cli.exits import ExitCode
from facesearch.cli.train import RECIPES, train
from facesearch.training import recipes

pytest.importorskip("tf_keras", reason="training takes TensorFlow and tf-keras")

command = typer.Typer()
command.callback()(app.start)
command.add_typer(train, name="train")
CONVNET = [word for setting in SMALL["convnet"] for word in ("--set", setting)]


@pytest.fixture(scope="module")
def chips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_chips(tmp_path_factory.mktemp("chips"))


def run(*words: object, code: int = ExitCode.DONE) -> Any:
    ended = CliRunner().invoke(command, ["--device", "cpu", "train", *map(str, words)])
    assert ended.exit_code == code, ended.output
    return ended


def test_each_recipe_is_a_command():
    assert tuple(RECIPES) == recipes.NAMES
    shown = run("--help").stdout
    assert all(name in shown for name in RECIPES)
    assert "--resume" in run("deepface", "--help").stdout


def test_a_dry_run_shows_network_memory_steps_and_settings(chips: Path, tmp_path: Path):
    words = ("convnet", chips, "--out", tmp_path / "run", *CONVNET, "--batch", 8, "--epochs", 3)
    shown = run(*words, "--dry-run").stdout

    assert "conv_1" in shown
    assert "2 an epoch of 8, at most 6" in shown
    settings = shown[shown.index("recipe = ") :]
    assert tomllib.loads(settings)["batch_size"] == 8
    assert "batch_size = 8  # --batch" in settings
    document = json.loads(run(*words, "--dry-run", "--json").stdout)
    assert (document["steps"], document["config"]["epochs"]) == (6, 3)
    assert document["parameters"] == sum(layer["parameters"] for layer in document["layers"])
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_interrupted_says_how_to_go_on_and_does(
    chips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "run"
    words = ("convnet", chips, "--out", out, "--json")
    write = jsonout.write

    def interrupted(document: Any) -> None:
        write(document)
        if document["event"] == "epoch":
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(jsonout, "write", interrupted)
    ended = run(*words, *CONVNET, "--batch", 8, "--epochs", 3, code=ExitCode.INTERRUPTED)
    monkeypatch.undo()
    first, last = map(json.loads, ended.stdout.splitlines())
    assert (first["event"], first["epoch"]) == ("epoch", 1)
    assert (last["event"], last["status"], last["step"]) == ("end", "stopped", 3)
    assert last["resume"] == f"facesearch train convnet {chips} --out {out} --resume"
    assert "stopping after this step" in ended.stderr

    shown = run("convnet", chips, "--out", out, "--resume")  # with the settings it was started with
    assert "Finished after 3 epochs, 6 steps" in shown.stdout
    assert f"facesearch train report {out}" in shown.stdout
    assert f"facesearch models add NAME {out}" in shown.stdout
    assert "all, epoch 3: loss" in shown.stderr

    again = run("convnet", chips, "--out", out, "--resume", "--seed", 9, code=ExitCode.USAGE)
    assert "started otherwise: seed was 0 and is 9" in again.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("convnet", "--base", "dlib-resnet34"), "convnet has no --base"),
        (("mobilenet", "--epochs", 3), "mobilenet has no --epochs: set one of top_epochs, joint_"),
        (("convnet", "--set", "drop=0"), "did you mean dropout"),
        (("convnet", "--config", "none.toml"), "cannot read none.toml"),
        (("convnet", "--batch", 8), "no finished dataset here"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, words: tuple[object, ...], said: str):
    name, *options = words
    ended = run(name, tmp_path, "--out", tmp_path / "run", *options, code=ExitCode.USAGE)
    assert said in ended.stderr


def test_options_are_settings_under_other_names(chips: Path, tmp_path: Path):
    file = tmp_path / "my.toml"
    file.write_text("seed = 5\nimage_size = 40\n")
    words = ("--config", file, "--image-size", 80, "--width", 0.01, "--mixed-precision")
    shown = run("deepface", chips, "--out", tmp_path / "run", *words, "--dry-run", "--json").stdout

    config = json.loads(shown)["config"]
    assert (config["seed"], config["image_size"], config["width"]) == (5, 80, 0.01)
    assert config["mixed_precision"]
