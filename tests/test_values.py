"""Values are checked when they are made and never change afterwards."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facesearch.errors import InvalidEmbedding, InvalidValue, SpaceMismatch
from facesearch.values import (
    Box,
    Detection,
    Embedding,
    Image,
    IndexReport,
    Landmarks,
    Size,
    check_unit_rows,
    read_only,
)

SPACE = "toy@1:square"
POINTS = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], np.float64)


def unit(*numbers: float) -> np.ndarray:
    vector = np.array(numbers, np.float32)
    return vector / np.linalg.norm(vector)


# Size


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (-1, 5), (0, 0)])
def test_a_size_has_pixels(width: int, height: int):
    with pytest.raises(InvalidValue, match=f"{width}x{height}"):
        Size(width, height)


def test_a_size_knows_its_longer_side_and_its_pixels():
    assert (Size(3, 4).longer, Size(4, 3).longer, Size(3, 4).pixels) == (4, 4, 12)
    assert Size(3, 4) == Size(3, 4) != Size(4, 3)


# Image


def test_an_image_takes_its_pixels_over_and_locks_them():
    """Not copied: a copy of a large photo costs more than finding its faces."""
    pixels = np.zeros((4, 6, 3), np.uint8)
    image = Image.of(pixels)
    assert image.pixels is pixels
    with pytest.raises(ValueError, match="read-only"):
        pixels[0] = 1
    assert image.size == image.full_size == Size(6, 4)
    assert image.scale == 1


def test_an_image_from_a_view_is_contiguous():
    mirrored = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)[:, ::-1]
    image = Image.of(mirrored)
    assert image.pixels.flags.c_contiguous
    np.testing.assert_array_equal(image.pixels, mirrored)


@pytest.mark.parametrize(
    ("size", "full", "scale"),
    [((50, 100), (1000, 500), 0.1), ((51, 100), (1000, 500), 0.102), ((1, 1), (7, 9), 1 / 7)],
)
def test_a_reduced_image_knows_its_scale(
    size: tuple[int, int], full: tuple[int, int], scale: float
):
    """The side that was rounded up least: the scale is never understated."""
    image = Image(np.zeros((*size, 3), np.uint8), Size(*full))
    assert image.scale == pytest.approx(scale)
    assert image.size == Size(size[1], size[0])


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 6), np.uint8),
        np.zeros((4, 6, 4), np.uint8),
        np.zeros((4, 6, 1), np.uint8),
        np.zeros((1, 4, 6, 3), np.uint8),
        np.zeros((4, 6, 3), np.float32),
        np.zeros((4, 6, 3), np.int8),
        np.zeros((0, 6, 3), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
        np.zeros(3, np.uint8),
        np.array(3, np.uint8),
    ],
    ids=lambda pixels: f"{pixels.dtype} {pixels.shape}",
)
def test_other_arrays_are_no_images(pixels: np.ndarray):
    with pytest.raises(InvalidValue, match=r"\(height, width, 3\)"):
        Image.of(pixels)


def test_an_image_is_not_larger_than_the_photo():
    with pytest.raises(InvalidValue, match="6x4 pixels exceed"):
        Image(np.zeros((4, 6, 3), np.uint8), Size(5, 4))


# Box

SIDES = st.floats(-1e4, 1e4)
EXTENTS = st.floats(0.01, 1e4)
BOXES = st.builds(Box, SIDES, SIDES, EXTENTS, EXTENTS)


@pytest.mark.parametrize("extent", [(0, 5), (5, 0), (-5, -5), (-1, 5)])
def test_a_box_has_an_area(extent: tuple[float, float]):
    with pytest.raises(InvalidValue, match="area"):
        Box(1, 2, *extent)


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_box_is_finite(at: int, number: float):
    numbers = [1.0, 2.0, 3.0, 4.0]
    numbers[at] = number
    with pytest.raises(InvalidValue, match="finite"):
        Box(*numbers)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Box(0, 0, 10, 10), 1),
        (Box(5, 0, 10, 10), 1 / 3),
        (Box(2, 2, 5, 5), 0.25),
        (Box(10, 0, 10, 10), 0),
        (Box(50, 50, 1, 1), 0),
        (Box(-5, -5, 10, 10), 25 / 175),
    ],
)
def test_overlap_is_intersection_over_union(other: Box, expected: float):
    assert Box(0, 0, 10, 10).iou(other) == pytest.approx(expected)


@settings(deadline=None)
@given(a=BOXES, b=BOXES)
def test_overlap_is_symmetric_and_in_its_range(a: Box, b: Box):
    assert a.iou(b) == pytest.approx(b.iou(a), abs=1e-12)
    assert 0 <= a.iou(b) <= 1 + 1e-9
    assert a.iou(a) == pytest.approx(1, rel=1e-3)
    assert a.area == a.width * a.height


# Landmarks and detections


def test_landmarks_are_copied_and_locked():
    points = POINTS.copy()
    landmarks = Landmarks(points)
    points[0] = 0
    assert landmarks.points[0].tolist() == [30, 40]
    assert landmarks.points.dtype == np.float32
    assert landmarks.eye_distance_px == 40
    with pytest.raises(ValueError, match="read-only"):
        landmarks.points[0] = 1


@pytest.mark.parametrize(
    "points",
    [
        POINTS[:4],
        POINTS.ravel(),
        POINTS[None],
        np.where(POINTS == 60, np.nan, POINTS),
        POINTS * 1e40,
    ],
    ids=["four", "flat", "nested", "nan", "beyond float32"],
)
def test_other_points_are_no_landmarks(points: np.ndarray):
    with np.errstate(over="ignore"), pytest.raises(InvalidValue, match="5 finite points"):
        Landmarks(points)


# Embedding


def test_an_embedding_is_copied_and_locked():
    vector = unit(3, 4)
    embedding = Embedding(vector, SPACE)
    vector[0] = 9
    assert embedding.vector.tolist() == pytest.approx([0.6, 0.8])
    assert embedding.vector.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        embedding.vector[0] = 1


@pytest.mark.parametrize(
    "vector",
    [
        [],
        [[1.0, 0.0]],
        1.0,
        [0.0, 0.0],
        [2.0, 0.0],
        [0.999, 0.0],
        [math.nan, 0.0],
        [math.inf, 0.0],
        [1.0, math.nan],
    ],
    ids=str,
)
def test_other_vectors_are_no_embeddings(vector: Any):
    with pytest.raises(InvalidEmbedding):
        Embedding(np.array(vector, np.float32), SPACE)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [((1, 0), (1, 0), 0), ((1, 0), (0, 1), 1), ((1, 0), (-1, 0), 2), ((3, 4), (4, 3), 0.04)],
)
def test_distance_is_one_minus_the_cosine(a, b, expected: float):
    distance = Embedding(unit(*a), SPACE).distance(Embedding(unit(*b), SPACE))
    assert distance == pytest.approx(expected, abs=1e-6)
    assert isinstance(distance, float)


@settings(deadline=None)
@given(
    st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=50).filter(
        lambda v: max(map(abs, v)) > 0.01
    )
)
def test_an_embedding_is_never_at_a_negative_distance(numbers: list[float]):
    vector = unit(*numbers)
    here, opposite = Embedding(vector, SPACE), Embedding(-vector, SPACE)
    assert 0 <= here.distance(here) < 1e-5
    assert 2 - 1e-5 < here.distance(opposite) <= 2


def test_embeddings_of_two_spaces_have_no_distance():
    here, there = Embedding(unit(1, 0), SPACE), Embedding(unit(1, 0), "other@2:oval")
    with pytest.raises(SpaceMismatch) as caught:
        here.distance(there)
    assert (caught.value.expected, caught.value.found) == (SPACE, "other@2:oval")


def test_the_first_bad_row_is_named():
    rows = np.stack([unit(1, 2), unit(2, 1), 1.5 * unit(1, 1), unit(3, 4) * np.nan])
    check_unit_rows(rows[:2])
    check_unit_rows(np.empty((0, 2), np.float32))
    with pytest.raises(InvalidEmbedding, match=r"embedding 2 has length 1\.5"):
        check_unit_rows(rows)
    with pytest.raises(InvalidEmbedding, match="embedding 0 has length nan"):
        check_unit_rows(rows[3:])


def test_rounding_of_float32_is_no_reason_to_refuse():
    rows = np.random.default_rng(0).normal(size=(1000, 512)).astype(np.float32)
    check_unit_rows(rows / np.linalg.norm(rows, axis=1, keepdims=True))


# All of them


@pytest.mark.parametrize(
    "value",
    [
        Size(1, 2),
        Image.of(np.zeros((2, 2, 3), np.uint8)),
        Box(0, 0, 1, 1),
        Landmarks(POINTS),
        Detection(Box(0, 0, 1, 1), Landmarks(POINTS), 0.9),
        Embedding(unit(1, 0), SPACE),
        IndexReport(1, 2, 3, 4, 5, 6, 7, 8, 9.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_are_frozen(value: Any):
    name = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, None)


def test_a_read_only_copy_does_not_follow_the_original():
    original = np.arange(3)
    copy = read_only(original, np.float32)
    original[0] = 9
    assert copy.tolist() == [0, 1, 2]
    assert not copy.flags.writeable
