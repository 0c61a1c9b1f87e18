"""What the three decodings make of outputs, against what was encoded and against OpenCV's own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from own_networks import saved

from facesearch.errors import InvalidValue
from facesearch.models.heads import Head, head_spec
from facesearch.models.heads.base import Found, suppress
from facesearch.opencv import cv2

Outputs = list[np.ndarray]
Encode = Callable[[np.ndarray, np.ndarray, int, int, int], Outputs]

BOX = np.array([100.0, 60.0, 180.0, 164.0])
POINTS = np.array([[122, 100], [158, 99], [141, 120], [126, 140], [155, 141]], np.float64)


def levels(width: int, height: int, strides: tuple[int, ...]) -> dict[int, tuple[int, int]]:
    """Columns and rows of each grid."""
    return {stride: (-(-width // stride), -(-height // stride)) for stride in strides}


def as_scrfd(
    box: np.ndarray,
    points: np.ndarray,
    width: int,
    height: int,
    stride: int,
    *,
    in_each: int = 2,
    strides: tuple[int, ...] = (8, 16, 32),
) -> Outputs:
    """A face in the cell its middle lies in, as SCRFD's outputs have it: score .9."""
    middle = (box[:2] + box[2:]) / 2
    tables: dict[str, Outputs] = {"score": [], "bbox": [], "kps": []}
    for own, (columns, rows) in levels(width, height, strides).items():
        count = columns * rows * in_each
        score, bbox, kps = (np.zeros((count, n), np.float32) for n in (1, 4, 10))
        if own == stride:
            column, row = (middle // stride).astype(int)
            at = (row * columns + column) * in_each + (in_each - 1)
            corner = np.array([column, row]) * stride
            score[at] = 0.9
            bbox[at] = np.concatenate([corner - box[:2], box[2:] - corner]) / stride
            kps[at] = ((points - corner) / stride).ravel()
        for name, table in zip(tables, (score, bbox, kps), strict=True):
            tables[name].append(table)
    return [table for name in ("score", "bbox", "kps") for table in tables[name]]


def as_yunet(box: np.ndarray, points: np.ndarray, width: int, height: int, stride: int) -> Outputs:
    """The same as YuNet's outputs have it: class .9, object .9."""
    middle, extent = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    parts: dict[str, Outputs] = {"cls": [], "obj": [], "bbox": [], "kps": []}
    for own, (columns, rows) in levels(width, height, (8, 16, 32)).items():
        tables = [np.zeros((1, columns * rows, n), np.float32) for n in (1, 1, 4, 10)]
        if own == stride:
            column, row = (middle // stride).astype(int)
            at = row * columns + column
            corner = np.array([column, row]) * stride
            tables[0][0, at] = tables[1][0, at] = 0.9
            shift = (middle - corner) / stride
            tables[2][0, at] = np.concatenate([shift, np.log(extent / stride)])
            tables[3][0, at] = ((points - corner) / stride).ravel()
        for name, table in zip(parts, tables, strict=True):
            parts[name].append(table)
    return [table for name in parts for table in parts[name]]


def as_retinaface(
    box: np.ndarray, points: np.ndarray, width: int, height: int, stride: int
) -> Outputs:
    """The same as RetinaFace's outputs have it: in the larger prior of the cell, .9."""
    sides = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
    middle, extent = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    loc, conf, landms, start = [], [], [], 0
    for own, (columns, rows) in levels(width, height, tuple(sides)).items():
        count = columns * rows * 2
        boxes, chances, marks = (np.zeros((count, n)) for n in (4, 2, 10))
        chances[:, 0] = 1
        if own == stride:
            column, row = (middle // stride).astype(int)
            at, side = (row * columns + column) * 2 + 1, sides[own][1]
            prior = (np.array([column, row]) + 0.5) * stride
            chances[at] = 0.1, 0.9
            boxes[at] = np.concatenate([(middle - prior) / side / 0.1, np.log(extent / side) / 0.2])
            marks[at] = ((points - prior) / side / 0.1).ravel()
        loc.append(boxes)
        conf.append(chances)
        landms.append(marks)
        start += count
    return [np.concatenate(part)[None].astype(np.float32) for part in (loc, conf, landms)]


ENCODERS: dict[Head, Encode] = {
    Head.SCRFD: as_scrfd,
    Head.YUNET: as_yunet,
    Head.RETINAFACE: as_retinaface,
}


def decoded(head: Head, outputs: Outputs, width: int, height: int) -> Found:
    spec = head_spec(head)
    return spec.decode(outputs, width, height, spec.threshold)


@pytest.mark.parametrize("stride", [8, 16, 32])
@pytest.mark.parametrize(("width", "height"), [(320, 256), (256, 320), (640, 640), (300, 250)])
@pytest.mark.parametrize("head", Head)
def test_what_was_encoded_is_decoded(head: Head, width: int, height: int, stride: int):
    """Also where the coarse grids reach beyond the picture."""
    found = decoded(head, ENCODERS[head](BOX, POINTS, width, height, stride), width, height)
    assert len(found) == 1
    np.testing.assert_allclose(found.corners[0], BOX, atol=1e-3)
    np.testing.assert_allclose(found.points[0], POINTS, atol=1e-3)
    np.testing.assert_allclose(found.scores[0], 0.9, atol=1e-6)


@given(seed=st.integers(0, 2**32 - 1), head=st.sampled_from(list(Head)))
def test_outputs_may_come_in_any_order(seed: int, head: Head):
    """Neither names nor places decide, but shapes."""
    outputs = ENCODERS[head](BOX, POINTS, 320, 256, 16)
    order = np.random.default_rng(seed).permutation(len(outputs))
    found = decoded(head, [outputs[number] for number in order], 320, 256)
    np.testing.assert_allclose(found.corners, [BOX], atol=1e-3)
    np.testing.assert_allclose(found.points, [POINTS], atol=1e-3)


@pytest.mark.parametrize("head", Head)
def test_rows_with_and_without_a_batch_and_of_16_bits_are_the_same(head: Head):
    outputs = ENCODERS[head](BOX, POINTS, 320, 256, 16)
    flat = [output.reshape(output.shape[-2:]) for output in outputs]
    batched = [output[None].astype(np.float16) for output in flat]
    for same in (flat, batched):
        found = decoded(head, same, 320, 256)
        np.testing.assert_allclose(found.corners, [BOX], atol=0.2)
        assert found.corners.dtype == found.points.dtype == found.scores.dtype == np.float32


@pytest.mark.parametrize("head", Head)
def test_no_face_is_an_empty_answer(head: Head):
    outputs = ENCODERS[head](BOX, POINTS, 320, 256, 64)  # in no grid that there is
    found = decoded(head, outputs, 320, 256)
    assert (found.corners.shape, found.points.shape) == ((0, 4), (0, 5, 2))
    assert len(suppress(found, 0.4)) == 0


@pytest.mark.parametrize("head", Head)
def test_scores_that_are_no_numbers_are_no_faces(head: Head):
    outputs = [np.full_like(output, np.nan) for output in ENCODERS[head](BOX, POINTS, 320, 256, 8)]
    assert len(decoded(head, outputs, 320, 256)) == 0


@pytest.mark.parametrize("stride", [8, 128])
def test_scrfd_with_five_grids_of_one_candidate_each(stride: int):
    outputs = as_scrfd(BOX, POINTS, 640, 512, stride, in_each=1, strides=(8, 16, 32, 64, 128))
    assert len(outputs) == 15
    found = decoded(Head.SCRFD, outputs, 640, 512)
    np.testing.assert_allclose(found.corners, [BOX], atol=1e-3)
    np.testing.assert_allclose(found.points, [POINTS], atol=1e-3)


def test_retinaface_without_its_last_step():
    """Some exports give logits where others give probabilities."""
    loc, conf, landms = as_retinaface(BOX, POINTS, 320, 256, 16)
    logits = np.log(np.maximum(conf, 1e-6)) + 3
    found = decoded(Head.RETINAFACE, [loc, logits, landms], 320, 256)
    np.testing.assert_allclose(found.corners, [BOX], atol=1e-3)
    np.testing.assert_allclose(found.scores, [0.9], atol=1e-5)


@pytest.mark.parametrize("head", Head)
@pytest.mark.parametrize("other", Head)
def test_outputs_of_another_family_are_refused(head: Head, other: Head):
    outputs = ENCODERS[other](BOX, POINTS, 320, 256, 8)
    spec, shapes = head_spec(head), [output.shape for output in outputs]
    assert spec.takes(shapes) == spec.may_take(shapes) == (head is other)
    assert spec.may_take([(None, None)] * len(outputs)) == (head is other)
    assert not spec.takes([(None, None)] * len(outputs))
    if head is not other:
        with pytest.raises(InvalidValue, match="unexpected outputs of shapes"):
            decoded(head, outputs, 320, 256)


@pytest.mark.parametrize("head", Head)
def test_outputs_for_a_picture_of_another_size_are_refused(head: Head):
    outputs = ENCODERS[head](BOX, POINTS, 320, 256, 8)
    with pytest.raises(InvalidValue, match="rows where"):
        decoded(head, outputs, 328, 264)
    with pytest.raises(InvalidValue, match="unexpected outputs"):
        decoded(head, [np.stack([output] * 2) for output in outputs], 320, 256)


def found_of(boxes: list[tuple[float, ...]], scores: list[float]) -> Found:
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return Found(corners, np.zeros((len(corners), 5, 2), np.float32), np.array(scores, np.float32))


def test_the_best_of_overlapping_faces_stays():
    left, near, right = (0, 0, 10, 10), (1, 0, 11, 10), (30, 0, 40, 10)
    kept = suppress(found_of([left, near, right], [0.7, 0.9, 0.8]), 0.4)
    assert kept.corners.tolist() == [list(near), list(right)]


def test_what_was_dropped_drops_nothing():
    """The middle one goes because of the best; the third overlaps only the middle one."""
    chain = [(0, 0, 10, 10), (4, 0, 14, 10), (8, 0, 18, 10)]
    kept = suppress(found_of(chain, [0.9, 0.8, 0.7]), 0.4)
    assert kept.scores.tolist() == pytest.approx([0.9, 0.7])


@given(
    boxes=st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 30), st.integers(1, 30)),
        max_size=25,
    ),
    overlap=st.floats(0.1, 0.9),
)
def test_suppression_is_what_a_loop_over_pairs_makes_it(
    boxes: list[tuple[int, int, int, int]], overlap: float
):
    corners = [(x, y, x + width, y + height) for x, y, width, height in boxes]
    scores = [1 - number / 100 for number in range(len(corners))]
    kept: list[tuple[int, ...]] = []
    for box in corners:
        if all(iou(box, better) <= overlap for better in kept):
            kept.append(box)
    found = suppress(found_of(corners, scores), overlap)
    assert [tuple(map(int, corner)) for corner in found.corners] == kept


