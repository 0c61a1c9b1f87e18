"""dlib's network in Keras is dlib's network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facesearch.errors import WeightsDamaged
from facesearch.models.dlib_resnet import DlibResNet
from facesearch.models.onnx import Device, Runtime
from facesearch.training.recipes import dlib_base
from facesearch.values import ByteArray

pytest.importorskip("tf_keras", reason="training needs the extra `train`")


def network() -> Any:
    import tf_keras

    pixels = tf_keras.Input((150, 150, 3))
    return tf_keras.Model(pixels, dlib_base.descriptors(pixels))


def test_descriptors_are_those_of_the_default_embedder(face_chips: ByteArray, own_home: Path):
    expected = DlibResNet(Runtime.on(Device.CPU)).describe(face_chips)
    found = network().predict_on_batch(face_chips.astype(np.float32))
    assert np.linalg.norm(expected - expected[0], axis=1).max() > 0.2
    assert np.abs(found - expected).max() < 1e-5


def test_nothing_of_it_learns_unless_freed():
    frozen = network()
    assert frozen.trainable_weights == []
    names = {layer.name for layer in frozen.layers}
    assert dlib_base.block_layers(1) == ("block_14_conv_1", "block_14_conv_2")
    assert set(dlib_base.block_layers(14)) <= names
    assert len(dlib_base.block_layers(14)) == 28


def test_weights_of_another_network_are_refused(monkeypatch: pytest.MonkeyPatch):
    other = replace(dlib_base.WEIGHTS, path="models/mmod_human_face_detector.dat")
    digest = "db9e9e40f092c118d5eb3e643935b216838170793559515541c56a2b50d9fc84"
    monkeypatch.setattr(dlib_base, "WEIGHTS", replace(other, sha256=digest))
    with pytest.raises(WeightsDamaged):
        network()
