"""Detectors given as embedders, embedders given as detectors, and outputs to choose from."""

from __future__ import annotations

import pytest

from facesearch.errors import InvalidModelFile
from facesearch.models.heads import Head
from facesearch.models.own.inspect import InputFacts, OnnxFacts, OutputFacts
from facesearch.models.own.outputs import check_detector_outputs, embedding_output
from facesearch.models.preprocessing import Layout, Number

Shapes = dict[str, tuple[int | None, ...] | None]
ROWS = {8: 12_800, 16: 3200, 32: 800}
SCRFD: Shapes = {
    f"{columns}-{stride}": (rows, columns)
    for columns in (1, 4, 10)
    for stride, rows in ROWS.items()
}
YUNET: Shapes = {
    f"{name}_{stride}": (1, rows // 2, columns)
    for name, columns in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
    for stride, rows in ROWS.items()
}
RETINAFACE: Shapes = {"loc": (1, 16_800, 4), "conf": (1, 16_800, 2), "landms": (1, 16_800, 10)}
FAMILIES = {Head.SCRFD: SCRFD, Head.YUNET: YUNET, Head.RETINAFACE: RETINAFACE}


def facts(outputs: Shapes) -> OnnxFacts:
    return OnnxFacts(
        picture=InputFacts(112, 112, Layout.NCHW, Number.FLOAT32, False),
        batch=1,
        outputs=tuple(OutputFacts(name, shape) for name, shape in outputs.items()),
        opset=13,
        ir=8,
        external=(),
    )


@pytest.mark.parametrize(
    "shape", [(1, 512), (None, 128), (None, None), (1, 512, 1, 1), (1, 1, 1, 2048), None]
)
def test_one_vector_a_face_is_an_embedder(shape):
    assert embedding_output("mine", facts({"out": shape}), None) is None
    assert embedding_output("mine", facts({"out": shape}), "out") == "out"


def test_one_of_several_has_to_be_named():
    several = facts({"age": (1, 1), "embedding": (1, 512)})
    with pytest.raises(InvalidModelFile, match=r"2 outputs.*--output NAME.*embedding \(1, 512\)"):
        embedding_output("mine", several, None)
    assert embedding_output("mine", several, "embedding") == "embedding"
    with pytest.raises(InvalidModelFile, match="has no output 'gender'; it has: age, embedding"):
        embedding_output("mine", several, "gender")


@pytest.mark.parametrize("shape", [(1, 16_800, 4), (1, 512, 7, 7), (512,), (1, 1)])
def test_outputs_that_are_no_vector(shape):
    with pytest.raises(InvalidModelFile, match="an embedder has a vector for each face"):
        embedding_output("mine", facts({"out": shape}), None)


@pytest.mark.parametrize("head", Head)
def test_a_detector_given_as_an_embedder(head: Head):
    with pytest.raises(
        InvalidModelFile, match=rf"those of a detector \({head}\).*--detector {head}"
    ):
        embedding_output("mine", facts(FAMILIES[head]), None)


@pytest.mark.parametrize("head", Head)
def test_a_detector_is_taken_for_what_it_is(head: Head):
    check_detector_outputs("mine", facts(FAMILIES[head]), head)
    unstated: Shapes = dict.fromkeys(FAMILIES[head])
    check_detector_outputs("mine", facts(unstated), head)
    for other in set(Head) - {head}:
        with pytest.raises(InvalidModelFile, match=f"are those of {head}: .*--detector {head}"):
            check_detector_outputs("mine", facts(FAMILIES[head]), other)


def test_an_embedder_given_as_a_detector():
    with pytest.raises(InvalidModelFile, match=r"one output, \(any, 512\).*without --detector"):
        check_detector_outputs("mine", facts({"out": (None, 512)}), Head.SCRFD)


def test_scrfd_without_landmarks():
    boxes = {name: shape for name, shape in SCRFD.items() if not name.startswith("10-")}
    with pytest.raises(InvalidModelFile, match=r"boxes without landmarks.*scrfd_10g_bnkps"):
        check_detector_outputs("mine", facts(boxes), Head.SCRFD)


def test_a_detector_of_no_known_family():
    yolo: Shapes = {"a": (1, 25_200, 16), "b": (1, 3, 80, 80, 16)}
    with pytest.raises(InvalidModelFile, match=r"has 2 outputs, of shapes \(1, 25200, 16\)"):
        check_detector_outputs("mine", facts(yolo), Head.YUNET)
