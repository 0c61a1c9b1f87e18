"""deepface's own architectures and loaders, with weights of fresh networks."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import put, recognition

from facesearch.errors import InvalidModelFile, InvalidValue, ModelError
from facesearch.models.base import Device, Engine
from facesearch.models.deepface import environment, networks, specs
from facesearch.models.engines import runtime_on
from facesearch.models.onnx import Runtime
from facesearch.values import ByteArray

_WITHOUT_TENSORFLOW = "TensorFlow is not installed (pip install 'facesearch[train]')"
_WITHOUT_TORCH = "PyTorch is not installed"


def _chips(side: int, count: int = 5) -> ByteArray:
    return np.random.default_rng(3).integers(0, 256, (count, 1, side, side, 3), np.uint8)


def _check_like(embedder, model, said_by) -> None:
    """Embeddings are what the network says of the same pixels, at length 1, in any batch."""
    chips = _chips(embedder.template.size_px)
    found = embedder.embed(chips)
    assert found.dtype == np.float32
    assert found.shape == (5, model.dimension)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    fed = (chips[:, 0, ..., ::-1] / 255).astype(np.float32)
    top = (fed.shape[1] - model.preprocessing.height_px) // 2
    left = (fed.shape[2] - model.preprocessing.width_px) // 2
    fed = fed[
        :,
        top : top + model.preprocessing.height_px,
        left : left + model.preprocessing.width_px,
    ]
    said = np.array(said_by.forward(fed))
    np.testing.assert_allclose(found, said / np.linalg.norm(said, axis=1, keepdims=True), atol=1e-5)
    for number in range(5):
        alone = embedder.embed(chips[number : number + 1])
        np.testing.assert_allclose(alone[0], found[number], atol=1e-5)
    assert embedder.embed(chips[:0]).shape == (0, model.dimension)


@pytest.mark.parametrize("name", ["DeepID", "OpenFace", "Facenet512"])
@pytest.mark.parametrize("engine", [Engine.TENSORFLOW, Engine.PYTORCH])
def test_networks_are_loaded_by_deepface_and_say_the_same(name: str, engine: Engine, fresh_weights):
    if engine is Engine.TENSORFLOW:
        pytest.importorskip("tf_keras", reason=_WITHOUT_TENSORFLOW)
    else:
        pytest.importorskip("torch", reason=_WITHOUT_TORCH)
    model = recognition(name)
    network = fresh_weights(model, engine)
    embedder = specs.load_embedder(model, engine, runtime_on(engine, Device.CPU))
    client_class = environment.imported(model.spec_name, networks.place_of(model, engine), engine)
    client = object.__new__(client_class)  # with the network that was saved, not one loaded
    client.device, client.model = "cpu", network
    if engine is Engine.PYTORCH:
        network.eval()
    _check_like(embedder, model, client)
    assert embedder.space == specs.space_of(model, engine)
    assert "unverified" not in embedder.space
    wrong = np.zeros((1, 2, 9, 9, 3), np.uint8)
    with pytest.raises(ModelError, match=f"deepface:{name} takes chips of shape"):
        embedder.embed(wrong)


def test_deepfaces_namesake_runs_on_tensorflow_of_today():
    """Its client refuses TensorFlow after 2.12 for a layer that tf-keras still has."""
    pytest.importorskip("tf_keras", reason=_WITHOUT_TENSORFLOW)
    place = networks.place_of(recognition("DeepFace"), Engine.TENSORFLOW)
    assert place.endswith("FbDeepFace.load_model")
    environment.imported("deepface:DeepFace", place, Engine.TENSORFLOW)
    from tensorflow.keras import layers, models

    network = models.Sequential(
        [layers.Input((9, 9, 2)), layers.LocallyConnected2D(3, (3, 3), strides=2)]
    )
    assert network(np.ones((1, 9, 9, 2), np.float32)).shape == (1, 4, 4, 3)


def test_weights_of_another_network_are_refused(fresh_weights, models_home):
    pytest.importorskip("tf_keras", reason=_WITHOUT_TENSORFLOW)
    model, other = recognition("OpenFace"), recognition("DeepID")
    fresh_weights(other, Engine.TENSORFLOW)
    put(model.files[Engine.TENSORFLOW], other.files[Engine.TENSORFLOW].path().read_bytes())
    runtime = runtime_on(Engine.TENSORFLOW, Device.CPU)
    with pytest.raises(InvalidModelFile, match="deepface cannot load deepface:OpenFace"):
        specs.load_embedder(model, Engine.TENSORFLOW, runtime)


def test_an_onnx_file_is_run_as_deepface_runs_it(fresh_weights):
    """Directly by our runtime, without deepface."""
    pytest.importorskip("tf2onnx", reason=_WITHOUT_TENSORFLOW)
    import tensorflow as tf
    import tf2onnx

    model = recognition("DeepID")
    network = fresh_weights(model, Engine.TENSORFLOW)
    signature = [tf.TensorSpec((None, 55, 47, 3), tf.float32, name="pictures")]
    exported, _ = tf2onnx.convert.from_keras(network, input_signature=signature)
    put(model.files[Engine.ONNX], exported.SerializeToString())
    embedder = specs.load_embedder(model, Engine.ONNX, Runtime.on(Device.CPU))
    place = "deepface.models.facial_recognition.onnx.DeepID.DeepIdClient"
    _check_like(embedder, model, environment.made("deepface:DeepID", place, Engine.ONNX))


def test_sface_is_fed_as_deepface_feeds_it(models_home):
    """One picture a call, red first, plain pixels."""
    from own_networks import tiny

    model = recognition("SFace")
    put(model.files[Engine.ONNX], tiny((1, 3, 112, 112), output=(1, 3)))
    from dataclasses import replace

    model = replace(model, dimension=3)
    embedder = specs.load_embedder(model, Engine.ONNX, Runtime.on(Device.CPU))
    place = "deepface.models.facial_recognition.onnx.SFace.SFaceClient"
    client = environment.made("deepface:SFace", place, Engine.ONNX)
    chips = _chips(112, 3)
    # deepface goes through 0..1 and cuts off what is behind the point on its way back.
    said = client.predict((chips[:, 0, ..., ::-1] / 255 + 1e-9).astype(np.float64))
    np.testing.assert_allclose(
        embedder.embed(chips), said / np.linalg.norm(said, axis=1, keepdims=True), atol=1e-5
    )


def test_buffalo_l_is_fed_as_insightface_feeds_it():
    """cv2.dnn.blobFromImages(bgr, 1 / 127.5, (112, 112), (127.5,) * 3, swapRB=True)."""
    import cv2

    chips = _chips(112, 2)[:, 0]
    fed = recognition("Buffalo_L").preprocessing.apply(chips)
    blob = cv2.dnn.blobFromImages(
        list(chips[..., ::-1]), 1 / 127.5, (112, 112), (127.5, 127.5, 127.5), swapRB=True
    )
    np.testing.assert_allclose(fed, blob, atol=1e-6)


def test_chips_of_another_size_are_refused(models_home):
    with pytest.raises(InvalidValue):
        recognition("DeepID").preprocessing.apply(_chips(47)[:, 0])
