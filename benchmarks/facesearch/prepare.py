"""Makes what several contenders share: decoded photos, chips, large photos, distances.

It runs in facesearch's environment because Pillow and NumPy are there; nothing here is timed.
"""

import functools
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps

from facesearch.models.catalogue import embedder_spec
from facesearch.models.projection import CrossedProjections

LARGE = (4000, 3000)
JPEG_QUALITY = 92


def decode(photos: list[str], out: str, longer_px: int | None = None) -> int:
    """Decode photos into a .npz file, in order; scaled to a longer side where one is given."""
    arrays = {}
    for number, path in enumerate(photos):
        picture = _open(path)
        if longer_px is not None:
            scale = longer_px / max(picture.size)
            size = (round(picture.width * scale), round(picture.height * scale))
            picture = picture.resize(size, PIL.Image.Resampling.LANCZOS)
        arrays[f"{number:06d}"] = np.array(picture)
    np.savez(out, **arrays)
    return len(arrays)


def make_large(photos: list[str], folder: str, count: int) -> int:
    """Photos of 12 megapixels from others: scaled to fill, cut to 4:3, mirrored the second time.

    A photo is used again, mirrored and otherwise, when there are fewer than `count`;
    each file then differs in content.
    """
    target = Path(folder)
    target.mkdir()
    for number in range(count):
        rounds, which = divmod(number, len(photos))
        picture = _open(photos[which])
        size = LARGE if picture.width >= picture.height else LARGE[::-1]
        middle = (0.5, 0.5 - 0.1 * (rounds // 2))
        picture = PIL.ImageOps.fit(picture, size, PIL.Image.Resampling.BICUBIC, centering=middle)
        if rounds % 2:
            picture = PIL.ImageOps.mirror(picture)
        picture.save(target / f"large-{number:04d}.jpg", quality=JPEG_QUALITY)
    return count


def make_chips(photos: list[str], count: int, out: str) -> int:
    """Chips of the largest faces of photos, as facesearch cuts them, into a .npy file."""
    from facesearch.models.base import DetectorOptions
    from facesearch.models.catalogue import detector_spec
    from facesearch.models.onnx import Device, Runtime
    from facesearch.values import Image

    runtime = Runtime.on(Device.CPU)
    detector = detector_spec().load(runtime, DetectorOptions())
    template = embedder_spec().load(runtime).template
    chips: list[np.ndarray] = []
    for path in photos[: 2 * count]:
        image = Image.of(np.array(_open(path)))
        largest = detector.detect([image])[0][:1]
        chips += [template.cut(image, face.landmarks) for face in largest]
        if len(chips) == count:
            break
    np.save(out, np.stack(chips))
    return len(chips)


def pair_distances(
    files: list[str],
    stems: list[str],
    pairs: list[list[str]],
    metric: str,
    folds: list[int] | None = None,
) -> dict:
    """Distances between the faces nearest the middle of two photos.

    Args:
        files: .npz files with "sizes" (width, height) of photos, and of each face found
            "owners" (which photo), "boxes" (left, top, width, height) and "vectors";
            the files one after the other tell of all photos.
        stems: the photos' names, in order.
        pairs: two names each.
        metric: "cosine" or "euclidean".
        folds: for vectors of facesearch, which learned from LFW's people: the fold of View 2 that
            each pair is in, to be judged as without its people.

    Returns:
        "distances", null where a photo shows no face, and "missed", how many those are.
    """
    vectors: list[np.ndarray | None] = []
    for file in files:
        with np.load(file) as lazy:  # which reads an array anew each time it is asked for
            found = dict(lazy)
        for number, size in enumerate(found["sizes"]):
            rows = np.flatnonzero(found["owners"] == number)
            boxes = found["boxes"][rows]
            middles = boxes[:, :2] + boxes[:, 2:] / 2
            away = np.hypot(*(middles - size / 2).T)
            vectors.append(found["vectors"][rows[away.argmin()]] if len(rows) else None)
    by_stem = dict(zip(stems, vectors, strict=True))
    distances = [
        _distance(*_unseen([by_stem[first], by_stem[second]], fold), metric)
        for (first, second), fold in zip(pairs, folds or [None] * len(pairs), strict=True)
    ]
    return {"distances": distances, "missed": sum(vector is None for vector in vectors)}


@functools.cache
def _maps() -> CrossedProjections:
    unseen = embedder_spec().unseen
    assert unseen is not None, "the default embedder learned from LFW"
    return unseen()


def _unseen(vectors: list[np.ndarray | None], fold: int | None) -> list[np.ndarray | None]:
    """Where two vectors would lie, had the learned map not seen the people of a fold."""
    if fold is None:
        return vectors
    return [v if v is None else _maps().as_unseen(v[None], fold)[0] for v in vectors]


def _distance(first: np.ndarray | None, second: np.ndarray | None, metric: str) -> float | None:
    if first is None or second is None:
        return None
    if metric == "euclidean":
        return float(np.linalg.norm(first - second))
    return float(1 - first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def _open(path: str) -> PIL.Image.Image:
    return PIL.ImageOps.exif_transpose(PIL.Image.open(path)).convert("RGB")
