"""The page: whole, by itself, with every name made harmless, and honest about unfinished runs."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from small_training import small

from facesearch.models.base import Device
from facesearch.photos.files import printable
from facesearch.training.report.errors import ordinal
from facesearch.training.report.making import Reported, report
from facesearch.training.report.naming import readable
from facesearch.training.report.page import render_page, write_page
from facesearch.training.run import train

_VOID = {"meta", "img", "wbr", "br"}


class Whole(HTMLParser):
    """Checks that every element is closed, and collects text and sources."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.links: list[str] = []
        self.names: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)
        self.sources += [value or "" for name, value in attrs if name == "src"]
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.names += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("which", ["naming", "pairs"])
def test_a_page_needs_nothing_else(which: str, request: pytest.FixtureRequest):
    made: Reported = request.getfixturevalue(f"{which}_report")
    page = render_page(made.contents)
    whole = Whole(page)
    assert "default-src 'none'" in page
    assert whole.sources
    assert all(source.startswith("data:image/") for source in whole.sources)
    assert whole.links
    assert {link.removeprefix("#") for link in whole.links} <= set(whole.names)
    said = "".join(whole.texts)
    for part in ("Figures", "Plots", "Network", "Settings", "How this came about"):
        assert part in said
    for name in made.facts.run.config.document():
        assert name in said or name == "recipe"
    assert made.facts.run.dataset.digest in said
    assert made.facts.again in said
    assert "convolution" in said or "Conv2D" in said


def test_names_do_no_harm(naming_report: Reported):
    page = render_page(naming_report.contents)
    for person in naming_report.facts.run.dataset.classes:
        assert escape(printable(readable(person))) in page
    assert "<b>" not in re.sub(r"<figcaption><b>", "", page)


def test_the_worst_errors_are_side_by_side(naming_report: Reported, pairs_report: Reported):
    wrong = naming_report.contents.galleries[0]
    assert wrong.title == "Named wrongly, the surest first"
    assert re.fullmatch(r"Named .*, [\d.]+ % sure; the label came \d\w\w", wrong.exhibits[0].words)
    assert wrong.exhibits[0].shots[0].label.startswith("Labelled ")
    kinds = [gallery.title for gallery in pairs_report.contents.galleries]
    assert set(kinds) <= {
        "False matches, the nearest first",
        "False non-matches, the farthest first",
    }
    assert kinds
    for gallery in pairs_report.contents.galleries:
        assert all(len(exhibit.shots) == 2 for exhibit in gallery.exhibits)
        assert "Euclidean distance" in gallery.note


def test_a_page_is_written_whole(naming_report: Reported, tmp_path: Path):
    write_page(naming_report.contents, tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8").rstrip().endswith("</html>")
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


def test_an_unfinished_run_says_so(naming_run: Path, tmp_path: Path):
    run = Path(shutil.copytree(naming_run, tmp_path / "run"))
    state = json.loads((run / "state.json").read_bytes())
    for status, said in (
        ("running", "is running, or was killed"),
        ("stopped", "was stopped"),
        ("failed", "failed (no space left)"),
    ):
        changed = state | {"status": status, "why": "no space left" if status == "failed" else ""}
        (run / "state.json").write_text(json.dumps(changed))
        made = report(run, device=Device.CPU)
        first = made.contents.remarks[0].said
        assert first.startswith(f"Unfinished: the run {said} after 2 epochs")
        assert made.measured is not None
        assert "Unfinished" in render_page(made.contents)


def test_a_run_that_was_stopped_at_once_shows_what_there_is(by_photo: Path, tmp_path: Path):
    out = tmp_path / "run"
    config = small("convnet", "batch_size=8", "epochs=2")
    train(config, by_photo, out, device=Device.CPU, cancelled=lambda: True)
    made = report(out, device=Device.CPU)
    assert made.measured is None
    assert any("no network to measure yet" in each.said for each in made.contents.remarks)
    Whole(render_page(made.contents))


def test_a_run_whose_dataset_is_gone_shows_its_curves(naming_run: Path, tmp_path: Path):
    run = Path(shutil.copytree(naming_run, tmp_path / "run"))
    (run / "report.json").unlink(missing_ok=True)
    state = json.loads((run / "state.json").read_bytes())
    (run / "state.json").write_text(json.dumps(state | {"dataset": str(tmp_path / "gone")}))
    made = report(run, device=Device.CPU)
    assert made.measured is None
    assert "which takes the dataset" in made.contents.remarks[0].said
    assert [each.name for each in made.contents.drawings] == ["loss", "accuracy"]
    Whole(render_page(made.contents))


def test_of_many_errors_the_worst_are_seen_and_the_others_unfolded(pairs_report: Reported):
    gallery = pairs_report.contents.galleries[0]
    many = replace(gallery, exhibits=gallery.exhibits[:1] * 12)
    page = render_page(replace(pairs_report.contents, galleries=(many,)))
    Whole(page)
    seen, _, folded = page.partition("<summary>3 more</summary>")
    assert seen.count('<p class="measure">') == 9
    assert folded.count('<p class="measure">') == 3
    assert 'start="10"' in folded


@pytest.mark.parametrize(
    ("place", "said"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd"), (113, "113th")],
)
def test_places_are_counted(place: int, said: str):
    assert ordinal(place) == said
