"""ONNX files that OpenCV runs as it runs the detectors', made of few nodes.

In: the size of the picture they take. Out: bytes. They find white squares on black.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper
from own_networks import saved

BOX_PX = 24
# x and y of the five landmarks as shares of the box.
SHARES = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)


def center_face(side: int) -> bytes:
    """Finds white squares of 4 x 4 px on the grid of its stride, each a face of `BOX_PX`."""
    cells = side // 4
    whiteness = np.full((1, 3, 4, 4), 1 / (3 * 16 * 255), np.float32)
    constants: dict[str, np.ndarray] = {
        "whiteness": whiteness,
        "zero": np.zeros(1, np.float32),
        # Height and width, as logarithms of strides; y before x in the landmarks.
        "size": np.full((1, 2, 1, 1), np.log(BOX_PX / 4), np.float32),
        "middle": np.zeros((1, 2, 1, 1), np.float32),
        "shares": SHARES[:, ::-1].reshape(1, 10, 1, 1).copy(),
    }
    nodes: list[Any] = [
        helper.make_node("Conv", ["picture", "whiteness"], ["537"], strides=[4, 4]),
        helper.make_node("Mul", ["537", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "size"], ["538"]),
        helper.make_node("Add", ["nothing", "middle"], ["539"]),
        helper.make_node("Add", ["nothing", "shares"], ["540"]),
    ]
    outputs = {
        name: (1, channels, cells, cells)
        for name, channels in (("537", 1), ("538", 2), ("539", 2), ("540", 10))
    }
    return saved(nodes, {"picture": (1, 3, side, side)}, outputs, constants)


def retina_face() -> bytes:
    """Finds white squares of 8 x 8 px on the grid of its finest stride, faces of 16 px."""
    constants: dict[str, np.ndarray] = {"zero": np.zeros(1, np.float32)}
    nodes: list[Any] = [helper.make_node("Transpose", ["picture"], ["nchw"], perm=[0, 3, 1, 2])]
    outputs: dict[str, tuple[int | str, ...]] = {}
    for stride in (32, 16, 8):
        cells = f"cells_{stride}"
        constants[f"mean_{stride}"] = np.full(
            (1, 3, stride, stride), 1 / (3 * stride**2 * 255), np.float32
        )
        nodes += [
            helper.make_node("Conv", ["nchw", f"mean_{stride}"], [cells], strides=[stride] * 2),
            helper.make_node("Mul", [cells, "zero"], [f"nothing_{stride}"]),
        ]
        # Two anchors a cell; the second one of the finest stride is of 16 px.
        sure = np.array([0, 0, 0, 1 if stride == 8 else 0], np.float32)
        parts = {
            "cls_prob": (cells, "Mul", sure),
            "bbox_pred": (f"nothing_{stride}", "Add", np.zeros(8, np.float32)),
            "landmark_pred": (f"nothing_{stride}", "Add", np.tile(SHARES.ravel() - 0.5, 2)),
        }
        for part, (given, operation, values) in parts.items():
            name = f"{part}_stride{stride}"
            constants[f"c_{name}"] = values.reshape(1, -1, 1, 1).astype(np.float32)
            nodes += [
                helper.make_node(operation, [given, f"c_{name}"], [f"nchw_{name}"]),
                helper.make_node("Transpose", [f"nchw_{name}"], [name], perm=[0, 2, 3, 1]),
            ]
            outputs[name] = ("n", f"h{stride}", f"w{stride}", len(values))
    return saved(nodes, {"picture": ("n", "h", "w", 3)}, outputs, constants)
