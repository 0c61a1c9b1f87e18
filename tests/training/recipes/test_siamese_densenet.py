"""The siamese network is DenseNet-121, and draws one person's chips together."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from facesearch.errors import InvalidValue
from facesearch.models.keras_export import ExportReport
from facesearch.training.recipes.base import BuiltNetwork
from facesearch.training.recipes.siamese_densenet import RECIPE, SiameseDensenetConfig
from facesearch.training.sampling import balanced_pairs
from facesearch.values import ByteArray

tf_keras = pytest.importorskip("tf_keras", reason="training needs the extra `train`")

SMALL = SiameseDensenetConfig(
    image_size=32, units=(1, 2), growth=8, stem_filters=16, top_learning_rate=3e-3, step_epochs=1
)


def test_it_is_densenet_121_as_keras_builds_it():
    ours = RECIPE.build(SiameseDensenetConfig(), classes=2, chip_px=224).embedding
    theirs = tf_keras.applications.DenseNet121(
        include_top=False, weights=None, input_shape=(224, 224, 3)
    )
    own = 1024 * 32 + 32
    assert ours.count_params() - own == theirs.count_params() == 7_037_504
    shapes = [tuple(weight.shape) for weight in theirs.get_weights()]
    of_ours = ours.get_weights()
    assert [tuple(weight.shape) for weight in of_ours[:-2]] == shapes
    pixels = [layer for layer in ours.layers if layer.name in ("scaled", "last_relu")]
    features = tf_keras.Model(pixels[0].output, pixels[1].output)
    theirs.set_weights(of_ours[:-2])
    chips = np.random.default_rng(0).normal(size=(1, 224, 224, 3)).astype(np.float32)
    found, expected = features.predict_on_batch(chips), theirs.predict_on_batch(chips)
    assert found.shape == expected.shape == (1, 7, 7, 1024)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_pairs_of_chips_get_their_embeddings(chips_of: Callable[[int], ByteArray]):
    built = RECIPE.build(SMALL, classes=2, chip_px=32)
    chips = chips_of(32)
    pairs = np.stack([chips[:4], chips[4:8]], axis=1)
    embeddings = built.embedding.predict_on_batch(chips)
    found = built.trained.predict_on_batch(pairs)
    assert found.shape == (4, 2, 32)
    assert found[:, 0] == pytest.approx(embeddings[:4], rel=1e-3, abs=1e-5)
    assert found[:, 1] == pytest.approx(embeddings[4:8], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("whole_batch", [False, True])
def test_training_draws_one_person_together_and_pushes_two_apart(whole_batch: bool):
    config = dataclasses.replace(SMALL, whole_batch=whole_batch)
    random = np.random.default_rng(0)
    people = random.integers(0, 255, (4, 8, 8, 3)).repeat(4, axis=1).repeat(4, axis=2)
    labels = np.repeat(np.arange(4), 6)
    chips = np.clip(people[labels] + random.normal(0, 30, (24, 32, 32, 3)), 0, 255)
    chips = chips.astype(np.uint8)
    built = RECIPE.build(config, classes=4, chip_px=32)
    (phase,) = RECIPE.phases(config, batch=48)
    optimizer = RECIPE.optimizer(config, phase, steps_per_epoch=10)
    built.trained.compile(optimizer, RECIPE.loss(config, classes=4))
    assert RECIPE.pairs is not None
    losses = []
    for epoch in range(40):
        pairs = RECIPE.pairs(config, labels, seed=0, epoch=epoch)
        both_at = np.stack([pairs.left, pairs.right], axis=1)
        losses.append(built.trained.train_on_batch(chips[both_at], labels[both_at]))
    pairs = balanced_pairs(labels, seed=1, epoch=0)
    found = built.trained.predict_on_batch(
        np.stack([chips[pairs.left], chips[pairs.right]], axis=1)
    )
    distances = np.linalg.norm(found[:, 0] - found[:, 1], axis=1)
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    assert distances[pairs.different == 0].mean() < 0.5 * distances[pairs.different == 1].mean()


def test_embeddings_can_have_unit_length(
    chips_of: Callable[[int], ByteArray],
    exported: Callable[[BuiltNetwork, ByteArray], ExportReport],
):
    config = SiameseDensenetConfig(image_size=32, units=(1,), growth=8, unit_length=True)
    built = RECIPE.build(config, classes=2, chip_px=48)
    chips = chips_of(48)
    lengths = np.linalg.norm(built.embedding.predict_on_batch(chips), axis=1)
    assert lengths == pytest.approx(1, abs=1e-5)
    assert exported(built, chips).dimension == 32


def test_the_embedding_can_be_exported(
    chips_of: Callable[[int], ByteArray],
    exported: Callable[[BuiltNetwork, ByteArray], ExportReport],
):
    built = RECIPE.build(SMALL, classes=2, chip_px=32)
    assert exported(built, chips_of(32)).dimension == 32


def test_pairs_are_balanced_or_semi_hard():
    labels = [0, 0, 1, 1, 2]
    assert RECIPE.pairs is not None
    balanced = RECIPE.pairs(SMALL, labels, seed=1, epoch=2)
    expected = balanced_pairs(labels, seed=1, epoch=2)
    assert balanced.right.tolist() == expected.right.tolist()
    hard = SiameseDensenetConfig(semi_hard=True)
    assert RECIPE.wants_embeddings(hard)
    embeddings = np.array([[0.0], [0.5], [1.0], [1.2], [9.0]], np.float32)
    for epoch in range(20):
        found = RECIPE.pairs(hard, labels, seed=1, epoch=epoch, embeddings=embeddings)
        assert len(found) == 8
        assert 4 not in found.right  # beyond the margin of everybody
    with pytest.raises(InvalidValue, match="give them"):
        RECIPE.pairs(hard, labels, seed=1, epoch=0)


def test_the_policy_is_that_of_the_reference():
    (phase,) = RECIPE.phases(SiameseDensenetConfig(), batch=32)
    assert phase.cycle is not None
    rates = [phase.cycle.at(step, 10) for step in (0, 20, 40)]
    assert [rate.learning_rate for rate in rates] == pytest.approx([1e-4, 3e-4, 0.85e-4])
    assert [rate.beta1 for rate in rates] == pytest.approx([0.95, 0.85, 0.95])
    assert phase.learning_rate == rates[0].learning_rate


@pytest.mark.parametrize(
    "change",
    [
        {"units": ()},
        {"compression": 1.5},
        {"margin": 0.0},
        {"margin": 2.5, "unit_length": True},
        {"beta1_low": 0.99},
        {"base_fraction": 2.0},
        {"anchors_per_person": -1},
    ],
)
def test_configurations_that_cannot_be_are_refused(change: dict[str, object]):
    with pytest.raises(InvalidValue):
        SiameseDensenetConfig(**change)


def test_a_whole_batch_needs_pairs_of_one_person_only():
    labels = [0, 0, 1, 1, 2]
    assert RECIPE.pairs is not None
    config = dataclasses.replace(SMALL, whole_batch=True)
    drawn = RECIPE.pairs(config, labels, seed=1, epoch=2)
    assert not drawn.different.any()
    balanced = balanced_pairs(labels, seed=1, epoch=2)
    assert drawn.right.tolist() == balanced.right[balanced.different == 0].tolist()


def test_hard_pairs_and_whole_batches_exclude_each_other():
    with pytest.raises(InvalidValue, match="one of them"):
        SiameseDensenetConfig(semi_hard=True, whole_batch=True)
