"""PyTorch: devices and calls, decided in this one place.

In: a device asked for and a module. Out: a function from arrays to arrays. How many threads
PyTorch computes with is one setting for the whole process, so it is left to whoever started
it (OMP_NUM_THREADS, torch.set_num_threads).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import DeviceUnavailable
from facesearch.models.base import Device
from facesearch.models.requirements import TORCH
from facesearch.values import FloatArray

_CPU_EMBED_BATCH, _GPU_EMBED_BATCH = 32, 256


def choose_device(wanted: Device, *, gpu: Device | None) -> Device:
    """The device to run on, given the kind of GPU that answers; None where there is none.

    Raises:
        DeviceUnavailable: the wanted device is not there.
    """
    if wanted is Device.AUTO:
        return gpu or Device.CPU
    if wanted is Device.CPU or wanted is gpu:
        return wanted
    there = "the CPU" if gpu is None else f"the CPU and {gpu.value}"
    raise DeviceUnavailable(
        "pytorch",
        f"no {wanted.value} device: PyTorch here runs on {there}. Use --device auto, or install "
        "the build of PyTorch for it (https://pytorch.org/get-started/locally)",
    )


@dataclass(frozen=True, slots=True)
class TorchRuntime:
    """How PyTorch modules are run.

    Attributes:
        device: the device in use, never AUTO; see `TorchRuntime.on`.
    """

    device: Device

    @classmethod
    def on(cls, wanted: Device = Device.AUTO) -> TorchRuntime:
        """A runtime on the wanted device.

        Raises:
            PackageMissing: PyTorch is not installed.
            DeviceUnavailable: the device is not there.
        """
        TORCH.check("pytorch")
        return cls(choose_device(wanted, gpu=_answering_gpu()))

    @property
    def embed_batch(self) -> int:
        """Chips per network call that keep this device busy: as under ONNX Runtime."""
        return _CPU_EMBED_BATCH if self.device is Device.CPU else _GPU_EMBED_BATCH

    @property
    def name(self) -> str:
        """What PyTorch calls the device; cards of AMD are "cuda" to it too."""
        return "cpu" if self.device is Device.CPU else "cuda"

    def prepared(self, module: Any) -> Callable[[NDArray[Any]], FloatArray]:
        """A module on this device, as a function that may be called from several threads.

        Args:
            module: a `torch.nn.Module` that takes and gives one tensor.

        Returns:
            Takes an array, gives float32; raises RuntimeError where the run fails.
        """
        import torch

        on_device = module.to(self.name).eval()

        def run(numbers: NDArray[Any]) -> FloatArray:
            with torch.inference_mode():
                found = on_device(torch.from_numpy(numbers).to(self.name))
            return np.asarray(found.float().cpu().numpy())

        return run


def _answering_gpu() -> Device | None:
    import torch

    if not torch.cuda.is_available():
        return None
    return Device.CUDA if torch.version.hip is None else Device.ROCM
