"""How long embedders take for a face, side by side.

In: loaded models and photos whose faces are known. Out: milliseconds a face for each. All cut
the same faces, and take turns, so that what else the machine does hits all alike. Decoding,
detection and cutting are not counted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

import numpy as np

from facesearch.evaluation.embedding import EmbeddedPhotos
from facesearch.model_loading import LoadedModels
from facesearch.models.base import Embedder
from facesearch.photos.decode import DecodeLimits, open_photo
from facesearch.photos.read import read_photo
from facesearch.values import ByteArray

FACES = 32
ROUNDS = 5


def ms_per_face(
    models: Sequence[LoadedModels], photos: EmbeddedPhotos, limits: DecodeLimits
) -> list[float | None]:
    """Milliseconds a face takes, the median of some rounds; None where no photo has a face.

    Args:
        models: whose embedders are timed, in batches that suit their devices, one call at a
            time.
        photos: with detections; some of them, evenly spread, are taken.
        limits: what is refused as too large.

    Raises:
        PhotoUnreadable: a photo has changed since its face was found.
        ModelError: a network failed.
    """
    embedders = [one.both()[1] for one in models]
    chips = _chips(embedders, photos, limits)
    if not len(chips[0]):
        return [None] * len(models)
    taken: list[list[float]] = [[] for _ in models]
    for turn in range(1 + ROUNDS):
        for number, (loaded, embedder) in enumerate(zip(models, embedders, strict=True)):
            began = time.perf_counter()
            for start in range(0, len(chips[number]), loaded.embed_batch):
                embedder.embed(chips[number][start : start + loaded.embed_batch])
            if turn:  # the first time, engines still prepare themselves
                taken[number].append(time.perf_counter() - began)
    return [1000 * median(times) / len(chips[0]) for times in taken]


def _chips(
    embedders: Sequence[Embedder], photos: EmbeddedPhotos, limits: DecodeLimits
) -> list[ByteArray]:
    """The chips of the same faces for each embedder: uint8 (n, views, size, size, 3)."""
    found = np.flatnonzero(photos.found)
    chosen = found[np.linspace(0, len(found) - 1, min(FACES, len(found))).astype(np.int64)]
    cut: list[list[ByteArray]] = [[] for _ in embedders]
    for row in chosen:
        path, detection = photos.paths[row], photos.detections[row]
        assert detection is not None, "photos with a face have a detection"
        data = read_photo(path, max_bytes=limits.max_bytes).data
        image = open_photo(data, path, limits).decode()
        for own, embedder in zip(cut, embedders, strict=True):
            own.append(embedder.cut(image, detection.landmarks))
    return [np.array(own, np.uint8) for own in cut]
