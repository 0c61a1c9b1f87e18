"""Labeled Faces in the Wild, View 2: are two photos of one person? Ten folds of 600 pairs.

Comes in: for each photo the faces that a pipeline found and their vectors. Goes out:
the share of pairs judged rightly, each fold with the threshold that suits the others.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from benchmarks.bench import Bench, Measure, needs
from benchmarks.contenders import Contender
from benchmarks.data import Data, Pair
from benchmarks.encodings import kept_encodings
from benchmarks.figures import Figure, Unit
from benchmarks.programs import Script
from benchmarks.records import Measured, Values

NAME = "verification"
AT_LEAST = 0.992
DEEPFACE_PUBLISHED = 0.984
OURS, THEIRS, DEEPFACE = Contender.FACESEARCH, Contender.FACE_RECOGNITION, Contender.DEEPFACE
PROGRAMS = {
    THEIRS: Script(THEIRS, "a process for each core", ("--processes", "0")),
    DEEPFACE: Script(DEEPFACE, "Dlib with mtcnn", ("--list-size", "16")),
}
METRICS = {OURS: "cosine", THEIRS: "euclidean", DEEPFACE: "cosine"}
ALL_FOLDS = "all folds"
DEEPFACE_FOLDS = "the folds that DeepFace judged"

Judged: TypeAlias = tuple[float, bool]  # distance, and whether it is one person


def run(bench: Bench) -> None:
    """Look at every photo of the folds once with each pipeline, then judge the pairs."""
    folds = [
        part(fold, bench.effort.fold_pairs) for fold in bench.data.lfw_folds()[: bench.effort.folds]
    ]
    few = folds[: bench.effort.deepface_folds]
    pieces = new_in_each(folds)
    encoded: dict[Contender, list[Path]] = {THEIRS: [], DEEPFACE: []}
    for number, stems in enumerate(pieces):
        photos = [bench.data.lfw_photo(stem) for stem in stems]
        for contender in (THEIRS, DEEPFACE) if number < len(few) else (THEIRS,):
            bench.say(f"  {contender}: photos of fold {number + 1}")
            encoded[contender].append(kept_encodings(bench, PROGRAMS[contender], photos))
    encoded[OURS] = ours(bench, [bench.data.lfw_photo(stem) for piece in pieces for stem in piece])
    judge(bench, NAME, folds, {name: encoded[name] for name in (OURS, THEIRS)}, pieces, ALL_FOLDS)
    judge(bench, NAME, few, encoded, pieces, DEEPFACE_FOLDS)


def judge(
    bench: Bench,
    measure: str,
    folds: Sequence[Sequence[Pair]],
    encoded: Mapping[Contender, Sequence[Path]],
    pieces: Sequence[Sequence[str]],
    case: str,
    way: str | None = None,
) -> None:
    """Judge the pairs of folds by each contender's encodings, and note how many are right.

    Args:
        measure: what the samples are noted under.
        folds: of pairs.
        encoded: files of encodings, one for each piece of `pieces`, ours in one for all.
        pieces: the photos of each fold that no earlier one has.
        case: what the samples are noted under.
        way: likewise; None for the metric.
    """
    pairs = list(itertools.chain.from_iterable(folds))
    numbers = [number for number, fold in enumerate(folds) for _ in fold]
    for contender, files in encoded.items():
        known = pieces if contender is OURS else pieces[: len(files)]
        stems = [stem for piece in known for stem in piece]
        with bench.worker(OURS, "prepare.py") as worker:
            answer = worker.call(
                "pair_distances",
                files=[str(file) for file in files],
                stems=stems,
                pairs=[(pair.first, pair.second) for pair in pairs],
                metric=METRICS[contender],
                folds=numbers if contender is OURS else None,
            )
        distances = iter([math.inf if d is None else float(d) for d in answer["distances"]])
        judged = [[(next(distances), pair.same) for pair in fold] for fold in folds]
        values = {**ten_folds(judged), "photos": len(stems), "missed": answer["missed"]}
        bench.note(measure, contender, values, way=way or METRICS[contender], case=case)
        bench.say(f"  {case}, {contender}: {values['mean']:.4f}, {answer['missed']} without a face")


def part(fold: Sequence[Pair], each: int) -> list[Pair]:
    """The first genuine and the first impostor pairs of a fold."""
    genuine = [pair for pair in fold if pair.same]
    return genuine[:each] + [pair for pair in fold if not pair.same][:each]


def new_in_each(folds: Sequence[Sequence[Pair]]) -> list[list[str]]:
    """The photos of each fold that no earlier fold has, so that folds can be added later."""
    seen: set[str] = set()
    pieces = []
    for fold in folds:
        new = sorted({stem for pair in fold for stem in (pair.first, pair.second)} - seen)
        seen.update(new)
        pieces.append(new)
    return pieces


def ours(bench: Bench, photos: Sequence[Path], model: str | None = None) -> list[Path]:
    """The file of embeddings by facesearch, with a model of its catalogue or the default."""
    out = bench.work / f"verification-{(model or 'default').replace(':', '-')}.npz"
    with bench.worker(OURS, "verify.py") as worker:
        names = [str(photo) for photo in photos]
        worker.call("embed_photos", photos=names, out=str(out), model=model)
    return [out]


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
    """Our accuracy with its floor beside each of theirs, on the same pairs."""
    found = []
    for peer, case, name in (
        (THEIRS, ALL_FOLDS, "face_recognition 1.3.0"),
        (DEEPFACE, DEEPFACE_FOLDS, "DeepFace 0.0.103, Dlib with mtcnn"),
    ):
        own, theirs = (measured.of(who, case=case)[0].values for who in (OURS, peer))
        margin = (own["mean"] - theirs["mean"]) * 100
        found.append(
            Figure(
                what=f"LFW verification, {len(own['folds'])} folds",
                ours=written(own),
                against=f"{name}, same photos",
                theirs=written(theirs),
                value=own["mean"],
                unit=Unit.PERCENT,
                limit=AT_LEAST if case == ALL_FOLDS else round(theirs["mean"], 4),
                note=(
                    f"{margin:+.2f} points. Its worst fold has "
                    f"{Unit.PERCENT.write(min(own['folds']))}. Of {own['photos']} photos, "
                    f"{own['missed']} showed no face to facesearch; of {theirs['photos']}, "
                    f"{theirs['missed']} none to {name}. DeepFace publishes "
                    f"{Unit.PERCENT.write(DEEPFACE_PUBLISHED)} as the best of its models."
                ),
            )
        )
    return found


def written(values: Values) -> str:
    """Mean and standard error over the folds, for the report."""
    return f"{values['mean'] * 100:.2f} ± {values['standard_error'] * 100:.2f} %"


MEASURE = Measure(
    name=NAME,
    title="Who is who",
    method=(
        "View 2 of LFW: 6,000 pairs in ten folds, the threshold of each fold chosen on the other "
        "nine. facesearch is called as a photo manager would call it, `FaceLibrary.embed`, and its "
        "cosine distance is used; the map it ends with was learned from LFW's people, so each fold "
        "is judged by one that was learned without the people of that fold. face_recognition is "
        "called with `face_locations` and `face_encodings`, and its Euclidean distance is used; "
        "DeepFace with `represent`, its Dlib model and mtcnn detector, and the cosine distance. "
        "Where a photo shows several faces, the one nearest the middle of "
        "the photo counts, for all. A pair with a photo in which no face was found counts as two "
        "different people."
    ),
    contenders=(OURS, THEIRS, DEEPFACE),
    missing=needs(LFW=Data.lfw, pairs=Data.lfw_folds),
    run=run,
    figures=figures,
)
