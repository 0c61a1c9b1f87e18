"""Fitting rates to a library's own faces."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facesearch.errors import InvalidValue, SpaceMismatch, TooFewFaces
from facesearch.models.catalogue import embedder_spec
from facesearch.rates import (
    MIN_GENUINE_PAIRS,
    MIN_IMPOSTOR_PAIRS,
    Calibration,
    Shift,
    SpaceRates,
    fit_to_library,
    measured_rates,
)
from facesearch.rates.normal import Doubles, distance_of

NOBODY = np.empty(0)


def strangers(count: int, *, mean: float = 0.57, spread: float = 0.06, seed: int = 0) -> Doubles:
    """Distances of impostor pairs; the defaults are those of the fixture's curve."""
    return distance_of(np.random.default_rng(seed).normal(mean, spread, count))


def test_faces_like_the_measured_ones_change_next_to_nothing(rates: SpaceRates) -> None:
    fitted = fit_to_library(rates, strangers(5_000), NOBODY)
    assert fitted.impostors.mean == pytest.approx(0, abs=0.05)
    assert fitted.impostors.spread == pytest.approx(1, abs=0.03)
    assert fitted.contamination < 0.002
    assert fitted.genuine == Shift()


@pytest.mark.parametrize("wrong", [0.0, 0.01, 0.04])
def test_a_library_of_look_alikes_gets_nearer_distances(rates: SpaceRates, wrong: float) -> None:
    """Also where some of the pairs are one person: a mirror, a collage, a portrait."""
    pairs = strangers(4_000, mean=0.51, spread=0.065)
    same = np.linspace(0.0, 0.06, round(wrong * len(pairs)))
    calibrated = fit_to_library(rates, np.concatenate((pairs, same)), NOBODY).apply(rates)
    unseen = strangers(2_000_000, mean=0.51, spread=0.065, seed=1)
    for fmr in (1e-3, 1e-4):
        realised = float((unseen <= calibrated.distance_at(fmr)).mean())
        assert 0.5 < realised / fmr < 2
        assert float((unseen <= rates.distance_at(fmr)).mean()) > 4 * fmr
    assert calibrated.calibrated


def test_few_pairs_move_less_than_many(rates: SpaceRates) -> None:
    moved = [
        abs(fit_to_library(rates, strangers(n, mean=0.51), NOBODY).impostors.mean)
        for n in (MIN_IMPOSTOR_PAIRS, 5_000)
    ]
    assert moved[0] < moved[1]


def test_genuine_pairs_move_the_genuine_curve(rates: SpaceRates) -> None:
    own = strangers(2_000, mean=0.35, spread=0.06)
    calibrated = fit_to_library(rates, strangers(1_000), own).apply(rates)
    assert calibrated.fnmr(float(np.median(own))) == pytest.approx(0.5, abs=0.05)
    few = fit_to_library(rates, strangers(1_000), own[: MIN_GENUINE_PAIRS - 1])
    assert few.genuine == Shift()


def test_too_few_pairs_say_how_many_it_takes(rates: SpaceRates) -> None:
    with pytest.raises(TooFewFaces, match=f"takes {MIN_IMPOSTOR_PAIRS} pairs") as raised:
        fit_to_library(rates, strangers(MIN_IMPOSTOR_PAIRS - 1), NOBODY)
    assert (raised.value.found, raised.value.needed) == (MIN_IMPOSTOR_PAIRS - 1, MIN_IMPOSTOR_PAIRS)


def test_what_cannot_be_fitted_is_refused(rates: SpaceRates) -> None:
    fitted = fit_to_library(rates, strangers(500), NOBODY)
    with pytest.raises(InvalidValue, match="start from the shipped"):
        fit_to_library(fitted.apply(rates), strangers(500), NOBODY)
    with pytest.raises(InvalidValue, match="finite"):
        fit_to_library(rates, np.full(500, np.nan), NOBODY)
    other = Calibration.from_json(fitted.to_json().replace("toy@1", "toy@2"))
    with pytest.raises(SpaceMismatch, match="toy@2"):
        other.apply(rates)


@given(st.lists(st.floats(0, 2), min_size=1, max_size=8))
@settings(max_examples=30)
def test_no_distances_break_the_fit(values: list[float]) -> None:
    shipped = measured_rates(embedder_spec().space)
    pairs = np.resize(values, MIN_IMPOSTOR_PAIRS)
    fitted = fit_to_library(shipped, pairs, pairs)
    assert 0.5 <= fitted.impostors.spread <= 2
    assert 0 <= fitted.contamination <= 0.2
    assert 0 <= fitted.apply(shipped).distance_at(1e-4) <= 2


numbers = st.floats(-1e3, 1e3)


@given(st.text(), numbers, st.floats(1e-3, 1e3), st.floats(0, 0.2), st.integers(0), st.integers(0))
def test_json_gives_back_what_it_was_given(
    space: str, mean: float, spread: float, share: float, one: int, other: int
) -> None:
    calibration = Calibration(
        space, Shift(mean, spread), Shift(-mean, 1 / spread), share, one, other, "2026-01-02T03:04Z"
    )
    assert Calibration.from_json(calibration.to_json()) == calibration


@given(mean=st.floats(-2, 2), spread=st.floats(0.5, 1.5))
@settings(max_examples=30)
def test_calibrated_rates_keep_every_promise(mean: float, spread: float) -> None:
    shipped = measured_rates(embedder_spec().space)
    rates = Calibration(
        shipped.space, Shift(mean, spread), Shift(-mean / 4, 1.0), 0.0, 500, 500, "now"
    ).apply(shipped)
    grid = np.linspace(0, 2, 400)
    assert (np.diff(rates.fmr(grid)) >= 0).all()
    assert (np.diff(rates.fnmr(grid)) <= 0).all()
    said = rates.probability(grid, 1e-4)
    assert (np.diff(said) <= 0).all()
    assert ((said > 0) & (said < 1)).all()
    assert rates.fmr(rates.distance_at(1e-4)) == pytest.approx(1e-4, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2"),
        ({"impostors": {"mean": 0.0, "spread": 0.0}}, "spread above 0"),
        ({"impostors": {"mean": 0.0}}, "spread"),
        ({"impostor_pairs": "many"}, "many"),
    ],
)
def test_a_damaged_calibration_says_what_to_run(
    rates: SpaceRates, change: dict[str, object], message: str
) -> None:
    stored = json.loads(fit_to_library(rates, strangers(300), NOBODY).to_json()) | change
    with pytest.raises(InvalidValue, match=message) as raised:
        Calibration.from_json(json.dumps(stored))
    assert "facesearch calibrate" in str(raised.value)
