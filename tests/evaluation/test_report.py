"""Reports: the page stands alone, escapes every name, and shows what was measured."""

from __future__ import annotations

import base64
import dataclasses
import os
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import skimage.data

from facesearch.errors import InvalidValue
from facesearch.evaluation import detection, identification, verification
from facesearch.evaluation.imglab import LabelledPhoto
from facesearch.evaluation.measured import (
    DiscardResult,
    FoldResult,
    GroupRates,
    GroupsResult,
    Interval,
    PairsResult,
    PhotoPair,
)
from facesearch.evaluation.report import contents, plots, tables, write_report
from facesearch.evaluation.report.curves import Curve, Mark
from facesearch.evaluation.report.drawing import power
from facesearch.evaluation.report.page import render_page
from facesearch.evaluation.results import FolderResult, LfwResult, PhotoFailure, RunInfo
from facesearch.values import Box, Detection, Landmarks

HOSTILE = '"><script>alert(1)</script>\x1b[2J\n&amp;\udcff'
VOID = {"meta", "img", "wbr", "br"}


class Page(HTMLParser):
    """What a browser would see: tags with attributes, text, and whether all tags are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "eileen <b> & 'co'.jpg"
    PIL.Image.fromarray(skimage.data.astronaut()).save(path)
    return str(path)


@pytest.fixture(scope="module")
def run_info():
    failure = PhotoFailure(f"/photos/{HOSTILE}.jpg", "no-face", f"no face in {HOSTILE}")
    return RunInfo(
        facesearch="1.2.3",
        data="folder",
        folder=f"/photos/{HOSTILE}",
        detector="mtcnn",
        embedder="dlib-resnet34",
        detector_key="mtcnn@1",
        space="dlib-resnet34@1:x",
        cross_validated=False,
        device="cpu",
        face="central",
        max_photos_per_person=10,
        seed=0,
        bootstrap_samples=20,
        photos=120,
        people=40,
        photos_with_several_faces=3,
        no_face=1,
        unreadable=0,
        failures=(failure,),
        from_cache=0,
        embed_seconds=1.0,
        seconds=2.0,
        warnings=(f"beware of {HOSTILE}",),
    )


@pytest.fixture(scope="module")
def folder_result(run_info, photo):
    rng = np.random.default_rng(0)
    centres = np.repeat(rng.normal(size=(40, 16)), 3, axis=0)
    vectors = centres + rng.normal(scale=0.5, size=centres.shape)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    vectors[7] = np.nan
    people = [f"person {number // 3}" for number in range(120)]
    compared = verification.all_pairs(vectors, people, bootstrap_samples=20)
    pair = PhotoPair(photo, "/gone/away.jpg", HOSTILE, "B", 0.0123, (180.0, 60.0, 90.0, 120.0))
    one, two = Interval(0.01, 0.002, 0.05), Interval(0.0, 0.0, 0.08)
    return FolderResult(
        run=run_info,
        verification=dataclasses.replace(
            compared, worst_false_matches=(pair,), worst_false_non_matches=(pair, pair)
        ),
        closed_set=identification.closed_set(vectors, people, bootstrap_samples=20),
        open_set=identification.open_set(vectors, people),
        groups=GroupsResult(
            0.3,
            0.01,
            (
                GroupRates(f"$x^2$ {HOSTILE}", 20, 60, 60, 1000, one, two),
                GroupRates("alone", 1, 1, 0, 0, None, None),
            ),
            2,
        ),
        discard=DiscardResult(
            0.3,
            np.array([0.0, 0.1, 0.2]),
            np.array([0.05, 0.02, np.nan]),
            np.array([120, 90, 0]),
            0.03,
            0.05,
            0.01,
        ),
        notes=("too few pairs for 1 in 1,000,000",),
    )


@pytest.fixture(scope="module")
def lfw_result(run_info, folder_result):
    all_pairs = folder_result.verification
    view2 = PairsResult(
        "View 2: ten folds",
        300,
        300,
        4,
        0.9921,
        0.0013,
        0.9955,
        tuple(FoldResult(60, 0.0911, 0.99) for _ in range(10)),
        all_pairs.eer,
        all_pairs.auc,
        all_pairs.curve,
        all_pairs.genuine,
        all_pairs.impostor,
        (),
        (),
    )
    view1 = dataclasses.replace(view2, accuracy=0.985, standard_error=None, folds=view2.folds[:1])
    return LfwResult(run_info, view2, view1, all_pairs, folder_result.closed_set, None, None)


@pytest.fixture(scope="module")
def shown(folder_result):
    return contents.folder_contents(folder_result)


@pytest.fixture(scope="module")
def page(shown):
    return render_page(shown)


def test_a_page_stands_alone(page):
    seen = Page(page)
    assert seen.open == []
    assert seen.all("script") == seen.all("link") == seen.all("iframe") == []
    assert {picture["src"].split(";")[0] for picture in seen.all("img")} == {
        "data:image/jpeg",
        "data:image/svg+xml",
    }
    assert "url(" not in page
    assert "@import" not in page
    assert "http:" not in page
    policy = [meta for meta in seen.all("meta") if "http-equiv" in meta]
    assert policy[0]["content"].startswith("default-src 'none'")
    assert "prefers-color-scheme: dark" in page


def test_no_name_leaves_its_place(page):
    assert "<script" not in page
    assert "\x1b" not in page
    assert not any(
        name.startswith("on") for _, attributes in Page(page).tags for name in attributes
    )
    page.encode("utf-8")  # bytes of a name that are no text became escapes
    assert Page(page).text.count("alert(1)") >= 6  # person, group, folder, failure, warning


def test_a_page_can_be_read_without_eyes(page):
    seen = Page(page)
    assert all(picture["alt"] for picture in seen.all("img"))
    assert len(seen.all("table")) == len(seen.all("caption"))
    assert {head["scope"] for head in seen.all("th")} == {"col", "row"}
    assert seen.all("html")[0]["lang"] == "en"


def test_a_page_shows_figures_pairs_and_failures(page, folder_result):
    text = Page(page).text
    assert tables.share(folder_result.closed_set.rank1.value) in text
    assert "distance 0.0123" in text
    assert "no-face" in text
    assert "too few pairs for 1 in 1,000,000" in text
    assert "gone/away.jpg" in text  # in place of its picture stands why there is none
    assert "facesearch 1.2.3" in re.sub(r"\s+", " ", text)


def test_accuracy_of_lfw_comes_first(lfw_result, tmp_path):
    output = tmp_path / "lfw.html"
    write_report(lfw_result, output)
    text = re.sub(r"\s+", " ", Page(output.read_text("utf-8")).text)
    assert text.index("99.21 %") < text.index("Figures")
    assert "99.21 % ± 0.13" in text
    assert "98.50 %" in text
    assert os.listdir(tmp_path) == ["lfw.html"]


def test_what_was_not_asked_for_is_not_there(lfw_result):
    bare = dataclasses.replace(lfw_result, all_pairs=None, closed_set=None, view1=None)
    shown = contents.lfw_contents(bare)
    assert [plot.name for plot in shown.plots] == ["det", "roc", "distances"]
    assert [table.title for table in shown.tables] == ["Same person or not?"]
    assert "rank-1" not in Page(render_page(shown)).text


def test_plots_are_drawings_that_need_nothing(shown):
    drawn = shown.plots
    assert [plot.name for plot in drawn] == [
        *("det", "roc", "distances", "cmc", "open-set", "discard", "groups")
    ]
    for plot in drawn:
        root = ElementTree.fromstring(plot.svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "prefers-color-scheme: dark" in plot.svg
        assert not re.search(r'(href|src)="(?!#)', plot.svg)
        assert len(plot.svg) < 100_000
        assert plot.caption
        assert plot.alt
    groups = "".join(ElementTree.fromstring(drawn[-1].svg).itertext())
    assert "$x^2$" in groups  # no formula


def line_of(svg: str, colour: str) -> np.ndarray:
    """The points of the line drawn in a colour."""
    paths = re.findall(rf'<path d="([^"]*)"[^>]*stroke: {colour}; stroke-width: 1.9', svg)
    longest = max(paths, key=len)
    return np.array([pair.split() for pair in re.findall(r"[ML] ([\d.]+ [\d.]+)", longest)], float)


def test_a_line_goes_where_the_data_go():
    x = np.geomspace(1e-5, 1, 3000)
    drawn = plots.det([Curve("all", x, 1 - x**0.1)], [Mark("1 in 1,000", 1e-3, 0.499, 0.4, 0.6)])
    points = line_of(drawn.svg, "#0072b2")
    assert 40 < len(points) <= 500  # long curves are thinned
    assert (np.diff(points[:, 0]) >= 0).all()
    assert (np.diff(points[:, 1]) >= 0).all()  # down the page
    assert "1 in 1,000" in drawn.svg
    again = plots.det([Curve("all", x, 1 - x**0.1)], [Mark("1 in 1,000", 1e-3, 0.499, 0.4, 0.6)])
    assert again.svg == drawn.svg


def test_a_curve_must_have_points():
    with pytest.raises(InvalidValue, match="one length"):
        Curve("a", np.zeros(2), np.zeros(3))
    with pytest.raises(InvalidValue, match="above 0"):
        Curve("a", np.zeros(0), np.zeros(0))


def test_finding_faces_has_a_page_too(photo):
    labelled = [LabelledPhoto(Path(photo), (Box(180, 60, 90, 120), Box(300, 300, 40, 40)))]
    landmarks = Landmarks(np.zeros((5, 2), np.float32))
    found = [[Detection(Box(181, 61, 90, 120), landmarks, 0.99)]]
    result = detection.evaluate_detection(labelled, found)
    shown = contents.detection_contents(result, (("Detector", "mtcnn"),))
    seen = Page(render_page(shown))
    assert "50.00 %" in seen.text
    assert "Missed faces" in seen.text
    assert sum("image/jpeg" in picture["src"] for picture in seen.all("img")) == 1


def test_pictures_are_small(page):
    sources = [picture["src"] for picture in Page(page).all("img")]
    jpegs = [base64.b64decode(s.split(",")[1]) for s in sources if "jpeg" in s]
    assert jpegs
    assert max(map(len, jpegs)) < 40_000


def test_numbers_are_words():
    assert tables.share(0.99213) == "99.21 %"
    assert tables.share(0.0000931) == "0.0093 %"
    assert tables.share(0.0) == "0.00 %"
    assert tables.rate(1e-4) == "1 in 10,000"
    assert tables.interval(Interval(0.0475, 0.0431, 0.052)) == "4.75 % (4.31 to 5.20)"
    assert tables.interval(None) == "-"
    assert power(1e-4) == "10⁻⁴"
