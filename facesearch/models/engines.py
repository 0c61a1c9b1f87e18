"""A runtime for each engine: where models run is decided in this one place.

In: an engine and the device that was asked for. Out: a runtime to load models with.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from facesearch.errors import DeviceUnavailable, ModelError
from facesearch.models.base import Device, Engine, EngineRuntime

MIXED_PRECISION_VARIABLE = "FACESEARCH_MIXED_PRECISION"


@dataclass(frozen=True, slots=True)
class NativeRuntime:
    """Libraries that bring their own networks run on the CPU, one call at a time per thread."""

    device: Device = Device.CPU
    embed_batch: int = 32

    @classmethod
    def on(cls, wanted: Device) -> NativeRuntime:
        """The runtime.

        Raises:
            DeviceUnavailable: anything but the CPU was asked for.
        """
        if wanted not in (Device.AUTO, Device.CPU):
            raise DeviceUnavailable(
                "native",
                f"models that run in a library of their own run on the CPU, not on {wanted}: "
                "use --device cpu or auto",
            )
        return cls()


def device_named(name: str) -> Device:
    """The device of that name.

    Raises:
        ModelError: there is none.
    """
    try:
        return Device(name)
    except ValueError as error:
        names = ", ".join(Device)
        raise ModelError("device", f"there is no device {name!r}; choose from {names}") from error


def runtime_on(engine: Engine, wanted: Device) -> EngineRuntime:
    """The runtime of an engine on a device.

    Raises:
        DeviceUnavailable: the engine has no such device here.
        PackageMissing: the engine is not installed.
    """
    if engine is Engine.TENSORFLOW:
        from facesearch.models.tensorflow import TensorFlowRuntime

        mixed = os.environ.get(MIXED_PRECISION_VARIABLE, "") not in ("", "0")
        return TensorFlowRuntime.on(wanted, mixed_precision=mixed)
    if engine is Engine.PYTORCH:
        from facesearch.models.pytorch import TorchRuntime

        return TorchRuntime.on(wanted)
    if engine is Engine.NATIVE:
        return NativeRuntime.on(wanted)
    from facesearch.models.onnx import Runtime

    return Runtime.on(wanted)
