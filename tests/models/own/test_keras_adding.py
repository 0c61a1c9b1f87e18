"""Keras networks brought along: asked, tried, stored and run like ONNX files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facesearch.errors import InvalidModelFile, WeightsDamaged
from facesearch.models.base import Device, Engine
from facesearch.models.catalogue import embedder_spec
from facesearch.models.engines import runtime_on
from facesearch.models.own.adding import add_embedder
from facesearch.models.own.model import FileFormat
from facesearch.models.own.records import own_models
from facesearch.models.templates import TemplateFamily

pytest.importorskip("tensorflow", reason="Keras networks need TensorFlow")
keras = pytest.importorskip("keras", reason="its files are written by Keras 3 here")

ARCFACE = TemplateFamily.ARCFACE


def means(*, rescaled: bool = True, side: int | None = 112, classes: int = 0) -> Any:
    """The mean of each channel, or shares of classes made from it."""
    given = keras.Input((side, side, 3))
    x = keras.layers.Rescaling(1 / 255)(given) if rescaled else given
    x = keras.layers.GlobalAveragePooling2D(name="means")(x)
    if classes:
        x = keras.layers.Dense(classes, activation="softmax", name="people")(x)
    return keras.Model(given, x)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A network that normalises pixels itself, in a .keras file."""
    where = tmp_path / "network.keras"
    means().save(where)
    return where


def test_a_keras_file_is_added_and_used(path: Path):
    added = add_embedder("mine", path, template=ARCFACE, force=True)
    assert added.model.file_format is FileFormat.KERAS
    assert added.model.file.endswith(".keras")
    assert added.report.dimension == 3
    path.unlink()
    spec = embedder_spec("mine")
    assert (spec.engine, spec.dimension, spec.input_px) == (Engine.TENSORFLOW, 3, (112, 112))
    mine = spec.load(runtime_on(Engine.TENSORFLOW, Device.CPU))
    assert mine.space == spec.space
    chips = np.zeros((2, 1, 112, 112, 3), np.uint8)
    chips[0, ..., 0] = 90
    chips[1] = 60
    np.testing.assert_allclose(mine.embed(chips), [[1, 0, 0], [3**-0.5] * 3], atol=1e-5)
    added.model.path.write_bytes(b"damaged")
    with pytest.raises(WeightsDamaged, match="is not the file that was added"):
        spec.load(runtime_on(Engine.TENSORFLOW, Device.CPU))


def test_a_saved_model_folder_is_added_and_used(tmp_path: Path):
    folder = tmp_path / "saved"
    means().export(folder)
    add_embedder("mine", folder, template=ARCFACE, mean=0.0, force=True)
    mine = embedder_spec("mine").load(runtime_on(Engine.TENSORFLOW, Device.CPU))
    found = mine.embed(np.full((1, 1, 112, 112, 3), 9, np.uint8))
    np.testing.assert_allclose(found, [[3**-0.5] * 3], atol=1e-5)


def test_what_a_keras_file_does_not_tell_is_asked_for(tmp_path: Path):
    path = tmp_path / "network.keras"
    means(rescaled=False).save(path)
    with pytest.raises(InvalidModelFile, match=r"--mean.*--scale"):
        add_embedder("mine", path, template=ARCFACE)
    means(side=None).save(path)
    with pytest.raises(InvalidModelFile, match="--input 112"):
        add_embedder("mine", path, template=ARCFACE)
    assert own_models() == []


def test_a_classifier_is_taken_before_its_classes(tmp_path: Path):
    path = tmp_path / "network.keras"
    means(classes=5).save(path)
    with pytest.raises(InvalidModelFile, match=r"which is no embedding: .*--output means"):
        add_embedder("mine", path, template=ARCFACE)
    added = add_embedder("mine", path, template=ARCFACE, output="means", force=True)
    assert added.report.dimension == 3


def test_a_network_that_is_not_trained_is_refused(path: Path):
    with pytest.raises(InvalidModelFile, match=r"was not added: copies of one photo .*--force"):
        add_embedder("mine", path, template=ARCFACE)
    assert own_models() == []


def test_a_file_that_is_no_keras_network(tmp_path: Path):
    path = tmp_path / "network.keras"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InvalidModelFile, match="no Keras model"):
        add_embedder("mine", path, template=ARCFACE)
