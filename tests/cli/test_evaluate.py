"""`facesearch evaluate` on real photos, and what it refuses before the long work."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path

import pytest
import skimage.data
from PIL import Image
from typer.testing import CliRunner

from facesearch.cli import evaluate
from facesearch.cli.app import app
from facesearch.cli.exits import ExitCode
from facesearch.evaluation.embedding import FaceSelection
from facesearch.evaluation.measured import (
    FoldResult,
    PairsResult,
    RealisedRate,
    VerificationResult,
)
from facesearch.evaluation.results import LfwResult

REFERENCE = Path(__file__).resolve().parents[2] / "docs/reference"


def run(*args, code=ExitCode.DONE):
    ended = CliRunner().invoke(app, ["evaluate", *map(str, args)])
    assert ended.exit_code == code, ended.output
    return ended


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Eileen four times, one photo of her that is damaged, a stranger, and a cup of coffee."""
    folder = tmp_path_factory.mktemp("people")
    eileen, stranger = folder / "Eileen <i>Collins", folder / "Stranger"
    eileen.mkdir()
    stranger.mkdir()
    portrait = Image.fromarray(skimage.data.astronaut()).crop((80, 0, 400, 320))
    for number, angle in enumerate((-6, -2, 3, 7)):
        portrait.rotate(angle).save(eileen / f"{number}.jpg")
    (eileen / "damaged.jpg").write_bytes((eileen / "0.jpg").read_bytes()[:3000])
    tiny = Image.fromarray((skimage.data.lfw_subset()[3] * 255).astype("uint8"))
    grey = Image.new("RGB", (160, 160), (128, 128, 128))
    grey.paste(tiny.resize((100, 100)).convert("RGB"), (30, 30))
    grey.save(stranger / "one.png")
    Image.fromarray(skimage.data.coffee()).save(stranger / "coffee.jpg")
    (folder / "groups.csv").write_text("name,group\nEileen <i>Collins,pilots\nStranger,others\n")
    return folder


def test_a_folder_becomes_tables_a_page_and_plots(people, tmp_path):
    page, plots = tmp_path / "report.html", tmp_path / "plots"
    printed = run("folder", people, "--output", page, "--plots", plots).output
    assert "Who is it, among people who are all known?" in printed
    assert "2 photos without a face" in printed
    assert f"Page: {page}" in printed
    text = page.read_text("utf-8")
    assert "damaged.jpg" in text
    assert "coffee.jpg" in text
    assert "<i>Collins" not in text
    assert {"det.svg", "roc.svg", "distances.svg"} <= set(os.listdir(plots))

    again = json.loads(run("folder", people, "--json").stdout)
    assert again["run"]["from_cache"] == 7
    assert again["run"]["people"] == 2
    assert {Path(f["path"]).name for f in again["run"]["failures"]} == {"damaged.jpg", "coffee.jpg"}
    assert 0 < again["closed_set"]["rank1"]["value"] < 1  # what failed counts as a miss


