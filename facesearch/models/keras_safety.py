"""What a Keras file may call when its network is built: Keras, and nothing else.

In: the description of a network, as its file holds it. Out: nothing, or an error.

A Keras file may hold Python code (Lambda layers), and may name any function of any module to
be imported and called; Keras 2 does that even in its safe mode. So a description is gone
through before it is used. What the program around us has registered with Keras may be called.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from facesearch.errors import InvalidModelFile

_CODE = ("Lambda", "__lambda__")
# Layers that bring a program of their own from elsewhere.
_FOREIGN = ("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
# The parts of Keras that networks are described with; others, such as its utilities, download
# and unpack files.
_PARTS = re.compile(
    r"(tf_)?keras(\.src)?(\.(layers|models|engine|initializers|regularizers|constraints"
    r"|activations|dtype_policies|mixed_precision|ops|quantizers)(\.\w+)*)?"
)
# Functions of TensorFlow in a network, as Keras 2 writes `x * 2` or `tf.reshape(x, ...)`.
_OPERATION = re.compile(
    r"(compat\.v1\.)?((math|nn|linalg|image|__operators__)\.\w+|cast|clip_by_value|concat"
    r"|expand_dims|gather|identity|ones_like|pad|repeat|reshape|reverse|shape|slice|split"
    r"|squeeze|stack|strided_slice|tile|transpose|unstack|where|zeros_like)"
)


def refuse_code(
    description: dict[str, Any], name: str, registered: Callable[[str], object | None]
) -> None:
    """Check that building a network calls nothing but Keras and what is registered there.

    Args:
        description: of the network, as its file holds it.
        name: of the model, for messages.
        registered: what is registered with Keras under a name; None where nothing is.

    Raises:
        InvalidModelFile: it would run code from the file, or call something else.
    """
    for part in _parts_of(description):
        kind, config = str(part["class_name"]), part.get("config")
        own_name = str(part.get("registered_name") or kind)
        if kind in _CODE:
            layer = config.get("name", "") if isinstance(config, dict) else ""
            raise InvalidModelFile(
                name,
                f"{name} holds Python code (a Lambda layer, {layer!r}), which is never run from "
                "a file: build it with Keras's own layers, or export it to ONNX where it was "
                "trained",
            )
        if kind.endswith("OpLambda"):
            _check_operation(config, name)
        elif registered(own_name) is None and not _is_keras(part, kind, config):
            raise InvalidModelFile(name, unknown_message(name, [own_name]))


def _parts_of(described: object) -> Iterator[dict[str, Any]]:
    """Everything in a description that has a class, however deep."""
    if isinstance(described, dict):
        if isinstance(described.get("class_name"), str):
            yield described
        inner: Any = described.values()
    else:
        inner = described if isinstance(described, list) else ()
    for value in inner:
        yield from _parts_of(value)


def _is_keras(part: dict[str, Any], kind: str, config: object) -> bool:
    module = part.get("module")
    if kind in _FOREIGN:
        return False
    if module is None:  # looked up among Keras's classes only
        return True
    if module == "builtins":  # Keras's name for its own functions
        return kind == "function" and not hasattr(builtins, str(config))
    return isinstance(module, str) and _PARTS.fullmatch(module) is not None


def _check_operation(config: object, name: str) -> None:
    operation = config.get("function") if isinstance(config, dict) else None
    if not isinstance(operation, str) or _OPERATION.fullmatch(operation) is None:
        raise InvalidModelFile(
            name,
            f"{name} calls tf.{operation}, which is not among the functions that networks are "
            "made of here: build it with Keras's own layers, or export it to ONNX where it was "
            "trained",
        )


def unknown_layers(description: dict[str, Any], known: Collection[str]) -> list[str]:
    """The kinds of layers in a description that are not among those known, each once."""
    kinds = [
        str(layer["class_name"])
        for part in _parts_of(description)
        if isinstance(part.get("config"), dict)
        for layer in part["config"].get("layers", ())
    ]
    return [k for k in dict.fromkeys(kinds) if k not in known and not k.endswith("OpLambda")]


def unknown_message(name: str, layers: list[str]) -> str:
    """What to do about layers that are not Keras's."""
    return (
        f"{name} has layers that are not Keras's: {', '.join(layers)}. Register them first "
        "(keras.saving.register_keras_serializable), or export it to ONNX where it was trained"
    )
