"""ONNX files from networks of Keras give the same embeddings, or are not written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="Keras networks run on TensorFlow")
pytest.importorskip("tf_keras", reason="networks of Keras 2 need tf-keras")
pytest.importorskip("tf2onnx", reason="tf2onnx converts networks of Keras")

import keras
import keras_nets as nets
import onnx
import skimage.data
import tf_keras

from facesearch.errors import InvalidModelFile, InvalidValue, ModelError, PackageMissing
from facesearch.models import keras_onnx, requirements
from facesearch.models.base import Device
from facesearch.models.keras_export import ExportReport, export_onnx
from facesearch.models.onnx import Runtime
from facesearch.models.onnx_embedder import OnnxEmbedder
from facesearch.models.preprocessing import Channels, Layout, Number, Preprocessing
from facesearch.models.templates import TemplateFamily, template

SIDE = nets.SIDE_PX


def fed(**changed: Any) -> Preprocessing:
    return Preprocessing(**{"width_px": SIDE, "height_px": SIDE, "layout": Layout.NHWC, **changed})


@pytest.fixture(scope="module")
def chips() -> np.ndarray:
    """Forty pieces of a photograph."""
    photo = skimage.data.astronaut()
    return np.stack([photo[at : at + SIDE, at : at + SIDE] for at in range(40, 440, 10)])


def both(
    target: Path, model: Any, preprocessing: Preprocessing, chips: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What the file gives for chips, and what Keras gives for what it would be fed."""
    (found,) = Runtime.on(Device.CPU).load("exported", target.read_bytes()).run(chips)
    return found, np.asarray(model.predict_on_batch(preprocessing.apply(chips)))


SCALED = fed(channels=Channels.BGR, mean=(131.0, 104.0, 91.0), scale=(1 / 128, 1 / 64, -1 / 32))


@pytest.fixture(scope="module")
def model() -> Any:
    return nets.embedder(tf_keras)