def test_found_faces_are_compared_with_marked_ones(people, tmp_path):
    boxes = tmp_path / "boxes.xml"
    boxes.write_text(
        "<dataset><images><image file='Stranger/coffee.jpg'></image>"
        "<image file='Eileen &lt;i&gt;Collins/1.jpg'>"
        "<box top='62' left='94' width='106' height='140'/></image></images></dataset>"
    )
    found = json.loads(run("detection", people, "--boxes", boxes, "--json").stdout)
    assert (found["photos"], found["faces"], found["recall"]) == (2, 1, 1.0)
    printed = run("detection", people, "--boxes", boxes, "--output", tmp_path / "d.html").output
    assert "1 of 1 marked faces" in printed
    assert (tmp_path / "d.html").read_text("utf-8").endswith("</html>\n")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"A/1.jpg": b"x", "B/1.jpg": b"x"}, "one photo each"),
        ({"A/1.jpg": b"x", "A/2.jpg": b"x"}, "one person only"),
        ({"1.jpg": b"x"}, "no photos in subfolders"),
        (
            {"A/1.jpg": b"x", "A/2.jpg": b"x", "B/1.jpg": b"x", "groups.csv": b"name,group\nC,c\n"},
            "line 2",
        ),
    ],
)
def test_a_folder_that_cannot_be_measured_is_refused(tmp_path, files, words):
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert words in run("folder", tmp_path, code=ExitCode.USAGE).stderr


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ("2\t1\nA\t1\t2\nA\t1\tB\t1\nA\t1\tx\nA\t2\tB\t1\n", "pairs.txt, line 4"),
        ("2\t1\nA\t1\t2\nA\t1\tB\t1\nA\t1\t9\nA\t2\tB\t1\n", "no photo A_0009"),
        ("2\t1\nA\t1\t2\nA\t1\tB\t1\n", "less in it"),
        ("ten folds\n", "pairs.txt, line 1"),
        (None, "pairs.txt"),
    ],
)
def test_a_wrong_list_of_pairs_is_refused_by_line(tmp_path, pairs, words):
    for name in ("A/A_0001.jpg", "A/A_0002.jpg", "B/B_0001.jpg"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_bytes(b"never opened")
    if pairs is not None:
        (tmp_path / "pairs.txt").write_text(pairs)
    assert words in run("lfw", tmp_path, code=ExitCode.USAGE).stderr


def test_what_cannot_be_written_is_refused_first(tmp_path):
    nowhere = tmp_path / "nowhere"
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"precious")
    for option, value, words in (
        ("--output", nowhere / "report.html", "no such folder"),
        ("--output", photo, "must end in .html"),
        ("--plots", photo, "is a file"),
        ("--plots", nowhere / "plots", "no such folder"),
    ):
        ended = run("folder", tmp_path, option, value, code=ExitCode.USAGE)
        assert words in re.sub(r"[\s│]+", " ", ended.stderr)
    assert photo.read_bytes() == b"precious"


def test_a_folder_nobody_may_write_to_is_refused_first(public_folder, unprivileged):
    public_folder.chmod(0o555)
    with unprivileged():
        ended = run("folder", ".", "--output", public_folder / "x.html", code=ExitCode.USAGE)
    assert "cannot write in" in re.sub(r"[\s│]+", " ", ended.stderr)


def test_slips_of_the_keyboard_are_said_before_models_load(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert "no such folder" in run("lfw", tmp_path / "lost", code=ExitCode.USAGE).stderr
    assert "is a file" in run("folder", tmp_path / "file", code=ExitCode.USAGE).stderr
    both = ("--accuracy", "best", "--model", "dlib-resnet34")
    assert "not both" in run("folder", tmp_path, *both, code=ExitCode.USAGE).stderr
    assert "nobody-knows" in run("folder", tmp_path, "--model", "nobody-knows", code=5).stderr


def test_names_on_the_command_line_are_those_of_the_package():
    assert [name.value for name in evaluate.FaceName] == [name.value for name in FaceSelection]


def keys_of(value: object) -> set[str]:
    """All keys of a document."""
    if isinstance(value, dict):
        return set(value).union(*(keys_of(inner) for inner in value.values()))
    return set().union(*(keys_of(inner) for inner in value)) if isinstance(value, list) else set()


def test_every_key_is_in_the_reference(people):
    section = (REFERENCE / "json.md").read_text("utf-8").split("## evaluate\n")[1]
    documented = {*re.findall(r"`([a-z_0-9.]+)`", section), "value", "low", "high"}
    records = (LfwResult, PairsResult, FoldResult, RealisedRate, VerificationResult)
    names = {field.name for record in records for field in dataclasses.fields(record)}
    names |= keys_of(json.loads(run("folder", people, "--json").stdout))
    assert names <= documented, names - documented
