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
