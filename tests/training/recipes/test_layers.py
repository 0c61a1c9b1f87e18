"""Layers of ours do what Keras's do, or what they say."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

tf_keras = pytest.importorskip("tf_keras", reason="training needs the extra `train`")
tf = pytest.importorskip("tensorflow", reason="training needs the extra `train`")
layers: Any = import_module("facesearch.training.recipes.layers")


@pytest.mark.parametrize(
    ("kernel_px", "strides", "bias"), [(3, 1, True), (5, 2, True), ((2, 3), (3, 1), False)]
)
def test_locally_connected_layers_are_those_of_keras(kernel_px, strides, bias):
    """Results and gradients, with the same weights in the same order."""
    arguments = {"strides": strides, "activation": "relu", "use_bias": bias}
    theirs = tf_keras.layers.LocallyConnected2D(4, kernel_px, implementation=1, **arguments)
    ours = layers.LocallyConnected(4, kernel_px, **arguments)
    random = np.random.default_rng(0)
    inputs = tf.constant(random.normal(size=(3, 11, 9, 5)).astype(np.float32))
    theirs(inputs), ours(inputs)
    weights = [random.normal(size=weight.shape) for weight in theirs.get_weights()]
    results = []
    for layer in (theirs, ours):
        layer.set_weights(weights)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            found = layer(inputs)
            loss = tf.reduce_sum(found**2)
        results.append([found, *tape.gradient(loss, [inputs, *layer.weights])])
    for expected, found in zip(*results, strict=True):
        assert np.allclose(expected, found, rtol=1e-4, atol=1e-4)


def test_features_are_divided_by_the_largest_values_but_not_blown_up():
    layer = layers.FeatureScale(0.05)
    inputs = np.array([[2.0, 0.01, 3.0]], np.float32)
    assert layer(inputs).numpy().tolist() == inputs.tolist()
    layer.set_largest([4.0, 0.0, 3.0])
    assert layer(inputs).numpy()[0] == pytest.approx([0.5, 0.2, 1.0])
    assert layer.trainable_weights == []


def test_chips_of_the_networks_size_pass_as_they_are():
    chips, pixels = layers.chips_input(8, 8)
    assert pixels is chips
    assert chips.dtype == tf.uint8


def test_other_chips_are_resized():
    chips, pixels = layers.chips_input(16, 8)
    found = tf_keras.Model(chips, pixels).predict_on_batch(np.full((1, 16, 16, 3), 200, np.uint8))
    assert found.shape == (1, 8, 8, 3)
    assert found == pytest.approx(200)


def test_a_network_with_them_can_be_saved_and_opened(tmp_path: Path):
    chips = tf_keras.Input((9, 9, 3))
    x = tf_keras.layers.Flatten()(layers.LocallyConnected(2, 3, strides=2)(chips))
    model = tf_keras.Model(chips, layers.FeatureScale(0.05, name="scaled")(x))
    model.get_layer("scaled").set_largest(np.arange(32))
    model.save(tmp_path / "network.keras")
    opened = tf_keras.models.load_model(tmp_path / "network.keras")
    inputs = np.random.default_rng(0).random((2, 9, 9, 3)).astype(np.float32)
    assert np.array_equal(opened.predict_on_batch(inputs), model.predict_on_batch(inputs))
