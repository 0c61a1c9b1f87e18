"""The optimizer goes through its cycles as the policy says, and goes on where it was."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facesearch.training.schedules import CyclicalPolicy

tf = pytest.importorskip("tensorflow", reason="training needs the extra `train`")
CyclicalAdam: Any = import_module("facesearch.training.recipes.optimizers").CyclicalAdam

POLICY = CyclicalPolicy(
    base=0.01, top=0.03, beta1_high=0.95, beta1_low=0.85, lowered=0.15, step_epochs=2
)
STEPS_PER_EPOCH, BETA2, EPSILON = 3, 0.99, 1e-7


def by_hand(start: float, gradients: np.ndarray) -> list[float]:
    """Adam after Kingma and Ba, with the rates of the policy."""
    value, mean, square, found = start, 0.0, 0.0, []
    for step, gradient in enumerate(gradients):
        rates = POLICY.at(step, STEPS_PER_EPOCH)
        mean = rates.beta1 * mean + (1 - rates.beta1) * gradient
        square = BETA2 * square + (1 - BETA2) * gradient**2
        corrected = np.sqrt(1 - BETA2 ** (step + 1)) / (1 - rates.beta1 ** (step + 1))
        value -= rates.learning_rate * corrected * mean / (np.sqrt(square) + EPSILON)
        found.append(value)
    return found


def test_each_step_has_the_rates_of_the_policy():
    """In a graph that is traced once, as in training, over three cycles."""
    gradients = np.random.default_rng(0).normal(size=36).astype(np.float32)
    optimizer = CyclicalAdam(POLICY, STEPS_PER_EPOCH, beta_2=BETA2, epsilon=EPSILON)
    variable = tf.Variable(1.0)
    optimizer.build([variable])

    @tf.function(input_signature=[tf.TensorSpec((), tf.float32)])
    def step(gradient):
        optimizer.apply_gradients([(gradient, variable)])

    found = []
    for gradient in gradients:
        step(gradient)
        found.append(float(variable))
    assert found == pytest.approx(by_hand(1.0, gradients), abs=1e-5)


def test_a_restored_optimizer_goes_on_where_it_was(tmp_path: Path):
    gradients = np.random.default_rng(1).normal(size=20).astype(np.float32)

    def made() -> tuple[Any, Any, Any]:
        optimizer, variable = CyclicalAdam(POLICY, STEPS_PER_EPOCH), tf.Variable(1.0)
        optimizer.build([variable])
        return optimizer, variable, tf.train.Checkpoint(optimizer=optimizer, variable=variable)

    optimizer, variable, checkpoint = made()
    for number, gradient in enumerate(gradients):
        if number == 7:
            path = checkpoint.write(str(tmp_path / "at-7"))
        optimizer.apply_gradients([(gradient, variable)])
    other_optimizer, other, other_checkpoint = made()
    other_checkpoint.read(path).assert_consumed()
    for gradient in gradients[7:]:
        other_optimizer.apply_gradients([(gradient, other)])
    assert float(other) == float(variable)


def test_it_can_be_made_again_from_its_description():
    optimizer = CyclicalAdam(POLICY, STEPS_PER_EPOCH, beta_2=BETA2)
    again = CyclicalAdam.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()
    assert again.beta_2 == BETA2
