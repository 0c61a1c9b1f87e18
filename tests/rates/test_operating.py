"""Where the line is drawn for libraries of every size."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.errors import InvalidValue
from facesearch.models.catalogue import embedder_spec
from facesearch.rates import (
    DEFAULT_FALSE_MATCHES,
    LARGEST_FMR,
    SMALLEST_FMR,
    SpaceRates,
    measured_rates,
    operating_point,
    prior_for_gallery,
)

sizes = st.integers(0, 10**9)
wanted = st.floats(1e-6, 1e6)


@given(sizes, sizes, wanted, wanted)
def test_larger_libraries_and_stricter_wishes_draw_it_nearer(
    one: int, other: int, few: float, many: float
) -> None:
    rates = measured_rates(embedder_spec().space)
    small, large = sorted((one, other))
    strict, lenient = sorted((few, many))
    near = operating_point(rates, gallery_faces=large, false_matches=strict)
    far = operating_point(rates, gallery_faces=small, false_matches=lenient)
    assert SMALLEST_FMR <= near.fmr <= far.fmr <= LARGEST_FMR
    assert 0 < near.max_distance <= far.max_distance < 2
    assert rates.fmr(near.max_distance) == pytest.approx(near.fmr, rel=1e-6)


@given(st.integers(100, 10**8))
def test_as_many_false_matches_as_asked_for(faces: int) -> None:
    rates = measured_rates(embedder_spec().space)
    point = operating_point(rates, gallery_faces=faces, false_matches=DEFAULT_FALSE_MATCHES)
    assert point.expected_false_matches == pytest.approx(DEFAULT_FALSE_MATCHES)


@pytest.mark.parametrize("faces", [0, 1, 10])
def test_a_tiny_library_does_not_match_everybody(rates: SpaceRates, faces: int) -> None:
    point = operating_point(rates, gallery_faces=faces, false_matches=0.1)
    assert point.fmr == LARGEST_FMR


@pytest.mark.parametrize("false_matches", [0.0, -1.0, math.inf, math.nan])
def test_wishes_that_mean_nothing_are_refused(rates: SpaceRates, false_matches: float) -> None:
    with pytest.raises(InvalidValue, match="above 0"):
        operating_point(rates, gallery_faces=10, false_matches=false_matches)
    with pytest.raises(InvalidValue, match="0 faces or more"):
        operating_point(rates, gallery_faces=-1, false_matches=0.1)


def test_the_prior_is_one_face_of_the_gallery() -> None:
    assert [prior_for_gallery(n) for n in (0, 1, 2, 1000)] == [0.5, 0.5, 0.5, 0.001]
