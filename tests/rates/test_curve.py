"""Curves through measured points."""

from __future__ import annotations

import numpy as np
import pytest

from facesearch.errors import InvalidValue
from facesearch.rates.curve import Curve
from facesearch.rates.isotonic import falling
from facesearch.rates.normal import share_below


def test_it_goes_through_its_points_and_straight_on_beyond_them() -> None:
    curve = Curve.through([0.04, 0.06, 0.1], share_below([-3.0, -2.0, -0.5]))
    assert curve.share_within([0.04, 0.06, 0.1]) == pytest.approx(share_below([-3.0, -2.0, -0.5]))
    assert curve.distance_at_score([-3.0, -0.5]) == pytest.approx([0.04, 0.1])
    line = Curve([0.3, 0.4, 0.5], [-2.0, -1.0, 0.0])
    assert line.score(1 - np.cos([0.1, 0.35, 0.8])) == pytest.approx([-4.0, -1.5, 3.0])


def test_the_slope_beyond_an_end_is_not_that_of_one_noisy_quantile() -> None:
    angles = np.linspace(0.3, 0.6, 31)
    scores = (angles - 0.6) * 15
    noisy = scores.copy()
    noisy[0] += 0.1  # as if the smallest rate had been measured from few pairs
    sure, unsure = Curve(angles, scores), Curve(angles, noisy)
    last_two = Curve(angles[:2], noisy[:2])
    off, far_off = (
        abs(float(curve.distance_at_score(-7.0) - sure.distance_at_score(-7.0)))
        for curve in (unsure, last_two)
    )
    assert off < far_off / 3


@pytest.mark.parametrize(
    ("angles", "scores", "message"),
    [
        ([0.1], [0.0], "at least 2"),
        ([0.1, 0.2], [0.0, np.nan], "finite"),
        ([0.2, 0.1], [0.0, 1.0], "angles of a curve rise"),
        ([0.1, 0.2], [1.0, 1.0], "scores of a curve rise"),
        ([0.1, 0.2, 0.3], [0.0, 1.0], "as many"),
    ],
)
def test_what_is_no_curve_is_refused(
    angles: list[float], scores: list[float], message: str
) -> None:
    with pytest.raises(InvalidValue, match=message):
        Curve(np.array(angles), np.array(scores))


def test_the_density_is_the_slope_of_the_share() -> None:
    curve = Curve(np.linspace(0.3, 0.8, 26), np.linspace(-3, 3, 26) + 0.1)
    angles = np.linspace(0.4, 0.7, 7)
    step = 1e-4
    slope = (
        curve.share_within(1 - np.cos(angles + step))
        - curve.share_within(1 - np.cos(angles - step))
    ) / (2 * step)
    assert np.exp(curve.log_density(angles)) == pytest.approx(slope, rel=1e-3)


def test_falling_pools_what_rises_and_keeps_the_rest() -> None:
    assert falling(np.array([5.0, 1.0, 3.0, 2.0, 0.0])).tolist() == [5.0, 2.0, 2.0, 2.0, 0.0]
    assert falling(np.array([3.0, 2.0, 1.0])).tolist() == [3.0, 2.0, 1.0]
