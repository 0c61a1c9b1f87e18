"""A small builder of ONNX graphs, used when a network is rebuilt from a weight file.

In: layers, called in order. Out: the bytes of an ONNX model. Pictures enter as
uint8 (n, height, width, 3) and are cast and transposed inside the graph, so that
callers hand over what they have and a GPU gets a quarter of the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_OPSET = 13
_IR_VERSION = 8
_PICTURE_CHANNELS = 3
_BLOCK = 16


class GraphBuilder:
    """Adds one node per call and returns the name of its output."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, values: NDArray[Any]) -> str:
        """A weight, stored as it is."""
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Any ONNX operator with one output."""
        name = f"{kind.lower()}{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def pictures(self, name: str) -> str:
        """uint8 (n, h, w, 3) in, float32 (n, 3, h, w) with values 0..255 out."""
        numbers = self.node("Cast", [name], to=TensorProto.FLOAT)
        return self.node("Transpose", [numbers], perm=[0, 3, 1, 2])

    def conv(
        self,
        x: str,
        weights: NDArray[np.float32],
        bias: NDArray[np.float32],
        *,
        stride: int = 1,
        padding: int = 0,
        fill: bool = True,
    ) -> str:
        """A convolution; `weights` of shape (out, in, height, width).

        Unless `fill` is false, as for outputs of the network, channels are filled up with
        zeros to whole blocks: ONNX Runtime pools and adds in its blocked layout only where
        nothing is left over. What takes `x` next must expect that; the methods here do,
        where it has more channels than a picture.
        """
        out, channels = weights.shape[:2]
        if channels > _PICTURE_CHANNELS:
            filled = _whole_blocks(channels) - channels
            weights = np.pad(weights, [(0, 0), (0, filled), (0, 0), (0, 0)])
        missing = _whole_blocks(out) - out if fill else 0
        weights = np.pad(weights, [(0, missing), (0, 0), (0, 0), (0, 0)])
        return self.node(
            "Conv",
            [x, self.constant(weights), self.constant(np.pad(bias, (0, missing)))],
            kernel_shape=list(weights.shape[2:]),
            strides=[stride, stride],
            pads=[padding] * 4,
        )

    def scale(self, x: str, factors: NDArray[np.float32]) -> str:
        """Each channel times its factor.

        Written as a batch normalisation because ONNX Runtime computes that inside its
        blocked memory layout, which `PRelu` and `Mul` would leave and enter again.
        """
        factors = np.pad(factors, (0, _whole_blocks(len(factors)) - len(factors)))
        zeros, ones = np.zeros_like(factors), np.ones_like(factors)
        constants = [self.constant(values) for values in (factors, zeros, zeros, ones)]
        return self.node("BatchNormalization", [x, *constants], epsilon=0.0)

    def prelu(self, x: str, slopes: NDArray[np.float32]) -> str:
        """A parametric rectifier with one slope a channel, of shape (channels,).

        For a slope a <= 1, prelu(x) = x + relu((a - 1) x); for a > 1 it is
        x - relu((1 - a) x). Both stay in the blocked layout, which the operator `PRelu`
        would leave; docs/decisions/prelu-in-blocked-layout.md has the figures.
        """
        bent = self.node("Relu", [self.scale(x, _bend(slopes))])
        if (slopes > 1).any():
            bent = self.scale(bent, _sign(slopes))
        return self.node("Add", [bent, x])

    def conv_prelu_pool(
        self,
        x: str,
        weights: NDArray[np.float32],
        bias: NDArray[np.float32],
        slopes: NDArray[np.float32],
        **pool: Any,
    ) -> str:
        """Convolution, parametric rectifier, maximum over windows; rectified after pooling.

        Pooling first leaves a quarter of the numbers to rectify. That is the same
        where the rectifier rises; where its slope a is negative, the maximum of
        prelu(x) = max(x, a x) is the greater of the maxima of x and of a x, so
        those channels are computed a second time, times a.
        """
        falling = np.flatnonzero(slopes < 0)
        if _whole_blocks(len(slopes) + falling.size) > _whole_blocks(len(slopes)):
            x = self.prelu(self.conv(x, weights, bias), slopes)
            return self.node("MaxPool", [x], **pool)
        doubled = slopes[falling, None, None, None] * weights[falling]
        weights = np.concatenate([weights, doubled])
        bias = np.concatenate([bias, slopes[falling] * bias[falling]])
        both = self.node("MaxPool", [self.conv(x, weights, bias)], **pool)
        if falling.size == 0:
            return self.prelu(both, slopes)
        # kept + relu(bend @ both): for a falling channel, p + relu(q - p) = max(p, q).
        kept = np.eye(len(slopes), len(weights), dtype=np.float32)
        bend = kept * _bend(slopes)[:, None]
        bend[falling, falling] = -1.0
        bend[falling, len(slopes) + np.arange(falling.size)] = 1.0
        zeros = np.zeros(len(slopes), dtype=np.float32)
        bent = self.node("Relu", [self.conv(both, bend[:, :, None, None], zeros)])
        if (slopes > 1).any():
            bent = self.scale(bent, _sign(slopes))
        return self.node("Add", [bent, self.conv(both, kept[:, :, None, None], zeros)])

    def finish(
        self,
        input_name: str,
        input_shape: Sequence[int | str],
        outputs: dict[str, tuple[str, Sequence[int | str]]],
    ) -> bytes:
        """The model: one uint8 input, float32 outputs given as name -> (node output, shape)."""
        for public, (inner, _) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [inner], [public]))
        graph = helper.make_graph(
            self._nodes,
            self._name,
            [helper.make_tensor_value_info(input_name, TensorProto.UINT8, list(input_shape))],
            [
                helper.make_tensor_value_info(public, TensorProto.FLOAT, list(shape))
                for public, (_, shape) in outputs.items()
            ],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
        model.ir_version = _IR_VERSION
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())


def _whole_blocks(channels: int) -> int:
    """The number of channels that fills whole blocks."""
    return -(-channels // _BLOCK) * _BLOCK


def _bend(slopes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The factor inside the rectifier: never positive times a negative input's gain."""
    return np.where(slopes <= 1, slopes - 1, 1 - slopes).astype(np.float32)


def _sign(slopes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(slopes <= 1, 1, -1).astype(np.float32)
