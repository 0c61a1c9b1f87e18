"""Chips show a face upright, centred and at one scale, whatever the photo's."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from facesearch.errors import InvalidValue
from facesearch.models import align
from facesearch.models.align import ChipTemplate, seen_part, similarity
from facesearch.models.dlib_resnet import TEMPLATE
from facesearch.values import Image, Landmarks, Size

SIZE = TEMPLATE.size_px
CENTRE = (SIZE - 1) / 2


def placed(
    scale: float, degrees: float, x: float, y: float, template: ChipTemplate = TEMPLATE
) -> Landmarks:
    """Landmarks of a face as in the template, scaled and turned around its middle, at (x, y)."""
    turn = math.radians(degrees)
    matrix = scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return Landmarks(((template.points - CENTRE) @ matrix.T + (x, y)).astype(np.float32))


def dotted(landmarks: Landmarks, size: Size, radius: float) -> Image:
    """A black photo with a soft white dot at each landmark (pixel centres have whole numbers)."""
    rows, columns = np.mgrid[: size.height, : size.width]
    light = np.zeros((size.height, size.width))
    for x, y in landmarks.points.tolist():
        light += np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * radius**2))
    grey = (np.minimum(light, 1) * 255).astype(np.uint8)
    return Image.of(np.repeat(grey[:, :, None], 3, axis=2))


def dots_in(chip: np.ndarray, near: np.ndarray, reach: int = 9) -> np.ndarray:
    """The centres of light around the places where dots should be, in chip pixels."""
    found = []
    for x, y in near.tolist():
        left, top = round(x) - reach, round(y) - reach
        part = chip[top : top + 2 * reach + 1, left : left + 2 * reach + 1, 0].astype(float)
        rows, columns = np.mgrid[: part.shape[0], : part.shape[1]]
        found.append(
            ((part * columns).sum() / part.sum() + left, (part * rows).sum() / part.sum() + top)
        )
    return np.array(found)


ANGLES = st.floats(-math.pi, math.pi)
SCALES = st.floats(0.01, 100)
SHIFTS = st.tuples(st.floats(-5000, 5000), st.floats(-5000, 5000))


@given(angle=ANGLES, scale=SCALES, shift=SHIFTS, seed=st.integers(0, 1000))
def test_a_similarity_transform_is_found_exactly(
    angle: float, scale: float, shift: tuple[float, float], seed: int
):
    points = np.random.default_rng(seed).normal(0, 40, (5, 2))
    linear = scale * np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    found = similarity(points, points @ linear.T + shift)
    np.testing.assert_allclose(found[:, :2], linear, atol=1e-9 * scale)
    np.testing.assert_allclose(found[:, 2], shift, atol=1e-6 * (1 + scale))


@given(seed=st.integers(0, 10_000), noise=st.floats(0, 60))
def test_no_similarity_transform_is_nearer(seed: int, noise: float):
    """Least squares: any small change of rotation, scale or shift only makes it worse."""
    rng = np.random.default_rng(seed)
    source = rng.normal(0, 40, (5, 2))
    target = TEMPLATE.points + rng.normal(0, noise, (5, 2))

    def error(matrix: np.ndarray) -> float:
        return float(((source @ matrix[:, :2].T + matrix[:, 2] - target) ** 2).sum())

    best = similarity(source, target)
    for a, b, x, y in np.vstack([np.eye(4), -np.eye(4)]) * 1e-3:
        assert error(best) <= error(best + np.array([[a, -b, x], [b, a, y]])) + 1e-9


def test_mirrored_points_are_not_mirrored_back():
    """A reflection would show the network a face that nobody has."""
    mirrored = TEMPLATE.points * (-1, 1)
    matrix = similarity(mirrored, TEMPLATE.points)
    assert np.linalg.det(matrix[:, :2]) > 0
    assert matrix[0, 0] == pytest.approx(matrix[1, 1])
    assert matrix[0, 1] == pytest.approx(-matrix[1, 0])


@pytest.mark.parametrize("degrees", [-170, -40, 0, 15, 90])
@pytest.mark.parametrize("scale", [0.4, 1.0, 1.9])
def test_landmarks_come_to_lie_where_the_template_says(scale: float, degrees: float):
    landmarks = placed(scale, degrees, 201.3, 188.6)
    photo = dotted(landmarks, Size(400, 380), radius=max(1.2, 2 * scale))
    chip = TEMPLATE.cut(photo, landmarks)
    assert chip.shape == (SIZE, SIZE, 3)
    assert chip.dtype == np.uint8
    np.testing.assert_allclose(dots_in(chip, TEMPLATE.points), TEMPLATE.points, atol=0.15)


@pytest.mark.parametrize("degrees", [-100, 0, 33])
@pytest.mark.parametrize("scale", [2.0, 2.7, 3.0, 5.4])
def test_large_faces_are_averaged_in_the_same_place(scale: float, degrees: float):
    landmarks = placed(scale, degrees, 603.2, 588.9)
    photo = dotted(landmarks, Size(1200, 1190), radius=2 * scale)
    chip = TEMPLATE.cut(photo, landmarks)
    np.testing.assert_allclose(dots_in(chip, TEMPLATE.points), TEMPLATE.points, atol=0.15)


def test_the_two_ways_of_cutting_agree_where_they_meet(monkeypatch: pytest.MonkeyPatch):
    """A smooth photo, cut by sampling alone and by averaging first."""
    rows, columns = np.mgrid[:900, :900]
    waves = 127 + 60 * np.sin(columns / 31) + 60 * np.cos(rows / 23 + columns / 57)
    photo = Image.of(np.repeat(waves.astype(np.uint8)[:, :, None], 3, axis=2))
    landmarks = placed(2.5, 21, 433.7, 461.2)
    averaged = TEMPLATE.cut(photo, landmarks)
    monkeypatch.setattr(align, "_ANTIALIAS_FROM", 99)
    sampled = TEMPLATE.cut(photo, landmarks)
    assert np.abs(averaged.astype(int) - sampled).max() <= 4


def test_a_large_face_is_averaged_and_not_skipped_over():
    """A fine pattern that sampling would turn into stripes becomes its mean."""
    rows, columns = np.mgrid[:1500, :1500]
    checks = ((rows // 2 + columns // 2) % 2 * 255).astype(np.uint8)
    photo = Image.of(np.repeat(checks[:, :, None], 3, axis=2))
    chip = TEMPLATE.cut(photo, placed(8.0, 17, 750, 750)).astype(float)
    assert abs(chip.mean() - 127.5) < 2
    assert chip.std() < 12


def test_a_large_face_looks_as_if_the_photo_had_been_small():
    """Averaging while cutting is like cutting from a photo reduced by its area."""
    photo = cv2.resize(skimage.data.astronaut(), (2048, 2048), interpolation=cv2.INTER_CUBIC)
    landmarks = placed(3.0, 5, 896, 470)
    small = cv2.resize(photo, (683, 683), interpolation=cv2.INTER_AREA)
    at_hand = TEMPLATE.cut(Image.of(photo), landmarks)
    reduced = TEMPLATE.cut(Image(small, Size(2048, 2048)), landmarks)
    assert np.abs(at_hand.astype(int) - reduced).mean() < 1.5


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_a_reduced_photo_gives_the_same_chip_up_to_blur(factor: int):
    """Landmarks are of the full photo, and lie in the same place of its reduced copy."""
    size = 150 * factor
    landmarks = placed(factor * 0.8, -12, size * 0.52 + 0.3, size * 0.49 - 0.4)
    full = dotted(landmarks, Size(size, size), radius=2.5 * factor)
    small = cv2.resize(full.pixels, (150, 150), interpolation=cv2.INTER_AREA)
    chip = TEMPLATE.cut(Image(small, full.full_size), landmarks)
    np.testing.assert_allclose(dots_in(chip, TEMPLATE.points), TEMPLATE.points, atol=0.12)
    np.testing.assert_allclose(
        dots_in(chip, TEMPLATE.points),
        dots_in(TEMPLATE.cut(full, landmarks), TEMPLATE.points),
        atol=0.12,
    )


def test_beyond_the_edge_is_black():
    white = Image.of(np.full((300, 300, 3), 255, np.uint8))
    chip = TEMPLATE.cut(white, placed(1.0, 0, 0, 150))
    assert not chip[:, :70].any()
    assert (chip[:, 80:] == 255).all()


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0, 3.7, 30.0])
@pytest.mark.parametrize("place", [(-2000, 150), (150, 9000), (-2000, -2000), (299, 299)])
def test_faces_outside_the_photo_are_cut_all_the_same(scale: float, place: tuple[int, int]):
    white = Image.of(np.full((300, 300, 3), 255, np.uint8))
    chip = TEMPLATE.cut(white, placed(scale, 10, *place))
    assert chip.shape == (SIZE, SIZE, 3)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 3)])
def test_photos_of_a_few_pixels_are_cut(size: tuple[int, int]):
    photo = Image.of(np.full((*size, 3), 200, np.uint8))
    for scale in (0.001, 1.0, 3.0):
        assert TEMPLATE.cut(photo, placed(scale, 0, 1, 1)).shape == (SIZE, SIZE, 3)


@pytest.mark.parametrize(
    "points",
    [np.full((5, 2), 50.0), np.array([[50, 50]] * 4 + [[50.001, 50]]), TEMPLATE.points * (-1, 1)],
    ids=["one point", "almost one point", "mirrored"],
)
def test_landmarks_that_are_no_face_make_a_chip_of_something(points: np.ndarray):
    photo = Image.of(np.full((100, 100, 3), 200, np.uint8))
    landmarks = Landmarks(points)
    assert TEMPLATE.cut(photo, landmarks).shape == (SIZE, SIZE, 3)
    assert TEMPLATE.pixels_per_chip_pixel(landmarks) > 0


@given(scale=st.floats(0.05, 40), degrees=st.floats(-180, 180))
def test_pixels_per_chip_pixel_is_the_scale_of_the_face(scale: float, degrees: float):
    landmarks = placed(scale, degrees, 700, -300)
    assert TEMPLATE.pixels_per_chip_pixel(landmarks) == pytest.approx(scale, rel=1e-3)


@pytest.mark.parametrize("scale", [0.7, 2.6])
@pytest.mark.parametrize("size", [(512, 40_000), (40_000, 512)])
def test_a_panorama_longer_than_opencv_can_sample(size: tuple[int, int], scale: float):
    """OpenCV 4 refuses pictures of more than 32,766 pixels; JPEG goes up to 65,535."""
    photo = skimage.data.astronaut()
    landmarks = placed(scale, 8, 256, 256)
    panorama = np.zeros((*size, 3), np.uint8)
    panorama[-512:, -512:] = photo
    moved = Landmarks(landmarks.points + np.array([size[1] - 512, size[0] - 512]))
    expected = TEMPLATE.cut(Image.of(photo), landmarks).astype(int)
    assert np.abs(TEMPLATE.cut(Image.of(panorama), moved) - expected).mean() < 0.5


def test_what_is_seen_of_a_panorama_is_all_that_is_seen():
    matrix = np.array([[2.0, 0.5, 35_000.0], [-0.5, 2.0, 40.0]])
    ramp = np.zeros((300, 40_000, 3), np.uint8)
    ramp[..., 0] = np.arange(40_000) % 251
    ramp[..., 1] = np.arange(300)[:, None] % 251
    part, moved = seen_part(ramp, matrix, 24)
    assert max(part.shape[:2]) < 100
    for corner in ((0, 0), (23, 0), (0, 23), (23, 23)):
        x, y = np.rint(matrix[:, :2] @ corner + matrix[:, 2]).astype(int)
        u, v = np.rint(moved[:, :2] @ corner + moved[:, 2]).astype(int)
        np.testing.assert_array_equal(part[v, u], ramp[y, x])


@pytest.mark.parametrize("place", [(-90_000, 10), (90_000, 10), (20_000, -500), (20_000, 500)])
def test_nothing_of_a_panorama_is_seen_from_outside_it(place: tuple[int, int]):
    wide = Image.of(np.full((30, 40_000, 3), 255, np.uint8))
    assert not TEMPLATE.cut(wide, placed(1.0, 0, *place)).any()


def test_a_face_as_wide_as_a_panorama():
    wide = Image.of(np.full((40, 70_000, 3), 255, np.uint8))
    assert TEMPLATE.cut(wide, placed(400.0, 0, 35_000, 20)).shape == (SIZE, SIZE, 3)
    part, _ = seen_part(wide.pixels, np.array([[3000.0, 0, 0], [0, 1.0, 0]]), 24)
    assert max(part.shape[:2]) <= 35_000


def test_small_pictures_are_handed_through():
    pixels, matrix = np.zeros((10, 32_766, 3), np.uint8), np.eye(2, 3)
    same, unchanged = seen_part(pixels, matrix, 24)
    assert same is pixels
    assert unchanged is matrix


def test_a_template_is_five_points_that_stay():
    points = np.arange(10, dtype=np.float32).reshape(5, 2)
    template = ChipTemplate("test", 10, points)
    points[0] = 99
    assert template.points[0].tolist() == [0, 1]
    with pytest.raises(ValueError, match="read-only"):
        template.points[0] = 1
    with pytest.raises(InvalidValue, match="5 points"):
        ChipTemplate("test", 10, points[:4])
