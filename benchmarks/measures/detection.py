"""Finding faces: facesearch against the mtcnn package, the same pixels, the same smallest face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from benchmarks.bench import Bench, Measure, fastest, needs, paired_ratios
from benchmarks.contenders import Contender
from benchmarks.data import Data, sample
from benchmarks.figures import Figure, Unit
from benchmarks.machine import usable_cores
from benchmarks.processes import Worker
from benchmarks.records import Measured, Values, median

NAME = "detection"
SMALLEST_FACE_PX = 20
LARGE_PX = 1024
AT_LEAST_TIMES = {"lfw": 12.0, "1024": 6.0}
TITLES = {"lfw": "LFW", "1024": "photos of 1024 px"}
SAME_FACE_IOU = 0.5
ONE_PHOTO = "one photo a call"
OURS, THEIRS = Contender.FACESEARCH, Contender.MTCNN

Box: TypeAlias = tuple[float, float, float, float]


def _our_ways() -> dict[str, Values]:
    cores = usable_cores()
    return {
        f"{cores} threads, one photo a call": {"batch": 1, "threads": cores},
        f"{cores} threads, 8 photos a call": {"batch": 8, "threads": cores},
    }


def _their_ways() -> dict[str, Values]:
    cores = usable_cores()
    return {
        ONE_PHOTO: {"batch": 1, "threads": 1},
        f"one photo a call, {cores} threads": {"batch": 1, "threads": cores},
        "lists of 4": {"batch": 4, "threads": 1},
        "lists of 16": {"batch": 16, "threads": 1},
        "lists of 32": {"batch": 32, "threads": 1},
    }


def run(bench: Bench) -> None:
    """Photos are decoded once and shared; both are timed on arrays, then compared face by face."""
    effort, data = bench.effort, bench.data
    speed = {
        "lfw": _pixels(bench, "lfw", data.lfw_sample(effort.detection_photos)),
        "1024": _pixels(
            bench, "1024", sample(data.pairs62(), effort.detection_large_photos), LARGE_PX
        ),
    }
    agreement = {
        "pairs62": sample(data.pairs62(), effort.agreement_large_photos),
        "groups": data.groups(),
        "lfw": data.lfw_sample(effort.agreement_photos),
    }
    with bench.worker(OURS) as ours, bench.worker(THEIRS) as theirs:
        for case, photos in speed.items():
            ours.call("load_photos", path=photos)
            theirs.call("load_photos", path=photos)
            _race(bench, case, ours, theirs)
        for case, paths in agreement.items():
            photos = _pixels(bench, f"agreement-{case}", paths)
            answers = []
            for worker in (ours, theirs):
                worker.call("load_photos", path=photos)
                answers.append(_detect(worker, {"batch": 1, "threads": 1})["faces"])
            bench.note(NAME, OURS, compare(*answers), case=f"agreement-{case}")


def _pixels(bench: Bench, name: str, paths: Sequence[Path], longer_px: int | None = None) -> str:
    """A .npz file of decoded photos."""
    out = str(bench.work / f"{name}.npz")
    with bench.worker(OURS, "prepare.py") as worker:
        worker.call("decode", photos=[str(path) for path in paths], out=out, longer_px=longer_px)
    return out


def _race(bench: Bench, case: str, ours: Worker, theirs: Worker) -> None:
    sides = ((OURS, ours, _our_ways()), (THEIRS, theirs, _their_ways()))
    chosen: list[tuple[Contender, Worker, str, Values]] = []
    for contender, worker, ways in sides:
        seconds = {}
        for way, arguments in ways.items():
            # The first call with a shape may compile or allocate; the second one is timed.
            few = {**arguments, "count": 32 if case == "lfw" else 8}
            _detect(worker, few)
            answer = _detect(worker, few)
            seconds[way] = answer["seconds"]
            bench.note(NAME, contender, _values(answer), way=way, case=case, trial=True)
        # One photo a call is how mtcnn's documentation and DeepFace call it.
        usual = [ONE_PHOTO] if contender is THEIRS else []
        raced = dict.fromkeys([fastest(seconds), *usual])
        chosen += [(contender, worker, way, ways[way]) for way in raced]
    for repetition in range(bench.effort.repetitions):
        for contender, worker, way, arguments in chosen:
            values = _values(_detect(worker, arguments))
            bench.note(NAME, contender, values, way=way, case=case, repetition=repetition)


def _detect(worker: Worker, arguments: Values) -> Values:
    answer: Values = worker.call("detect", smallest_face_px=SMALLEST_FACE_PX, **arguments)
    return answer


def _values(answer: Values) -> Values:
    return {
        "seconds_per_photo": answer["seconds"] / answer["photos"],
        "photos": answer["photos"],
        "faces": sum(map(len, answer["faces"])),
    }


def compare(ours: Sequence[Sequence[Box]], theirs: Sequence[Sequence[Box]]) -> Values:
    """How many faces of each side the other found, too (IoU above 0.5), photo by photo."""
    pairs = list(zip(ours, theirs, strict=True))
    return {
        "photos": len(pairs),
        "our_faces": sum(len(mine) for mine, _ in pairs),
        "their_faces": sum(len(yours) for _, yours in pairs),
        "theirs_found_by_us": sum(matched(yours, mine) for mine, yours in pairs),
        "ours_found_by_them": sum(matched(mine, yours) for mine, yours in pairs),
    }


def matched(wanted: Sequence[Box], found: Sequence[Box]) -> int:
    """How many wanted boxes have a box of their own among the found ones, best overlaps first."""
    overlaps = sorted(
        ((iou(a, b), i, j) for i, a in enumerate(wanted) for j, b in enumerate(found)),
        reverse=True,
    )
    taken_wanted: set[int] = set()
    taken_found: set[int] = set()
    for overlap, i, j in overlaps:
        if overlap > SAME_FACE_IOU and i not in taken_wanted and j not in taken_found:
            taken_wanted.add(i)
            taken_found.add(j)
    return len(taken_wanted)


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes (left, top, width, height)."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    union = a[2] * a[3] + b[2] * b[3] - shared
    return shared / union if union > 0 else 0.0


def figures(measured: Measured) -> list[Figure]:
    """Speed in both sizes, then the faces found on each set of photos and on all."""
    found = []
    for case, limit in AT_LEAST_TIMES.items():
        ours, theirs = measured.of(OURS, case=case), measured.of(THEIRS, case=case)
        mine = median(ours, "seconds_per_photo")
        ways = dict.fromkeys(sample.way for sample in theirs)
        medians = {
            way: median(measured.of(THEIRS, case=case, way=way), "seconds_per_photo")
            for way in ways
        }
        for way in sorted(ways, key=lambda way: medians[way]):
            is_best = way == fastest(medians)
            found.append(
                Figure(
                    what=f"Detection, {TITLES[case]}, faces from {SMALLEST_FACE_PX} px",
                    ours=f"{1 / mine:.1f} photos/s",
                    against=f"mtcnn 1.0.0, {way}",
                    theirs=f"{1 / medians[way]:.2f} photos/s",
                    value=medians[way] / mine,
                    unit=Unit.TIMES,
                    limit=limit if is_best else None,
                    spread=paired_ratios(
                        ours, measured.of(THEIRS, case=case, way=way), "seconds_per_photo"
                    ),
                    note="The way its documentation shows." if way == ONE_PHOTO else "",
                )
            )
    sets = {
        case.removeprefix("agreement-"): measured.of(OURS, case=case)[0].values
        for case in measured.cases()
        if case.startswith("agreement-")
    }
    sets["all three sets"] = {
        key: sum(values[key] for values in sets.values()) for key in next(iter(sets.values()))
    }
    found.extend(_agreement(name, values) for name, values in sets.items())
    return found


def _agreement(name: str, values: Values) -> Figure:
    share = values["theirs_found_by_us"] / max(values["their_faces"], 1)
    return Figure(
        what=f"Detection, mtcnn's faces found by facesearch, {name}",
        ours=f"{values['our_faces']} faces",
        against="mtcnn 1.0.0",
        theirs=f"{values['their_faces']} faces",
        value=share,
        unit=Unit.PERCENT,
        limit=1.0 if name == "all three sets" else None,
        note=(
            f"On {values['photos']} photos; {values['theirs_found_by_us']} of mtcnn's faces found "
            f"by facesearch, {values['ours_found_by_them']} of facesearch's by mtcnn."
        ),
    )


MEASURE = Measure(
    name=NAME,
    title="Detection",
    method=(
        "Both get the same decoded RGB arrays and look for faces from 20 pixels upward with their "
        "own default thresholds. mtcnn is called one photo at a time (as its documentation and "
        "DeepFace do), from several threads, and with lists of photos, which it pads to one size "
        "and runs together; its fastest way is the one with the limit. Two faces are the same "
        "where their boxes overlap with an IoU above 0.5, each box counting once; the photos "
        "of this comparison are at full size, one a call."
    ),
    contenders=(OURS, THEIRS),
    missing=needs(LFW=Data.lfw, pairs62=Data.pairs62, groups=Data.groups),
    run=run,
    figures=figures,
)
