"""The normal distribution and angles, against the standard library and themselves."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.rates.normal import angle_of, distance_of, score_of, share_below


@given(st.floats(1e-300, 1.0, exclude_max=True))
def test_scores_are_those_of_the_standard_library(share: float) -> None:
    assert float(score_of(share)) == pytest.approx(NormalDist().inv_cdf(share), abs=1e-12)


@given(st.floats(-37, 5))
def test_a_share_turns_back_into_its_score(score: float) -> None:
    assert float(score_of(share_below(score))) == pytest.approx(score, abs=1e-8)


def test_the_ends_and_beyond() -> None:
    assert score_of([0.0, 0.5, 1.0]).tolist() == [-math.inf, 0.0, math.inf]
    assert np.isnan(score_of([-0.1, 1.1])).all()
    assert share_below([-math.inf, 0.0, math.inf]).tolist() == [0.0, 0.5, 1.0]


@given(st.floats(0, 2))
def test_angles_turn_back_into_distances(distance: float) -> None:
    assert float(distance_of(angle_of(distance))) == pytest.approx(distance, abs=1e-12)
    assert math.cos(float(angle_of(distance))) == pytest.approx(1 - distance, abs=1e-12)


def test_rounding_beyond_the_ends_is_no_error() -> None:
    assert angle_of([-1e-7, 2.0000002]).tolist() == [0.0, math.pi]
