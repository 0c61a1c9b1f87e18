"""`facesearch dataset`: from folders and a library to a dataset, and what is in it."""

from __future__ import annotations

import json

import PIL.Image
import pytest
from drawn_people import PEOPLE, draw
from typer.testing import CliRunner

from facesearch.cli import dataset as commands
from facesearch.cli.app import app
from facesearch.cli.exits import ExitCode
from facesearch.models.templates import TemplateFamily
from facesearch.training.dataset.options import SplitKind, Storage


def run(*args, code=ExitCode.DONE):
    ended = CliRunner().invoke(app, ["dataset", *map(str, args)])
    assert ended.exit_code == code, ended.output
    return ended


@pytest.fixture
def people(tmp_path):
    return draw(tmp_path / "people", PEOPLE)


@pytest.fixture
def make(people, tmp_path):
    """make(*more): a dataset of pictures that are chips, as folders."""

    def run_make(*more, code=ExitCode.DONE):
        target, how = tmp_path / "made", ("--already-aligned", "--storage", "folders")
        size = ("--size", 24)
        return run("make", target, "--from-folders", people, *how, *size, *more, code=code)

    return run_make


def test_choices_are_those_of_the_package():
    """The help text must not load it."""
    for shown, real in (
        (commands.TemplateName, TemplateFamily),
        (commands.SplitName, SplitKind),
        (commands.StorageName, Storage),
    ):
        assert {name.value for name in shown} == {name.value for name in real}


def test_make_and_info_say_what_there_is(make, tmp_path):
    (tmp_path / "people" / "Ada" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    printed = make("--fractions", "0.6,0.2,0.2", "--min-photos", "4").stdout
    assert "21 photos in" in printed
    assert "without a chip: 1 damaged; see failures.csv" in printed
    assert printed.splitlines()[2].split() == ["Split", "Chips", "People"]
    again = make("--fractions", "0.6,0.2,0.2", "--min-photos", "4").stdout
    assert "Nothing to do" in again

    shown = run("info", tmp_path / "made").stdout
    assert "24 x 24 px, template not said" in shown
    assert "by-photo, seed 0" in shown
    assert "folders of JPEG files" in shown


def test_programs_read_one_document(make, people, tmp_path):
    (tmp_path / "list.txt").write_text("3\nAda\t10\nBo\t6\nZoe\t1\n")
    ended = make("--people", tmp_path / "list.txt", "--max-photos", 5, "--json")
    document = json.loads(ended.stdout)
    assert document["dataset"]["classes"] == ["Ada", "Bo"]
    assert document["dataset"]["counts"] == {"train": 8, "validation": 2, "test": 0}
    assert document["warnings"] == ["1 people of the list have no photos, such as Zoe"]
    found = json.loads(run("info", tmp_path / "made", "--json").stdout)
    assert found["digest"] == document["dataset"]["digest"]
    assert found["source"] == {"kind": "folders", "path": str(people)}
    assert not found["verified"]


def test_a_sheet_is_drawn_and_every_chip_verified(make, tmp_path):
    pytest.importorskip("tensorflow", reason="chips are decoded by the extra train")
    make()
    shown = run("info", tmp_path / "made", "--sheet", tmp_path / "s.png", "--verify").stdout
    assert "every chip verified" in shown
    assert PIL.Image.open(tmp_path / "s.png").format == "PNG"
    chip = next((tmp_path / "made").glob("train/*/*.jpg"))
    chip.write_bytes(chip.read_bytes()[:-1] + b"x")
    said = run("info", tmp_path / "made", "--verify", code=ExitCode.USAGE).stderr
    assert chip.name in said


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--from-library", "x"], "with one of --from-folders"),
        (["--part", "train"], "--part goes with"),
        (["--fractions", "most"], "shares separated by commas"),
        (["--fractions", "0.5,0.2"], "add up to 1"),
        (["--shard-size", "nan"], "Invalid value for '--shard-size': a number"),
        (["--shard-size", "inf"], "Invalid value for '--shard-size': a number"),
        (["--people", "nowhere.txt"], "no such list"),
        (["--split", "published"], "no published split"),
        (["--min-photos", "7"], "of 4 people, 1 have at least 7"),
    ],
)
def test_what_cannot_be_made_is_said_on_one_line(make, more, words):
    ended = make(*more, code=ExitCode.USAGE)
    assert words in " ".join(ended.stderr.replace("│", " ").split())
    assert "Traceback" not in ended.stderr


def test_a_source_has_to_be_named(tmp_path):
    said = run("make", tmp_path / "made", code=ExitCode.USAGE).stderr
    assert "--from-celeba" in said


def test_info_needs_a_finished_dataset(tmp_path, people):
    said = run("info", people, code=ExitCode.USAGE).stderr
    assert "no finished dataset here" in said
    run("info", people, "--sheet", tmp_path / "photo.jpg", code=ExitCode.USAGE)
