"""dlib's recognition network, run by dlib itself.

In: chips, uint8 (n, 150, 150, 3) RGB. Out: dlib's descriptors, float32 (n, 128). Behind the
same settings as the rebuilt network it makes the same space: weights, alignment and learned
map are the same, only the engine is another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from facesearch.errors import InvalidModelFile, ModelError
from facesearch.models.deepface.environment import verified
from facesearch.models.dlib_resnet import DlibEmbedder
from facesearch.models.dlib_weights import CHIP_SIZE_PX, WEIGHTS
from facesearch.models.requirements import DLIB
from facesearch.values import ByteArray, FloatArray

NAME = "deepface:Dlib"


def dlib_embedder() -> DlibEmbedder:
    """The default setting around dlib's own network.

    Raises:
        PackageMissing: dlib is not installed.
        WeightsMissing, WeightsDamaged: the weight file is absent or not the pinned one.
        InvalidModelFile: dlib does not take it.
    """
    return DlibEmbedder(dlib_network())


def dlib_network() -> Callable[[ByteArray], FloatArray]:
    """dlib's network as a function; calls from several threads take turns.

    Raises:
        As `dlib_embedder`; calls raise ModelError where the chips are none.
    """
    DLIB.check(NAME)
    (path,) = verified(NAME, [WEIGHTS])
    import dlib

    try:
        network = dlib.face_recognition_model_v1(str(path))
    except RuntimeError as error:
        raise InvalidModelFile(NAME, f"dlib cannot read {path}: {error}") from error
    # dlib holds the interpreter's lock while it computes, and keeps its pictures in between
    # in the network: turns cost nothing.
    turn = threading.Lock()

    def describe(chips: ByteArray) -> FloatArray:
        if chips.dtype != np.uint8 or chips.shape[1:] != (CHIP_SIZE_PX, CHIP_SIZE_PX, 3):
            raise ModelError(
                NAME,
                f"{NAME} takes uint8 chips of shape (n, {CHIP_SIZE_PX}, {CHIP_SIZE_PX}, 3), "
                f"not {chips.dtype} {chips.shape}",
            )
        with turn:
            found = network.compute_face_descriptor(np.ascontiguousarray(chips))
        return np.asarray([np.asarray(one, np.float32) for one in found], np.float32)

    return describe
