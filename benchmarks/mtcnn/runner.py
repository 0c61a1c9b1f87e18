"""The mtcnn package finding faces: one photo a call, lists of photos, or two threads."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from mtcnn import MTCNN

detector = MTCNN()
photos: list[np.ndarray] = []


def load_photos(path: str) -> int:
    """Take the RGB photos of a .npz file, in the order of their names."""
    with np.load(path) as arrays:
        photos[:] = [arrays[name] for name in sorted(arrays.files)]
    return len(photos)


def detect(
    smallest_face_px: int,
    batch: int = 1,
    threads: int = 1,
    count: int | None = None,
    thresholds: list[float] | None = None,
) -> dict:
    """Find the faces of all photos (or the first `count`).

    Args:
        smallest_face_px: in pixels of the photo.
        batch: photos handed over in one call; 1 hands over the photo itself, not a list.
        threads: Python threads calling the same detector.
        thresholds: of the three stages; the package's own where none are given.
    """
    todo = photos[:count]
    stages = ("threshold_pnet", "threshold_rnet", "threshold_onet")
    options = dict(zip(stages, thresholds, strict=True)) if thresholds else {}

    def call(part: list[np.ndarray]) -> list[list[dict]]:
        given = part[0] if batch == 1 else part
        found = detector.detect_faces(given, min_face_size=smallest_face_px, **options)
        return [found] if batch == 1 else found

    parts = [todo[start : start + batch] for start in range(0, len(todo), batch)]
    began = time.perf_counter()
    if threads == 1:
        answers = [call(part) for part in parts]
    else:
        with ThreadPoolExecutor(threads) as pool:
            answers = list(pool.map(call, parts))
    seconds = time.perf_counter() - began
    found = [photo for answer in answers for photo in answer]
    faces = [[[float(side) for side in face["box"]] for face in photo] for photo in found]
    scores = [[float(face["confidence"]) for face in photo] for photo in found]
    return {"seconds": seconds, "photos": len(todo), "faces": faces, "scores": scores}
