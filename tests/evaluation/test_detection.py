"""Boxes are read with every slip named, and faces are counted as a person would count them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from facesearch.errors import InvalidValue
from facesearch.evaluation.detection import (
    LabelledPhoto,
    evaluate_detection,
    find_faces,
    read_boxes,
)
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.onnx import Runtime
from facesearch.values import Box, Detection, Image, Landmarks, Size

GROUPS = Path(__file__).parents[3] / "shared" / "data" / "albums" / "groups"


def found(box: Box, score: float) -> Detection:
    return Detection(box, Landmarks(np.zeros((5, 2), np.float32)), score)


def photo(*boxes: Box, ignored: Sequence[Box] = ()) -> LabelledPhoto:
    return LabelledPhoto(Path("photo.jpg"), boxes, tuple(ignored))


def at(x: float) -> Box:
    """One of many boxes that do not touch where x differs by more than 10."""
    return Box(x, 0, 10, 10)


# Reading


@pytest.fixture
def xml(tmp_path: Path) -> Path:
    """Where a file of boxes may be written; the photo beside it has 100 x 50 pixels."""
    PIL.Image.new("RGB", (100, 50)).save(tmp_path / "a.png")
    return tmp_path / "boxes.xml"


def dataset(*lines: str) -> str:
    return "\n".join(["<?xml version='1.0' encoding='ISO-8859-1'?>", "<dataset><images>", *lines])


END = "</images></dataset>"
BOX = "<box top='1' left='2' width='30' height='40'/>"


def test_boxes_come_with_their_photos(xml: Path):
    text = dataset(
        "<image file='a.png' width='100' height='50'>",
        "<box top='-5' left='2' width='30' height='40'><label>Ana</label></box>",
        "<box top='9' left='60' width='20' height='20' ignore='1'/>",
        "</image>",
        END,
    )
    xml.write_text(text)
    (read,) = read_boxes(xml)
    assert read.path == xml.parent / "a.png"
    assert read.boxes == (Box(2, -5, 30, 40),)  # a face may reach beyond the edge
    assert read.ignored == (Box(60, 9, 20, 20),)
    assert read.size == Size(100, 50)


def test_photos_may_lie_in_another_folder_and_have_any_name(xml: Path, tmp_path: Path):
    place = tmp_path / "elsewhere" / "trip"
    place.mkdir(parents=True)
    (place / "Zoë.jpg").write_bytes(b"")
    xml.write_bytes(dataset("<image file='trip\\Zoë.jpg'/>", END).encode("latin-1"))
    (read,) = read_boxes(xml, folder=tmp_path / "elsewhere")
    assert read == LabelledPhoto(place / "Zoë.jpg", ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (dataset("<image file='a.png'>", END), r"line 4: it is not well-formed XML \(mismatched"),
        ("", "line 1: it is not well-formed"),
        ("<html/>", "line 1: it begins with <html>"),
        (dataset(END), "names no photo"),
        (dataset("<image/>", END), "line 3: an <image> without file="),
        (dataset("<image file='b.png'/>", END), "line 3: there is no photo b.png in "),
        (dataset("<image file='a.png'/>", "<image file='a.png'/>", END), "line 4: .*line 3 before"),
        (dataset("<image file='a.png'><image file='a.png'/>"), "an <image> within an <image>"),
        (dataset(BOX, END), "line 3: a <box> outside of an <image>"),
        (dataset("<image file='a.png' width='0' height='9'/>", END), "cannot be 0 x 9 pixels"),
        (
            dataset("<image file='a.png'>", BOX.replace("'30'", "'wide'")),
            "line 4: width='wide' is not a whole number",
        ),
        (dataset("<image file='a.png'>", BOX.replace("width='30'", "")), "width='' is not a whole"),
        (
            dataset("<image file='a.png'>", BOX.replace("'40'", "'0'")),
            "line 4: a box of a.png is 30 x 0 pixels",
        ),
        (dataset("<image file='a.png'>", BOX.replace("'40'", f"'{10**400}'")), "is out of range"),
        (
            dataset("<image file='a.png' width='100' height='50'>", BOX.replace("'2'", "'100'")),
            "line 4: a box of a.png lies outside of its 100 x 50 pixels",
        ),
    ],
)
def test_a_slip_in_the_file_is_named_with_its_line(xml: Path, text: str, words: str):
    xml.write_text(text)
    with pytest.raises(InvalidValue, match=words) as raised:
        read_boxes(xml)
    assert str(xml) in str(raised.value)


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path: Path):
    with pytest.raises(InvalidValue, match=r"cannot read .*none\.xml: .*imglab"):
        read_boxes(tmp_path / "none.xml")


# Counting


def test_the_surest_detection_takes_a_face_and_a_second_one_on_it_is_wrong():
    result = evaluate_detection(
        [photo(at(0), at(50))],
        [[found(at(1), 0.8), found(at(0), 0.9), found(at(200), 0.7)]],
    )
    assert (result.faces, result.detections, result.matched) == (2, 3, 1)
    assert [placed.box for placed in result.wrong] == [at(1), at(200)]
    assert [placed.box for placed in result.missed] == [at(50)]
    assert (result.recall, result.precision) == (0.5, pytest.approx(1 / 3))
    curve = [(p.score, p.recall, p.precision) for p in result.curve]
    assert curve == [(0.9, 0.5, 1.0), (0.8, 0.5, 0.5), (0.7, 0.5, pytest.approx(1 / 3))]
    assert result.average_precision == pytest.approx(0.5)


def test_a_detection_takes_the_face_that_it_overlaps_most():
    near, nearer = at(0), at(3)
    result = evaluate_detection([photo(near, nearer)], [[found(at(3.5), 0.9), found(at(0), 0.8)]])
    assert result.matched == 2


def test_an_overlap_as_large_as_asked_for_is_enough():
    detections = [[found(Box(0, 0, 10, 5), 0.9)]]  # half of the true box
    assert evaluate_detection([photo(at(0))], detections, min_iou=0.5).matched == 1
    assert evaluate_detection([photo(at(0))], detections, min_iou=0.51).matched == 0


def test_faces_marked_as_ignored_count_neither_way():
    labelled = photo(at(0), ignored=[at(50), at(100)])
    result = evaluate_detection([labelled], [[found(at(0), 0.9), found(at(51), 0.95)]])
    assert (result.faces, result.detections, result.recall, result.precision) == (1, 1, 1.0, 1.0)
    assert result.missed == ()


def test_an_unreadable_photo_counts_as_all_its_faces_missed():
    labelled = [photo(at(0)), photo(at(0), at(50), at(100))]
    result = evaluate_detection(labelled, [[found(at(0), 0.9)], None])
    assert (result.photos, result.unreadable, result.recall) == (2, 1, 0.25)


def test_finding_nothing_is_a_result():
    result = evaluate_detection([photo(at(0))], [[]])
    assert (result.recall, result.precision, result.average_precision) == (0.0, 1.0, 0.0)
    assert result.at_precision(0.95) is None
    assert result.recall_at(0.95) == 0.0


def test_what_makes_no_sense_is_refused():
    with pytest.raises(InvalidValue, match="no photo has a true face"):
        evaluate_detection([photo()], [[]])
    with pytest.raises(InvalidValue, match="1 photos need as many answers, not 2"):
        evaluate_detection([photo(at(0))], [[], []])
    with pytest.raises(InvalidValue, match="IoU"):
        evaluate_detection([photo(at(0))], [[]], min_iou=0.0)
    with pytest.raises(InvalidValue, match="precision"):
        evaluate_detection([photo(at(0))], [[]]).recall_at(1.01)


@given(
    hits=st.lists(st.integers(1, 9), max_size=12),
    wrong=st.lists(st.integers(1, 9), max_size=12),
    unfound=st.integers(0, 5),
    wanted=st.floats(0.05, 1),
)
def test_the_curve_is_what_each_threshold_would_give(
    hits: list[int], wrong: list[int], unfound: int, wanted: float
):
    """One photo a face; nine different scores, so that ties are common."""
    faces = len(hits) + unfound
    if faces == 0:
        return
    detections = [
        *([found(at(0), score / 10)] for score in hits),
        *([] for _ in range(unfound)),
        [found(at(50 * place), score / 10) for place, score in enumerate(wrong)],
    ]
    labelled = [photo(at(0))] * faces + [photo()]
    result = evaluate_detection(labelled, detections)
    for point in result.curve:
        right = sum(score / 10 >= point.score for score in hits)
        all_of_them = right + sum(score / 10 >= point.score for score in wrong)
        assert point.recall == pytest.approx(right / faces)
        assert point.precision == pytest.approx(right / all_of_them)
    scores = [point.score for point in result.curve]
    assert scores == sorted({score / 10 for score in [*hits, *wrong]}, reverse=True)
    enough = [point.recall for point in result.curve if point.precision >= wanted]
    assert result.recall_at(wanted) == max(enough, default=0.0)
    assert 0 <= result.average_precision <= result.recall + 1e-12
    if not wrong:
        assert result.average_precision == pytest.approx(result.recall)


def test_a_result_is_json(tmp_path: Path):
    result = evaluate_detection([photo(at(0), at(50))], [[found(at(0), 0.9), found(at(99), 0.8)]])
    read = json.loads(json.dumps(result.to_json()))
    assert read["curve"][0] == {"score": 0.9, "recall": 0.5, "precision": 1.0}
    assert read["missed"] == [{"path": "photo.jpg", "box": [50, 0, 10, 10]}]
    assert read["wrong"] == [{"path": "photo.jpg", "box": [99, 0, 10, 10], "score": 0.8}]
    assert read["recall_at_precision_0.95"] == 0.5


# Finding


class _Eye:
    """Finds one face in every photo, and tells how far it is."""

    key = "eye"
    wanted_longer_px = 1000

    def detect(self, images: Sequence[Image]) -> list[tuple[Detection, ...]]:
        return [(found(at(0), 0.9),) for _ in images]


def test_photos_are_read_and_failures_kept(tmp_path: Path):
    paths = [tmp_path / "good.png", tmp_path / "text.jpg"]
    PIL.Image.new("RGB", (40, 40)).save(paths[0])
    paths[1].write_text("no photo")
    steps = []
    labelled = [LabelledPhoto(path, (at(0),)) for path in paths]
    faces = find_faces(labelled, _Eye(), on_progress=lambda *step: steps.append(step))
    assert steps == [(1, 2), (2, 2)]
    (failure,) = faces.failures
    assert (failure.path, failure.reason) == (str(paths[1]), "not-an-image")
    result = evaluate_detection(labelled, faces)
    assert (result.matched, result.unreadable, result.recall) == (1, 1, 0.5)
    assert result.to_json()["failures"][0]["reason"] == "not-an-image"


def test_boxes_drawn_on_another_version_of_the_photo_are_noticed(tmp_path: Path):
    PIL.Image.new("RGB", (40, 40)).save(tmp_path / "small.png")
    with pytest.raises(InvalidValue, match=r"small\.png.*\(300, 0\).*outside of its 40 x 40"):
        find_faces([LabelledPhoto(tmp_path / "small.png", (at(300),))], _Eye())


def test_the_default_detector_finds_the_face_of_a_photo(tmp_path: Path):
    PIL.Image.fromarray(skimage.data.astronaut()).save(tmp_path / "astronaut.png")
    labelled = [LabelledPhoto(tmp_path / "astronaut.png", (Box(175, 60, 100, 125),))]
    result = evaluate_detection(labelled, find_faces(labelled, Mtcnn(Runtime.on())))
    assert (result.recall, result.precision) == (1.0, 1.0)


@pytest.mark.skipif(not GROUPS.is_dir(), reason=f"no photos in {GROUPS}")
def test_all_labelled_faces_of_group_photos_are_found():
    labelled = [*read_boxes(GROUPS / "training.xml"), *read_boxes(GROUPS / "testing.xml")]
    result = evaluate_detection(labelled, find_faces(labelled, Mtcnn(Runtime.on())))
    assert (result.photos, result.faces) == (9, 43)
    assert result.recall_at(0.95) == 1.0
