"""Each engine gets its runtime, on the device that was asked for."""

from __future__ import annotations

import pytest

from facesearch.errors import DeviceUnavailable, ModelError
from facesearch.models import tensorflow
from facesearch.models.base import Device, Engine
from facesearch.models.engines import NativeRuntime, device_named, runtime_on
from facesearch.models.onnx import Runtime


def test_onnx_is_run_by_onnx_runtime():
    assert runtime_on(Engine.ONNX, Device.CPU) == Runtime.on(Device.CPU)


@pytest.mark.parametrize("wanted", [Device.AUTO, Device.CPU])
def test_libraries_of_their_own_run_on_the_cpu(wanted):
    assert runtime_on(Engine.NATIVE, wanted) == NativeRuntime()


def test_they_have_no_other_device():
    with pytest.raises(DeviceUnavailable, match="--device cpu"):
        runtime_on(Engine.NATIVE, Device.CUDA)


@pytest.mark.parametrize(("said", "mixed"), [(None, False), ("0", False), ("1", True)])
def test_mixed_precision_is_for_those_who_ask(monkeypatch, said, mixed):
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    monkeypatch.delenv("FACESEARCH_MIXED_PRECISION", raising=False)
    if said is not None:
        monkeypatch.setenv("FACESEARCH_MIXED_PRECISION", said)
    runtime = runtime_on(Engine.TENSORFLOW, Device.CPU)
    assert runtime == tensorflow.TensorFlowRuntime(Device.CPU, mixed_precision=mixed)


def test_a_device_is_known_by_its_name():
    assert device_named("cuda") is Device.CUDA
    with pytest.raises(ModelError, match=r"there is no device 'gpu'.*cuda"):
        device_named("gpu")
