"""Augmentation: what it does to chips, within which ends, and that a key decides it."""

from __future__ import annotations

import numpy as np
import pytest

from facesearch.errors import InvalidValue
from facesearch.training.dataset.augmentation import Augmentation

tf = pytest.importorskip("tensorflow", reason="augmentation needs the extra train")

NOTHING = {"mirror": False, "rotation_deg": 0, "crop": 0, "brightness": 0, "contrast": 0}


@pytest.fixture(scope="module")
def chips():
    """200 chips that grow brighter to the right and, in red, downwards."""
    x, y = np.meshgrid(np.arange(33) * 4 + 40, np.arange(33) * 4 + 40)
    chip = np.stack([y, x, x], axis=2).astype(np.uint8)
    return np.repeat(chip[None], 200, axis=0)


def changed(chips, number=7, **how):
    augment = Augmentation(**(NOTHING | how))
    return augment(tf.constant(chips), tf.constant((number, 0), tf.int64)).numpy()


def test_nothing_is_nothing(chips):
    assert np.array_equal(changed(chips), chips)


def test_a_key_decides(chips):
    everything = {"mirror": True, "rotation_deg": 20, "crop": 0.2, "brightness": 0.2}
    one = changed(chips, **everything)
    assert np.array_equal(changed(chips, **everything), one)
    assert not np.array_equal(changed(chips, number=8, **everything), one)
    assert (one.shape, one.dtype) == (chips.shape, np.uint8)


@pytest.mark.parametrize("also", [{}, {"crop": 1e-6}])
def test_half_of_the_chips_are_mirrored_exactly(chips, also):
    """By itself and as a part of resampling."""
    found = changed(chips, mirror=True, **also)
    mirrored = np.array([np.array_equal(chip, chips[0, :, ::-1]) for chip in found])
    kept = np.array([np.array_equal(chip, chips[0]) for chip in found])
    assert (mirrored ^ kept).all()
    assert 70 < mirrored.sum() < 130


def test_rotation_turns_about_the_middle_within_its_ends(chips):
    found = changed(chips, rotation_deg=30).astype(float)
    assert np.abs(found[:, 16, 16] - chips[0, 16, 16]).max() <= 1
    middle = found[:, 8:25, 8:25]
    right = (middle[..., 1][:, :, -1] - middle[..., 1][:, :, 0]).mean(1)
    down = (middle[..., 1][:, -1] - middle[..., 1][:, 0]).mean(1)
    angles = np.degrees(np.arctan2(down, right))
    assert 25 < np.abs(angles).max() <= 31
    assert angles.min() < -20
    assert angles.max() > 20


def test_crops_enlarge_a_part_of_the_chip(chips):
    found = changed(chips, crop=0.5).astype(float)
    spans = found[:, 16, -1, 1] - found[:, 16, 0, 1]
    whole = float(chips[0, 16, -1, 1]) - float(chips[0, 16, 0, 1])
    assert (spans <= whole + 1).all()
    assert (spans >= whole / 2 - 3).all()
    assert spans.min() < 0.6 * whole
    assert found.min() >= chips.min()  # no place beyond the edge is looked at
    assert found.max() <= chips.max()


def test_brightness_adds_the_same_everywhere(chips):
    added = changed(chips, brightness=0.1).astype(int) - chips
    assert (added.max((1, 2, 3)) == added.min((1, 2, 3))).all()
    assert 20 < np.abs(added).max() <= 26
    assert added.min() < 0 < added.max()


def test_contrast_stretches_about_the_mean(chips):
    found = changed(chips, contrast=0.3).astype(float)
    assert np.abs(found.mean((1, 2)) - chips[0].mean((0, 1))).max() < 1
    factors = found[..., 1].std((1, 2)) / chips[0, ..., 1].std()
    assert 0.69 < factors.min() < 0.8
    assert 1.2 < factors.max() < 1.31


def test_values_stay_within_a_byte(chips):
    found = changed(chips, brightness=1.0, contrast=1.0)
    assert (found.min(), found.max()) == (0, 255)
    bright = changed(np.full_like(chips, 250), brightness=0.5)
    assert bright.min() > 100  # nothing wraps around


@pytest.mark.parametrize(
    "wrong",
    [{"rotation_deg": 46}, {"crop": 0.6}, {"brightness": -0.1}, {"contrast": float("nan")}],
)
def test_what_is_out_of_range_is_refused(wrong):
    with pytest.raises(InvalidValue, match=next(iter(wrong))):
        Augmentation(**wrong)
