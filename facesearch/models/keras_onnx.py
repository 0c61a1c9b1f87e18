"""The ONNX model of a network of Keras, preprocessing included.

In: a Keras model and what it is fed. Out: the bytes of a model that takes chips as they are,
uint8 RGB (n, side, side, 3), and gives what the network gives, float32 (n, dimension).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import ModelError
from facesearch.models.keras_local import few_operations
from facesearch.models.preprocessing import Channels, Number, Preprocessing
from facesearch.models.requirements import Requirement
from facesearch.models.tensorflow import started_tensorflow

TF2ONNX = Requirement("tf2onnx", "tf2onnx", "pip install 'facesearch[train]'")
OPSET = 15
_INPUT, _OUTPUT, _BATCH = "chips", "embeddings", "n"
# tf2onnx copies weights again and again and frees them at the end: more than 23 GB for
# DeepFace's network of 0.4 GB. Larger ones than this go around it.
_LARGE_BYTES = 1 << 20


def onnx_model(model: Any, preprocessing: Preprocessing, name: str) -> bytes:
    """The ONNX model of a network.

    Args:
        model: a Keras model with one input and one output, or what is called like one.
        preprocessing: what the network is fed; channels last.
        name: of the model, for messages.

    Raises:
        PackageMissing: tf2onnx is not installed.
        ModelError: tf2onnx cannot convert it.
    """
    TF2ONNX.check(name)
    import tf2onnx

    tf = started_tensorflow()
    side = preprocessing.side_px

    def forward(chips: Any) -> Any:
        return tf.cast(model(_fed(tf, chips, preprocessing), training=False), tf.float32)

    signature = [tf.TensorSpec((None, side, side, 3), tf.uint8, name=_INPUT)]
    traced = tf.function(forward, input_signature=signature, autograph=False)
    try:
        with _quiet("tf2onnx", "tensorflow"), tf.device("/CPU:0"):
            with few_operations(model):
                function = traced.get_concrete_function()
            taken, given = f"{_INPUT}:0", function.outputs[0].name
            graph = _with_weights(function)
            large = _large_weights_taken_out(tf, graph)
            proto, _ = tf2onnx.convert.from_graph_def(
                graph,
                name=name,
                input_names=[taken, *large],
                output_names=[given],
                opset=OPSET,
                tensors_to_rename={taken: _INPUT, given: _OUTPUT},
            )
        _put_back(proto.graph, large)
        for value in (*proto.graph.input, *proto.graph.output):
            value.type.tensor_type.shape.dim[0].dim_param = _BATCH
        return bytes(proto.SerializeToString())
    except Exception as error:  # TensorFlow and tf2onnx raise many unrelated types
        raise ModelError(
            name, f"tf2onnx cannot convert {name}: {error}. Run it with TensorFlow instead"
        ) from error


def _fed(tf: Any, chips: Any, preprocessing: Preprocessing) -> Any:
    """`Preprocessing.apply` in operations of TensorFlow."""
    side, height, width = preprocessing.side_px, preprocessing.height_px, preprocessing.width_px
    top, left = (side - height) // 2, (side - width) // 2
    pixels = chips[:, top : top + height, left : left + width]
    if preprocessing.number is not Number.UINT8:
        pixels = tf.cast(pixels, tf.float32)
        if preprocessing.standardise:
            mean = tf.reduce_mean(pixels, axis=(1, 2, 3), keepdims=True)
            deviation = tf.math.reduce_std(pixels, axis=(1, 2, 3), keepdims=True)
            # As in `Preprocessing`: a picture of one colour must not divide by 0.
            pixels = (pixels - mean) / tf.maximum(deviation, (3 * height * width) ** -0.5)
        else:
            pixels = (pixels - preprocessing.mean) * preprocessing.scale
    if preprocessing.channels is Channels.BGR:
        pixels = tf.gather(pixels, [2, 1, 0], axis=-1)
    return tf.cast(pixels, preprocessing.number.value)


def _with_weights(function: Any) -> Any:
    """The graph of a traced function, its weights in it as constants."""
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    frozen = convert_variables_to_constants_v2(
        function, lower_control_flow=False, aggressive_inlining=True
    )
    return frozen.graph.as_graph_def(add_shapes=True)


def _large_weights_taken_out(tf: Any, graph: Any) -> dict[str, NDArray[Any]]:
    """Turn the large constants of a graph into inputs; returns them by the inputs' names."""
    large = {}
    for node in graph.node:
        tensor = node.attr["value"].tensor if node.op == "Const" else None
        if tensor is None or len(tensor.tensor_content) < _LARGE_BYTES:
            continue
        large[f"{node.name}:0"] = tf.make_ndarray(tensor)
        node.op = "Placeholder"
        node.attr["shape"].shape.CopyFrom(tensor.tensor_shape)
        del node.attr["value"]
    return large


def _put_back(graph: Any, large: dict[str, NDArray[Any]]) -> None:
    """Turn these inputs of an ONNX graph into constants."""
    from onnx import numpy_helper

    kept = [value for value in graph.input if value.name not in large]
    del graph.input[:]
    graph.input.extend(kept)
    graph.initializer.extend(
        numpy_helper.from_array(np.ascontiguousarray(values), name)
        for name, values in large.items()
    )


@contextmanager
def _quiet(*loggers: str) -> Iterator[None]:
    """Hold back libraries' reports of their progress."""
    levels = {logging.getLogger(name): logging.getLogger(name).level for name in loggers}
    for logger in levels:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
