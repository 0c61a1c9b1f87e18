"""Finding the labelled faces of group photos: facesearch against the mtcnn package."""

from __future__ import annotations

from benchmarks.bench import Bench, Measure, needs
from benchmarks.contenders import Contender
from benchmarks.data import Data
from benchmarks.figures import Figure, Unit
from benchmarks.processes import Worker
from benchmarks.records import Measured, Values

NAME = "groups"
SMALLEST_FACE_PX = 20
MIN_IOU = 0.5
PRECISION = 0.95
OURS, THEIRS = Contender.FACESEARCH, Contender.MTCNN
# Each contender's own thresholds, and such low ones that the curve goes on where those end.
CASES: dict[str, list[float] | None] = {"default thresholds": None, "low": [0.4, 0.5, 0.3]}
TITLES = {"low": "thresholds 0.4, 0.5, 0.3"}


def run(bench: Bench) -> None:
    """Both look at the same pixels; one judge compares both with the labelled boxes."""
    files = [str(path) for path in bench.data.group_boxes()]
    with (
        bench.worker(OURS, "boxes.py") as judge,
        bench.worker(OURS) as ours,
        bench.worker(THEIRS) as theirs,
    ):
        pixels = str(bench.work / "groups.npz")
        with bench.worker(OURS, "prepare.py") as prepare:
            prepare.call("decode", photos=judge.call("photos", files=files), out=pixels)
        for contender, worker in ((OURS, ours), (THEIRS, theirs)):
            worker.call("load_photos", path=pixels)
            for case, thresholds in CASES.items():
                values = _judged(judge, worker, files, thresholds)
                bench.note(NAME, contender, values, case=case)


def _judged(
    judge: Worker, worker: Worker, files: list[str], thresholds: list[float] | None
) -> Values:
    found = worker.call(
        "detect",
        smallest_face_px=SMALLEST_FACE_PX,
        batch=1,
        threads=1,
        thresholds=thresholds,
    )
    values: Values = judge.call(
        "judge",
        files=files,
        faces=found["faces"],
        scores=found["scores"],
        min_iou=MIN_IOU,
        precision=PRECISION,
    )
    return values


def figures(measured: Measured) -> list[Figure]:
    """Recall at the wanted precision; the limit is what mtcnn reaches in the same run."""
    found = []
    for case in measured.cases():
        ours = measured.of(OURS, case=case)[0].values
        theirs = measured.of(THEIRS, case=case)[0].values
        found.append(
            Figure(
                what=(f"Recall at precision {PRECISION}, group photos, {TITLES.get(case, case)}"),
                ours=Unit.PERCENT.write(ours["recall_at_precision"]),
                against="mtcnn 1.0.0",
                theirs=Unit.PERCENT.write(theirs["recall_at_precision"]),
                value=ours["recall_at_precision"],
                unit=Unit.PERCENT,
                limit=theirs["recall_at_precision"],
                note=(
                    f"{ours['true_faces']} labelled faces in {ours['photos']} photos. Everything "
                    f"found counted, facesearch has {_all(ours)}, mtcnn {_all(theirs)}."
                ),
            )
        )
    return found


def _all(values: Values) -> str:
    return (
        f"{values['matched']} of them in {values['found']} boxes "
        f"(average precision {values['average_precision']:.3f})"
    )


MEASURE = Measure(
    name=NAME,
    title="Faces in group photos",
    method=(
        "The photos and boxes are dlib's example faces (training.xml and testing.xml, photos from "
        f"PASCAL VOC 2011). Both look for faces from {SMALLEST_FACE_PX} pixels upward in "
        "the same decoded pixels, once with their own default thresholds and once with lower ones "
        "for all three stages, so that the curve of precision over recall goes on. In each photo "
        "the surest box comes first and takes the labelled face that it overlaps most among those "
        f"not yet taken, if the IoU is at least {MIN_IOU}; any other box counts as wrong, even "
        "where the labels left a face out. The whole curve is in the raw results."
    ),
    contenders=(OURS, THEIRS),
    missing=needs(**{"labelled group": Data.group_boxes}),
    run=run,
    figures=figures,
)
