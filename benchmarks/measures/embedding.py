"""Embedding aligned chips: facesearch against dlib, the same network and the same chips."""

from __future__ import annotations

from benchmarks.bench import Bench, Measure, fastest, needs, paired_ratios
from benchmarks.contenders import Contender
from benchmarks.data import Data
from benchmarks.figures import Figure, Unit
from benchmarks.machine import usable_cores
from benchmarks.processes import Worker
from benchmarks.records import Measured, Values, median

NAME = "embedding"
BATCH = 32
AT_LEAST_TIMES = 30.0
AT_MOST_DIFFERENCE = 1e-5
ONE_CORE = "1 thread"
OURS, THEIRS = Contender.FACESEARCH, Contender.DLIB


def _ways() -> dict[str, Values]:
    """How facesearch may be called: threads inside one call, or calls from several threads."""
    cores = usable_cores()
    ways: dict[str, Values] = {ONE_CORE: {"threads": 1, "callers": 1}}
    if cores > 1:
        ways[f"{cores} threads in a call"] = {"threads": cores, "callers": 1}
        ways[f"{cores} callers"] = {"threads": 1, "callers": cores}
    return ways


def run(bench: Bench) -> None:
    """Chips are cut once and shared; contenders take turns."""
    chips, out = str(bench.work / "chips.npy"), str(bench.work / "descriptors-{}.npy")
    with bench.worker(OURS, "prepare.py") as worker:
        photos = [str(path) for path in bench.data.lfw_sample(bench.effort.chips * 2)]
        worker.call("make_chips", photos=photos, count=bench.effort.chips, out=chips)
    ways = _ways()
    with bench.worker(OURS) as ours, bench.worker(THEIRS) as theirs:
        count = ours.call("load_chips", path=chips)
        theirs.call("load_chips", path=chips)
        trials = {way: _seconds(ours, way, ways) for way in ways}
        for way, seconds in trials.items():
            bench.note(NAME, OURS, {"ms_per_face": seconds / count * 1e3}, way=way, trial=True)
        best = fastest(trials)
        for repetition in range(bench.effort.repetitions):
            for way in dict.fromkeys((best, ONE_CORE)):
                ms = _seconds(ours, way, ways) / count * 1e3
                bench.note(NAME, OURS, {"ms_per_face": ms}, way=way, repetition=repetition)
            answer = theirs.call("embed", batch=BATCH)
            ms = sum(answer["seconds"]) / answer["faces"] * 1e3
            bench.note(NAME, THEIRS, {"ms_per_face": ms}, repetition=repetition)
        ours.call("describe_chips", batch=BATCH, save=out.format(OURS), **ways[ONE_CORE])
        theirs.call("embed", batch=BATCH, save=out.format(THEIRS))
        difference = ours.call(
            "largest_difference", first=out.format(OURS), second=out.format(THEIRS)
        )
        settings = theirs.call("settings")
    bench.note(NAME, THEIRS, {"largest_difference": difference, **settings}, case="difference")


def _seconds(worker: Worker, way: str, ways: dict[str, Values]) -> float:
    return float(worker.call("describe_chips", batch=BATCH, **ways[way])["seconds"])


def figures(measured: Measured) -> list[Figure]:
    """The fastest way, one core alone, and the difference of the answers."""
    theirs = measured.of(THEIRS)
    ways = dict.fromkeys(sample.way for sample in measured.of(OURS))
    medians = {way: median(measured.of(OURS, way=way), "ms_per_face") for way in ways}
    best = fastest(medians)
    against = "dlib-bin, compute_face_descriptor"
    found = []
    for way in dict.fromkeys((best, ONE_CORE)):
        ours = measured.of(OURS, way=way)
        found.append(
            Figure(
                what=f"Embedding, batches of {BATCH} chips, {way}",
                ours=f"{medians[way]:.2f} ms a face",
                against=against,
                theirs=f"{median(theirs, 'ms_per_face'):.1f} ms a face",
                value=median(theirs, "ms_per_face") / medians[way],
                unit=Unit.TIMES,
                limit=AT_LEAST_TIMES if way == best else None,
                spread=paired_ratios(ours, theirs, "ms_per_face"),
                note="" if way == best else "dlib uses one core, so this compares core with core.",
            )
        )
    difference = measured.of(THEIRS, case="difference")[0].values["largest_difference"]
    found.append(
        Figure(
            what="Embedding, largest difference of any number",
            ours=f"{difference:.1e}",
            against=against,
            value=float(difference),
            unit=Unit.DIFFERENCE,
            limit=AT_MOST_DIFFERENCE,
            at_most=True,
        )
    )
    return found


MEASURE = Measure(
    name=NAME,
    title="Embedding",
    method=(
        "Faces of LFW, found and cut out once by facesearch as chips of 150x150 pixels; both "
        "embed the same chips in batches of 32. facesearch's raw descriptor is compared (no "
        "mirrored second look, no normalisation), because that is what dlib computes. "
        "facesearch is timed with the fastest of its ways to use the cores, and on one core."
    ),
    contenders=(OURS, THEIRS),
    missing=needs(LFW=Data.lfw),
    run=run,
    figures=figures,
)
