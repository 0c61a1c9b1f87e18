"""Fits the quality of a face, and shows what it foretells.

``python -m benchmarks.quality --data DIR --faces FILE.npz`` from the top of a checkout.
Looks at the people of LFW with at least two photos, at each photo as it is and once spoiled
(see benchmarks/spoiling.py), and keeps the result in FILE, from which the next run starts.
Spoiled faces that the detector misses are left out: an index never has them.

The model of facesearch/quality.py is fitted on one half of the people; the tables of
docs/decisions/quality.md are about the other half. Runs with any embedder of the catalogue:
the threshold is that of FMR 1e-3 in its own space.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import Data
from benchmarks.quality_tables import Floats, Looked, report
from benchmarks.spoiling import spoil
from facesearch import quality
from facesearch.models import catalogue
from facesearch.models.base import Detector, DetectorOptions, Embedder
from facesearch.models.onnx import Runtime
from facesearch.photos.decode import DecodeLimits, open_photo
from facesearch.values import Box, Image

SAME_FACE_IOU = 0.4
SEED = 20_261_122
_BATCH = 32
_THREADS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with lfw/")
    parser.add_argument("--faces", type=Path, required=True, help="what was looked at before")
    parser.add_argument("--embedder", default=catalogue.DEFAULT_EMBEDDER)
    parser.add_argument("--photos-per-person", type=int, default=10)
    parser.add_argument("--people", type=int, help="only so many of them, to try the script")
    chosen = parser.parse_args(arguments)
    if not chosen.faces.exists():
        photos = chosen_photos(Data(chosen.data), chosen.photos_per_person, chosen.people)
        looked = look_at(photos, chosen.embedder)
        np.savez(
            chosen.faces, **{f.name: getattr(looked, f.name) for f in dataclasses.fields(looked)}
        )
    with np.load(chosen.faces) as file:
        looked = Looked(**{name: file[name] for name in file.files})
    report(looked)
    return 0


def chosen_photos(data: Data, each: int, people: int | None) -> list[Path]:
    """Photos of people with at least two, at most `each` of one person."""
    by_person: dict[str, list[Path]] = {}
    for path in data.lfw():
        by_person.setdefault(path.parent.name, []).append(path)
    draw = np.random.default_rng(SEED)
    chosen: list[Path] = []
    for photos in [several for several in by_person.values() if len(several) > 1][:people]:
        chosen += [photos[at] for at in sorted(draw.permutation(len(photos))[:each])]
    return chosen


def look_at(photos: Sequence[Path], embedder_name: str) -> Looked:
    """Find and embed the central face of each photo, and of its spoiled copy."""
    runtime = Runtime.on()
    detector = catalogue.detector_spec().load(runtime, DetectorOptions(smallest_face_px=12))
    embedder = catalogue.embedder_spec(embedder_name).load(runtime)

    def batch(first: int) -> list[tuple[Any, ...]]:
        at = range(first, min(first + _BATCH, len(photos)))
        seen = [one for number in at for one in _faces(photos[number], number, detector, embedder)]
        chips = np.stack([chip for *_, chip in seen]) if seen else None
        vectors: Any = [] if chips is None else embedder.embed(chips)
        return [(*one[:-1], vector) for one, vector in zip(seen, vectors, strict=True)]

    rows: list[tuple[Any, ...]] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for done, found in enumerate(pool.map(batch, range(0, len(photos), _BATCH))):
            rows += found
            print(f"\r{done * _BATCH} of {len(photos)} photos", end="", file=sys.stderr)
    print(f"\r{len(photos)} photos, {len(rows)} faces", file=sys.stderr)
    return Looked(*(np.array(column) for column in zip(*rows, strict=True)))


def _faces(
    path: Path, number: int, detector: Detector, embedder: Embedder
) -> Iterator[tuple[Any, ...]]:
    """The rows of `Looked` of a photo and of its spoiled copy, with chips for vectors."""
    good = open_photo(path.read_bytes(), str(path), DecodeLimits()).decode()
    found = detector.detect([good])[0]
    if not found:
        return
    middle = np.array([good.full_size.width, good.full_size.height]) / 2
    face = min(found, key=lambda one: float(np.abs(_centre(one.box) - middle).sum()))
    copy = spoil(good.pixels, face.box.width, np.random.default_rng([SEED, number]))
    picture, scale, box = Image.of(copy.pixels), copy.scale, face.box
    there = Box(box.x * scale, box.y * scale, box.width * scale, box.height * scale)
    again = [d for d in detector.detect([picture])[0] if d.box.iou(there) > SAME_FACE_IOU]
    seen = [(False, good, face)]
    if again:
        seen.append((True, picture, max(again, key=lambda one: one.box.iou(there))))
    for spoiled, image, detection in seen:
        chips = embedder.cut(image, detection.landmarks)
        measures = dataclasses.astuple(quality.measure_chip(chips[0]))
        points = detection.landmarks.points
        yield path.parent.name, number, spoiled, measures, points, detection.score, chips


def _centre(box: Box) -> Floats:
    return np.array([box.x + box.width / 2, box.y + box.height / 2])


if __name__ == "__main__":
    sys.exit(main())
