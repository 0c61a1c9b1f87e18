"""dlib's face recognition ResNet-34 in Keras, with its true weights, to train on.

In: pixels of aligned faces, 0..255, (n, 150, 150, 3) RGB. Out: dlib's descriptors, (n, 128), of
any length. The same network as `facesearch.models.dlib_resnet`, in layers of Keras only.

dlib has no batch normalisation: after each convolution comes a scale and a shift of every
channel, without statistics. They are multiplied into the convolution, so there is nothing
here that behaves otherwise in training than in use.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from facesearch.errors import WeightsDamaged
from facesearch.models.dlib_format import DlibLayer, FormatError, read_layers
from facesearch.models.dlib_resnet import (
    BLOCKS,
    DIMENSION,
    MEAN_RGB,
    SCALE,
    folded_convolution,
    layer_parameters,
)
from facesearch.models.dlib_weights import NAME, WEIGHTS
from facesearch.models.tensorflow import started_tensorflow

DESCRIPTOR = "descriptor"
"""Name of the last layer."""


def descriptors(pixels: Any) -> Any:
    """The network, all of it frozen, on a tensor of Keras: pixels in, descriptors out.

    Raises:
        WeightsMissing, WeightsDamaged: the weight file is absent or not the pinned one.
        PackageMissing, EngineUnavailable: TensorFlow or Keras is not there.
    """
    started_tensorflow()
    data = WEIGHTS.read(NAME)
    try:
        return _assembled(pixels, read_layers(data))
    except (FormatError, StopIteration, ValueError) as error:
        raise WeightsDamaged(NAME, f"{WEIGHTS.path} does not hold {NAME}: {error}") from error


def block_layers(last: int) -> tuple[str, ...]:
    """Names of the layers with weights in the last so many residual blocks."""
    first = len(BLOCKS) - last + 1
    numbers = range(first, len(BLOCKS) + 1)
    return tuple(f"block_{number}_conv_{which}" for number in numbers for which in (1, 2))


def _assembled(pixels: Any, reading: Iterator[DlibLayer]) -> Any:
    import tf_keras

    layers = tf_keras.layers
    scale = 1 / float(SCALE)
    x = layers.Rescaling(scale, [-float(mean) * scale for mean in MEAN_RGB], name="centred")(pixels)
    x = _convolved(x, reading, "stem_conv", out=32, width=7, channels=3, stride=2)
    x = layers.ReLU(name="stem_relu")(x)
    x = layers.MaxPooling2D(3, 2, name="stem_pool")(x)
    channels = 32
    for number, (out, halves) in enumerate(BLOCKS, 1):
        x = _block(x, reading, f"block_{number}", channels=channels, out=out, halves=halves)
        channels = out
    x = layers.GlobalAveragePooling2D(name="average")(x)
    matrix = layer_parameters(reading, "fc_2").reshape(channels, DIMENSION)
    last = layers.Dense(DIMENSION, use_bias=False, trainable=False, name=DESCRIPTOR)
    found = last(x)
    last.set_weights([matrix])
    return found


def _block(
    x: Any, reading: Iterator[DlibLayer], name: str, *, channels: int, out: int, halves: bool
) -> Any:
    import tf_keras

    layers = tf_keras.layers
    y = _convolved(
        x,
        reading,
        f"{name}_conv_1",
        out=out,
        width=3,
        channels=channels,
        stride=2 if halves else 1,
        same=not halves,
    )
    y = layers.ReLU(name=f"{name}_relu_1")(y)
    y = _convolved(y, reading, f"{name}_conv_2", out=out, width=3, channels=out, same=True)
    if halves:
        x = _halved(x, f"{name}_shortcut", channels=channels, out=out)
        missing = x.shape[1] - y.shape[1]
        if missing:
            y = layers.ZeroPadding2D(((0, missing), (0, missing)), name=f"{name}_padded")(y)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_sum")([y, x]))


def _convolved(
    x: Any,
    reading: Iterator[DlibLayer],
    name: str,
    *,
    out: int,
    width: int,
    channels: int,
    stride: int = 1,
    same: bool = False,
) -> Any:
    import tf_keras

    weights, bias = folded_convolution(reading, out=out, width=width, channels=channels)
    layer = tf_keras.layers.Conv2D(
        out, width, stride, padding="same" if same else "valid", trainable=False, name=name
    )
    found = layer(x)
    layer.set_weights([weights.transpose(2, 3, 1, 0), bias])
    return found


def _halved(x: Any, name: str, *, channels: int, out: int) -> Any:
    """The average of 2x2 places, and zeros for new channels, as a convolution: Keras has no
    layer that adds channels of zeros."""
    import tf_keras

    average = np.zeros((2, 2, channels, out), np.float32)
    average[:, :, np.arange(channels), np.arange(channels)] = 0.25
    layer = tf_keras.layers.Conv2D(out, 2, 2, use_bias=False, trainable=False, name=name)
    found = layer(x)
    layer.set_weights([average])
    return found
