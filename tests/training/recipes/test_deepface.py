"""The DeepFace network has the paper's layout, and its embedding the paper's scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from facesearch.errors import InvalidValue
from facesearch.models.keras_export import ExportReport
from facesearch.training.recipes.base import BuiltNetwork
from facesearch.training.recipes.deepface import RECIPE, DeepfaceConfig
from facesearch.values import ByteArray

tf_keras = pytest.importorskip("tf_keras", reason="training needs the extra `train`")

SMALL = DeepfaceConfig(image_size=71, width=0.25)


@pytest.fixture(scope="module")
def full() -> BuiltNetwork:
    """The network for the 8,631 people of VGGFace2."""
    return RECIPE.build(DeepfaceConfig(), classes=8631, chip_px=152)


def test_each_layer_has_the_parameters_of_the_paper(full: BuiltNetwork):
    """A convolution has one kernel, a locally connected layer one at every place."""
    parameters = {layer.name: layer.parameters for layer in full.summary if layer.parameters}
    assert parameters == {
        "C1": 32 * (11 * 11 * 3 + 1),
        "C3": 16 * (9 * 9 * 32 + 1),
        "L4": 55 * 55 * 16 * (9 * 9 * 16 + 1),
        "L5": 25 * 25 * 16 * (7 * 7 * 16 + 1),
        "L6": 21 * 21 * 16 * (5 * 5 * 16 + 1),
        "F7": 4096 * (21 * 21 * 16 + 1),
        "F8": 8631 * (4096 + 1),
    }
    assert full.parameters == 137_774_071


def test_each_layer_gives_pictures_of_the_papers_size(full: BuiltNetwork):
    shapes = {layer.name: layer.shape for layer in full.summary}
    assert shapes["C1"] == (142, 142, 32)
    assert shapes["M2"] == (71, 71, 32)
    assert shapes["C3"] == (63, 63, 16)
    assert shapes["L4"] == (55, 55, 16)
    assert shapes["L5"] == (25, 25, 16)
    assert shapes["L6"] == (21, 21, 16)
    assert full.dimension == 4096


def test_weights_start_as_in_the_paper(full: BuiltNetwork):
    for name in ("C1", "C3", "L5", "L6", "F8"):
        kernel, bias = full.model.get_layer(name).get_weights()
        assert abs(kernel.mean()) < 1e-3
        assert kernel.std() == pytest.approx(0.01, rel=0.05)
        assert (bias == 0.5).all()


def test_it_can_be_made_smaller():
    built = RECIPE.build(SMALL, classes=7, chip_px=71)
    shapes = {layer.name: layer.shape for layer in built.summary}
    assert shapes["C1"] == (61, 61, 8)
    assert shapes["L6"] == (1, 1, 4)
    assert built.dimension == 1024


def test_the_rate_goes_with_the_batch():
    config = DeepfaceConfig()
    for batch, rate in ((128, 0.01), (8, 0.01 / 16), (256, 0.02)):
        (phase,) = RECIPE.phases(config, batch=batch)
        assert phase.learning_rate == pytest.approx(rate)
        assert phase.epochs == 15
        optimizer = RECIPE.optimizer(config, phase, steps_per_epoch=3)
        assert float(optimizer.learning_rate) == pytest.approx(rate)
        assert optimizer.momentum == 0.9
    assert phase.plateau is not None
    assert phase.plateau.rate(0.02, [1.0] * 30) == pytest.approx(1e-4)


def test_the_loss_falls_and_the_embedding_is_scaled_and_exported(
    chips_of: Callable[[int], ByteArray],
    exported: Callable[[BuiltNetwork, ByteArray], ExportReport],
):
    chips = chips_of(71)
    # Dropout's noise is larger than what a dozen steps gain: with it, luck decided.
    calm = replace(SMALL, dropout=0.0)
    built = RECIPE.build(calm, classes=3, chip_px=71)
    (phase,) = RECIPE.phases(calm, batch=len(chips))
    optimizer = RECIPE.optimizer(calm, phase, steps_per_epoch=1)
    built.trained.compile(optimizer, RECIPE.loss(calm, classes=3))
    labels = np.arange(len(chips)) % 3
    losses = [built.trained.train_on_batch(chips, labels) for _ in range(12)]
    assert np.mean(losses[-3:]) < losses[0]

    before = built.embedding.predict_on_batch(chips)
    assert RECIPE.finish is not None
    RECIPE.finish(built, [chips[:4], chips[4:4], chips[4:]])
    after = built.embedding.predict_on_batch(chips)
    largest = before.max(axis=0)
    assert after == pytest.approx(before / np.maximum(largest, 0.05), rel=1e-5)
    assert after.max(axis=0)[largest > 0.05] == pytest.approx(1)
    assert exported(built, chips).dimension == 1024


def test_an_embedding_is_not_scaled_on_nothing():
    built = RECIPE.build(SMALL, classes=3, chip_px=71)
    assert RECIPE.finish is not None
    with pytest.raises(InvalidValue, match="training chips"):
        RECIPE.finish(built, [])


@pytest.mark.parametrize(
    "change", [{"image_size": 70}, {"width": 0.0}, {"plateau_factor": 1.0}, {"momentum": 1.0}]
)
def test_configurations_that_cannot_be_are_refused(change: dict[str, object]):
    with pytest.raises(InvalidValue):
        DeepfaceConfig(**change)
