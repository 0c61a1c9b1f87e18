"""Which device PyTorch runs on, and that it runs there."""

from __future__ import annotations

import numpy as np
import pytest

from facesearch.errors import DeviceUnavailable, PackageMissing
from facesearch.models import pytorch
from facesearch.models.base import Device
from facesearch.models.pytorch import TorchRuntime, choose_device
from facesearch.models.requirements import Requirement


@pytest.mark.parametrize("gpu", [None, Device.CUDA, Device.ROCM])
def test_a_gpu_is_used_where_there_is_one(gpu: Device | None):
    assert choose_device(Device.AUTO, gpu=gpu) is (gpu or Device.CPU)
    assert choose_device(Device.CPU, gpu=gpu) is Device.CPU
    if gpu is not None:
        assert choose_device(gpu, gpu=gpu) is gpu


@pytest.mark.parametrize(
    ("wanted", "gpu", "there"),
    [
        (Device.CUDA, None, "runs on the CPU"),
        (Device.ROCM, Device.CUDA, "the CPU and cuda"),
        (Device.OPENVINO, Device.CUDA, "the CPU and cuda"),
    ],
)
def test_what_is_not_there_is_refused_and_what_is_there_is_named(wanted, gpu, there):
    with pytest.raises(DeviceUnavailable, match=f"no {wanted} device.*{there}"):
        choose_device(wanted, gpu=gpu)


def test_pytorch_calls_cards_of_either_maker_cuda():
    assert [TorchRuntime(d).name for d in (Device.CPU, Device.CUDA, Device.ROCM)] == [
        "cpu",
        "cuda",
        "cuda",
    ]
    assert TorchRuntime(Device.CPU).embed_batch < TorchRuntime(Device.CUDA).embed_batch


def test_without_pytorch_the_command_is_given(monkeypatch: pytest.MonkeyPatch):
    gone = Requirement("no_torch_here", "PyTorch", "pip install torch")
    monkeypatch.setattr(pytorch, "TORCH", gone)
    with pytest.raises(PackageMissing, match="`pip install torch`"):
        TorchRuntime.on(Device.AUTO)


def test_a_module_runs_as_a_function_from_arrays_to_arrays():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install torch)")
    runtime = TorchRuntime.on(Device.CPU)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(0.9)).double()
    numbers = np.arange(12.0).reshape(4, 3)
    found = runtime.prepared(module)(numbers)
    assert found.dtype == np.float32
    weight, bias = (p.detach().numpy() for p in module[0].parameters())
    np.testing.assert_allclose(found, numbers @ weight.T + bias, rtol=1e-5)  # nothing dropped
