"""dlib's face recognition ResNet-34, rebuilt for ONNX Runtime.

In: the chips of aligned faces, uint8 (n, views, 150, 150, 3) RGB. Out: embeddings,
float32 (n, 128), unit length. The weights are `dlib_face_recognition_resnet_model_v1.dat`
(Davis King, public domain, CC0), read from the package that carries them; a learned map of
ours comes after it.

The architecture is dlib's `anet_type`: a 7x7 convolution, then residual blocks of
two 3x3 convolutions in stages of 32, 64, 128, 256 and 256 channels, the average of
what is left, and one matrix. Each convolution is followed by a per-channel scale and
shift, which are folded into it here. Where a stage halves the picture its shortcut is
averaged 2x2 and gets zeros for the new channels; where block and shortcut differ in
size, the smaller one is padded with zeros at the bottom and right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from facesearch.errors import ModelError, WeightsDamaged
from facesearch.models.align import ChipTemplate
from facesearch.models.dlib_weights import CHIP_SIZE_PX, NAME, WEIGHTS
from facesearch.models.network_cache import cached_network
from facesearch.models.onnx import Runtime
from facesearch.models.projection import CrossedProjections, read_crossed, read_projection
from facesearch.models.weights import PackagedFile
from facesearch.values import ByteArray, FloatArray, Image, Landmarks

if TYPE_CHECKING:
    from facesearch.models.dlib_format import DlibLayer
    from facesearch.models.graph import GraphBuilder

Describe: TypeAlias = Callable[[ByteArray], FloatArray]

DIMENSION = 128

# Channels of each block and whether it halves the picture, in forward order.
BLOCKS = (
    *((32, False),) * 3,
    (64, True),
    *((64, False),) * 3,
    (128, True),
    *((128, False),) * 2,
    (256, True),
    *((256, False),) * 2,
    (256, True),
)
MEAN_RGB = np.array([122.782, 117.001, 104.298], dtype=np.float32)
SCALE = np.float32(256.0)
_BUILDER_VERSION = 1

# Where MTCNN's landmarks fall, in the median, in the chips this network was trained on,
# which dlib cut with its own five points; benchmarks/template.py derives them.
TEMPLATE = ChipTemplate(
    "five-point",
    CHIP_SIZE_PX,
    np.array(
        [[46.45, 44.53], [100.98, 44.53], [73.54, 77.14], [49.66, 104.27], [97.65, 104.37]],
        dtype=np.float32,
    ),
)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One chip of a face.

    Attributes:
        template: how it is cut.
        mirrored: whether left and right change places then.
    """

    template: ChipTemplate
    mirrored: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class DlibSetting:
    """How a face is looked at, and what is made of what the network says.

    Attributes:
        alignment: the last part of the space's name; where anything else in here changes,
            this has to.
        views: at least one, each a pass through the network.
        projection: the learned map at the end.
        crossed: what that map would have been without each of the ten sets of people of
            LFW's View 2; only evaluations on LFW need it.
    """

    alignment: str
    views: tuple[View, ...]
    projection: PackagedFile
    crossed: PackagedFile

    @property
    def space(self) -> str:
        """Weights, alignment and map."""
        return f"{NAME}@{WEIGHTS.sha256[:8]}:{self.alignment}"

    def unseen(self) -> CrossedProjections:
        """The maps that judge people of LFW without having seen them.

        Raises:
            WeightsMissing, WeightsDamaged: a file is absent or not the pinned one.
        """
        return read_crossed(self.projection, self.crossed, NAME)


_SMALLER, _LARGER = TEMPLATE.scaled(0.9), TEMPLATE.scaled(1.1)
# Both chosen by the ablations in docs/decisions/accuracy-settings.md.
FAST = DlibSetting(
    alignment="two-scales-l1",
    views=(View(TEMPLATE), View(_LARGER, mirrored=True)),
    projection=PackagedFile(
        package="facesearch",
        requirement="facesearch",
        path="models/projections/dlib-resnet34.npy",
        sha256="51fab828640df73e569d86beba9c4521fbaa226db5ba398c7424a209e570d58f",
    ),
    crossed=PackagedFile(
        package="facesearch",
        requirement="facesearch",
        path="models/projections/dlib-resnet34-crossed.npy",
        sha256="369fbcd4e5118af0634f2e605ce7d42f193fd0b9892d8f1b46762f6d3058db00",
    ),
)
BEST = DlibSetting(
    alignment="three-scales-mirror-l1",
    views=tuple(
        View(template, mirrored=mirrored)
        for template in (TEMPLATE, _SMALLER, _LARGER)
        for mirrored in (False, True)
    ),
    projection=PackagedFile(
        package="facesearch",
        requirement="facesearch",
        path="models/projections/dlib-resnet34-best.npy",
        sha256="f51610af045dd671bcd227e3ca8063c7a601a2e5b2ac7e69fe29c01e119eb08d",
    ),
    crossed=PackagedFile(
        package="facesearch",
        requirement="facesearch",
        path="models/projections/dlib-resnet34-best-crossed.npy",
        sha256="c2598bae1d040b46f900ba8f788f57010258029116948a9f1438c0f1d2731398",
    ),
)


