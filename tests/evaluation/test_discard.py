"""Leaving out poor photos: a quality that predicts errors lowers the curve."""

from __future__ import annotations

import numpy as np
import pytest

from facesearch.errors import InvalidValue
from facesearch.evaluation.discard import error_versus_discard
from facesearch.evaluation.labelled import GenuinePairs

# Photos 0 and 1 are poor; each pair with one of them is an error.
PAIRS = GenuinePairs(
    np.array([0, 1, 2, 4, 6, 8]), np.array([2, 3, 3, 5, 7, 9]), np.array([9, 9, 0, 0, 0, 0]) / 10
)


def curve(quality: list[float]) -> list[float]:
    at = np.array([0, 0.1, 0.2, 0.5])
    result = error_versus_discard(PAIRS, np.array(quality), threshold=0.5, discarded=at)
    assert result.random_area == result.fnmr[0] == pytest.approx(2 / 6)
    assert result.ideal_area <= result.area
    return [float(value) for value in result.fnmr]


def test_a_quality_that_knows_removes_the_errors():
    assert curve([0.1, 0.2, *[0.9] * 8]) == pytest.approx([2 / 6, 1 / 5, 0, 0])


def test_a_quality_that_is_wrong_raises_the_rate():
    assert curve([0.9, 0.9, 0.9, 0.9, *[0.1] * 6])[-1] > 2 / 6


def test_a_photo_without_a_face_stays_and_stays_an_error():
    assert curve([np.nan, 0.1, *[0.9] * 8])[:3] == pytest.approx([2 / 6, 2 / 6, 1 / 5])


def test_without_qualities_there_is_no_curve():
    with pytest.raises(InvalidValue, match="qualities"):
        error_versus_discard(PAIRS, np.full(10, np.nan), threshold=0.5)
