"""dlib's face recognition ResNet-34, rebuilt for ONNX Runtime.

In: aligned chips, uint8 (n, 150, 150, 3) RGB. Out: embeddings, float32 (n, 128),
unit length. The weights are `dlib_face_recognition_resnet_model_v1.dat` (Davis King,
public domain, CC0), read from the package that carries them.

The architecture is dlib's `anet_type`: a 7x7 convolution, then residual blocks of
two 3x3 convolutions in stages of 32, 64, 128, 256 and 256 channels, the average of
what is left, and one matrix. Each convolution is followed by a per-channel scale and
shift, which are folded into it here. Where a stage halves the picture its shortcut is
averaged 2x2 and gets zeros for the new channels; where block and shortcut differ in
size, the smaller one is padded with zeros at the bottom and right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from facesearch.errors import WeightsDamaged
from facesearch.models.align import ChipTemplate
from facesearch.models.network_cache import cached_network
from facesearch.models.onnx import Network, Runtime
from facesearch.models.weights import PackagedFile
from facesearch.values import ByteArray, FloatArray

if TYPE_CHECKING:
    from facesearch.models.dlib_format import DlibLayer
    from facesearch.models.graph import GraphBuilder

NAME = "dlib-resnet34"
CHIP_SIZE_PX = 150
DIMENSION = 128
ALIGNMENT = "five-point-mirror"

WEIGHTS = PackagedFile(
    package="face_recognition_models",
    requirement="face-recognition-models==0.3.0",
    path="models/dlib_face_recognition_resnet_model_v1.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
)

# Channels of each block and whether it halves the picture, in forward order.
_BLOCKS = (
    *((32, False),) * 3,
    (64, True),
    *((64, False),) * 3,
    (128, True),
    *((128, False),) * 2,
    (256, True),
    *((256, False),) * 2,
    (256, True),
)
_MEAN_RGB = np.array([122.782, 117.001, 104.298], dtype=np.float32)
_SCALE = np.float32(256.0)
_BUILDER_VERSION = 1

# Where MTCNN's landmarks fall, in the median, in the chips this network was trained on,
# which dlib cut with its own five points; benchmarks/template.py derives them.
TEMPLATE = ChipTemplate(
    ALIGNMENT,
    CHIP_SIZE_PX,
    np.array(
        [[46.45, 44.53], [100.98, 44.53], [73.54, 77.14], [49.66, 104.27], [97.65, 104.37]],
        dtype=np.float32,
    ),
)


class DlibResNet:
    """The default embedder. Safe to call from several threads at once.

    Args:
        runtime: device and threads the network runs with.
    """

    space = f"{NAME}@{WEIGHTS.sha256[:8]}:{ALIGNMENT}"
    dimension = DIMENSION
    template = TEMPLATE

    def __init__(self, runtime: Runtime) -> None:
        key = f"{NAME}-{WEIGHTS.sha256[:16]}-{_BUILDER_VERSION}"
        self._network: Network = runtime.load(NAME, cached_network(key, build_network))

    def describe(self, chips: ByteArray) -> FloatArray:
        """dlib's own descriptor: no mirroring, any length.

        Args:
            chips: uint8, shape (n, 150, 150, 3), RGB.

        Returns:
            float32, shape (n, 128).
        """
        if len(chips) == 0:
            return np.empty((0, DIMENSION), dtype=np.float32)
        return self._network.run(chips)[0]

    def embed(self, chips: ByteArray) -> FloatArray:
        """Embeddings of aligned chips, each averaged with that of its mirror image.

        Args:
            chips: uint8, shape (n, 150, 150, 3), RGB, cut by `template`.

        Returns:
            float32, shape (n, 128), rows of unit length.
        """
        both = self.describe(np.concatenate([chips, chips[:, :, ::-1]]))
        mean = both[: len(chips)] + both[len(chips) :]
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), dtype=np.float32)


def build_network() -> bytes:
    """The ONNX model, from the packaged weights.

    Raises:
        WeightsMissing, WeightsDamaged: the weight file is absent or not the pinned one.
    """
    from facesearch.models.dlib_format import FormatError, read_layers
    from facesearch.models.graph import GraphBuilder

    data = WEIGHTS.read(NAME)
    try:
        layers = read_layers(data)
        graph = GraphBuilder(NAME)
        descriptor = _assemble(graph, layers)
    except (FormatError, StopIteration, ValueError) as error:
        raise WeightsDamaged(NAME, f"{WEIGHTS.path} does not hold {NAME}: {error}") from error
    return graph.finish(
        "chips",
        ["n", CHIP_SIZE_PX, CHIP_SIZE_PX, 3],
        {"descriptors": (descriptor, ["n", DIMENSION])},
    )


def _assemble(graph: GraphBuilder, layers: Iterator[DlibLayer]) -> str:
    weights, bias = _folded_convolution(layers, out=32, width=7, channels=3)
    # (x - mean) / 256 moved into the first convolution, which has no padding to disturb.
    weights = weights / _SCALE
    bias = bias - np.einsum("oihw,i->o", weights, _MEAN_RGB)
    x = graph.node("Relu", [graph.conv(graph.pictures("chips"), weights, bias, stride=2)])
    x = graph.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2])
    channels, side = 32, 35
    for out, halves in _BLOCKS:
        x, side = _block(graph, layers, x, channels=channels, out=out, halves=halves, side=side)
        channels = out
    x = graph.node("Flatten", [graph.node("GlobalAveragePool", [x])])
    matrix = _parameters(layers, "fc_2").reshape(channels, DIMENSION)
    return graph.node("MatMul", [x, graph.constant(matrix)])


def _block(
    graph: GraphBuilder,
    layers: Iterator[DlibLayer],
    x: str,
    *,
    channels: int,
    out: int,
    halves: bool,
    side: int,
) -> tuple[str, int]:
    """A residual block; returns its output and the side of its picture in pixels."""
    first = _folded_convolution(layers, out=out, width=3, channels=channels)
    second = _folded_convolution(layers, out=out, width=3, channels=out)
    if not halves:
        y = graph.node("Relu", [graph.conv(x, *first, padding=1)])
        y = graph.conv(y, *second, padding=1)
        return graph.node("Relu", [graph.node("Add", [y, x])]), side
    y = graph.node("Relu", [graph.conv(x, *first, stride=2)])
    y = graph.conv(y, *second, padding=1)
    # Average and zero channels as one convolution: unlike a pad of channels it keeps
    # the blocked memory layout that ONNX Runtime computes convolutions in.
    average = np.zeros((out, channels, 2, 2), dtype=np.float32)
    average[np.arange(channels), np.arange(channels)] = 0.25
    shortcut = graph.conv(x, average, np.zeros(out, dtype=np.float32), stride=2)
    block_side, shortcut_side = (side - 3) // 2 + 1, (side - 2) // 2 + 1
    missing = shortcut_side - block_side
    if missing:
        pads = graph.constant(np.array([0, 0, 0, 0, 0, 0, missing, missing], dtype=np.int64))
        y = graph.node("Pad", [y, pads], mode="constant")
    return graph.node("Relu", [graph.node("Add", [y, shortcut])]), shortcut_side


def _folded_convolution(
    layers: Iterator[DlibLayer], *, out: int, width: int, channels: int
) -> tuple[FloatArray, FloatArray]:
    """The next convolution with the scale and shift that follow it: weights and bias."""
    convolution = _parameters(layers, "con_4")
    scale, shift = _parameters(layers, "affine_").reshape(2, out)
    weights = convolution[:-out].reshape(out, channels, width, width)
    return weights * scale[:, None, None, None], convolution[-out:] * scale + shift


def _parameters(layers: Iterator[DlibLayer], kind: str) -> FloatArray:
    layer = next(layers)
    if layer.kind != kind:
        raise ValueError(f"found layer {layer.kind} where {kind} belongs")
    return layer.parameters