def iou(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, width) * max(0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(np.float32(shared) / np.float32(sum(areas) - shared))


def test_faces_of_no_size_do_not_drop_all_others():
    kept = suppress(found_of([(5, 5, 5, 5), (0, 0, 10, 10), (20, 0, 30, 10)], [0.9, 0.8, 0.7]), 0.4)
    assert len(kept) == 3


def test_yunet_is_read_as_opencv_reads_it(tmp_path):
    """Random outputs through OpenCV's own detector and through ours."""
    width, height, random = 96, 64, np.random.default_rng(7)
    nodes, outputs, constants, arrays = [], {}, {}, {}
    for columns, name in ((1, "cls"), (1, "obj"), (4, "bbox"), (10, "kps")):
        for stride in (8, 16, 32):
            rows = (width // stride) * (height // stride)
            if columns == 1:
                values = random.uniform(-0.1, 1.1, (1, rows, 1))
            else:
                values = random.normal(0, 1, (1, rows, columns))
            own = f"{name}_{stride}"
            arrays[own] = values.astype(np.float32)
            outputs[own] = values.shape
            constants[f"c_{own}"] = arrays[own]
            # As OpenCV has to see that the outputs depend on the input.
            nodes += [helper.make_node("Add", [f"c_{own}", "zero"], [own])]
    constants["nothing"] = np.zeros(1, np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "nothing"], ["zero"]),
        *nodes,
    ]
    path = tmp_path / "yunet.onnx"
    path.write_bytes(saved(nodes, {"input": (1, 3, height, width)}, outputs, constants))
    original = cv2.FaceDetectorYN.create(str(path), "", (width, height), 0.6, 1.0, 5000)
    _, theirs = original.detect(np.full((height, width, 3), 90, np.uint8))
    ours = decoded(Head.YUNET, list(arrays.values()), width, height)
    theirs = theirs[np.argsort(theirs[:, 0])]
    order = np.argsort(ours.corners[:, 0])
    assert len(ours) == len(theirs) > 20
    np.testing.assert_allclose(ours.scores[order], theirs[:, 14], atol=1e-6)
    np.testing.assert_allclose(ours.corners[order, :2], theirs[:, :2], atol=1e-3)
    extent = ours.corners[order, 2:] - ours.corners[order, :2]
    np.testing.assert_allclose(extent, theirs[:, 2:4], rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(ours.points[order].reshape(-1, 10), theirs[:, 4:14], atol=1e-3)
