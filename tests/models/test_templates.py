"""The templates that models are given by name."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from facesearch.errors import InvalidValue
from facesearch.models import dlib_resnet
from facesearch.models.templates import TemplateFamily, template, template_name
from facesearch.values import Image, Landmarks

SIZES = {
    TemplateFamily.ARCFACE: 112,
    TemplateFamily.DLIB: 150,
    TemplateFamily.FACENET: 160,
    TemplateFamily.NONE: 160,
}


@pytest.mark.parametrize("family", TemplateFamily)
def test_a_family_has_a_size_of_its_own(family: TemplateFamily):
    own = template(family)
    assert (own.name, own.size_px) == (f"{family}-{SIZES[family]}", SIZES[family])
    assert template_name(family) == own.name
    assert own.turns == (family is not TemplateFamily.NONE)


@pytest.mark.parametrize("family", TemplateFamily)
def test_landmarks_lie_as_a_face_does(family: TemplateFamily):
    """Left before right as the viewer sees them, eyes above nose above mouth, in the middle."""
    points = template(family).points
    left_eye, right_eye, nose, left_mouth, right_mouth = points
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    assert abs(points[:, 0].mean() / SIZES[family] - 0.5) < 0.02


@pytest.mark.parametrize("family", TemplateFamily)
@pytest.mark.parametrize("size", [64, 96, 224])
def test_at_another_size_the_same_is_seen(family: TemplateFamily, size: int):
    """Where a point lies, as a share of the chip from its outer edge, stays."""
    own, scaled = template(family), template(family, size)
    assert scaled.name == template_name(family, size) == f"{family}-{size}"
    np.testing.assert_allclose(
        (scaled.points + 0.5) / size, (own.points + 0.5) / own.size_px, atol=1e-6
    )


def test_at_twice_the_size_a_chip_is_the_same_picture_with_more_pixels():
    waves = 127 + 80 * np.sin(np.arange(400) / 23)
    photo = Image.of(np.repeat((waves[None] + 0 * waves[:, None])[:, :, None], 3, 2).astype("u1"))
    landmarks = Landmarks(template(TemplateFamily.ARCFACE).points * 2 + 80)
    small = template(TemplateFamily.ARCFACE).cut(photo, landmarks).astype(int)
    large = template(TemplateFamily.ARCFACE, 224).cut(photo, landmarks).astype(int)
    halved = large.reshape(112, 2, 112, 2, 3).mean(axis=(1, 3))
    assert np.abs(halved - small).max() <= 2


def test_the_default_models_own_template_is_the_family_dlib():
    np.testing.assert_array_equal(template(TemplateFamily.DLIB).points, dlib_resnet.TEMPLATE.points)


def test_arcface_is_as_insightface_publishes_it():
    points = template(TemplateFamily.ARCFACE, 112).points
    assert points[0].tolist() == pytest.approx([38.2946, 51.6963])
    assert points[4].tolist() == pytest.approx([70.7299, 92.2041])


def test_a_tilted_face_stays_tilted_without_a_template():
    upright = template(TemplateFamily.FACENET).points - 80
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    landmarks = Landmarks(upright @ turn.T + 200)
    photo = np.zeros((400, 400, 3), np.uint8)
    left, right = landmarks.points[0], landmarks.points[1]
    for x, y in (left, right):
        photo[
            round(float(y)) - 3 : round(float(y)) + 4, round(float(x)) - 3 : round(float(x)) + 4
        ] = 255
    for family, slope in ((TemplateFamily.NONE, 0.75), (TemplateFamily.FACENET, 0.0)):
        chip = template(family).cut(Image.of(photo), landmarks)[..., 0]
        rows, columns = np.nonzero(chip > 127)
        middle = columns.mean()
        first, second = (
            (columns[side].mean(), rows[side].mean())
            for side in (columns < middle, columns > middle)
        )
        found = (second[1] - first[1]) / (second[0] - first[0])
        assert found == pytest.approx(slope, abs=0.05)


@pytest.mark.parametrize("size", [15, 0, -3])
def test_a_chip_too_small_to_see_a_face_is_refused(size: int):
    with pytest.raises(InvalidValue, match="at least 16 x 16 px"):
        template(TemplateFamily.ARCFACE, size)


def test_names_of_templates_load_nothing_to_cut_with():
    program = (
        "import sys\nfrom facesearch.models.templates import TemplateFamily, template_name\n"
        "template_name(TemplateFamily.ARCFACE, 112)\nassert 'cv2' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
