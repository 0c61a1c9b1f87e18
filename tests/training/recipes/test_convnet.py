"""The small network is built as stated, learns, and can be exported."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from facesearch.errors import InvalidValue
from facesearch.models.keras_export import ExportReport
from facesearch.training.recipes.base import BuiltNetwork, shares
from facesearch.training.recipes.convnet import RECIPE, ConvnetConfig
from facesearch.values import ByteArray

pytest.importorskip("tf_keras", reason="training needs the extra `train`")

SMALL = ConvnetConfig(image_size=40, filters=(8, 8), learning_rate=0.01, dropout=0.0)


@pytest.fixture
def stripes() -> tuple[ByteArray, np.ndarray]:
    """Chips that are bright at the top, in the middle or at the bottom, and which."""
    labels = np.arange(48) % 3
    chips = np.random.default_rng(0).integers(0, 60, (48, 40, 40, 3)).astype(np.uint8)
    for chip, label in zip(chips, labels, strict=True):
        chip[13 * label : 13 * label + 13] += 180
    return chips, labels


def fit(built: BuiltNetwork, config: ConvnetConfig, chips: ByteArray, labels: np.ndarray) -> float:
    """The share of chips whose person is named after training on them."""
    classes = len(set(labels.tolist()))
    (phase,) = RECIPE.phases(config, batch=16)
    optimizer = RECIPE.optimizer(config, phase, steps_per_epoch=3)
    metrics = RECIPE.metrics(config, classes=classes)
    built.trained.compile(optimizer, RECIPE.loss(config, classes=classes), metrics)
    built.trained.fit(chips, labels, batch_size=16, epochs=6, verbose=0)
    named = shares(built.model.predict(chips, verbose=0)).argmax(axis=1)
    _, accuracy = built.trained.evaluate(chips, labels, verbose=0)
    assert accuracy == pytest.approx((named == labels).mean())
    return float(accuracy)


def test_the_layers_are_those_stated():
    built = RECIPE.build(ConvnetConfig(), classes=7, chip_px=128)
    parameters = {layer.name: layer.parameters for layer in built.summary if layer.parameters}
    assert parameters == {
        "conv_1": (3 * 3 * 3 + 1) * 32,
        "conv_2": (3 * 3 * 32 + 1) * 64,
        "conv_3": (3 * 3 * 64 + 1) * 64,
        "hidden": (14 * 14 * 64 + 1) * 64,
        "people": (64 + 1) * 7,
    }
    assert built.parameters == sum(parameters.values()) == built.parameters_learned
    assert built.model.output_shape == (None, 7)
    assert built.dimension == 64


def test_larger_pictures_get_one_more_stage():
    assert ConvnetConfig(image_size=128).stages == (32, 64, 64)
    assert ConvnetConfig(image_size=129).stages == (32, 64, 64, 64)


def test_all_kernels_are_kept_small_and_nothing_else():
    built = RECIPE.build(ConvnetConfig(), classes=7, chip_px=128)
    kernels = [weight.numpy() for weight in built.model.weights if "kernel" in weight.name]
    expected = sum(0.001 * float((kernel**2).sum()) for kernel in kernels)
    assert len(built.model.losses) == 5
    assert float(sum(built.model.losses)) == pytest.approx(expected, rel=1e-4)


def test_three_people_are_learned(stripes: tuple[ByteArray, np.ndarray]):
    built = RECIPE.build(SMALL, classes=3, chip_px=40)
    assert fit(built, SMALL, *stripes) > 0.9


def test_two_people_are_told_apart_by_one_number(stripes: tuple[ByteArray, np.ndarray]):
    chips, labels = stripes
    chips, labels = chips[labels < 2], labels[labels < 2]
    built = RECIPE.build(SMALL, classes=2, chip_px=40)
    assert built.model.output_shape == (None, 1)
    assert fit(built, SMALL, chips, labels) > 0.9


def test_training_the_network_trains_its_embedding(stripes: tuple[ByteArray, np.ndarray]):
    built = RECIPE.build(SMALL, classes=3, chip_px=40)
    before = built.embedding.predict(stripes[0], verbose=0)
    fit(built, SMALL, *stripes)
    after = built.embedding.predict(stripes[0], verbose=0)
    assert not np.allclose(before, after)
    kernel, bias = built.model.get_layer("people").get_weights()
    odds = np.exp(after @ kernel + bias)
    found = built.model.predict(stripes[0], verbose=0)
    assert found == pytest.approx(odds / odds.sum(axis=1, keepdims=True), abs=1e-5)


@pytest.mark.parametrize("chip_px", [40, 60])
def test_the_embedding_can_be_exported(
    chip_px: int,
    chips_of: Callable[[int], ByteArray],
    exported: Callable[[BuiltNetwork, ByteArray], ExportReport],
):
    """Chips of another size than the network's are resized in it."""
    built = RECIPE.build(SMALL, classes=3, chip_px=chip_px)
    assert exported(built, chips_of(chip_px)).dimension == 64


def test_one_person_is_nobody_to_tell_apart():
    with pytest.raises(InvalidValue, match="at least two"):
        RECIPE.build(SMALL, classes=1, chip_px=40)


def test_more_blocks_than_there_is_room_for_are_refused():
    config = ConvnetConfig(image_size=40, filters=(8, 8, 8, 8))
    with pytest.raises(InvalidValue, match="no room for 4 blocks"):
        RECIPE.build(config, classes=3, chip_px=40)


def test_a_network_without_blocks_is_refused():
    with pytest.raises(InvalidValue, match="filters"):
        ConvnetConfig(filters=())
