"""Rates follow from the step, or from the losses so far, and from nothing else."""

from __future__ import annotations

import dataclasses
import math

import pytest

from facesearch.errors import InvalidValue
from facesearch.training.schedules import CyclicalPolicy, Plateau, Rates, Stopping, best_epoch

POLICY = CyclicalPolicy(
    base=1e-4, top=3e-4, beta1_high=0.95, beta1_low=0.85, lowered=0.15, step_epochs=2
)
PLATEAU = Plateau(factor=0.1, patience=2, lowest=1e-4)


@pytest.mark.parametrize(
    ("step", "learning_rate", "beta1"),
    [
        (0, 1e-4, 0.95),
        (10, 2e-4, 0.90),
        (20, 3e-4, 0.85),
        (30, 2e-4, 0.90),
        (40, 0.85e-4, 0.95),
        (60, 3e-4, 0.85),
        (70, (3e-4 + 0.85e-4) / 2, 0.90),
        (80, 0.85**2 * 1e-4, 0.95),
    ],
)
def test_the_rate_goes_up_while_beta1_falls_and_the_base_is_lowered(
    step: int, learning_rate: float, beta1: float
):
    """Ten steps an epoch, so half a cycle of two epochs takes twenty."""
    found = POLICY.at(step, steps_per_epoch=10)
    assert found.learning_rate == pytest.approx(learning_rate)
    assert found.beta1 == pytest.approx(beta1)


def test_rates_stay_within_their_bounds_for_good():
    rates = [POLICY.at(step, steps_per_epoch=7) for step in range(2000)]
    assert max(rate.learning_rate for rate in rates) == pytest.approx(POLICY.top)
    assert all(0 < rate.learning_rate <= POLICY.top * (1 + 1e-9) for rate in rates)
    assert all(0.85 - 1e-9 <= rate.beta1 <= 0.95 + 1e-9 for rate in rates)


def test_a_step_has_the_same_rates_whenever_it_is_asked_for():
    assert POLICY.at(33, 10) == POLICY.at(33, 10) == Rates(**dataclasses.asdict(POLICY.at(33, 10)))
    assert POLICY.at(33, 10) != POLICY.at(34, 10)


@pytest.mark.parametrize(
    "change",
    [
        {"base": 0.0},
        {"base": 4e-4},
        {"top": math.inf},
        {"top": math.nan},
        {"beta1_high": 1.0},
        {"beta1_low": 0.96},
        {"lowered": 1.0},
        {"lowered": -0.1},
        {"step_epochs": 0},
    ],
)
def test_cycles_that_cannot_be_are_refused(change: dict[str, float]):
    with pytest.raises(InvalidValue):
        dataclasses.replace(POLICY, **change)


@pytest.mark.parametrize(("step", "steps_per_epoch"), [(-1, 10), (0, 0)])
def test_steps_that_cannot_be_are_refused(step: int, steps_per_epoch: int):
    with pytest.raises(InvalidValue, match="counted from 0"):
        POLICY.at(step, steps_per_epoch)


@pytest.mark.parametrize(
    ("losses", "rate"),
    [
        ([], 1e-2),
        ([3, 2, 1], 1e-2),
        ([3, 3], 1e-2),
        ([3, 3, 3], 1e-3),
        ([3, 4, 2, 3], 1e-2),  # better in time
        ([3, 4, 5, 4, 4], 1e-4),
        ([3, math.nan, math.nan], 1e-3),
        ([1] * 20, 1e-4),
    ],
)
def test_the_rate_falls_where_the_loss_does_not(losses: list[float], rate: float):
    assert PLATEAU.rate(1e-2, losses) == pytest.approx(rate)


def test_a_start_below_the_lowest_rate_is_not_raised():
    assert PLATEAU.rate(5e-5, [1] * 20) == pytest.approx(5e-5)


@pytest.mark.parametrize("change", [{"factor": 1.0}, {"patience": 0}, {"lowest": -1.0}])
def test_plateaus_that_cannot_be_are_refused(change: dict[str, float]):
    with pytest.raises(InvalidValue):
        dataclasses.replace(PLATEAU, **change)


@pytest.mark.parametrize(
    ("losses", "due"),
    [
        ([], False),
        ([3, 2, 2.5], False),
        ([3, 2, 2.5, 2], True),
        ([3, 2, 2.5, 1.9], False),
        ([math.nan, math.nan, math.nan], False),
        ([1, math.nan, math.nan], True),
    ],
)
def test_training_stops_where_the_loss_gets_no_better(losses: list[float], due: bool):
    assert Stopping(patience=2).is_due(losses) is due


def test_stopping_waits_for_an_epoch_at_least():
    with pytest.raises(InvalidValue):
        Stopping(patience=0)


@pytest.mark.parametrize(
    ("losses", "epoch"),
    [([], None), ([math.nan], None), ([2, 1, 1], 1), ([math.nan, 5, 4], 2)],
)
def test_the_best_epoch_is_the_first_of_the_lowest_loss(losses: list[float], epoch: int | None):
    assert best_epoch(losses) == epoch