class DlibEmbedder:
    """A network that describes chips as dlib's does, behind one of the settings.

    Safe to call from several threads at once, as long as `network` is.

    Args:
        network: dlib's network: chips, uint8 (n, 150, 150, 3) RGB with n at least 1, to
            descriptors, float32 (n, 128); raises ModelError where the chips are none.
        setting: `FAST`, the default embedder, or `BEST`.

    Raises:
        WeightsMissing, WeightsDamaged: the learned map is absent or not the pinned one.
    """

    dimension = DIMENSION

    def __init__(self, network: Describe, setting: DlibSetting = FAST) -> None:
        self._network = network
        self._views = setting.views
        self._templates = tuple(dict.fromkeys(view.template for view in setting.views))
        self.projection = read_projection(setting.projection, NAME, DIMENSION)
        self.space = setting.space
        self.template = setting.views[0].template
        self.views = len(setting.views)

    def describe(self, chips: ByteArray) -> FloatArray:
        """dlib's own descriptor: no mirroring, any length.

        Args:
            chips: uint8, shape (n, 150, 150, 3), RGB.

        Returns:
            float32, shape (n, 128).
        """
        if len(chips) == 0:
            return np.empty((0, DIMENSION), dtype=np.float32)
        return self._network(chips)

    def cut(self, image: Image, landmarks: Landmarks) -> ByteArray:
        """The chips of one face: uint8, shape (views, 150, 150, 3), RGB.

        Args:
            image: the photo, perhaps at reduced scale.
            landmarks: in pixels of the full-size photo.
        """
        cut = {template: template.cut(image, landmarks) for template in self._templates}
        chips = [(cut[view.template], view.mirrored) for view in self._views]
        return np.stack([chip[:, ::-1] if mirrored else chip for chip, mirrored in chips])

    def sum_views(self, chips: ByteArray) -> FloatArray:
        """The sum of dlib's descriptors of all chips of each face.

        Args:
            chips: uint8, shape (n, views, 150, 150, 3), RGB, as `cut` returns them.

        Returns:
            float32, shape (n, 128), of any length: what the learned map is given.

        Raises:
            ModelError: the chips have another shape or type.
        """
        if chips.ndim != 5 or chips.shape[1] != self.views:
            raise ModelError(
                NAME,
                f"{NAME} takes chips of shape (n, {self.views}, {CHIP_SIZE_PX}, {CHIP_SIZE_PX}, "
                f"3), not {chips.shape}: cut them with this embedder",
            )
        each = self.describe(chips.reshape(len(chips) * self.views, *chips.shape[2:]))
        total = each.reshape(len(chips), self.views, DIMENSION).sum(axis=1)
        return np.asarray(total, dtype=np.float32)

    def embed(self, chips: ByteArray) -> FloatArray:
        """Embeddings of faces; the chips of all go through the network together.

        Args:
            chips: uint8, shape (n, views, 150, 150, 3), RGB, as `cut` returns them.

        Returns:
            float32, shape (n, 128), rows of unit length.

        Raises:
            ModelError: the chips have another shape or type.
        """
        return self.projection.apply(self.sum_views(chips))


class DlibResNet(DlibEmbedder):
    """dlib's network under ONNX Runtime behind one of its settings.

    Args:
        runtime: device and threads the network runs with.
        setting: `FAST`, the default embedder, or `BEST`.

    Raises:
        WeightsMissing, WeightsDamaged: a weight file is absent or not the pinned one.
    """

    def __init__(self, runtime: Runtime, setting: DlibSetting = FAST) -> None:
        key = f"{NAME}-{WEIGHTS.sha256[:16]}-{_BUILDER_VERSION}"
        network = runtime.load(NAME, cached_network(key, build_network))
        super().__init__(lambda chips: network.run(chips)[0], setting)


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
    weights, bias = folded_convolution(layers, out=32, width=7, channels=3)
    # (x - mean) / 256 moved into the first convolution, which has no padding to disturb.
    weights = weights / SCALE
    bias = bias - np.einsum("oihw,i->o", weights, MEAN_RGB)
    x = graph.node("Relu", [graph.conv(graph.pictures("chips"), weights, bias, stride=2)])
    x = graph.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2])
    channels, side = 32, 35
    for out, halves in BLOCKS:
        x, side = _block(graph, layers, x, channels=channels, out=out, halves=halves, side=side)
        channels = out
    x = graph.node("Flatten", [graph.node("GlobalAveragePool", [x])])
    matrix = layer_parameters(layers, "fc_2").reshape(channels, DIMENSION)
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
    first = folded_convolution(layers, out=out, width=3, channels=channels)
    second = folded_convolution(layers, out=out, width=3, channels=out)
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


def folded_convolution(
    layers: Iterator[DlibLayer], *, out: int, width: int, channels: int
) -> tuple[FloatArray, FloatArray]:
    """The next convolution with the scale and shift that follow it.

    Args:
        layers: of the weight file, from that convolution on; the two are taken from it.
        out, width, channels: of its kernel.

    Returns:
        Weights, float32 (out, channels, width, width), and bias, float32 (out,).

    Raises:
        ValueError: other layers come next.
        StopIteration: none do.
    """
    convolution = layer_parameters(layers, "con_4")
    scale, shift = layer_parameters(layers, "affine_").reshape(2, out)
    weights = convolution[:-out].reshape(out, channels, width, width)
    return weights * scale[:, None, None, None], convolution[-out:] * scale + shift


def layer_parameters(layers: Iterator[DlibLayer], kind: str) -> FloatArray:
    """The parameters of the next layer, flat.

    Raises:
        ValueError: it is of another kind.
        StopIteration: there is none.
    """
    layer = next(layers)
    if layer.kind != kind:
        raise ValueError(f"found layer {layer.kind} where {kind} belongs")
    return layer.parameters
