"""What an ONNX file tells about itself, before anything runs it.

In: a path. Out: `OnnxFacts`: the one picture that the network takes, and its outputs. Files
that cannot serve are refused with what they lack.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facesearch.errors import InvalidModelFile
from facesearch.models.preprocessing import Layout, Number

_COLOURS = 3
# The first operators may turn and cast pixels before they take means off.
_PASSES_ON = frozenset({"Cast", "Transpose", "Identity", "Unsqueeze", "Reshape"})
_NORMALISES = frozenset({"Sub", "Add", "Mul", "Div"})
# First bytes of files that people take for ONNX: PyTorch's and Keras's are zip archives.
_OTHER_FORMATS = {
    b"\x89HDF": "an HDF5 file, as Keras writes it",
    b"PK\x03\x04": "an archive, as PyTorch (.pt, .pth) and Keras (.keras) write it; export a "
    "PyTorch network with torch.onnx.export",
    b"\x80\x02": "a pickle, as PyTorch (.pt, .pth) writes it; export the network with "
    "torch.onnx.export",
    b"<?xm": "an XML file, as OpenVINO writes it",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}


@dataclass(frozen=True, slots=True)
class OutputFacts:
    """One output: its name, and its shape as far as the file states it; None of no rank."""

    name: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class InputFacts:
    """The one picture that a network takes, as far as its file tells.

    Attributes:
        width_px, height_px: None where the file leaves them open.
        layout: where the channels are; None where the file leaves it open.
        number: type of the pixels.
        normalises: whether the network begins by taking off means or scaling.
    """

    width_px: int | None
    height_px: int | None
    layout: Layout | None
    number: Number
    normalises: bool


@dataclass(frozen=True, slots=True)
class OnnxFacts:
    """What an ONNX file tells.

    Attributes:
        picture: what it takes.
        batch: pictures in each run; None where any number will do.
        outputs: all of them, in the order of the file.
        opset: version of ONNX's operators; 0 where the file uses none of them.
        ir: version of the file format.
        external: files beside it that hold weights, relative to its folder.
    """

    picture: InputFacts
    batch: int | None
    outputs: tuple[OutputFacts, ...]
    opset: int
    ir: int
    external: tuple[str, ...]


def inspect_onnx(name: str, path: Path) -> OnnxFacts:
    """Read what a file tells.

    Args:
        name: of the model it is to be, for messages.

    Raises:
        InvalidModelFile: no whole ONNX file, or not one picture in.
    """
    from onnx import TensorProto

    model = read_model(name, path)
    picture = _picture(name, model)
    tensor = picture.type.tensor_type
    numbers = {
        TensorProto.FLOAT: Number.FLOAT32,
        TensorProto.FLOAT16: Number.FLOAT16,
        TensorProto.UINT8: Number.UINT8,
    }
    if tensor.elem_type not in numbers:
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise InvalidModelFile(
            name,
            f"{path.name} takes pixels as {kind}; facesearch gives float32, float16 or uint8: "
            "export it with one of these",
        )
    shape = _shape(tensor)
    if shape is None or len(shape) != 4:
        found = "of no stated shape" if shape is None else f"of shape {_words(shape)}"
        raise InvalidModelFile(
            name,
            f"{path.name} takes an input {found}, which is no picture: a picture is "
            "(batch, 3, height, width) or (batch, height, width, 3)",
        )
    layout = _layout(name, path, shape)
    height, width = shape[1:3] if layout is Layout.NHWC else shape[2:]
    external = tuple(dict.fromkeys(_external(model)))
    missing = [where for where in external if not (path.parent / where).is_file()]
    if missing:
        raise InvalidModelFile(
            name,
            f"the weights of {path.name} lie in another file, {missing[0]}, which is not there: "
            "put it beside the model file, under the name it had when it was exported",
        )
    versions = [own.version for own in model.opset_import if own.domain in ("", "ai.onnx")]
    return OnnxFacts(
        picture=InputFacts(
            width_px=None if layout is None else width,
            height_px=None if layout is None else height,
            layout=layout,
            number=numbers[tensor.elem_type],
            normalises=_normalises(model.graph, picture.name),
        ),
        batch=shape[0],
        outputs=tuple(
            OutputFacts(output.name, _shape(output.type.tensor_type))
            for output in model.graph.output
        ),
        opset=max(versions, default=0),
        ir=model.ir_version,
        external=external,
    )


def read_model(name: str, path: Path) -> Any:
    """The file as `onnx` reads it, without weights that lie in other files.

    Raises:
        InvalidModelFile: it cannot be read, or is no whole ONNX file.
    """
    import onnx

    if path.is_dir():
        raise InvalidModelFile(name, f"{path} is a folder, and an ONNX model is one file")
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InvalidModelFile(name, f"there is no file {path}") from error
    except OSError as error:
        raise InvalidModelFile(name, f"cannot read {path}: {error.strerror or error}") from error
    if not data:
        raise InvalidModelFile(name, f"{path} is empty: download or export it again")
    for start, what in _OTHER_FORMATS.items():
        if data.startswith(start):
            raise InvalidModelFile(name, f"{path.name} is no ONNX file but {what}")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's own types, which differ between its versions
        raise InvalidModelFile(name, _not_whole(path)) from error
    if not model.graph.node or not model.graph.output:
        raise InvalidModelFile(name, _not_whole(path))
    return model


def _not_whole(path: Path) -> str:
    return f"{path.name} is no ONNX file, or only part of one: download or export it again"


def _picture(name: str, model: Any) -> Any:
    """The one input that has to be given."""
    weights = {tensor.name for tensor in model.graph.initializer}
    weights |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    inputs = [given for given in model.graph.input if given.name not in weights]
    if len(inputs) == 1:
        return inputs[0]
    if not inputs:
        raise InvalidModelFile(name, f"the model file of {name} takes no input, and so no faces")
    names = ", ".join(given.name for given in inputs)
    raise InvalidModelFile(
        name,
        f"the model file of {name} takes {len(inputs)} inputs ({names}), and facesearch has one to "
        "give, the picture: export it with the others as constants",
    )


def _layout(name: str, path: Path, shape: tuple[int | None, ...]) -> Layout | None:
    first, last = shape[1] == _COLOURS, shape[3] == _COLOURS
    if first and last:
        return None
    if first or last:
        return Layout.NCHW if first else Layout.NHWC
    if shape[1] is None or shape[3] is None:
        return None
    channels = min(shape[1], shape[3])
    raise InvalidModelFile(
        name,
        f"{path.name} takes pictures of shape {_words(shape)}, with {channels} channels if one of "
        "its dimensions is channels; facesearch gives 3, red, green and blue (--channels): export "
        "it for colour pictures without an alpha channel",
    )


def _shape(tensor: Any) -> tuple[int | None, ...] | None:
    if not tensor.HasField("shape"):
        return None
    return tuple(
        size.dim_value if size.HasField("dim_value") and size.dim_value > 0 else None
        for size in tensor.shape.dim
    )


def _words(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"


def _normalises(graph: Any, given: str) -> bool:
    """Whether what first changes the picture's numbers is arithmetic with a constant."""
    constant = {tensor.name for tensor in graph.initializer}
    constant |= {node.output[0] for node in graph.node if node.op_type == "Constant"}
    for node in graph.node:  # in the order of computation, as ONNX demands
        if given not in node.input:
            continue
        if node.op_type in _PASSES_ON:
            given = node.output[0]
            continue
        others = [name for name in node.input if name != given]
        return node.op_type in _NORMALISES and len(others) == 1 and others[0] in constant
    return False


def _external(model: Any) -> Iterator[str]:
    """Names of the files that hold weights of the main graph."""
    from onnx import TensorProto

    tensors = [
        *model.graph.initializer,
        *(own.t for node in model.graph.node for own in node.attribute if own.HasField("t")),
    ]
    for tensor in tensors:
        if tensor.data_location == TensorProto.EXTERNAL:
            yield from (entry.value for entry in tensor.external_data if entry.key == "location")
