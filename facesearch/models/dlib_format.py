"""dlib's serialised networks: a stream of named layers.

In: the bytes of `dlib_face_recognition_resnet_model_v1.dat`. Out: its layers in
forward order. A layer is its name (a length, then characters), then variable-length
integers (first byte: the low nibble counts the bytes that follow, the high bit is
the sign), then its parameters as one tensor: four dimensions and raw little-endian
float32. What follows a layer's tensor (strides, learning rates) is fixed by the
published architecture, so it is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from facesearch.values import FloatArray

# Layers that carry weights, each behind the integer (one byte wide) that counts its letters.
_LAYER_NAME = re.compile(rb"\x01[\x04-\x07](con_4|affine_|fc_2)")
_TENSOR_VERSION = 2


@dataclass(frozen=True, slots=True, eq=False)
class DlibLayer:
    """One layer's kind ("con_4", "affine_" or "fc_2") and its parameters, flat float32."""

    kind: str
    parameters: FloatArray


class FormatError(ValueError):
    """The bytes are not the stream this reader knows."""


def _integer(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer and the position after it."""
    control = data[at]
    length = control & 0x0F
    if not 1 <= length <= 8:
        raise FormatError(f"no integer at byte {at}")
    value = int.from_bytes(data[at + 1 : at + 1 + length], "little")
    return (-value if control & 0x80 else value), at + 1 + length


def _tensor(data: bytes, at: int) -> tuple[FloatArray, int]:
    """A tensor, flat, and the position after it."""
    version, at = _integer(data, at)
    if version != _TENSOR_VERSION:
        raise FormatError(f"tensor version {version} at byte {at}, expected {_TENSOR_VERSION}")
    count = 1
    for _ in range(4):
        extent, at = _integer(data, at)
        if extent < 0:
            raise FormatError(f"a tensor of negative size before byte {at}")
        count *= extent
    end = at + 4 * count
    if end > len(data):
        raise FormatError(f"a tensor of {count} numbers at byte {at} exceeds the file")
    return np.frombuffer(data, dtype="<f4", count=count, offset=at).astype(np.float32), end


def read_layers(data: bytes) -> Iterator[DlibLayer]:
    """The layers that carry weights, in forward order.

    Raises:
        FormatError: not such a stream.
    """
    at = 0
    # The next name after the last tensor: float data is never searched.
    while (found := _LAYER_NAME.search(data, at)) is not None:
        kind = found.group(1).decode()
        try:
            position = found.end()
            if kind == "fc_2":  # states its inputs and outputs before its tensor
                for _ in range(2):
                    _, position = _integer(data, position)
            parameters, at = _tensor(data, position)
        except IndexError as error:
            raise FormatError(f"the stream ends inside {kind}") from error
        yield DlibLayer(kind, parameters)
