"""How well a face can be recognised: what lowers it, and by which name."""

from __future__ import annotations

import dataclasses
import itertools

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from facesearch.models.dlib_resnet import TEMPLATE
from facesearch.quality import (
    REFERENCE_MIN,
    ChipMeasures,
    graded,
    is_reference,
    measure_chip,
    measure_quality,
    pose,
)
from facesearch.values import Box, Detection, Image, Landmarks, PoorFace

# Where the default detector sees the astronaut's face.
POINTS = np.array([[207, 107], [242, 106], [227, 130], [212, 146], [241, 145]], np.float32)
FRONTAL = np.array([[-50, -55], [50, -55], [0, 4.4], [-42, 55], [42, 55]], np.float32)
GOOD = ChipMeasures(sharpness=0.12, brightness=0.5, contrast=0.15)


def detection(points=POINTS, score=0.999):
    return Detection(Box(180, 60, 90, 120), Landmarks(points), score)


def quality_of(pixels, points=POINTS):
    chip = TEMPLATE.cut(Image.of(pixels), Landmarks(points))
    return measure_quality(chip, detection(points))


@pytest.fixture(scope="module")
def portrait():
    return skimage.data.astronaut()


def smaller(pixels, factor):
    side = round(pixels.shape[0] / factor)
    return cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA), POINTS / factor


def falling(qualities):
    return all(one.value >= next_one.value for one, next_one in itertools.pairwise(qualities))


def test_an_ordinary_portrait_is_good(portrait):
    found = quality_of(portrait)
    assert found.value > 0.9
    assert found.problems == ()
    assert is_reference(found)
    assert found.size_px == pytest.approx(35, abs=1)


def test_blur_lowers_it(portrait):
    seen = [quality_of(cv2.GaussianBlur(portrait, (0, 0), s)) for s in (0.4, 1, 2, 3, 4, 6)]
    assert falling(seen)
    assert PoorFace.BLURRED not in seen[0].problems
    assert seen[-1].problems[0] is PoorFace.BLURRED
    assert not is_reference(seen[-1])


def test_smallness_lowers_it_and_is_not_called_blur(portrait):
    seen = [quality_of(*smaller(portrait, factor)) for factor in (1, 2, 3, 4, 5, 7, 9)]
    assert falling(seen)
    assert seen[-1].problems == (PoorFace.TOO_SMALL,)
    assert not is_reference(seen[-1])


def test_too_little_and_too_much_light_lower_it(portrait):
    darker = [quality_of((portrait * gain).astype(np.uint8)) for gain in (0.5, 0.2, 0.1, 0.05)]
    assert falling(darker)
    assert PoorFace.TOO_DARK in darker[-1].problems
    brighter = [
        quality_of(np.minimum(portrait.astype(float) * gain, 255).astype(np.uint8))
        for gain in (1, 2, 3, 6)
    ]
    assert falling(brighter)
    assert PoorFace.TOO_BRIGHT in brighter[-1].problems


def test_measures_do_not_depend_on_the_size_of_the_chip(portrait):
    large = TEMPLATE.cut(Image.of(portrait), Landmarks(POINTS))
    small = cv2.resize(large, (112, 112), interpolation=cv2.INTER_AREA)
    one, other = measure_chip(large), measure_chip(small)
    assert dataclasses.astuple(one) == pytest.approx(dataclasses.astuple(other), rel=0.15)


def test_a_chip_of_one_colour_is_no_face():
    found = measure_quality(np.zeros((150, 150, 3), np.uint8), detection())
    assert found.sharpness == 0
    assert found.value < 0.05


def turned(points, degrees):
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (points @ turn).astype(np.float32)


def test_pose_signs():
    size, yaw, pitch, roll = pose(Landmarks(FRONTAL))
    assert (size, yaw, pitch, roll) == pytest.approx((100, 0, 0, 0), abs=0.5)
    assert pose(Landmarks(turned(FRONTAL, 20)))[3] == pytest.approx(20)
    nose = np.zeros((5, 2), np.float32)
    nose[2] = (15, 0)
    assert pose(Landmarks(FRONTAL + nose))[1] > 15, "the nose points to the right"
    nose[2] = (0, -15)
    assert pose(Landmarks(FRONTAL + nose))[2] > 10, "the face looks up"


@given(degrees=st.floats(-179, 179), scale=st.floats(0.05, 50))
def test_size_yaw_and_pitch_do_not_change_when_the_picture_is_turned(degrees, scale):
    points = FRONTAL + np.float32([[0, 0], [0, 0], [12, 7], [0, 0], [0, 0]])
    before = pose(Landmarks(points))
    after = pose(Landmarks(turned(points * np.float32(scale), degrees)))
    assert after[0] == pytest.approx(before[0] * scale, rel=1e-3)
    assert after[1:3] == pytest.approx(before[1:3], abs=0.1)


def test_a_face_that_is_turned_away_is_named_so():
    aside = FRONTAL.copy()
    aside[2] = (90, 5)
    found = graded(GOOD, Landmarks(aside), 0.999)
    assert found.problems == (PoorFace.TURNED_AWAY,)
    assert found.value < graded(GOOD, Landmarks(FRONTAL), 0.999).value


def test_an_uncertain_detection_is_named_so():
    found = graded(GOOD, Landmarks(FRONTAL), 0.8)
    assert found.problems == (PoorFace.UNCERTAIN_DETECTION,)


@given(
    sharpness=st.floats(0, 2),
    brightness=st.floats(0, 1),
    contrast=st.floats(0, 0.5),
    score=st.floats(0, 1),
    points=st.lists(st.floats(-2000, 2000, width=32), min_size=10, max_size=10),
)
def test_any_face_has_a_value_and_a_poor_one_a_reason(
    sharpness, brightness, contrast, score, points
):
    measures = ChipMeasures(sharpness, brightness, contrast)
    found = graded(measures, Landmarks(np.reshape(points, (5, 2))), score)
    assert 0 <= found.value <= 1
    assert found.problems or found.value >= REFERENCE_MIN
    assert len(set(found.problems)) == len(found.problems)


def test_a_face_that_was_never_measured_serves_as_reference():
    assert is_reference(None)
