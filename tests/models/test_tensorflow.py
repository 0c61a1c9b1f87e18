"""Which device TensorFlow runs on, how its memory is set, and what happens where it fails."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from facesearch.errors import DeviceUnavailable, EngineUnavailable, ModelError, PackageMissing
from facesearch.models import requirements
from facesearch.models.base import Device, Engine
from facesearch.models.engines import runtime_on
from facesearch.models.keras_local import few_operations
from facesearch.models.tensorflow import (
    TensorFlowRuntime,
    choose,
    kind_of_gpus,
    set_up,
    started_tensorflow,
)

CUDA_BUILD = {"is_cuda_build": True, "is_rocm_build": False}
ROCM_BUILD = {"is_cuda_build": False, "is_rocm_build": True}
CPU_BUILD = {"is_cuda_build": False, "is_rocm_build": False}
GPUS = (Device.CUDA, Device.ROCM, Device.COREML, Device.DIRECTML)


@pytest.mark.parametrize("gpu", GPUS)
def test_auto_takes_a_gpu_where_there_is_one(gpu: Device):
    assert choose(Device.AUTO, [gpu]) is gpu
    assert choose(Device.AUTO, [gpu, gpu]) is gpu


def test_auto_takes_the_cpu_where_there_is_no_gpu():
    assert choose(Device.AUTO, []) is Device.CPU


@pytest.mark.parametrize("gpus", [[], [Device.CUDA]])
def test_the_cpu_is_always_there(gpus: Sequence[Device]):
    assert choose(Device.CPU, gpus) is Device.CPU


@pytest.mark.parametrize("gpu", GPUS)
def test_a_gpu_asked_for_is_taken_where_it_is_there(gpu: Device):
    assert choose(gpu, [gpu]) is gpu


@pytest.mark.parametrize(
    ("wanted", "advice"),
    [
        (Device.CUDA, r"tensorflow\[and-cuda\]"),
        (Device.ROCM, "tensorflow-rocm"),
        (Device.COREML, "tensorflow-metal"),
        (Device.DIRECTML, "--engine onnx"),
    ],
)
def test_a_gpu_that_is_not_there_is_an_error_that_says_how_to_get_it(wanted: Device, advice: str):
    with pytest.raises(DeviceUnavailable, match=f"no {wanted} device.*offers cpu\\..*{advice}"):
        choose(wanted, [])
    there = Device.ROCM if wanted is Device.CUDA else Device.CUDA
    with pytest.raises(DeviceUnavailable, match=f"offers cpu, {there}\\."):
        choose(wanted, [there, there])


@pytest.mark.parametrize("wanted", [Device.TENSORRT, Device.OPENVINO])
def test_devices_of_onnx_runtime_alone_are_refused(wanted: Device):
    with pytest.raises(
        DeviceUnavailable, match=f"does not run networks on {wanted}.*--engine onnx"
    ):
        choose(wanted, [Device.CUDA])


@pytest.mark.parametrize(
    ("build", "system", "kind"),
    [
        (CUDA_BUILD, "linux", Device.CUDA),
        (ROCM_BUILD, "linux", Device.ROCM),
        (CPU_BUILD, "darwin", Device.COREML),
        (CPU_BUILD, "win32", Device.DIRECTML),
        ({}, "darwin", Device.COREML),
    ],
)
def test_the_kind_of_gpu_follows_from_build_and_system(
    build: dict[str, bool], system: str, kind: Device
):
    assert kind_of_gpus(build, system) is kind


def test_batches_suit_the_device():
    assert TensorFlowRuntime(Device.CPU).embed_batch == 32
    assert all(TensorFlowRuntime(gpu).embed_batch == 256 for gpu in GPUS)


class Config:
    """`tensorflow.config` on a machine with two GPUs."""

    def __init__(self, raised: Exception | None = None) -> None:
        self.raised = raised
        self.grows: list[str] = []
        self.experimental = self

    def list_physical_devices(self, kind: str) -> list[str]:
        return ["first", "second"] if kind == "GPU" else ["cpu"]

    def set_memory_growth(self, gpu: str, grows: bool) -> None:
        if self.raised is not None and gpu == "first":
            raise self.raised
        assert grows
        self.grows.append(gpu)


def test_the_memory_of_every_gpu_grows_as_needed():
    config = Config()
    set_up(config)
    assert config.grows == ["first", "second"]


@pytest.mark.parametrize("raised", [RuntimeError("initialized"), ValueError("virtual devices")])
def test_what_the_host_program_chose_for_a_gpu_stays(raised: Exception):
    config = Config(raised)
    set_up(config)
    assert config.grows == ["second"]


def test_a_missing_tensorflow_is_an_error_with_the_command(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(requirements, "find_spec", lambda name: None)
    with pytest.raises(PackageMissing, match=r"pip install 'facesearch\[train\]'"):
        TensorFlowRuntime.on(Device.CPU)


def test_a_tensorflow_that_cannot_be_imported_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(requirements, "find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(EngineUnavailable, match=r"cannot be imported.*--engine onnx"):
        TensorFlowRuntime.on(Device.CPU)


# With TensorFlow


@pytest.fixture(scope="module")
def tf() -> Any:
    pytest.importorskip("tf_keras", reason="networks of Keras 2 need tf-keras")
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    return started_tensorflow()


@pytest.fixture(scope="module")
def nets(tf: Any) -> Any:
    import keras_nets

    return keras_nets


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(3).random((7, 32, 32, 3), np.float32)


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed")
def test_the_environment_is_set_before_the_import_and_only_where_it_is_unset():
    """In a process of its own, since TensorFlow reads it once."""
    code = (
        "import os\n"
        "from facesearch.models.tensorflow import TensorFlowRuntime\n"
        "TensorFlowRuntime.on()\n"
        "names = ('TF_CPP_MIN_LOG_LEVEL', 'TF_USE_LEGACY_KERAS', 'CUDA_VISIBLE_DEVICES')\n"
        "print(*map(os.environ.get, names))\n"
    )
    names = ("TF_CPP_MIN_LOG_LEVEL", "TF_USE_LEGACY_KERAS", "CUDA_VISIBLE_DEVICES")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment["TF_USE_LEGACY_KERAS"] = "0"
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["3", "0", "None"]


def test_threads_stay_as_the_host_program_has_them(tf: Any):
    before = tf.config.threading.get_intra_op_parallelism_threads()
    TensorFlowRuntime.on(Device.CPU)
    assert tf.config.threading.get_intra_op_parallelism_threads() == before


def test_the_fake_gpus_of_tensorflow_are_chosen_among(tf: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"{kind}:0"])
    monkeypatch.setattr(tf.sysconfig, "get_build_info", lambda: ROCM_BUILD)
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda gpu, grows: None)
    assert TensorFlowRuntime.on(Device.AUTO).device is Device.ROCM
    assert TensorFlowRuntime.on(Device.CPU).device is Device.CPU
    with pytest.raises(DeviceUnavailable, match="offers cpu, rocm"):
        TensorFlowRuntime.on(Device.CUDA)


def test_the_engine_is_found_by_its_name(tf: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert runtime_on(Engine.TENSORFLOW, Device.AUTO) == TensorFlowRuntime(Device.CPU)
    with pytest.raises(DeviceUnavailable, match="no cuda device"):
        runtime_on(Engine.TENSORFLOW, Device.CUDA)


def test_a_compiled_model_gives_what_the_model_gives(nets: Any, pictures: np.ndarray):
    import tf_keras

    model = nets.embedder(tf_keras)
    run = TensorFlowRuntime.on(Device.CPU).compiled(model, (32, 32, 3))
    expected = model(pictures, training=False).numpy()
    found = run(pictures)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    # Any length of batch, any order in memory.
    np.testing.assert_allclose(run(pictures[::-2]), expected[::-2], atol=1e-5)
    np.testing.assert_allclose(run(pictures[3:4]), expected[3:4], atol=1e-5)
    assert run(pictures[:0]).shape == (0, nets.DIMENSION)


def test_dropout_and_normalisation_are_those_of_use(nets: Any, pictures: np.ndarray):
    """A model called as in training gives something else each time."""
    import tf_keras

    layers = tf_keras.layers
    model = nets.plain(tf_keras, layers.GlobalAveragePooling2D(), layers.Dropout(0.5))
    run = TensorFlowRuntime.on(Device.CPU).compiled(model, (32, 32, 3))
    np.testing.assert_allclose(run(pictures), pictures.mean(axis=(1, 2)), atol=1e-5)


def test_locally_connected_layers_are_computed_with_few_operations(nets: Any):
    """As Keras computes them, one position after another, where nothing is changed."""
    import tf_keras

    layers = tf_keras.layers
    local = layers.LocallyConnected2D(5, (3, 2), strides=(2, 3), activation="relu")
    inside = nets.plain(tf_keras, local)
    bare = layers.LocallyConnected2D(2, 3, use_bias=False, implementation=1)
    model = nets.settled(nets.plain(tf_keras, inside, bare, shape=(32, 32, 3)))
    pictures = np.random.default_rng(5).random((3, 32, 32, 3), np.float32)
    expected = model(pictures, training=False).numpy()
    found = TensorFlowRuntime.on(Device.CPU).compiled(model, (32, 32, 3))(pictures)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    before = count_operations(model)
    with few_operations(model):
        assert count_operations(model) < before / 5
    assert count_operations(model) == before


def count_operations(model: Any) -> int:
    import tensorflow as tf

    traced = tf.function(lambda pictures: model(pictures), autograph=False)
    graph = traced.get_concrete_function(tf.TensorSpec((None, 32, 32, 3))).graph
    return len(graph.get_operations())


def test_several_threads_call_at_once(nets: Any, pictures: np.ndarray):
    import tf_keras

    run = TensorFlowRuntime.on(Device.CPU).compiled(nets.embedder(tf_keras), (32, 32, 3))
    expected = run(pictures)
    failures: list[object] = []

    def call(first: int) -> None:
        for _ in range(25):
            found = run(pictures[first:])
            if not np.allclose(found, expected[first:], atol=1e-5):
                failures.append(found)

    threads = [threading.Thread(target=call, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_mixed_precision_stays_near_and_touches_no_other_model(
    nets: Any, pictures: np.ndarray, package: str
):
    keras = pytest.importorskip(package, reason=f"{package} is not installed")
    model = nets.embedder(keras, local=False)
    runtime = TensorFlowRuntime(Device.CPU, mixed_precision=True)
    found = runtime.compiled(model, (32, 32, 3))(pictures)
    expected = model(pictures, training=False).numpy()
    assert found.dtype == np.float32
    assert 0 < np.abs(found - expected).max() < 0.01 * np.abs(expected).max()
    assert {weights.dtype for weights in model.get_weights()} == {np.dtype(np.float32)}
    full = TensorFlowRuntime(Device.CPU).compiled(model, (32, 32, 3))(pictures)
    np.testing.assert_allclose(full, expected, atol=1e-5)


def test_mixed_precision_reaches_models_inside_models(nets: Any, pictures: np.ndarray):
    import tf_keras

    model = nets.plain(tf_keras, nets.embedder(tf_keras, local=False))
    expected = model(pictures, training=False).numpy()
    found = TensorFlowRuntime(Device.CPU, mixed_precision=True).compiled(model, (32, 32, 3))
    assert 0 < np.abs(found(pictures) - expected).max() < 0.01 * np.abs(expected).max()


def test_what_has_no_mixed_precision_says_so():
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    runtime = TensorFlowRuntime(Device.CPU, mixed_precision=True)
    with pytest.raises(ModelError, match="mixed precision"):
        runtime.compiled(lambda pictures, training: pictures, (8, 8, 3))


def test_a_model_of_another_shape_is_a_model_error(nets: Any):
    import tf_keras

    runtime = TensorFlowRuntime.on(Device.CPU)
    with pytest.raises(ModelError, match=r"cannot run some model on pictures of shape \(9, 9, 3\)"):
        runtime.compiled(nets.embedder(tf_keras), (9, 9, 3), name="some model")


def test_a_run_that_fails_is_a_model_error(nets: Any, pictures: np.ndarray):
    import tf_keras

    runtime = TensorFlowRuntime.on(Device.CPU)
    run = runtime.compiled(nets.embedder(tf_keras), (32, 32, 3), name="some model")
    with pytest.raises(ModelError, match="running some model failed") as caught:
        run(pictures[:, :9])
    assert caught.value.model == "some model"
    assert caught.value.__cause__ is not None


def test_models_made_inside_placed_lie_on_the_device(tf: Any):
    with TensorFlowRuntime(Device.CPU).placed():
        assert tf.Variable(1.0).device.endswith("CPU:0")
    assert "GPU" in TensorFlowRuntime(Device.CUDA)._place
