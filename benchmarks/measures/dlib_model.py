"""deepface:Dlib in facesearch: dlib's own library behind facesearch's alignment, on LFW's View 2.

The same network as the default embedder's, run by dlib; beside it the default, and DeepFace's
own way with the same network.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.bench import Bench, Measure, needs
from benchmarks.contenders import Contender
from benchmarks.data import Data
from benchmarks.encodings import kept_encodings
from benchmarks.figures import Figure, Unit
from benchmarks.measures.verification import (
    DEEPFACE,
    DEEPFACE_FOLDS,
    OURS,
    PROGRAMS,
    judge,
    new_in_each,
    ours,
    part,
    written,
)
from benchmarks.records import Measured

NAME = "dlib-model"
MODEL, DEFAULT = "deepface:Dlib", "dlib-resnet34"
MOST_POINTS_APART = 0.0005
ALL = "the folds that dlib judged"


def run(bench: Bench) -> None:
    """Photos are embedded once by each; then the pairs are judged."""
    folds = [
        part(fold, bench.effort.fold_pairs)
        for fold in bench.data.lfw_folds()[: bench.effort.model_folds]
    ]
    few = folds[: bench.effort.deepface_folds]
    pieces = new_in_each(folds)
    photos = [bench.data.lfw_photo(stem) for piece in pieces for stem in piece]
    theirs: list[Path] = []
    for number in range(len(few)):
        bench.say(f"  DeepFace: photos of fold {number + 1}")
        new = [bench.data.lfw_photo(stem) for stem in pieces[number]]
        theirs.append(kept_encodings(bench, PROGRAMS[DEEPFACE], new))
    for model in (DEFAULT, MODEL):
        bench.say(f"  facesearch, {model}")
        files = ours(bench, photos, model)
        judge(bench, NAME, folds, {OURS: files}, pieces, ALL, model)
        judge(bench, NAME, few, {OURS: files}, pieces, DEEPFACE_FOLDS, model)
    judge(bench, NAME, few, {DEEPFACE: theirs}, pieces, DEEPFACE_FOLDS)


def figures(measured: Measured) -> list[Figure]:
    """How far the two engines are apart, and DeepFace's own way beside them."""
    by_dlib, default = (
        measured.of(OURS, case=ALL, way=model)[0].values for model in (MODEL, DEFAULT)
    )
    few = measured.of(OURS, case=DEEPFACE_FOLDS, way=MODEL)[0].values
    theirs = measured.of(DEEPFACE, case=DEEPFACE_FOLDS)[0].values
    margin = (few["mean"] - theirs["mean"]) * 100
    return [
        Figure(
            what=f"LFW verification, {len(by_dlib['folds'])} folds, {MODEL}: points from default",
            ours=written(by_dlib),
            against=f"facesearch, {DEFAULT}, same photos",
            theirs=written(default),
            value=abs(by_dlib["mean"] - default["mean"]),
            unit=Unit.PERCENT,
            limit=MOST_POINTS_APART,
            at_most=True,
        ),
        Figure(
            what=f"LFW verification, {len(few['folds'])} folds, {MODEL}",
            ours=written(few),
            against="DeepFace 0.0.103, Dlib with mtcnn, same photos",
            theirs=written(theirs),
            value=few["mean"],
            unit=Unit.PERCENT,
            limit=round(theirs["mean"], 4),
            note=f"{margin:+.2f} points.",
        ),
    ]


MEASURE = Measure(
    name=NAME,
    title="DeepFace's Dlib, aligned",
    method=(
        'As in "Who is who", with the network of the default embedder run by dlib itself '
        "(`deepface:Dlib`): the same weights, chips, views and learned map. DeepFace calls the "
        "same network with its own alignment."
    ),
    contenders=(OURS, Contender.DEEPFACE),
    missing=needs(LFW=Data.lfw, pairs=Data.lfw_folds),
    run=run,
    figures=figures,
)
