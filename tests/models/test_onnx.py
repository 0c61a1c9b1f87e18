"""Which device networks run on, and what happens where they cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from facesearch.errors import DeviceUnavailable, ModelError
from facesearch.models.cpus import available_cpus
from facesearch.models.graph import GraphBuilder
from facesearch.models.onnx import Device, Runtime, choose_device

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
ROCM, DIRECTML = "ROCMExecutionProvider", "DmlExecutionProvider"
COREML, OPENVINO = "CoreMLExecutionProvider", "OpenVINOExecutionProvider"


def brightest() -> bytes:
    """A network that gives the greatest value of each plane of a picture."""
    graph = GraphBuilder("brightest")
    output = graph.node("GlobalMaxPool", [graph.pictures("pictures")])
    return graph.finish("pictures", ["n", "h", "w", 3], {"out": (output, ["n", 3, 1, 1])})


@pytest.mark.parametrize(
    ("providers", "expected"),
    [
        ([CPU], Device.CPU),
        ([TENSORRT, CUDA, CPU], Device.CUDA),
        ([ROCM, CPU], Device.ROCM),
        ([DIRECTML, CPU], Device.DIRECTML),
        ([DIRECTML, ROCM, CUDA, CPU], Device.CUDA),
        ([COREML, CPU], Device.CPU),
        ([OPENVINO, CPU], Device.CPU),
        ([TENSORRT, CPU], Device.CPU),
        (["AzureExecutionProvider", CPU], Device.CPU),
    ],
)
def test_auto_takes_the_best_device_that_starts_at_once(providers: list[str], expected: Device):
    assert choose_device(Device.AUTO, providers) is expected


@pytest.mark.parametrize(
    ("wanted", "provider"),
    [
        (Device.CPU, CPU),
        (Device.CUDA, CUDA),
        (Device.TENSORRT, TENSORRT),
        (Device.ROCM, ROCM),
        (Device.COREML, COREML),
        (Device.DIRECTML, DIRECTML),
        (Device.OPENVINO, OPENVINO),
    ],
)
def test_a_device_asked_for_is_taken_where_it_is_there(wanted: Device, provider: str):
    assert choose_device(wanted, [TENSORRT, CUDA, provider, CPU]) is wanted


@pytest.mark.parametrize("wanted", [one for one in Device if one not in {Device.AUTO, Device.CPU}])
def test_a_device_that_is_not_there_is_an_error_that_says_what_is(wanted: Device):
    with pytest.raises(DeviceUnavailable, match=f"no {wanted} device.*offers cpu.*--device auto"):
        choose_device(wanted, [CPU])


def test_everything_that_is_there_is_named():
    with pytest.raises(DeviceUnavailable, match=r"offers cpu, coreml\."):
        choose_device(Device.CUDA, [COREML, CPU])


def test_auto_works_here_and_a_missing_gpu_does_not():
    assert Runtime.on().device in set(Device) - {Device.AUTO}
    if CUDA in ort.get_available_providers():
        pytest.skip("this ONNX Runtime supports CUDA")
    with pytest.raises(DeviceUnavailable, match="cuda"):
        Runtime.on(Device.CUDA)


class FallsBack:
    """ONNX Runtime with GPU support on a machine without a GPU: sessions end up on the CPU."""

    def __init__(self, model: bytes, options: Any, providers: list[str]) -> None:
        self.asked = providers

    def get_providers(self) -> list[str]:
        return [CPU]


class Refuses:
    """The same where a session with that provider cannot be made."""

    def __init__(self, model: bytes, options: Any, providers: list[str]) -> None:
        raise RuntimeError("no CUDA-capable device is detected")


class Answers(FallsBack):
    """A machine with the device."""

    def get_providers(self) -> list[str]:
        return [*self.asked, CPU]


@pytest.mark.parametrize("session", [FallsBack, Refuses])
def test_auto_passes_over_a_device_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, session: type
):
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, DIRECTML, CPU])
    monkeypatch.setattr(ort, "InferenceSession", session)
    assert Runtime.on(Device.AUTO).device is Device.CPU
    assert Runtime.on(Device.CUDA).device is Device.CUDA  # asked for: an error when loading


def test_auto_takes_a_device_that_answers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ort, "get_available_providers", lambda: [TENSORRT, CUDA, CPU])
    monkeypatch.setattr(ort, "InferenceSession", Answers)
    assert Runtime.on(Device.AUTO).device is Device.CUDA


def test_devices_are_asked_with_a_model_that_runs():
    """The few bytes in the module are a whole network."""
    from facesearch.models.onnx import _SMALLEST_MODEL, _answers

    assert _answers(Device.CPU)
    session = ort.InferenceSession(_SMALLEST_MODEL, providers=[CPU])
    (found,) = session.run(None, {"x": np.array([2.5], np.float32)})
    assert found.tolist() == [2.5]


def test_a_device_asked_for_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch):
    """It must not run on the CPU instead and say nothing."""
    monkeypatch.setattr(ort, "InferenceSession", FallsBack)
    with pytest.raises(DeviceUnavailable, match=r"no such device answers.*--device cpu"):
        Runtime(Device.CUDA).load("some model", brightest())


def test_batches_suit_the_device():
    assert Runtime(Device.CPU).embed_batch == 32
    assert Runtime(Device.CUDA).embed_batch == 256


def test_a_network_runs(runtime: Runtime):
    pictures = np.random.default_rng(0).integers(0, 256, (5, 9, 7, 3), dtype=np.uint8)
    (found,) = runtime.load("brightest", brightest()).run(pictures)
    np.testing.assert_array_equal(found[:, :, 0, 0], pictures.max(axis=(1, 2)))
    (flipped,) = runtime.load("brightest", brightest()).run(pictures[::-1, ::-1])
    np.testing.assert_array_equal(flipped, found[::-1])


@pytest.mark.parametrize("model", [b"", b"not a network", brightest()[:-40]])
def test_a_broken_network_is_a_model_error(runtime: Runtime, model: bytes):
    with pytest.raises(ModelError, match="cannot load some model") as caught:
        runtime.load("some model", model)
    assert caught.value.model == "some model"
    assert caught.value.__cause__ is not None


def test_a_run_that_fails_is_a_model_error(runtime: Runtime):
    network = runtime.load("brightest", brightest())
    with pytest.raises(ModelError, match="running brightest failed") as caught:
        network.run(np.zeros((1, 4, 4, 5), np.uint8))
    assert caught.value.__cause__ is not None


def test_cpus_are_those_this_process_may_use(monkeypatch: pytest.MonkeyPatch):
    assert 1 <= available_cpus() <= (os.cpu_count() or 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    assert available_cpus() == 3


def test_without_affinity_all_cpus_count(monkeypatch: pytest.MonkeyPatch):
    """As on macOS and Windows; and where nothing is known there is one."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_cpus() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cpus() == 1


def test_nothing_is_noted_for_a_report_of_use(tmp_path):
    """Some builds of ONNX Runtime keep a database of use below the user's home, unless told."""
    code = (
        "import os\n"
        "from facesearch.models.base import DetectorOptions\n"
        "from facesearch.models.mtcnn import Mtcnn\n"
        "from facesearch.models.onnx import Runtime\n"
        "Mtcnn(Runtime.on(), DetectorOptions())\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "ORT_DISABLE_TELEMETRY" and not name.startswith("XDG_")
    }
    environment |= {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "1"
    assert list(tmp_path.rglob("*")) == []
