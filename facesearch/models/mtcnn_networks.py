"""The three networks of MTCNN, rebuilt for ONNX Runtime from the package `mtcnn`.

In: verified weight files. Out: ONNX bytes. Weights by Iván de Paz Centeno (MIT),
after Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded
Convolutional Networks", 2016. All take uint8 RGB pictures; (x - 127.5) / 128 is
folded into the first convolution, none of which pads. The two classes of a softmax
become one logit, their difference: thresholds need no more.
"""

from __future__ import annotations

import io
from typing import TypeAlias

import numpy as np

from facesearch.errors import WeightsDamaged
from facesearch.models.graph import GraphBuilder
from facesearch.models.mtcnn_stages import NAME, WEIGHTS, Stage
from facesearch.values import FloatArray

_Weights: TypeAlias = list[FloatArray]


def build(stage: Stage) -> bytes:
    """The ONNX model of one stage.

    Raises:
        WeightsMissing, WeightsDamaged: the weight file is absent or not the pinned one.
    """
    import joblib

    # The file is a pickle: it is read only after its digest was found right.
    data = WEIGHTS[stage].read(NAME)
    try:
        weights: _Weights = [np.asarray(w, np.float32) for w in joblib.load(io.BytesIO(data))]
        return {Stage.PROPOSE: _pnet, Stage.REFINE: _rnet, Stage.OUTPUT: _onet}[stage](weights)
    except (ValueError, IndexError, TypeError) as error:
        raise WeightsDamaged(
            NAME, f"{WEIGHTS[stage].path} does not hold the {stage} of MTCNN: {error}"
        ) from error


def _pnet(weights: _Weights) -> bytes:
    """Any picture in; out (n, 5, rows, columns): logit and four offsets per 12-pixel cell."""
    conv1, conv2, conv3 = (_convolution(weights, at) for at in (0, 3, 6))
    g = GraphBuilder("pnet")
    x = g.conv_prelu_pool(
        g.pictures("pictures"),
        *_normalising(*conv1[:2]),
        conv1[2],
        kernel_shape=[2, 2],
        strides=[2, 2],
        auto_pad="SAME_UPPER",
    )
    x = g.prelu(g.conv(x, *conv2[:2]), conv2[2])
    x = g.conv(x, *conv3[:2])
    # The heads are linear, so head(prelu(x)) = head_a(x) + head_b(relu(x)) with
    # a = slope and b = 1 - slope: no pass over the widest layer only to bend it.
    kernel = np.concatenate([_difference(_kernel(weights[11])), _kernel(weights[9])])
    bias = np.concatenate([_difference(weights[12]), weights[10]])
    slopes = conv3[2][None, :, None, None]
    linear = g.conv(x, kernel * slopes, bias, fill=False)
    bent = g.conv(g.node("Relu", [x]), kernel * (1 - slopes), np.zeros_like(bias), fill=False)
    return g.finish(
        "pictures",
        ["n", "height", "width", 3],
        {"cells": (g.node("Add", [linear, bent]), ["n", 5, "rows", "columns"])},
    )


def _rnet(weights: _Weights) -> bytes:
    """24-pixel pictures in; out (n, 5): logit and four box offsets."""
    conv1, conv2, conv3 = (_convolution(weights, at) for at in (0, 3, 6))
    g = GraphBuilder("rnet")
    x = g.conv_prelu_pool(
        g.pictures("pictures"), *_normalising(*conv1[:2]), conv1[2],
        kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER",
    )  # fmt: skip
    x = g.conv_prelu_pool(x, *conv2, kernel_shape=[3, 3], strides=[2, 2])
    x = g.prelu(g.conv(x, *conv3[:2]), conv3[2])
    x = _dense_prelu(g, x, weights[9:12], side=3)
    out = _dense(
        g,
        x,
        np.concatenate([_difference(weights[14].T), weights[12].T]).T,
        np.concatenate([_difference(weights[15]), weights[13]]),
    )
    return g.finish("pictures", ["n", 24, 24, 3], {"faces": (out, ["n", 5])})


def _onet(weights: _Weights) -> bytes:
    """48-pixel pictures in; out (n, 15): logit, four offsets, five x, five y."""
    conv1, conv2, conv3, conv4 = (_convolution(weights, at) for at in (0, 3, 6, 9))
    g = GraphBuilder("onet")
    x = g.conv_prelu_pool(
        g.pictures("pictures"), *_normalising(*conv1[:2]), conv1[2],
        kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER",
    )  # fmt: skip
    x = g.conv_prelu_pool(x, *conv2, kernel_shape=[3, 3], strides=[2, 2])
    x = g.conv_prelu_pool(
        x, *conv3, kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER"
    )  # fmt: skip
    x = g.prelu(g.conv(x, *conv4[:2]), conv4[2])
    x = _dense_prelu(g, x, weights[12:15], side=3)
    out = _dense(
        g,
        x,
        np.concatenate([_difference(weights[19].T), weights[15].T, weights[17].T]).T,
        np.concatenate([_difference(weights[20]), weights[16], weights[18]]),
    )
    return g.finish("pictures", ["n", 48, 48, 3], {"faces": (out, ["n", 15])})


def _kernel(weights: FloatArray) -> FloatArray:
    """Keras' (height, width, in, out) as ONNX's (out, in, height, width)."""
    return np.ascontiguousarray(weights.transpose(3, 2, 0, 1))


def _convolution(weights: _Weights, at: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Kernel, bias and rectifier slopes of the convolution whose arrays start at `at`."""
    return _kernel(weights[at]), weights[at + 1], weights[at + 2].reshape(-1)


def _normalising(kernel: FloatArray, bias: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The convolution that does (x - 127.5) / 128 on its way."""
    shift = kernel.sum(axis=(1, 2, 3)) * np.float32(127.5 / 128)
    return np.asarray(kernel / 128, np.float32), np.asarray(bias - shift, np.float32)


def _difference(pair: FloatArray) -> FloatArray:
    """From the two classes' weights (first axis) those of the logit of "face"."""
    return pair[1:2] - pair[0:1]


def _dense(g: GraphBuilder, x: str, matrix: FloatArray, bias: FloatArray) -> str:
    return g.node("Gemm", [x, g.constant(matrix), g.constant(bias)])


def _dense_prelu(g: GraphBuilder, x: str, weights: _Weights, *, side: int) -> str:
    """Flatten, dense layer, rectifier.

    The originals were trained on transposed pictures, so the package swaps rows and
    columns before it flattens. Here the matrix takes its rows in the order in which
    (channels, height, width) lie in memory, which saves the transposition.
    """
    matrix, bias, slopes = weights
    by_position = matrix.reshape(side, side, -1, len(bias))  # width, height, channels, out
    in_memory = by_position.transpose(2, 1, 0, 3).reshape(matrix.shape)
    dense = _dense(g, g.node("Flatten", [x]), in_memory, bias)
    return g.node("PRelu", [dense, g.constant(slopes)])
