"""What a run's folder says: of finished runs, of those that were cut off, of damaged ones."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from facesearch.errors import InvalidValue
from facesearch.training.config import RunConfig, read_settings
from facesearch.training.report.facts import read_facts


@pytest.fixture
def run(naming_run: Path, tmp_path: Path) -> Path:
    """A copy of a run, to damage."""
    return Path(shutil.copytree(naming_run, tmp_path / "run"))


def standing(run: Path, **changes: object) -> None:
    """Make a run stand otherwise."""
    path = run / "state.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))


def test_a_finished_run_is_told_whole(naming_run: Path):
    facts = read_facts(naming_run)
    assert facts.is_finished
    assert facts.title == "convnet on chips & more"
    assert (len(facts.epochs), len(facts.steps)) == (2, 6)
    assert facts.starts[0]["device"] == "cpu"


def test_settings_come_with_their_sources(naming_run: Path):
    sources = read_facts(naming_run).sources
    assert sources["batch_size"] == "--set"
    assert sources["dropout"].startswith("default: the CNN course project")


def test_a_sign_of_comments_in_a_value_is_part_of_it(run: Path):
    text = (run / "config.toml").read_text().replace("seed = 0  #", "seed = 0  # a  # b:")
    (run / "config.toml").write_text(text)
    assert read_facts(run).sources["seed"].startswith("a  # b: default")


def test_the_command_makes_the_same_run_again(run: Path):
    facts = read_facts(run)
    words = shlex.split(facts.again)
    assert words[:3] == ["facesearch", "train", "convnet"]
    assert words[3] == facts.standing.dataset
    settings = read_settings(Path(words[words.index("--config") + 1]), facts.run.config.recipe)
    made = RunConfig.of(facts.run.config.recipe, [settings])
    assert made.document() == facts.run.config.document()


def test_a_line_that_breaks_off_is_left_out_of_an_unfinished_run(run: Path):
    steps = run / "steps.csv"
    steps.write_text(steps.read_text().rpartition("\n6,")[0] + "\n6,2,0.3")
    with pytest.raises(InvalidValue, match=r"steps\.csv, line 7: malformed"):
        read_facts(run)
    standing(run, status="running")
    facts = read_facts(run)
    assert not facts.is_finished
    assert len(facts.steps) == 5


def test_a_run_that_has_just_begun_has_no_lines(run: Path):
    standing(run, status="running", best=None, epoch=0, step=0)
    (run / "log.csv").unlink()
    (run / "steps.csv").unlink()
    (run / "environment.json").unlink()
    facts = read_facts(run)
    assert (facts.epochs, facts.steps, facts.starts) == ((), (), ())


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("state.json", "{}", r"state\.json is not what a run wrote"),
        ("environment.json", "[1]", r"environment\.json is not what a run wrote"),
        ("environment.json", '{"starts": [1]}', r"environment\.json is not what a run wrote"),
        ("config.toml", "recipe = ", r"config\.toml is no TOML"),
        ("dataset.json", "{}", "format None is not known"),
        ("log.csv", "epoch\n1\n", r"log\.csv: expected the columns"),
        ("log.csv", None, r"log\.csv is missing"),
        ("dataset.json", None, r"dataset\.json was deleted"),
    ],
)
def test_damaged_files_are_named(run: Path, name: str, text: str | None, said: str):
    if text is None:
        (run / name).unlink()
    else:
        (run / name).write_text(text)
    with pytest.raises(InvalidValue, match=said):
        read_facts(run)
