"""Distance, rate and probability turn into each other and never contradict each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.errors import InvalidValue, RatesMissing
from facesearch.models import catalogue
from facesearch.rates import SpaceRates, measured_rates
from facesearch.rates.tables import _FOLDER, read_table

SPACES = tuple(spec.space for spec in catalogue._EMBEDDERS)
spaces = st.sampled_from(SPACES)
distances = st.floats(0, 2)
priors = st.floats(1e-9, 1 - 1e-9)


@given(spaces, st.integers(1, 12), distances, distances, priors)
def test_more_distance_never_means_more_alike(
    space: str, references: int, one: float, other: float, prior: float
) -> None:
    rates = measured_rates(space, references=references)
    near, far = sorted((one, other))
    assert rates.fmr(near) <= rates.fmr(far)
    assert rates.fnmr(near) >= rates.fnmr(far)
    assert rates.probability(near, prior) >= rates.probability(far, prior)
    assert 0 < rates.probability(far, prior) <= rates.probability(near, prior) < 1


@given(spaces, st.floats(1e-12, 0.999))
def test_a_rate_turns_into_its_distance_and_back(space: str, fmr: float) -> None:
    rates = measured_rates(space)
    assert rates.fmr(rates.distance_at(fmr)) == pytest.approx(fmr, rel=1e-6)


@given(spaces, st.floats(0.002, 0.3))
def test_a_distance_turns_into_its_rate_and_back(space: str, distance: float) -> None:
    rates = measured_rates(space)
    assert rates.distance_at(rates.fmr(distance)) == pytest.approx(distance, rel=1e-6)


@given(spaces, distances, priors, priors)
def test_a_higher_prior_never_lowers_the_probability(
    space: str, distance: float, one: float, other: float
) -> None:
    rates = measured_rates(space)
    low, high = sorted((one, other))
    assert rates.probability(distance, low) <= rates.probability(distance, high)


@pytest.mark.parametrize("space", SPACES)
def test_the_ends_of_every_shipped_space_are_sane(space: str) -> None:
    rates = measured_rates(space)
    assert rates.space == space
    assert not rates.calibrated
    assert rates.provenance.impostor_pairs > 1_000_000
    assert rates.provenance.genuine_pairs > 5_000
    assert rates.fmr(0.0) < 1e-9
    assert rates.fmr(2.0) == 1.0
    assert (rates.distance_at(0.0), rates.distance_at(1.0)) == (0.0, 2.0)
    assert rates.fnmr(0.0) > 0.99
    assert rates.fnmr(2.0) < 1e-6
    assert rates.probability(0.0, 0.5) > 0.999999
    assert rates.probability(2.0, 0.5) < 0.01


@pytest.mark.parametrize("space", SPACES)
def test_more_references_tell_more(space: str) -> None:
    missed = [
        rates.fnmr(rates.distance_at(1e-4))
        for rates in (measured_rates(space, references=count) for count in (1, 2, 3, 5))
    ]
    assert missed == sorted(missed, reverse=True)


def test_every_space_has_a_table_and_every_table_a_space() -> None:
    tables = [read_table(path.read_text(encoding="utf-8")) for path in _FOLDER.glob("*.json")]
    assert sorted(table.space for table in tables) == sorted(SPACES)


def test_evidence_is_the_ratio_of_the_densities(rates: SpaceRates) -> None:
    """Where both curves are normal with one width, its logarithm is a straight line."""
    angles = np.array([0.35, 0.43, 0.5])
    expected = (0.57 - 0.29) / 0.06**2 * ((0.57 + 0.29) / 2 - angles)
    found = rates.log_likelihood_ratio(1 - np.cos(angles))
    assert found == pytest.approx(expected, abs=0.05)


@given(prior=priors)
def test_without_evidence_the_prior_stays(prior: float) -> None:
    given_rates = measured_rates(SPACES[0])
    grid = np.linspace(0.05, 0.15, 20_001)
    neutral = float(grid[np.argmin(np.abs(given_rates.log_likelihood_ratio(grid)))])
    assert given_rates.probability(neutral, prior) == pytest.approx(prior, rel=0.01, abs=1e-12)


def test_arrays_come_back_as_arrays_of_their_shape(rates: SpaceRates) -> None:
    grid = np.full((2, 3), 0.06, dtype=np.float32)
    for answer in (
        rates.fmr(grid),
        rates.fnmr(grid),
        rates.probability(grid, 0.5),
        rates.distance_at(rates.fmr(grid)),
    ):
        assert answer.shape == (2, 3)
    assert isinstance(rates.fmr(0.06), float)
    assert rates.fmr(grid)[0, 0] == pytest.approx(rates.fmr(0.06), rel=1e-4)


@pytest.mark.parametrize("prior", [0.0, 1.0, -0.5, math.nan])
def test_a_prior_of_certainty_is_refused(rates: SpaceRates, prior: float) -> None:
    with pytest.raises(InvalidValue, match="prior"):
        rates.probability(0.05, prior)


@pytest.mark.parametrize("fmr", [-0.1, 1.5, math.nan])
def test_a_rate_outside_0_to_1_is_refused(rates: SpaceRates, fmr: float) -> None:
    with pytest.raises(InvalidValue, match="false match rate"):
        rates.distance_at(fmr)


def test_a_space_without_a_table_says_what_to_do() -> None:
    with pytest.raises(RatesMissing, match="no measured rates") as raised:
        measured_rates("nobody@12345678")
    assert raised.value.model == "nobody@12345678"


@pytest.mark.parametrize(("asked", "answers"), [(1, 1), (3, 3), (4, 5), (7, 8), (50, 8)])
def test_unmeasured_numbers_of_references_err_on_the_safe_side(asked: int, answers: int) -> None:
    rates = measured_rates(SPACES[0], references=asked)
    assert rates.references == answers
    assert rates.distance_at(1e-4) <= measured_rates(SPACES[0], references=1).distance_at(1e-4)


def test_references_begin_at_one() -> None:
    with pytest.raises(InvalidValue, match="1 face or more"):
        measured_rates(SPACES[0], references=0)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "space": "a", "tables": []}']
)
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="table"):
        read_table(text)
