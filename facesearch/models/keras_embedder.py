"""Any network of Keras as an embedder, from the file that training left.

In: the chips of aligned faces, uint8 RGB. Out: embeddings of unit length. What the network
is fed is a `Preprocessing`, where the face lies in the chip a `ChipTemplate`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facesearch.errors import InvalidModelFile, ModelError
from facesearch.models.align import ChipTemplate
from facesearch.models.base import Device
from facesearch.models.chip_embedder import ChipEmbedder
from facesearch.models.keras_files import KerasFormat, KerasNetwork, load_keras
from facesearch.models.preprocessing import Layout, Preprocessing
from facesearch.models.tensorflow import TensorFlowRuntime
from facesearch.values import ByteArray, FloatArray

# What a network of open size is tried with; large enough for any that halves five times.
_TRIED_PX = 160
_SUM_OF_SHARES = 1e-3


@dataclass(frozen=True, slots=True)
class KerasFacts:
    """What a Keras file tells of the network in it.

    Attributes:
        format: of the file.
        version: of the Keras that wrote it; None where the file does not say.
        input_shape: height, width, 3; None for sizes that are open.
        dtype: of the input, such as "float32".
        dimension: numbers that it gives for a picture; None where it gives no single vector
            until one of `outputs` or `layers` is named as the output.
        outputs: names of its outputs.
        layers: names of its layers in order; none for a SavedModel.
        is_classifier: whether it ends in a softmax: its numbers are shares of the people
            it was trained on, not an embedding.
        embedding_layer: for a classifier, the last layer before the classes; name it as the
            output. None where there is none to name.
    """

    format: KerasFormat | None
    version: str | None
    input_shape: tuple[int | None, int | None, int]
    dtype: str
    dimension: int | None
    outputs: tuple[str, ...]
    layers: tuple[str, ...]
    is_classifier: bool
    embedding_layer: str | None


def inspect_keras(path: Path, *, name: str | None = None) -> KerasFacts:
    """What a Keras file tells of the network in it. Runs the network once, on noise.

    Args:
        path: a .keras file, an .h5 file with the whole model, or a SavedModel folder.
        name: of the model, for messages; the file's name where it has none yet.

    Raises:
        InvalidModelFile: it cannot serve as an embedder; see `load_keras`.
        PackageMissing, EngineUnavailable: TensorFlow or the Keras it needs is not there.
    """
    called = path.name if name is None else name
    runtime = TensorFlowRuntime.on(Device.CPU)
    with runtime.placed():
        network = load_keras(path, called)
    shapes = tuple(network.outputs.values())
    dimension = shapes[0][0] if len(shapes) == 1 and len(shapes[0]) == 1 else None
    is_classifier = dimension is not None and _gives_shares(runtime, network, called)
    return KerasFacts(
        format=network.format,
        version=network.version,
        input_shape=network.input_shape,
        dtype=network.dtype,
        dimension=dimension,
        outputs=tuple(network.outputs),
        layers=network.layers,
        is_classifier=is_classifier,
        embedding_layer=_layer_before_classes(network.model) if is_classifier else None,
    )


class KerasEmbedder(ChipEmbedder):
    """A network of Keras that turns a chip into a vector. Safe to call from several threads.

    Args:
        runtime: device and precision the network runs with.
        path: a .keras file, an .h5 file with the whole model, or a SavedModel folder.
        name: what users call it, for messages.
        preprocessing: what the network is fed; channels last.
        template: where a face lies in the chips; as large as `preprocessing.side_px`.
        space: name of what the embeddings are in.
        dimension: length of an embedding; None to take what the network gives.
        output: name of the output or layer to take; None where the network has one output.

    Raises:
        InvalidModelFile: the file cannot serve as this embedder; says why.
        ModelError: preprocessing, template and network do not fit together.
        PackageMissing, EngineUnavailable: TensorFlow or the Keras it needs is not there.
    """

    def __init__(
        self,
        runtime: TensorFlowRuntime,
        path: Path,
        *,
        name: str,
        preprocessing: Preprocessing,
        template: ChipTemplate,
        space: str,
        dimension: int | None,
        output: str | None = None,
    ) -> None:
        super().__init__(name=name, preprocessing=preprocessing, template=template, space=space)
        with runtime.placed():
            network = load_keras(path, name)
            model, found = with_output(network, output, name)
        check_fed(network, preprocessing, name)
        if dimension not in (None, found):
            raise InvalidModelFile(
                name, f"{name} gives {found} numbers a face, not {dimension} as was stated"
            )
        shape = (preprocessing.height_px, preprocessing.width_px, 3)
        self._run = runtime.compiled(model, shape, name=name, dtype=network.dtype)
        self.dimension = found

    def describe(self, chips: ByteArray) -> FloatArray:
        """What the network says, of any length.

        Args:
            chips: uint8 RGB, shape (n, side, side, 3).

        Returns:
            float32, shape (n, dimension).

        Raises:
            ModelError: the run fails, for instance for lack of memory.
            InvalidValue: the chips have another shape or type.
        """
        return self._run(self._fed.apply(chips))


def with_output(network: KerasNetwork, output: str | None, name: str) -> tuple[Any, int]:
    """A network that ends in one of its outputs or layers, and how many numbers that gives.

    Args:
        output: name of the output or layer; None where the network has one output.
        name: of the model, for messages.

    Raises:
        InvalidModelFile: there is none of that name, or several to choose from, or it does
            not give one vector a picture.
    """
    chosen = output
    if chosen is None:
        if len(network.outputs) > 1:
            raise InvalidModelFile(
                name,
                f"{name} has {len(network.outputs)} outputs ({', '.join(network.outputs)}): name "
                "the one that is the embedding",
            )
        (chosen,) = network.outputs
    if chosen in network.outputs:
        shape, model = network.outputs[chosen], _taking(network, chosen)
    elif chosen in network.layers:
        tensor = network.model.get_layer(chosen).output
        shape, model = tuple(tensor.shape)[1:], _ending_in(network.model, tensor)
    else:
        names = ", ".join(dict.fromkeys((*network.outputs, *network.layers)))
        raise InvalidModelFile(name, f"{name} has no output or layer {chosen!r}, only: {names}")
    if len(shape) != 1 or shape[0] is None:
        raise InvalidModelFile(
            name,
            f"{chosen!r} of {name} gives numbers of shape {shape} a picture, and an embedding is "
            "one vector: name the layer that gives it as the output",
        )
    return model, shape[0]


def check_fed(network: KerasNetwork, preprocessing: Preprocessing, name: str) -> None:
    """Check that a network takes what a preprocessing makes.

    Raises:
        ModelError: it takes another size, layout or number type.
    """
    if preprocessing.layout is not Layout.NHWC:
        raise ModelError(name, f"{name} takes channels last: state the layout {Layout.NHWC}")
    made = (preprocessing.height_px, preprocessing.width_px)
    taken = network.input_shape[:2]
    if any(own not in (None, size) for own, size in zip(taken, made, strict=True)):
        height, width = ("any" if size is None else size for size in taken)
        raise ModelError(
            name,
            f"{name} takes pictures {width} x {height} px (width x height), not "
            f"{made[1]} x {made[0]} px: state its own size",
        )
    if preprocessing.number.value != network.dtype:
        raise ModelError(
            name,
            f"{name} takes {network.dtype}, not {preprocessing.number}: state its own type of "
            "numbers, or save it with an input of float32",
        )


def _taking(network: KerasNetwork, output: str) -> Any:
    """A network that gives one of its outputs."""
    if len(network.outputs) == 1:
        return network.model
    if network.format is KerasFormat.SAVED_MODEL:
        return lambda pictures, training: network.model(pictures, training=training)[output]
    position = tuple(network.outputs).index(output)
    return _ending_in(network.model, network.model.outputs[position])


def _ending_in(model: Any, tensor: Any) -> Any:
    """A model from the same input to a tensor inside it, of the same Keras."""
    kind = sys.modules[type(model).__module__.partition(".")[0]].Model
    return kind(model.inputs, tensor)


def _gives_shares(runtime: TensorFlowRuntime, network: KerasNetwork, name: str) -> bool:
    """Whether what a network gives for noise adds up to 1, as after a softmax."""
    height, width, channels = (size or _TRIED_PX for size in network.input_shape)
    run = runtime.compiled(network.model, (height, width, channels), name=name, dtype=network.dtype)
    pictures = np.random.default_rng(0).random((2, height, width, channels), np.float32)
    found = run(pictures.astype(network.dtype))
    sums = found.sum(axis=1)
    return bool(
        found.shape[1] > 1 and (found >= 0).all() and (abs(sums - 1) < _SUM_OF_SHARES).all()
    )


def _layer_before_classes(model: Any) -> str | None:
    """The last layer that gives a vector, before the one that turns it into classes."""
    layers = list(getattr(model, "layers", ()))
    with_weights = [at for at, layer in enumerate(layers) if layer.weights]
    before = layers[: with_weights[-1]] if with_weights else []
    vectors = [
        layer.name
        for layer in before
        if type(layer).__name__ != "Dropout" and len(getattr(layer.output, "shape", ())) == 2
    ]
    return vectors[-1] if vectors else None
