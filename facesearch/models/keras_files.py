"""Files that Keras writes: `.keras`, `.h5` and SavedModel folders, of Keras 2 and Keras 3.

In: a path. Out: the network in it, with its one input. Which Keras wrote a file is told by the
file, its format by its first bytes, never by its name.

A file's description is read first, as plain JSON, and nothing is built that `keras_safety`
refuses. A SavedModel is a graph of TensorFlow, whose operations can read and write files: as
with any program, take it from those you trust.
"""

from __future__ import annotations

import importlib
import json
import zipfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from facesearch.errors import EngineUnavailable, InvalidModelFile
from facesearch.models.keras_safety import refuse_code, unknown_layers, unknown_message
from facesearch.models.requirements import TF_KERAS, Requirement
from facesearch.models.tensorflow import started_tensorflow

_KERAS_3 = Requirement("keras", "Keras 3", "pip install 'keras>=3'")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_SAVED_MODEL_FILE = "saved_model.pb"


class KerasFormat(StrEnum):
    """How a Keras model lies on disk."""

    KERAS = "keras"
    H5 = "h5"
    SAVED_MODEL = "savedmodel"


@dataclass(frozen=True, slots=True, eq=False)
class KerasNetwork:
    """A network from a file.

    Attributes:
        format: of the file; None for a model that comes from none.
        version: of the Keras that wrote it, such as "2.15.0"; None where the file has none.
        model: a Keras model, or what is called like one.
        input_shape: of one picture: height, width, 3; None for sizes that are open.
        dtype: of the input, such as "float32".
        outputs: shape of each output without the batch, by name.
        layers: names in the order of the network; empty for a SavedModel.
    """

    format: KerasFormat | None
    version: str | None
    model: Any
    input_shape: tuple[int | None, int | None, int]
    dtype: str
    outputs: dict[str, tuple[int | None, ...]]
    layers: tuple[str, ...]


