"""ONNX files as they are stored: one file each, for any number of faces where that is safe.

In: a file and what it tells. Out: bytes that ONNX Runtime loads without other files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from facesearch.errors import FaceSearchError, InvalidModelFile, ModelError
from facesearch.models.onnx import Device, Runtime
from facesearch.models.onnx_embedder import OnnxEmbedder
from facesearch.models.own.inspect import OnnxFacts, read_model
from facesearch.values import ByteArray

# How far two ways of running one network may differ, as a share of its largest number.
_SAME_WITHIN = 1e-4
_FREE_BATCH = "faces"


def one_file(name: str, path: Path, facts: OnnxFacts) -> bytes:
    """The file's own bytes, or those of one that has the weights beside it inside.

    Raises:
        InvalidModelFile: it cannot be read, or is too large for one file.
    """
    import onnx
    from onnx.external_data_helper import load_external_data_for_model

    if not facts.external:
        return path.read_bytes()
    model = read_model(name, path)
    try:
        load_external_data_for_model(model, str(path.parent))
        return bytes(model.SerializeToString(deterministic=True))
    except Exception as error:  # protobuf, onnx and the system raise unrelated types
        names = ", ".join(facts.external)
        size = sum((path.parent / where).stat().st_size for where in facts.external)
        if size > onnx.checker.MAXIMUM_PROTOBUF:
            help_ = "more than an ONNX file can hold (2 GiB): export it with 16-bit weights"
        else:
            help_ = f"which cannot be read ({error}): export or copy both files again"
        raise InvalidModelFile(
            name, f"the weights of {path.name} lie in {names}, {help_}"
        ) from error


def check_runs(name: str, path: Path, facts: OnnxFacts, content: bytes) -> None:
    """Check that ONNX Runtime can load it.

    Raises:
        InvalidModelFile: it cannot; says why, as far as that can be told.
    """
    runtime = Runtime.on(Device.CPU)
    try:
        runtime.load(name, content)
    except ModelError as error:
        reason = f"ONNX Runtime cannot run {path.name}: {error.__cause__}"
        if not _knows(runtime, facts):
            import onnxruntime

            reason = (
                f"{path.name} uses version {facts.opset} of ONNX's operators (file format "
                f"{facts.ir}), newer than ONNX Runtime {onnxruntime.__version__} knows: run "
                "`pip install --upgrade onnxruntime`, or export it with a lower opset_version"
            )
        raise InvalidModelFile(name, reason) from error


def _knows(runtime: Runtime, facts: OnnxFacts) -> bool:
    """Whether a network of one operator loads in these versions."""
    from onnx import TensorProto, helper

    given, taken = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")
    )
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [given], [taken])
    opsets = [helper.make_opsetid("", max(facts.opset, 1))]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=facts.ir)
    try:
        runtime.load("version", model.SerializeToString())
    except ModelError:
        return False
    return True


def with_free_batch(
    content: bytes, load: Callable[[bytes], OnnxEmbedder], chips: ByteArray
) -> bytes:
    """The network for any number of faces at once, where it says the same then.

    Some exports take one face in each run. Most of them only state it: without that, they
    run in batches. Others have the number in their inner shapes, and are left as they are.

    Args:
        load: makes an embedder of a file.
        chips: uint8 RGB (n, side, side, 3), several different faces to compare with.

    Returns:
        The rewritten file, or `content`.
    """
    free = _freed(content)
    if free is None:
        return content
    try:
        found = load(free).describe(chips)
    except FaceSearchError:
        return content
    expected = load(content).describe(chips)
    within = _SAME_WITHIN * float(np.abs(expected).max())
    same = found.shape == expected.shape and bool((np.abs(found - expected) <= within).all())
    return free if same else content


def _freed(content: bytes) -> bytes | None:
    """The file without the number of faces; None where it cannot be written."""
    import onnx

    model: Any = onnx.load_model_from_string(content)
    weights = {tensor.name for tensor in model.graph.initializer}
    given = [own for own in model.graph.input if own.name not in weights]
    for value in (*given, *model.graph.output):
        shape = value.type.tensor_type.shape
        if shape.dim:
            shape.dim[0].dim_param = _FREE_BATCH
    del model.graph.value_info[:]
    try:
        return bytes(model.SerializeToString(deterministic=True))
    except Exception:  # noqa: BLE001 - protobuf's own type: too large; the file stays as it is
        return None
