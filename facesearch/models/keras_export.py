"""From a network of Keras to an ONNX file that gives the same embeddings.

In: a Keras model or its file, and what it is fed. Out: an ONNX file that takes chips as they
are, uint8 RGB (n, height, width, 3), and gives what the network gives, float32 (n, dimension).
The file gets its name only after ONNX Runtime has given the same embeddings of real chips.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facesearch.errors import InvalidValue, ModelError, NoEmbedding
from facesearch.models.base import Device
from facesearch.models.chip_embedder import unit_rows
from facesearch.models.files import disk_errors, place
from facesearch.models.keras_embedder import check_fed, with_output
from facesearch.models.keras_files import KerasNetwork, load_keras, network_of
from facesearch.models.keras_onnx import OPSET, TF2ONNX, onnx_model
from facesearch.models.onnx import Runtime
from facesearch.models.preprocessing import Preprocessing
from facesearch.models.tensorflow import TensorFlowRuntime
from facesearch.values import ByteArray, FloatArray

_CHECKED_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class ExportReport:
    """An ONNX file that was written.

    Attributes:
        path: of the file.
        opset: version of the ONNX operators in it.
        size_bytes: of the file.
        dimension: length of an embedding.
        chips: how many it was compared on.
        max_difference: between an embedding's numbers here and there, at length 1.
        silent: chips that the network says nothing of, here and there: all numbers are 0.
    """

    path: Path
    opset: int
    size_bytes: int
    dimension: int
    chips: int
    max_difference: float
    silent: int = 0


def export_onnx(
    keras: Path | Any,
    target: Path,
    preprocessing: Preprocessing,
    output: str | None = None,
    *,
    chips: ByteArray,
    tolerance: float = 1e-4,
    name: str | None = None,
) -> ExportReport:
    """Write a network of Keras as an ONNX file, preprocessing included, and compare the two.

    Args:
        keras: a Keras model, or the path of its file.
        target: the file to write; replaced where it exists.
        preprocessing: what the network is fed; channels last.
        output: name of the output or layer to take; None where the network has one output.
        chips: to compare on, real ones: uint8 RGB, shape (n, side_px, side_px, 3), n > 0.
        tolerance: how far an embedding's numbers may differ, at length 1.
        name: of the model, for messages; the target's name without its suffix if None.

    Raises:
        InvalidModelFile: the file cannot serve as an embedder; see `load_keras`.
        ModelError: tf2onnx cannot convert it, the results differ by more than `tolerance`, or
            the target cannot be written. What was at `target` before is still there.
        PackageMissing, EngineUnavailable: tf2onnx, TensorFlow or Keras is not there.
    """
    called = target.stem if name is None else name
    TF2ONNX.check(called)
    if len(chips) == 0:
        raise InvalidValue("an export is compared on chips of faces: give at least one")
    runtime = TensorFlowRuntime.on(Device.CPU)
    with runtime.placed():
        network = (
            load_keras(keras, called) if isinstance(keras, Path) else network_of(keras, called)
        )
        model, dimension = with_output(network, output, called)
    check_fed(network, preprocessing, called)
    onnx_bytes = onnx_model(model, preprocessing, called)
    difference, silent = _difference(
        runtime, model, network, onnx_bytes, preprocessing, chips, called
    )
    if not difference <= tolerance:
        raise ModelError(
            called,
            f"{called} gives other embeddings as ONNX than as Keras: they differ by "
            f"{difference:.2g}, and {tolerance:.2g} is allowed. Nothing was written; run it with "
            "TensorFlow instead",
        )
    _write(target, onnx_bytes, called)
    return ExportReport(target, OPSET, len(onnx_bytes), dimension, len(chips), difference, silent)


def _difference(
    runtime: TensorFlowRuntime,
    model: Any,
    network: KerasNetwork,
    onnx_bytes: bytes,
    preprocessing: Preprocessing,
    chips: ByteArray,
    name: str,
) -> tuple[float, int]:
    """How far the numbers of an embedding differ, at most, between Keras and ONNX Runtime.

    Returns:
        That, and of how many chips the network says nothing.
    """
    shape = (preprocessing.height_px, preprocessing.width_px, 3)
    run_keras = runtime.compiled(model, shape, name=name, dtype=network.dtype)
    exported = Runtime.on(Device.CPU).load(name, onnx_bytes)
    largest, silent = 0.0, 0
    for at in range(0, len(chips), _CHECKED_AT_ONCE):
        part = chips[at : at + _CHECKED_AT_ONCE]
        expected = _unit_rows(name, run_keras(preprocessing.apply(part)))
        (found,) = exported.run(part)
        largest = max(largest, float(np.abs(_unit_rows(name, found) - expected).max()))
        silent += int(np.count_nonzero(~expected.any(axis=1)))
    return largest, silent


def _unit_rows(name: str, vectors: FloatArray) -> FloatArray:
    """Vectors at length 1; those of length 0 stay."""
    try:
        return unit_rows(name, vectors)
    except NoEmbedding as problem:
        units = np.zeros_like(vectors, np.float32)
        rows = np.delete(np.arange(len(vectors)), problem.rows)
        units[rows] = unit_rows(name, vectors[rows])
        return units


def _write(target: Path, data: bytes, name: str) -> None:
    """Write the file under another name in its folder, then give it its own."""
    elsewhere = "choose another target"
    with disk_errors(name, target.parent, needed_bytes=len(data), elsewhere=elsewhere):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
            temporary = Path(folder, target.name)
            temporary.write_bytes(data)
            place(temporary, target)