@pytest.fixture(scope="module")
def report(model: Any, chips: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    """Of the network with a preprocessing of everything but standardisation."""
    target = tmp_path_factory.mktemp("exported") / "mine.onnx"
    return export_onnx(model, target, SCALED, chips=chips)


def test_the_file_takes_chips_as_they_are(report: ExportReport, model: Any, chips: np.ndarray):
    found, expected = both(report.path, model, SCALED, chips)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    assert (report.opset, report.dimension, report.chips) == (15, nets.DIMENSION, len(chips))
    assert report.size_bytes == report.path.stat().st_size
    assert 0 <= report.max_difference < 1e-5


def test_the_file_is_an_embedder_for_batches_of_any_length(
    report: ExportReport, model: Any, chips: np.ndarray
):
    """As `facesearch models add` takes it: bytes, channels last."""
    embedder = OnnxEmbedder(
        Runtime.on(Device.CPU),
        report.path.read_bytes(),
        name="mine",
        preprocessing=fed(number=Number.UINT8),
        template=template(TemplateFamily.ARCFACE, SIDE),
        space="mine",
        dimension=None,
    )
    said = model.predict_on_batch(SCALED.apply(chips))
    expected = said / np.linalg.norm(said, axis=1, keepdims=True)
    for count in (1, 7, len(chips)):
        np.testing.assert_allclose(embedder.embed(chips[:count, None]), expected[:count], atol=1e-5)


def test_input_and_output_are_stated_in_the_file(report: ExportReport):
    graph = onnx.load(report.path).graph
    ((taken,), (given,)) = graph.input, graph.output
    shapes = [
        [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (taken, given)
    ]
    assert shapes == [["n", SIDE, SIDE, 3], ["n", nets.DIMENSION]]
    assert taken.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert given.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert (taken.name, given.name) == ("chips", "embeddings")


def test_pictures_are_standardised_in_the_file(tmp_path: Path, model: Any, chips: np.ndarray):
    """One of a single colour as well, which must not be divided by 0."""
    preprocessing = fed(standardise=True, channels=Channels.BGR)
    export_onnx(model, tmp_path / "mine.onnx", preprocessing, chips=chips)
    shown = np.concatenate([np.full_like(chips[:1], 90), chips])
    found, expected = both(tmp_path / "mine.onnx", model, preprocessing, shown)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_a_network_that_is_not_square_sees_the_middle(tmp_path: Path, chips: np.ndarray):
    layers = tf_keras.layers
    model = nets.plain(
        tf_keras, layers.Conv2D(3, 3), layers.Flatten(), layers.Dense(8), shape=(SIDE, 20, 3)
    )
    preprocessing = fed(width_px=20, mean=(100.0, 100.0, 100.0))
    export_onnx(model, tmp_path / "mine.onnx", preprocessing, chips=chips)
    found, expected = both(tmp_path / "mine.onnx", model, preprocessing, chips)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_a_network_that_takes_bytes_gets_them(tmp_path: Path, chips: np.ndarray):
    pictures = tf_keras.Input((SIDE, SIDE, 3), dtype="uint8")
    scaled = tf_keras.layers.Rescaling(1 / 255)(pictures)
    model = tf_keras.Model(pictures, nets.embedder(tf_keras, local=False)(scaled))
    preprocessing = fed(number=Number.UINT8, channels=Channels.BGR)
    export_onnx(model, tmp_path / "mine.onnx", preprocessing, chips=chips)
    found, expected = both(tmp_path / "mine.onnx", model, preprocessing, chips)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_a_network_of_keras_3_is_exported(tmp_path: Path, chips: np.ndarray):
    model = nets.embedder(keras, local=False)
    report = export_onnx(model, tmp_path / "mine.onnx", fed(), chips=chips)
    found, expected = both(tmp_path / "mine.onnx", model, fed(), chips)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    assert report.max_difference < 1e-5


def test_large_weights_go_around_tf2onnx(
    tmp_path: Path, model: Any, chips: np.ndarray, monkeypatch: pytest.MonkeyPatch
):
    """Convolutions, local ones and matrices alike; in the file they are weights as all others."""
    monkeypatch.setattr(keras_onnx, "_LARGE_BYTES", 500)
    large: list[tuple[int, ...]] = []
    put_back = keras_onnx._put_back

    def noted(graph: Any, weights: dict[str, np.ndarray]) -> None:
        large.extend(values.shape for values in weights.values())
        put_back(graph, weights)

    monkeypatch.setattr(keras_onnx, "_put_back", noted)
    report = export_onnx(model, tmp_path / "mine.onnx", SCALED, chips=chips)
    assert set(map(len, large)) == {2, 3, 4}
    found, expected = both(report.path, model, SCALED, chips)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    assert [value.name for value in onnx.load(report.path).graph.input] == ["chips"]


@pytest.mark.parametrize("file", ["mine.keras", "mine-saved"])
def test_a_file_is_exported(tmp_path: Path, chips: np.ndarray, file: str):
    model = nets.embedder(tf_keras, local=False)
    saved = {"save_format": "tf"} if file.endswith("saved") else {}
    model.save(tmp_path / file, **saved)
    export_onnx(tmp_path / file, tmp_path / "mine.onnx", fed(), chips=chips)
    found, expected = both(tmp_path / "mine.onnx", model, fed(), chips)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_the_layer_before_the_classes_is_exported(tmp_path: Path, chips: np.ndarray):
    model = nets.classifier(tf_keras)
    report = export_onnx(model, tmp_path / "mine.onnx", fed(), "embedding", chips=chips)
    assert report.dimension == nets.DIMENSION
    inner = tf_keras.Model(model.inputs, model.get_layer("embedding").output)
    found, expected = both(tmp_path / "mine.onnx", inner, fed(), chips)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


# What must not be written


def test_other_embeddings_are_an_error_and_no_file(
    tmp_path: Path, model: Any, chips: np.ndarray, monkeypatch: pytest.MonkeyPatch
):
    """As where an operator is converted wrongly: here the colours change places."""
    wrong = fed(channels=Channels.BGR)
    right = keras_onnx._fed
    monkeypatch.setattr(keras_onnx, "_fed", lambda tf, x, asked: right(tf, x, wrong))
    target = tmp_path / "mine.onnx"
    with pytest.raises(ModelError, match=r"mine gives other embeddings as ONNX.*1e-05 is allowed"):
        export_onnx(model, target, fed(), chips=chips, tolerance=1e-5)
    assert list(tmp_path.iterdir()) == []
    target.write_bytes(b"what was there before")
    with pytest.raises(ModelError, match="Nothing was written"):
        export_onnx(model, target, fed(), chips=chips, tolerance=1e-5)
    assert target.read_bytes() == b"what was there before"
    monkeypatch.undo()
    export_onnx(model, target, fed(), chips=chips)
    assert os.listdir(tmp_path) == ["mine.onnx"]
    assert target.stat().st_size > 1000


def test_chips_that_the_network_says_nothing_of_are_counted(tmp_path: Path, chips: np.ndarray):
    """As after a layer that cuts off: here, of all that is not brighter than most."""
    brightness = chips.mean(axis=(1, 2, 3))
    line = float(np.median(brightness))
    pixels = tf_keras.Input((SIDE, SIDE, 3))
    mean = tf_keras.layers.GlobalAveragePooling2D()(pixels)
    dense = tf_keras.layers.Dense(2, activation="relu")
    odd = tf_keras.Model(pixels, dense(mean))
    dense.set_weights([np.full((3, 2), 1 / 3), np.full(2, -line)])
    dark = int((brightness <= line).sum())

    report = export_onnx(odd, tmp_path / "mine.onnx", fed(), chips=chips)

    assert 0 < report.silent < len(chips)
    assert report.silent == dark
    assert report.max_difference < 1e-4


def test_a_face_that_only_one_of_the_two_says_nothing_of_is_a_difference(
    tmp_path: Path, chips: np.ndarray, model: Any, monkeypatch: pytest.MonkeyPatch
):
    run = Runtime.load

    class Silenced:
        def __init__(self, graph: Any) -> None:
            self._graph = graph

        def run(self, *given: Any) -> list[Any]:
            (found,) = self._graph.run(*given)
            found[3] = 0
            return [found]

    monkeypatch.setattr(Runtime, "load", lambda *given: Silenced(run(*given)))
    with pytest.raises(ModelError, match="gives other embeddings as ONNX"):
        export_onnx(model, tmp_path / "mine.onnx", fed(), chips=chips)
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_not_finite_are_no_export(tmp_path: Path, chips: np.ndarray):
    odd = nets.embedder(tf_keras, local=False)
    odd.set_weights([np.full_like(w, np.nan) for w in odd.get_weights()])
    with pytest.raises(ModelError, match="not finite"):
        export_onnx(odd, tmp_path / "mine.onnx", fed(), chips=chips)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_converted_says_so(tmp_path: Path, chips: np.ndarray):
    import tensorflow as tf

    pictures = tf_keras.Input((SIDE, SIDE, 3))
    # No operator of ONNX does this.
    x = tf_keras.layers.Lambda(lambda x: tf.math.special.bessel_j0(x))(pictures)
    model = tf_keras.Model(pictures, tf_keras.layers.GlobalAveragePooling2D()(x))
    with pytest.raises(ModelError, match=r"convert|cannot load"):
        export_onnx(model, tmp_path / "mine.onnx", fed(), chips=chips)
    assert list(tmp_path.iterdir()) == []


def test_two_inputs_are_refused(tmp_path: Path, chips: np.ndarray):
    with pytest.raises(InvalidModelFile, match="2 inputs"):
        export_onnx(nets.two_inputs(tf_keras), tmp_path / "mine.onnx", fed(), chips=chips)


def test_without_chips_there_is_nothing_to_compare(tmp_path: Path, chips: np.ndarray):
    with pytest.raises(InvalidValue, match="at least one"):
        export_onnx(
            nets.embedder(tf_keras, local=False), tmp_path / "mine.onnx", fed(), chips=chips[:0]
        )


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path, chips: np.ndarray):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ModelError, match="choose another target"):
        export_onnx(
            nets.embedder(tf_keras, local=False),
            tmp_path / "file" / "mine.onnx",
            fed(),
            chips=chips,
        )


def test_a_missing_tf2onnx_is_an_error_with_the_command(
    tmp_path: Path, chips: np.ndarray, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(requirements, "find_spec", lambda name: None)
    with pytest.raises(PackageMissing, match=r"tf2onnx.*pip install 'facesearch\[train\]'"):
        export_onnx(tmp_path / "mine.keras", tmp_path / "mine.onnx", fed(), chips=chips)
