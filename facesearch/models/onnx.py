"""ONNX Runtime: devices, threads and sessions, decided in this one place.

In: a device asked for and ONNX bytes. Out: a `Network` that runs. Sessions share the
caller's threads: each runs on the thread that calls it, and whoever wants both cores
busy calls from two threads. Two thread pools on one machine cost more than they bring.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Builds of ONNX Runtime from 1.32 on keep a database of use below the user's home and know an
# address to send it to. Nothing here reports anything; read once, when it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort
from numpy.typing import NDArray

from facesearch.errors import DeviceUnavailable, ModelError
from facesearch.models.base import Device
from facesearch.values import FloatArray

__all__ = ["Device", "Network", "Runtime", "choose_device"]


_PROVIDERS = {
    Device.CPU: "CPUExecutionProvider",
    Device.CUDA: "CUDAExecutionProvider",
    Device.TENSORRT: "TensorrtExecutionProvider",
    Device.ROCM: "ROCMExecutionProvider",
    Device.COREML: "CoreMLExecutionProvider",
    Device.DIRECTML: "DmlExecutionProvider",
    Device.OPENVINO: "OpenVINOExecutionProvider",
}
# What `auto` tries, best first. TensorRT and OpenVINO compile for minutes, CoreML and
# OpenVINO may run on the CPU anyway: they are for those who ask for them.
_AUTO_ORDER = (Device.CUDA, Device.ROCM, Device.DIRECTML, Device.CPU)
_CPU_EMBED_BATCH, _GPU_EMBED_BATCH = 32, 256
# y = x for one number: enough to see whether a device answers, without loading `onnx`.
_SMALLEST_MODEL = (
    b'\x08\x08:7\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\x01'
    b"\x12\x04\n\x02\x08\x01b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\r"
)


def choose_device(wanted: Device, providers: Sequence[str]) -> Device:
    """The device to run on, given the execution providers that are installed.

    Raises:
        DeviceUnavailable: the wanted device has no provider here.
    """
    if wanted is Device.AUTO:
        return next((d for d in _AUTO_ORDER if _PROVIDERS[d] in providers), Device.CPU)
    if _PROVIDERS[wanted] not in providers:
        there = ", ".join(d.value for d, p in _PROVIDERS.items() if p in providers)
        raise DeviceUnavailable(
            "onnxruntime",
            f"no {wanted.value} device: ONNX Runtime here offers {there}. Use --device auto, "
            "or install the matching build (for NVIDIA cards: pip install 'facesearch[gpu]')",
        )
    return wanted


@dataclass(frozen=True, slots=True)
class Runtime:
    """How networks are run.

    Attributes:
        device: the device in use, never AUTO; see `Runtime.on`.
        threads: threads inside one call of one network.
    """

    device: Device
    threads: int = 1

    @classmethod
    def on(cls, wanted: Device = Device.AUTO, *, threads: int = 1) -> Runtime:
        """A runtime on the wanted device.

        AUTO passes over devices that are supported but do not answer: a GPU build of
        ONNX Runtime lists them on machines without a GPU too.

        Raises:
            DeviceUnavailable: it is not there.
        """
        providers = ort.get_available_providers()
        device = choose_device(wanted, providers)
        while wanted is Device.AUTO and device is not Device.CPU and not _answers(device):
            providers = [p for p in providers if p != _PROVIDERS[device]]
            device = choose_device(wanted, providers)
        return cls(device, threads)

    @property
    def embed_batch(self) -> int:
        """Chips per network call that keep this device busy: measured on CPU, customary on GPU."""
        return _CPU_EMBED_BATCH if self.device is Device.CPU else _GPU_EMBED_BATCH

    def load(self, model: str, onnx_bytes: bytes) -> Network:
        """A runnable network.

        Raises:
            ModelError: ONNX Runtime refuses the model.
            DeviceUnavailable: the provider is installed but its device does not answer.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Idle threads that spin take time from the threads that decode photos.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = [_PROVIDERS[self.device]]
        if self.device is not Device.CPU:
            providers.append(_PROVIDERS[Device.CPU])
        try:
            session = ort.InferenceSession(onnx_bytes, options, providers=providers)
        except Exception as error:  # onnxruntime raises many unrelated types
            raise ModelError(model, f"ONNX Runtime cannot load {model}: {error}") from error
        if session.get_providers()[0] != providers[0]:
            raise DeviceUnavailable(
                model,
                f"ONNX Runtime has support for {self.device.value} but no such device answers; "
                "check its driver, or use --device cpu",
            )
        return Network(model, session)


def _answers(device: Device) -> bool:
    """Whether a device whose provider is installed can be used."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(_SMALLEST_MODEL, options, providers=[_PROVIDERS[device]])
    except Exception:  # noqa: BLE001 - onnxruntime raises many unrelated types; no is an answer
        return False
    return bool(session.get_providers()[0] == _PROVIDERS[device])


class Network:
    """One loaded network. Safe to call from several threads at once.

    Args:
        model: its catalogue name, for messages.
        session: the ONNX Runtime session that runs it.

    Attributes:
        fixed_batch: pictures that each run takes, neither more nor fewer; None for any number.
    """

    def __init__(self, model: str, session: Any) -> None:
        self._model = model
        self._session = session
        first = session.get_inputs()[0]
        self._input = first.name
        batch = first.shape[0] if first.shape else None
        self.fixed_batch: int | None = batch if isinstance(batch, int) else None

    def run(self, pictures: NDArray[Any], outputs: Sequence[str] | None = None) -> list[FloatArray]:
        """The outputs for a batch of pictures.

        Args:
            pictures: of the shape and type that the network states; networks built here
                take uint8 (n, h, w, 3). Where `fixed_batch` is a number, n must be it.
            outputs: which ones, by name; None for all, in the network's order.

        Raises:
            ModelError: the run failed, for instance for lack of memory.
        """
        try:
            found: list[FloatArray] = self._session.run(
                outputs, {self._input: np.ascontiguousarray(pictures)}
            )
        except Exception as error:  # onnxruntime raises many unrelated types
            raise ModelError(self._model, f"running {self._model} failed: {error}") from error
        return found
