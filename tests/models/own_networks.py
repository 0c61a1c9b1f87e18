"""ONNX files as people bring them, made of few nodes or of the default network.

In: what a file shall be like. Out: its bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from facesearch.models.dlib_resnet import build_network
from facesearch.models.heads import Head

FLOAT, HALF, BYTE = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8
Shape = Sequence[int | str | None]


def saved(
    nodes: Sequence[Any],
    inputs: dict[str, Shape],
    outputs: dict[str, Shape | None],
    constants: dict[str, np.ndarray] | None = None,
    *,
    number: int = FLOAT,
    output_number: int = FLOAT,
    opset: int = 13,
) -> bytes:
    """An ONNX file of these nodes."""
    graph = helper.make_graph(
        nodes,
        "own",
        [helper.make_tensor_value_info(name, number, shape) for name, shape in inputs.items()],
        [
            helper.make_tensor_value_info(name, output_number, shape)
            for name, shape in outputs.items()
        ],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def tiny(
    shape: Shape = ("n", 3, 32, 32),
    *,
    number: int = FLOAT,
    output: Shape | None = ("n", 3),
    output_number: int = FLOAT,
    opset: int = 13,
) -> bytes:
    """The mean of each channel: an embedder of three numbers, (n, 3, h, w) in."""
    given = "pixels" if number == output_number else "numbers"
    nodes = [
        helper.make_node("Cast", ["pixels"], ["numbers"], to=output_number),
        helper.make_node("GlobalAveragePool", [given], ["means"]),
        helper.make_node("Flatten", ["means"], ["embedding"]),
    ]
    return saved(
        nodes if given == "numbers" else nodes[1:],
        {"pixels": shape},
        {"embedding": output},
        number=number,
        output_number=output_number,
        opset=opset,
    )


def default_network(
    *,
    batch: int | str = "n",
    side: int | str = 150,
    mean: float = 127.5,
    scale: float = 1 / 127.5,
    number: int = FLOAT,
    opset: int = 13,
) -> bytes:
    """dlib's network for (pixel - mean) * scale, (n, 3, side, side) in, (n, 128) out."""
    model = onnx.load_model_from_string(build_network())
    graph = model.graph
    (first,) = (node for node in graph.node if graph.input[0].name in node.input)
    pixels = graph.input[0].name
    # A 1 x 1 convolution undoes mean and scale, as no file that normalises begins.
    undo = np.eye(3, dtype=np.float32)[:, :, None, None] / np.float32(scale)
    graph.initializer.extend(
        [
            numpy_helper.from_array(undo, "undo"),
            numpy_helper.from_array(np.full(3, mean, np.float32), "mean"),
        ]
    )
    before = [
        helper.make_node("Cast", ["picture"], ["float"], to=FLOAT),
        helper.make_node("Conv", ["float", "undo", "mean"], ["planes"]),
        helper.make_node("Transpose", ["planes"], ["undone"], perm=[0, 2, 3, 1]),
    ]
    first.input[list(first.input).index(pixels)] = "undone"
    nodes = [*before, *graph.node]
    del graph.node[:], graph.input[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.input.append(helper.make_tensor_value_info("picture", number, [batch, 3, side, side]))
    graph.output[0].type.tensor_type.shape.dim[0].Clear()
    if isinstance(batch, int):
        graph.output[0].type.tensor_type.shape.dim[0].dim_value = batch
    else:
        graph.output[0].type.tensor_type.shape.dim[0].dim_param = batch
    model.opset_import[0].version = opset
    return model.SerializeToString()


def square_finder(head: Head, width: int = 64, height: int = 64) -> bytes:
    """A detector of white squares of 8 x 8 px that lie on the grid of stride 8.

    Its boxes are 16 px wide, around the middle of the square (of `SCRFD` and `YUNET`: around
    its upper left corner), and its landmarks lie at `SQUARE_POINTS` from there.
    """
    return _FINDERS[head](width, height)


SQUARE_POINTS = np.array([[-4, -4], [4, -4], [0, 0], [-4, 4], [4, 4]], np.float32)


def _shape_node(source: str, target: str, shape: str) -> Any:
    return helper.make_node("Reshape", [source, shape], [target])


def _whiteness(black: float, white: float) -> tuple[list[Any], dict[str, np.ndarray]]:
    """Nodes that give 0 to black and 1 to white cells of stride 8: (1, 1, h / 8, w / 8)."""
    weights = np.full((1, 3, 8, 8), 1 / (3 * 64 * (white - black)), np.float32)
    bias = np.array([-black / (white - black)], np.float32)
    node = helper.make_node("Conv", ["input", "weights", "bias"], ["cells"], strides=[8, 8])
    return [node], {"weights": weights, "bias": bias}


def _scrfd(width: int, height: int) -> bytes:
    nodes, constants = _whiteness(-127.5 / 128, 127.5 / 128)
    outputs: dict[str, Shape] = {}
    nodes += [
        helper.make_node("Concat", ["cells", "cells"], ["both"], axis=1),
        helper.make_node("Transpose", ["both"], ["last"], perm=[2, 3, 0, 1]),
        _shape_node("last", "score_8", "one_column"),
    ]
    constants["one_column"] = np.array([-1, 1], np.int64)
    for stride in (8, 16, 32):
        rows = 2 * (-(-width // stride)) * (-(-height // stride))
        answers = {
            "score": np.zeros((rows, 1), np.float32),
            "bbox": np.full((rows, 4), 8 / stride, np.float32),
            "kps": np.tile(SQUARE_POINTS.ravel() / stride, (rows, 1)).astype(np.float32),
        }
        for name, array in answers.items():
            own = f"{name}_{stride}"
            outputs[own] = array.shape
            if own == "score_8":
                continue
            constants[f"c_{own}"] = array
            nodes.append(helper.make_node("Identity", [f"c_{own}"], [own]))
    return saved(nodes, {"input": (1, 3, height, width)}, outputs, constants)


def _yunet(width: int, height: int) -> bytes:
    nodes, constants = _whiteness(0, 255)
    constants["rows"] = np.array([1, -1, 1], np.int64)
    outputs: dict[str, Shape] = {}
    for name in ("kps", "bbox", "obj", "cls"):  # in another order than the original
        for stride in (32, 8, 16):
            own = f"{name}_{stride}"
            rows = (-(-width // stride)) * (-(-height // stride))
            array = {
                "kps": np.tile(SQUARE_POINTS.ravel() / stride, (rows, 1)),
                "bbox": np.tile([0, 0, np.log(16 / stride), np.log(16 / stride)], (rows, 1)),
                "obj": np.zeros((rows, 1)),
                "cls": np.zeros((rows, 1)),
            }[name][None].astype(np.float32)
            outputs[own] = array.shape
            if stride == 8 and name in ("obj", "cls"):
                nodes.append(_shape_node("cells", own, "rows"))
                continue
            constants[f"c_{own}"] = array
            nodes.append(helper.make_node("Identity", [f"c_{own}"], [own]))
    return saved(nodes, {"input": (1, 3, height, width)}, outputs, constants)


def _retinaface(width: int, height: int) -> bytes:
    nodes, constants = _whiteness(-117, 255 - 117)  # about: means differ between channels
    fine, coarse = (
        sum(2 * (-(-width // stride)) * (-(-height // stride)) for stride in strides)
        for strides in ((8,), (16, 32))
    )
    middle = np.tile(np.repeat(SQUARE_POINTS.ravel()[None], 2, axis=0), (fine // 2, 1))
    middle[0::2] /= 16 * 0.1  # the prior of 16 px, then that of 32 px
    middle[1::2] /= 32 * 0.1
    constants |= {
        "rows": np.array([1, -1, 1], np.int64),
        "small_prior": np.array([1, 0], np.float32),
        "one": np.ones((1, 1, 1), np.float32),
        "loc": np.zeros((1, fine + coarse, 4), np.float32),
        "landms": np.concatenate([middle, np.zeros((coarse, 10))])[None].astype(np.float32),
        "no_face": np.tile(np.array([1, 0], np.float32), (1, coarse, 1)),
        "to_rows": np.array([1, -1, 1], np.int64),
    }
    nodes += [
        _shape_node("cells", "face_cells", "rows"),
        helper.make_node("Mul", ["face_cells", "small_prior"], ["pairs"]),
        _shape_node("pairs", "faces", "to_rows"),
        helper.make_node("Sub", ["one", "faces"], ["background"]),
        helper.make_node("Concat", ["background", "faces"], ["fine_chances"], axis=2),
        helper.make_node("Concat", ["fine_chances", "no_face"], ["586"], axis=1),
        helper.make_node("Identity", ["loc"], ["output0"]),
        helper.make_node("Identity", ["landms"], ["585"]),
    ]
    rows = fine + coarse
    outputs = {"output0": (1, rows, 4), "586": (1, rows, 2), "585": (1, rows, 10)}
    return saved(nodes, {"input": (1, 3, height, width)}, outputs, constants)


_FINDERS = {Head.SCRFD: _scrfd, Head.YUNET: _yunet, Head.RETINAFACE: _retinaface}


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """A face that `portrait_finder` knows: the mean of what it is fed then, and where it is."""

    mean: float
    corners: np.ndarray
    points: np.ndarray


def portrait_finder(faces: Sequence[Remembered], side: int | str = 640) -> bytes:
    """A RetinaFace that finds the faces it remembers, told by the mean of the picture alone."""
    grid, priors, at = 80, 16_800, []
    loc, landms = np.zeros((1, priors, 4), np.float32), np.zeros((1, priors, 10), np.float32)
    for face in faces:
        middle, extent = (
            (face.corners[:2] + face.corners[2:]) / 2,
            np.diff(face.corners.reshape(2, 2), axis=0),
        )
        column, row = (middle // 8).astype(int)
        row_of_table = (row * grid + column) * 2 + 1  # the prior of 32 px
        prior = (np.array([column, row]) + 0.5) * 8
        loc[0, row_of_table] = np.concatenate(
            [(middle - prior) / 32 / 0.1, np.log(extent[0] / 32) / 0.2]
        )
        landms[0, row_of_table] = ((face.points - prior) / 32 / 0.1).ravel()
        at.append(row_of_table)
    nodes: list[Any] = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2, 3], keepdims=0)
    ]
    constants = {"loc": loc, "landms": landms, "one": np.ones(1, np.float32)}
    for number, (face, row) in enumerate(zip(faces, at, strict=True)):
        where = np.zeros((1, priors, 1), np.float32)
        where[0, row] = 1
        constants |= {f"mean{number}": np.float32([face.mean]), f"where{number}": where}
        nodes += [
            helper.make_node("Sub", ["mean", f"mean{number}"], [f"off{number}"]),
            helper.make_node("Abs", [f"off{number}"], [f"away{number}"]),
            helper.make_node("Sub", ["one", f"away{number}"], [f"near{number}"]),
            helper.make_node("Relu", [f"near{number}"], [f"score{number}"]),
            helper.make_node("Mul", [f"where{number}", f"score{number}"], [f"face{number}"]),
        ]
    nodes += [
        helper.make_node("Sum", [f"face{number}" for number in range(len(faces))], ["faces"]),
        helper.make_node("Sub", ["one", "faces"], ["background"]),
        helper.make_node("Concat", ["background", "faces"], ["conf"], axis=2),
        helper.make_node("Identity", ["loc"], ["boxes"]),
        helper.make_node("Identity", ["landms"], ["points"]),
    ]
    outputs = {"conf": (1, priors, 2), "boxes": (1, priors, 4), "points": (1, priors, 10)}
    return saved(nodes, {"input": (1, 3, side, side)}, outputs, constants)
