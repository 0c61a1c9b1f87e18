"""facesearch's networks: its raw descriptor of chips, and its faces in decoded photos."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from facesearch.models.base import Detector, DetectorOptions
from facesearch.models.catalogue import detector_spec, embedder_spec
from facesearch.models.dlib_resnet import DlibResNet
from facesearch.models.onnx import Device, Runtime
from facesearch.values import Box, Image

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# A share so small that the size in pixels decides, as it does in mtcnn.
NO_SHARE = 1e-9

embedders: dict[int, DlibResNet] = {}
detectors: dict[tuple[int, tuple[float, ...] | None], Detector] = {}
chips: list[np.ndarray] = []
photos: list[Image] = []


def _map(call: Callable[[Item], Answer], items: Sequence[Item], threads: int) -> list[Answer]:
    """The answers in order, from one thread or several."""
    if threads == 1:
        return [call(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, items))


def load_chips(path: str) -> int:
    """Take the chips of a .npy file, uint8 (n, 150, 150, 3) RGB."""
    chips[:] = [np.load(path)]
    return len(chips[0])


def describe_chips(batch: int, threads: int, callers: int, save: str | None = None) -> dict:
    """Raw descriptors of all chips, in batches.

    Args:
        batch: chips in one call.
        threads: threads inside a call.
        callers: threads that call.
        save: where to write the descriptors.
    """
    if threads not in embedders:
        embedder = embedder_spec("dlib-resnet34").load(Runtime.on(Device.CPU, threads=threads))
        assert isinstance(embedder, DlibResNet)  # the raw descriptor is no part of every model
        embedders[threads] = embedder
        embedders[threads].describe(chips[0][:batch])  # the first call of a shape allocates
    parts = [chips[0][at : at + batch] for at in range(0, len(chips[0]), batch)]
    began = time.perf_counter()
    rows = _map(embedders[threads].describe, parts, callers)
    seconds = time.perf_counter() - began
    if save is not None:
        np.save(save, np.concatenate(rows))
    return {"seconds": seconds, "faces": sum(map(len, rows))}


def largest_difference(first: str, second: str) -> float:
    """The largest absolute difference between two .npy files of descriptors."""
    return float(np.abs(np.load(first) - np.load(second)).max())


def load_photos(path: str) -> int:
    """Take the RGB photos of a .npz file, in the order of their names."""
    with np.load(path) as arrays:
        photos[:] = [Image.of(arrays[name]) for name in sorted(arrays.files)]
    return len(photos)


def detect(
    smallest_face_px: int,
    batch: int,
    threads: int,
    count: int | None = None,
    thresholds: list[float] | None = None,
) -> dict:
    """Find the faces of all photos (or the first `count`).

    Boxes are cut to the photo, as mtcnn's are. Thresholds are those of the three stages;
    the defaults where none are given.
    """
    detector = _detector(smallest_face_px, thresholds)
    todo = photos[:count]
    parts = [todo[at : at + batch] for at in range(0, len(todo), batch)]
    began = time.perf_counter()
    answers = _map(detector.detect, parts, threads)
    seconds = time.perf_counter() - began
    found = [detections for answer in answers for detections in answer]
    faces = [
        [_cut(detection.box, image) for detection in detections]
        for image, detections in zip(todo, found, strict=True)
    ]
    scores = [[detection.score for detection in detections] for detections in found]
    return {"seconds": seconds, "photos": len(todo), "faces": faces, "scores": scores}


def _detector(smallest_face_px: int, thresholds: list[float] | None) -> Detector:
    key = (smallest_face_px, tuple(thresholds) if thresholds else None)
    if key not in detectors:
        given = {"thresholds": tuple(thresholds)} if thresholds else {}
        options = DetectorOptions(
            smallest_face_fraction=NO_SHARE, smallest_face_px=float(smallest_face_px), **given
        )
        detectors[key] = detector_spec("mtcnn").load(Runtime.on(Device.CPU), options)
    return detectors[key]


def _cut(box: Box, image: Image) -> list[float]:
    left, top = max(box.x, 0.0), max(box.y, 0.0)
    right = min(box.x + box.width, float(image.full_size.width))
    bottom = min(box.y + box.height, float(image.full_size.height))
    return [left, top, right - left, bottom - top]
