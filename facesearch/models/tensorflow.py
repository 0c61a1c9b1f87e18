"""TensorFlow: devices, memory and precision, decided in this one place.

In: a device asked for and a Keras model. Out: a function from arrays to arrays that runs it,
traced once for batches of any length. docs/decisions/tensorflow-engine.md has the figures
behind threads and batches.

TensorFlow keeps one setting of memory for the whole process, fixed when it first computes.
What the program around us has set, or started, stays as it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import DeviceUnavailable, EngineUnavailable, ModelError
from facesearch.models.base import Device
from facesearch.models.keras_local import few_operations
from facesearch.models.native_logs import start_up_logs_hidden
from facesearch.models.requirements import TENSORFLOW
from facesearch.values import FloatArray

_CPU_EMBED_BATCH, _GPU_EMBED_BATCH = 32, 256
_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_BEFORE_IMPORT = {
    # Without a GPU, TensorFlow logs that as an error; what matters here comes as exceptions.
    _LOG_LEVEL: "3",
    # `tensorflow.keras` is Keras 2 then, which DeepFace's networks are written for.
    "TF_USE_LEGACY_KERAS": "1",
}
_MIXED = "mixed_float16"

_NOT_TENSORFLOWS = (Device.TENSORRT, Device.OPENVINO)
_HOW_TO_GET = {
    Device.CUDA: (
        "for NVIDIA cards, on Linux or WSL2, install a driver and run "
        "`pip install 'tensorflow[and-cuda]'`"
    ),
    Device.ROCM: "for AMD cards, on Linux, install ROCm and run `pip install tensorflow-rocm`",
    Device.COREML: "for Apple's GPUs run `pip install tensorflow-metal`",
    Device.DIRECTML: (
        "TensorFlow has had no DirectML since 2.10: use a model that runs on --engine onnx, or "
        "TensorFlow with CUDA under WSL2"
    ),
}


def choose(wanted: Device, gpus: Sequence[Device]) -> Device:
    """The device to run on.

    Args:
        wanted: what was asked for. AUTO takes the first GPU, or the CPU where there is none.
        gpus: of which kind each GPU is that TensorFlow sees, in its order.

    Raises:
        DeviceUnavailable: the wanted device is not there; says what to do.
    """
    if wanted in _NOT_TENSORFLOWS:
        raise DeviceUnavailable(
            "tensorflow",
            f"TensorFlow does not run networks on {wanted}: use --device auto, or a model that "
            "runs on --engine onnx",
        )
    if wanted is Device.AUTO:
        return gpus[0] if gpus else Device.CPU
    if wanted is Device.CPU or wanted in gpus:
        return wanted
    there = ", ".join(dict.fromkeys([Device.CPU, *gpus]))
    raise DeviceUnavailable(
        "tensorflow",
        f"no {wanted} device: TensorFlow here offers {there}. Use --device auto, or: "
        f"{_HOW_TO_GET[wanted]}. With {_LOG_LEVEL}=0 in the environment TensorFlow says why it "
        "sees no GPU",
    )


def kind_of_gpus(build: Mapping[str, Any], system: str) -> Device:
    """What kind the GPUs of a TensorFlow are; all of one TensorFlow are of one kind.

    Args:
        build: what `tf.sysconfig.get_build_info` says.
        system: as in `sys.platform`. Apple's and DirectML's GPUs come with a plugin, which
            the build says nothing of.
    """
    if build.get("is_rocm_build"):
        return Device.ROCM
    if build.get("is_cuda_build"):
        return Device.CUDA
    return {"darwin": Device.COREML, "win32": Device.DIRECTML}.get(system, Device.CUDA)


@dataclass(frozen=True, slots=True)
class TensorFlowRuntime:
    """How networks of TensorFlow are run.

    Attributes:
        device: the device in use, never AUTO; see `TensorFlowRuntime.on`. Of several GPUs
            it is the first.
        mixed_precision: compute in float16 and keep weights and results in float32: about
            twice as fast on recent GPUs, slower on CPUs. Embeddings differ from those in
            full precision in the third decimal.
    """

    device: Device
    mixed_precision: bool = False

    @classmethod
    def on(
        cls, wanted: Device = Device.AUTO, *, mixed_precision: bool = False
    ) -> TensorFlowRuntime:
        """A runtime on the wanted device. Imports TensorFlow, which takes seconds.

        Raises:
            PackageMissing: TensorFlow is not installed.
            EngineUnavailable: it is installed and cannot be imported.
            DeviceUnavailable: the device is not there.
        """
        tf = started_tensorflow()
        kind = kind_of_gpus(tf.sysconfig.get_build_info(), sys.platform)
        gpus = [kind for _ in tf.config.list_physical_devices("GPU")]
        return cls(choose(wanted, gpus), mixed_precision)

    @property
    def embed_batch(self) -> int:
        """Chips per network call that keep this device busy: measured on CPU, customary on GPU."""
        return _CPU_EMBED_BATCH if self.device is Device.CPU else _GPU_EMBED_BATCH

    def placed(self) -> AbstractContextManager[Any]:
        """`with runtime.placed():` weights of models that are made inside lie on the device."""
        place: AbstractContextManager[Any] = started_tensorflow().device(self._place)
        return place

    def compiled(
        self,
        model: Any,
        input_shape: Sequence[int | None],
        *,
        name: str = "the network",
        dtype: str = "float32",
    ) -> Callable[[NDArray[Any]], FloatArray]:
        """A function that runs a model. Safe to call from several threads at once.

        Args:
            model: a Keras model with one input and one output, or what is called like one.
            input_shape: of one picture, without the batch; None for sizes that are open.
            name: of the model, for messages.
            dtype: of the input.

        Returns:
            From an array of shape (n, *input_shape) to float32 of shape (n, ...). It raises
            ModelError where the run fails, for instance for lack of memory.

        Raises:
            ModelError: the model cannot be called so, or has no mixed precision.
        """
        tf = started_tensorflow()
        try:
            with self.placed():
                network = _in_mixed_precision(model) if self.mixed_precision else model

                def forward(pictures: Any) -> Any:
                    return tf.cast(network(pictures, training=False), tf.float32)

                signature = [tf.TensorSpec((None, *input_shape), dtype)]
                traced = tf.function(forward, input_signature=signature, autograph=False)
                with few_operations(network):
                    run = traced.get_concrete_function()
                of_none = [size or 0 for size in run.structured_outputs.shape[1:]]
        except Exception as error:  # Keras raises many unrelated types
            full = ", or cannot be computed in mixed precision" if self.mixed_precision else ""
            raise ModelError(
                name,
                f"TensorFlow cannot run {name} on pictures of shape {tuple(input_shape)}{full}: "
                f"{error}",
            ) from error

        def call(pictures: NDArray[Any]) -> FloatArray:
            if len(pictures) == 0:  # some operations of TensorFlow fail on empty batches
                return np.empty((0, *of_none), np.float32)
            try:
                with self.placed():
                    found = run(tf.constant(np.ascontiguousarray(pictures), dtype))
                return np.asarray(found.numpy(), np.float32)
            except Exception as error:  # TensorFlow raises many unrelated types
                raise ModelError(name, f"running {name} failed: {_said(error)}") from error

        return call

    @property
    def _place(self) -> str:
        return "/CPU:0" if self.device is Device.CPU else "/GPU:0"


def started_tensorflow() -> Any:
    """The module `tensorflow`, imported and set up.

    Raises:
        PackageMissing: it is not installed.
        EngineUnavailable: it is installed and cannot be imported.
    """
    TENSORFLOW.check("the engine tensorflow")
    if "tensorflow" not in sys.modules:
        for variable, value in _BEFORE_IMPORT.items():
            os.environ.setdefault(variable, value)
    try:
        with start_up_logs_hidden() as hidden:
            import tensorflow as tf

            set_up(tf.config)
            if hidden:
                tf.config.list_logical_devices()  # devices start here, and say so
    except ImportError as error:
        raise EngineUnavailable(
            "tensorflow",
            f"TensorFlow is installed and cannot be imported ({error}): run "
            "`pip install --force-reinstall tensorflow`, or use a model that runs on "
            "--engine onnx",
        ) from error
    return tf


def set_up(config: Any) -> None:
    """Let memory grow on GPUs as it is needed, instead of taking all of it at once.

    Threads are left as they are: TensorFlow's own choice is as good as any that was measured.

    Args:
        config: `tensorflow.config`. Where the program around us has chosen for a GPU, or
            TensorFlow has started, it is left alone.
    """
    for gpu in config.list_physical_devices("GPU"):
        # RuntimeError: it has started; ValueError: the program around us divided this GPU.
        with suppress(RuntimeError, ValueError):
            config.experimental.set_memory_growth(gpu, True)


def _said(error: Exception) -> str:
    """What an error of TensorFlow says, without the places in Keras that it lists first."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith(("File ", "[["))]
    return told[-1] if told else type(error).__name__


def _in_mixed_precision(model: Any) -> Any:
    """The same model, its layers computing in float16 with weights in float32."""
    config = model.get_config()
    _mix(config)
    mixed = type(model).from_config(config)
    mixed.set_weights(model.get_weights())
    return mixed


def _mix(config: dict[str, Any]) -> None:
    for layer in config["layers"]:
        own = layer["config"]
        if "layers" in own:
            _mix(own)
        elif "dtype" in own and layer["class_name"] != "InputLayer":
            own["dtype"] = _MIXED
