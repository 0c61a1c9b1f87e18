"""Labeled Faces in the Wild, View 2: are two photos of one person? Ten folds of 600 pairs.

Comes in: for each photo the faces that a pipeline found and their vectors. Goes out:
the share of pairs judged rightly, each fold with the threshold that suits the others.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from benchmarks.bench import Bench, Measure, needs
from benchmarks.contenders import Contender
from benchmarks.data import Data, Pair
from benchmarks.figures import Figure, Unit
from benchmarks.programs import Script
from benchmarks.records import Measured, Values

NAME = "verification"
AT_LEAST = 0.991
DEEPFACE_PUBLISHED = 0.984
CHUNK = 1000
OURS, THEIRS = Contender.FACESEARCH, Contender.FACE_RECOGNITION

Judged: TypeAlias = tuple[float, bool]  # distance, and whether it is one person


def run(bench: Bench) -> None:
    """Look at every photo of the folds once with each pipeline, then judge the pairs."""
    folds = [
        _part(fold, bench.effort.fold_pairs)
        for fold in bench.data.lfw_folds()[: bench.effort.folds]
    ]
    pairs = list(itertools.chain.from_iterable(folds))
    stems = sorted({stem for pair in pairs for stem in (pair.first, pair.second)})
    photos = [bench.data.lfw_photo(stem) for stem in stems]
    for contender, metric in ((OURS, "cosine"), (THEIRS, "euclidean")):
        files = _ours(bench, photos) if contender is OURS else _theirs(bench, photos)
        with bench.worker(OURS, "prepare.py") as worker:
            answer = worker.call(
                "pair_distances",
                files=[str(file) for file in files],
                stems=stems,
                pairs=[(pair.first, pair.second) for pair in pairs],
                metric=metric,
            )
        distances = iter([math.inf if d is None else float(d) for d in answer["distances"]])
        judged = [[(next(distances), pair.same) for pair in fold] for fold in folds]
        values = {**ten_folds(judged), "photos": len(stems), "missed": answer["missed"]}
        bench.note(NAME, contender, values, way=metric)
        bench.say(f"  {contender}: {values['mean']:.4f}, {answer['missed']} photos without a face")


def _part(fold: Sequence[Pair], each: int) -> list[Pair]:
    """The first genuine and the first impostor pairs of a fold."""
    genuine = [pair for pair in fold if pair.same]
    return genuine[:each] + [pair for pair in fold if not pair.same][:each]


def _ours(bench: Bench, photos: Sequence[Path]) -> list[Path]:
    out = bench.work / "verification.npz"
    with bench.worker(OURS, "verify.py") as worker:
        worker.call("embed_photos", photos=[str(photo) for photo in photos], out=str(out))
    return [out]


def _theirs(bench: Bench, photos: Sequence[Path]) -> list[Path]:
    """Their encodings, in pieces that are kept: they need a quarter of an hour and never change."""
    program = Script(THEIRS, "a process for each core", ("--processes", "0"))
    files = []
    for at in range(0, len(photos), CHUNK):
        piece = photos[at : at + CHUNK]
        names = "\n".join([str(bench.versions(THEIRS)), *(photo.name for photo in piece)])
        key = hashlib.sha256(names.encode()).hexdigest()[:16]
        kept = bench.cache / f"{THEIRS}-{key}.npz"
        if not kept.exists():
            bench.say(f"  {THEIRS}: photos {at} to {at + len(piece)} of {len(photos)}")
            program.run(bench, piece)
            kept.parent.mkdir(parents=True, exist_ok=True)
            made = kept.with_suffix(".tmp")
            made.write_bytes((bench.work / "indexed.npz").read_bytes())
            made.replace(kept)
        files.append(kept)
    return files


def ten_folds(folds: Sequence[Sequence[Judged]]) -> Values:
    """Accuracy of each fold with the threshold that is best on all the others.

    Returns:
        "folds" (accuracy of each), "thresholds", "mean" and "standard_error".
    """
    accuracies, thresholds = [], []
    for number, fold in enumerate(folds):
        others = [judged for other, rest in enumerate(folds) if other != number for judged in rest]
        threshold = best_threshold(others)
        right = sum((distance <= threshold) == same for distance, same in fold)
        accuracies.append(right / len(fold))
        thresholds.append(threshold)
    error = statistics.stdev(accuracies) / math.sqrt(len(accuracies))
    return {
        "folds": accuracies,
        "thresholds": thresholds,
        "mean": statistics.fmean(accuracies),
        "standard_error": error,
    }


def best_threshold(judged: Sequence[Judged]) -> float:
    """The distance up to which calling two photos one person is right most often.

    Between two distances that do equally well lies their middle; of several such places
    the middle one is taken.
    """
    ordered = sorted((distance, same) for distance, same in judged if math.isfinite(distance))
    if not ordered:
        return 0.0
    right = sum(not same for _, same in judged)  # with a threshold below every distance
    best, places = right, [ordered[0][0] / 2]
    for at, (distance, same) in enumerate(ordered):
        right += 1 if same else -1
        following = ordered[at + 1][0] if at + 1 < len(ordered) else distance
        if following == distance and at + 1 < len(ordered):
            continue  # equal distances fall on the same side
        place = (distance + following) / 2
        if right > best:
            best, places = right, [place]
        elif right == best:
            places.append(place)
    return places[len(places) // 2]


def figures(measured: Measured) -> list[Figure]:
    """Our accuracy with its floor, and theirs."""
    ours, theirs = measured.of(OURS)[0].values, measured.of(THEIRS)[0].values
    return [
        Figure(
            what=f"LFW verification, {len(ours['folds'])} folds",
            ours=_written(ours),
            against="face_recognition 1.3.0, same photos",
            theirs=_written(theirs),
            value=ours["mean"],
            unit=Unit.PERCENT,
            limit=AT_LEAST,
            note=(
                f"Its worst fold has {Unit.PERCENT.write(min(ours['folds']))}. Of "
                f"{ours['photos']} photos, {ours['missed']} showed no face to facesearch and "
                f"{theirs['missed']} none to face_recognition. DeepFace publishes "
                f"{Unit.PERCENT.write(DEEPFACE_PUBLISHED)} as the best of its models and detectors."
            ),
        )
    ]


def _written(values: Values) -> str:
    return f"{values['mean'] * 100:.2f} ± {values['standard_error'] * 100:.2f} %"


MEASURE = Measure(
    name=NAME,
    title="Who is who",
    method=(
        "View 2 of LFW: 6,000 pairs in ten folds, the threshold of each fold chosen on the other "
        "nine. facesearch is called as a photo manager would call it, `FaceLibrary.embed`, and its "
        "cosine distance is used; face_recognition with `face_locations` and `face_encodings`, and "
        "its Euclidean distance. Where a photo shows several faces, the one nearest the middle of "
        "the photo counts, for both. A pair with a photo in which no face was found counts as two "
        "different people."
    ),
    contenders=(OURS, THEIRS),
    missing=needs(LFW=Data.lfw, pairs=Data.lfw_folds),
    run=run,
    figures=figures,
)
