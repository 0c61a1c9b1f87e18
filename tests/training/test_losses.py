"""The contrastive loss is that of the paper, and its gradient is a number everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facesearch.errors import InvalidValue
from facesearch.training.losses import (
    batch_pairs_loss,
    contrastive_loss,
    drawn_pairs_loss,
    euclidean_distance,
)

tf = pytest.importorskip("tensorflow", reason="training needs the extra `train`")


def gradient_at_distance_0(epsilon: float) -> Any:
    """Of the loss of a pair whose embeddings are the same, though it shows two people."""
    left = tf.Variable([[0.5, -1.0, 2.0]])
    with tf.GradientTape() as tape:
        distance = euclidean_distance(left, tf.constant([[0.5, -1.0, 2.0]]), epsilon)
        loss = contrastive_loss(2.0)([1], distance)
    return tape.gradient(loss, left).numpy()


def test_the_gradient_at_distance_0_is_finite():
    assert np.isfinite(gradient_at_distance_0(1e-7)).all()


def test_without_the_epsilon_the_gradient_at_distance_0_is_nan():
    assert np.isnan(gradient_at_distance_0(0.0)).all()


def test_distances_are_euclidean():
    random = np.random.default_rng(0)
    left, right = random.normal(size=(2, 20, 32)).astype(np.float32)
    found = euclidean_distance(left, right, 1e-7).numpy()
    assert found.shape == (20,)
    assert found == pytest.approx(np.linalg.norm(left - right, axis=1), rel=1e-5)


@pytest.mark.parametrize(
    ("different", "distance", "expected"),
    [
        (0, 0.0, 0.0),
        (0, 1.5, 1.125),
        (0, 3.0, 4.5),
        (1, 0.0, 2.0),
        (1, 1.5, 0.125),
        (1, 2.0, 0.0),
        (1, 3.0, 0.0),
    ],
)
def test_one_person_is_drawn_together_and_two_are_pushed_to_the_margin(
    different: int, distance: float, expected: float
):
    assert contrastive_loss(2.0)([different], [distance]).numpy() == pytest.approx([expected])


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_labels_and_distances_may_be_columns(shape: tuple[int, ...]):
    labels = tf.reshape(tf.constant([0, 1, 0, 1], tf.int32), shape)
    distances = tf.reshape(tf.constant([1.0, 1.0, 2.0, 2.0]), shape)
    assert contrastive_loss(2.0)(labels, distances).numpy().tolist() == [0.5, 0.5, 2.0, 0.0]


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan")])
def test_margins_that_separate_nothing_are_refused(margin: float):
    with pytest.raises(InvalidValue, match="margin"):
        contrastive_loss(margin)


PEOPLE = np.array([[0, 0], [1, 2], [0, 1]])


def embedded(dimension: int = 3) -> Any:
    return np.random.default_rng(3).normal(0, 0.6, (3, 2, dimension)).astype(np.float32)


def test_pairs_that_were_drawn_cost_what_their_distances_cost():
    found = embedded()
    distances = np.linalg.norm(found[:, 0] - found[:, 1], axis=1)
    expected = contrastive_loss(2.0)([0, 1, 1], distances).numpy()
    assert drawn_pairs_loss(2.0, 1e-7)(PEOPLE, found).numpy() == pytest.approx(expected, rel=1e-5)


def test_a_batch_costs_what_all_its_pairs_cost_both_kinds_by_half():
    found = embedded()
    chips, people = found.reshape(6, 3), PEOPLE.reshape(6)
    same, different = [], []
    for left in range(6):
        for right in range(left):
            distance = float(np.linalg.norm(chips[left] - chips[right]))
            if people[left] == people[right]:
                same.append(distance**2 / 2)
            elif distance < 2.0:
                different.append((2.0 - distance) ** 2 / 2)
    assert len(same) == 4
    assert 0 < len(different) < 11  # some are beyond the margin
    expected = (np.mean(same) + np.mean(different)) / 2
    loss = batch_pairs_loss(2.0, 1e-7)(PEOPLE, found)
    assert loss.numpy() == pytest.approx(expected, rel=1e-5)


def test_a_batch_in_which_all_coincide_has_a_finite_gradient():
    found = tf.Variable(np.ones((3, 2, 4), np.float32))
    with tf.GradientTape() as tape:
        loss = batch_pairs_loss(2.0, 1e-7)(PEOPLE, found)
    assert np.isfinite(tape.gradient(loss, found).numpy()).all()


def test_a_batch_of_one_person_is_drawn_together():
    loss = batch_pairs_loss(2.0, 1e-7)(np.zeros((1, 2), int), [[[0.0], [1.0]]])
    assert loss.numpy() == pytest.approx(0.25)


def test_embeddings_of_one_number_may_have_lost_their_last_axis():
    found = embedded(1)
    for loss in (drawn_pairs_loss(2.0, 1e-7), batch_pairs_loss(2.0, 1e-7)):
        squeezed = loss(PEOPLE, tf.constant(found[:, :, 0])).numpy()
        assert squeezed == pytest.approx(loss(PEOPLE, tf.constant(found)).numpy())
