"""What networks are fed, number by number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.errors import InvalidValue
from facesearch.models.preprocessing import Channels, Layout, Number, Preprocessing

CHIPS = np.random.default_rng(3).integers(0, 256, (2, 6, 6, 3), dtype=np.uint8)


def fed(**options: object) -> Preprocessing:
    return Preprocessing(**{"width_px": 6, "height_px": 6, **options})


@given(
    mean=st.tuples(*[st.floats(-300, 300)] * 3),
    scale=st.tuples(*[st.floats(0.001, 3)] * 3),
    channels=st.sampled_from(Channels),
    layout=st.sampled_from(Layout),
)
def test_every_number_is_pixel_minus_mean_times_scale(mean, scale, channels, layout):
    found = fed(mean=mean, scale=scale, channels=channels, layout=layout).apply(CHIPS)
    if layout is Layout.NCHW:
        assert found.shape == (2, 3, 6, 6)
        found = found.transpose(0, 2, 3, 1)
    if channels is Channels.BGR:
        found = found[..., ::-1]
    expected = (CHIPS.astype(float) - mean) * scale
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)
    assert found.dtype == np.float32


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("channels", Channels)
@pytest.mark.parametrize("number", Number)
def test_what_comes_out_is_contiguous_and_of_the_stated_type(number, channels, layout):
    found = fed(number=number, channels=channels, layout=layout).apply(CHIPS)
    assert found.flags.c_contiguous
    assert found.dtype == np.dtype(number.value)
    assert found.sum(dtype=np.float64) == CHIPS.sum()
    assert fed(number=number, layout=layout).apply(CHIPS[:0]).shape[0] == 0


def test_the_chips_stay_as_they_are():
    before = CHIPS.copy()
    fed(mean=(1.0, 2.0, 3.0), scale=(2.0, 2.0, 2.0), channels=Channels.BGR).apply(CHIPS)
    fed(standardise=True).apply(CHIPS)
    np.testing.assert_array_equal(CHIPS, before)


def test_standardised_pictures_have_mean_0_and_deviation_1_each():
    found = fed(standardise=True, layout=Layout.NHWC).apply(CHIPS)
    np.testing.assert_allclose(found.mean(axis=(1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(axis=(1, 2, 3)), 1, atol=1e-5)


def test_a_picture_of_one_colour_standardised_is_finite():
    found = fed(standardise=True).apply(np.full((1, 6, 6, 3), 77, np.uint8))
    assert not found.any()
    assert fed(standardise=True).apply(CHIPS[:0]).shape == (0, 3, 6, 6)


@pytest.mark.parametrize(
    ("width", "height", "rows", "columns"),
    [(4, 6, slice(0, 6), slice(1, 5)), (6, 2, slice(2, 4), slice(0, 6))],
)
def test_an_input_that_is_not_square_takes_the_middle_of_the_chip(width, height, rows, columns):
    own = Preprocessing(width_px=width, height_px=height, layout=Layout.NHWC)
    assert own.side_px == 6
    found = own.apply(CHIPS)
    np.testing.assert_array_equal(found, CHIPS[:, rows, columns])
    np.testing.assert_array_equal(own.feed(CHIPS[:, rows, columns]), found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width_px": 0}, "at least 1 x 1 px, not 0 x 6"),
        ({"height_px": -1}, "not 6 x -1"),
        ({"mean": (1.0, 2.0)}, "mean is three numbers"),
        ({"scale": (1.0, float("nan"), 1.0)}, "scale is three numbers"),
        ({"scale": (1.0, 0.0, 1.0)}, "a scale of 0"),
        ({"number": Number.UINT8, "mean": (1.0, 1.0, 1.0)}, "takes pixels as they are"),
        ({"number": Number.UINT8, "standardise": True}, "takes pixels as they are"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, object], message: str):
    with pytest.raises(InvalidValue, match=message):
        fed(**options)


@pytest.mark.parametrize(
    "chips",
    [
        CHIPS.astype(np.float32),
        CHIPS[0],
        CHIPS[:, :5],
        CHIPS[..., :2],
        np.zeros((2, 3, 6, 6), np.uint8),
    ],
)
def test_chips_of_another_shape_or_type_are_refused(chips: np.ndarray):
    with pytest.raises(InvalidValue, match=r"expected uint8 chips of shape \(n, 6, 6, 3\)"):
        fed().apply(chips)
    with pytest.raises(InvalidValue, match="expected uint8 pictures"):
        fed().feed(chips)