def load_keras(path: Path, name: str) -> KerasNetwork:
    """The network in a file or folder.

    Args:
        path: a .keras file, an .h5 file with the whole model, or a SavedModel folder.
        name: of the model, for messages.

    Raises:
        InvalidModelFile: no such file, not a network, damaged, weights only, with code in it,
            with layers that are not Keras's, or with another input than one picture of
            three channels, channels last.
        PackageMissing, EngineUnavailable: TensorFlow or the Keras it needs is not there.
    """
    found = format_of(path, name)
    if found is KerasFormat.SAVED_MODEL:
        return _saved_model(path, name)
    if found is KerasFormat.KERAS and path.suffix != ".keras":
        raise InvalidModelFile(
            name, f"{path.name} may be a .keras file: give it a name that ends in .keras"
        )
    version, description = _described(path, found, name)
    library = _library(version, name)
    refuse_code(description, name, library.saving.get_registered_object)
    try:
        model = library.models.load_model(str(path), compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many unrelated types
        why = f"{path.name} is damaged, or not what it says it is ({error}): save or copy it again"
        known = {*dir(library.layers), *dir(library.models), "Functional"}
        unknown = unknown_layers(description, known)
        if unknown and isinstance(error, TypeError | ValueError):
            why = unknown_message(name, unknown)
        raise InvalidModelFile(name, why) from error
    return network_of(model, name, found, version)


def network_of(
    model: Any,
    name: str,
    found: KerasFormat | None = None,
    version: str | None = None,
) -> KerasNetwork:
    """A Keras model with what it tells of itself.

    Args:
        model: of Keras 2 or 3.
        name: of the model, for messages.
        found, version: of the file it comes from; None where it comes from none.

    Raises:
        InvalidModelFile: it takes something else than one picture of three channels,
            channels last.
    """
    tf = started_tensorflow()
    if not getattr(model, "inputs", None):
        raise InvalidModelFile(name, f"{name} states no input: give it an Input layer")
    inputs = {tensor.name: tensor for tensor in model.inputs}
    shape, dtype = _one_picture(name, inputs, tf)
    # A Sequential of Keras 3 has one output, and no names of outputs.
    names = getattr(model, "output_names", None) or [model.layers[-1].name]
    outputs = {
        own: _sizes(tf, tensor.shape)[1:] for own, tensor in zip(names, model.outputs, strict=True)
    }
    layers = tuple(layer.name for layer in model.layers)
    return KerasNetwork(found, version, model, shape, dtype, outputs, layers)


def format_of(path: Path, name: str) -> KerasFormat:
    """How a model lies on disk, told by its first bytes.

    Raises:
        InvalidModelFile: it is none of Keras's formats, or cannot be read.
    """
    if path.is_dir():
        if (path / _SAVED_MODEL_FILE).is_file():
            return KerasFormat.SAVED_MODEL
        raise InvalidModelFile(
            name, f"{path} is a folder without {_SAVED_MODEL_FILE}, so no SavedModel"
        )
    try:
        with path.open("rb") as file:
            start = file.read(len(_HDF5))
    except OSError as error:
        raise InvalidModelFile(name, f"cannot read {path}: {error.strerror or error}") from error
    if start == _HDF5:
        return KerasFormat.H5
    if start.startswith(b"PK"):
        return KerasFormat.KERAS
    raise InvalidModelFile(
        name,
        f"{path.name} is no Keras model: it takes a .keras file, an .h5 file with the whole "
        "model, or a SavedModel folder",
    )


def _described(path: Path, found: KerasFormat, name: str) -> tuple[str, dict[str, Any]]:
    """Which Keras wrote a file, and its description of the network."""
    try:
        version, text = _texts(path) if found is KerasFormat.KERAS else _h5_texts(path)
        description = None if text is None else json.loads(text)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InvalidModelFile(
            name, f"{path.name} is damaged or cut off ({error}): save or copy it again"
        ) from error
    if not isinstance(description, dict):
        raise InvalidModelFile(
            name,
            f"{path.name} holds weights only, without the network they belong to: save the "
            "whole model with model.save('model.keras')",
        )
    return version, description


def _texts(path: Path) -> tuple[str, str]:
    with zipfile.ZipFile(path) as parts:
        metadata = json.loads(parts.read("metadata.json"))
        return str(metadata["keras_version"]), parts.read("config.json").decode()


def _h5_texts(path: Path) -> tuple[str, str | None]:
    import h5py

    with h5py.File(path, "r") as file:
        return str(file.attrs.get("keras_version", "2")), file.attrs.get("model_config")


def _library(version: str, name: str) -> Any:
    """The Keras that reads what a Keras of that version wrote."""
    started_tensorflow()
    if version.startswith(("1.", "2")):
        TF_KERAS.check(name)
        return importlib.import_module("tf_keras")
    _KERAS_3.check(name)
    keras: Any = importlib.import_module("keras")
    if not keras.__version__.startswith("3.") or keras.backend.backend() != "tensorflow":
        raise EngineUnavailable(
            name,
            f"{name} was written by Keras {version}, which has to run on TensorFlow here: run "
            "`pip install 'keras>=3'` and set KERAS_BACKEND=tensorflow",
        )
    return keras


def _one_picture(
    name: str, inputs: dict[str, Any], tf: Any
) -> tuple[tuple[int | None, int | None, int], str]:
    """The shape of a network's one input, without the batch, and its type."""
    if len(inputs) != 1:
        raise InvalidModelFile(
            name,
            f"{name} takes {len(inputs)} inputs ({', '.join(sorted(inputs))}), and an embedder "
            "takes one picture: save the part of it that turns one picture into one vector",
        )
    (tensor,) = inputs.values()
    batched = _sizes(tf, tensor.shape)
    if len(batched) != 4 or batched[3] != 3:
        raise InvalidModelFile(
            name,
            f"{name} takes input of shape {batched}, and an embedder takes colour "
            "pictures, channels last: (batch, height, width, 3)",
        )
    _, height, width, _ = batched
    dtype: str = tf.as_dtype(tensor.dtype).name
    return (height, width, 3), dtype


def _sizes(tf: Any, shape: Any) -> tuple[int | None, ...]:
    """A shape as numbers, None for what is open; nothing where even the rank is."""
    known = tf.TensorShape(shape)
    return () if known.rank is None else tuple(known.as_list())


class _Signature:
    """What a SavedModel offers to be called by, called like a Keras model."""

    def __init__(self, restored: Any, signature: Any, input_name: str) -> None:
        self._restored = restored  # its weights live as long as it does
        self._signature = signature
        self._input = input_name

    def __call__(self, pictures: Any, *, training: bool) -> Any:
        outputs = self._signature(**{self._input: pictures})
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs


def _saved_model(path: Path, name: str) -> KerasNetwork:
    tf = started_tensorflow()
    try:
        restored = tf.saved_model.load(str(path))
    except Exception as error:  # TensorFlow raises many unrelated types
        raise InvalidModelFile(
            name, f"the SavedModel {path} is damaged or cut off ({error}): save or copy it again"
        ) from error
    signature = restored.signatures.get("serving_default")
    if signature is None:
        raise InvalidModelFile(
            name,
            f"the SavedModel {path} has no signature 'serving_default' to be called by: save it "
            "with model.export(folder), or the model with model.save('model.keras')",
        )
    inputs = signature.structured_input_signature[1]
    shape, dtype = _one_picture(name, inputs, tf)
    outputs = {
        own: _sizes(tf, spec.shape)[1:] for own, spec in signature.structured_outputs.items()
    }
    network = _Signature(restored, signature, next(iter(inputs)))
    return KerasNetwork(KerasFormat.SAVED_MODEL, None, network, shape, dtype, outputs, ())
