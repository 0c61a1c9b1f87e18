"""Reading chips to train from, beside reading the same JPEGs one by one."""

from __future__ import annotations

from benchmarks.bench import Bench, Measure, needs, paired_ratios
from benchmarks.contenders import Contender
from benchmarks.data import Data
from benchmarks.figures import Figure, Unit
from benchmarks.records import Measured, median
from benchmarks.training import dataset

NAME = "own-input"
OURS = Contender.FACESEARCH
BATCH, STEPS = 32, 30
FLOOR = 3.0
PIPELINE, STREAMED, AUGMENTED = "pipeline", "streamed", "augmented"
ONE_BY_ONE = ("TensorFlow", "Pillow")
# The recipe that learns from most images a second is the one that could wait for them.
RECIPE = "convnet"
TAUGHT, UNFED = "taught by the pipeline", "taught by one batch"
# The share of its speed that a network may lose by reading, on two cores that do both.
KEPT = 0.95


def run(bench: Bench) -> None:
    """Read all training chips in each way, in turns; then train."""
    folder = dataset(bench, "chips-152", "--size", "152", "--min-photos", "20")
    with bench.worker(OURS, "own_input.py") as worker:
        worker.call("prepare", dataset=str(folder), singles=str(bench.work / "single-files"))
        for repetition in range(bench.effort.repetitions + 1):
            for way in (PIPELINE, STREAMED, AUGMENTED, *ONE_BY_ONE):
                rate = worker.call("read", way=way, batch=BATCH, round=repetition)
                # The first time functions are traced, and files come from the disk.
                values = {"images_per_second": rate, "seconds_per_image": 1 / rate}
                trial = repetition == 0
                bench.note(NAME, OURS, values, way=way, repetition=repetition, trial=trial)
        for repetition in range(bench.effort.repetitions):
            found = worker.call("train", recipe=RECIPE, batch=BATCH, steps=STEPS)
            for way, key in ((TAUGHT, "fed"), (UNFED, "unfed")):
                values = {"images_per_second": found[key], "seconds_per_image": 1 / found[key]}
                bench.note(NAME, OURS, values, way=way, repetition=repetition)


def figures(measured: Measured) -> list[Figure]:
    """Ratios to both ways one by one, and what training loses by reading."""
    found = []
    for way, limit in ((PIPELINE, FLOOR), (STREAMED, None)):
        ours = measured.of(OURS, way=way)
        for other in ONE_BY_ONE:
            theirs = measured.of(OURS, way=other)
            found.append(
                Figure(
                    what=f"Reading chips of 152 px, {_WORDS[way]}",
                    ours=_rate(measured, way),
                    against=f"{other}, one JPEG at a time",
                    theirs=_rate(measured, other),
                    value=median(theirs, "seconds_per_image") / median(ours, "seconds_per_image"),
                    unit=Unit.TIMES,
                    limit=limit,
                    spread=paired_ratios(ours, theirs, "seconds_per_image"),
                )
            )
    ours, theirs = measured.of(OURS, way=TAUGHT), measured.of(OURS, way=UNFED)
    found.append(
        Figure(
            what=f"{RECIPE} fed with augmented chips by the pipeline, share of its speed kept",
            ours=_rate(measured, TAUGHT),
            against="the same network, one batch again and again",
            theirs=_rate(measured, UNFED),
            value=median(theirs, "seconds_per_image") / median(ours, "seconds_per_image"),
            unit=Unit.PERCENT,
            limit=KEPT,
            spread=paired_ratios(ours, theirs, "seconds_per_image"),
            note=f"Read alone, augmented: {_rate(measured, AUGMENTED)}.",
        )
    )
    return found


_WORDS = {
    PIPELINE: "15 epochs, kept in memory",
    STREAMED: "15 epochs, each decoded anew",
}


def _rate(measured: Measured, way: str) -> str:
    return f"{median(measured.of(OURS, way=way), 'images_per_second'):,.0f} images/s"


MEASURE = Measure(
    name=NAME,
    title="Networks of one's own: reading chips",
    method=(
        "Chips of 152 px of the people of LFW with at least 20 photos, as TFRecords; the same "
        "JPEG bytes also as single files. The pipeline shuffles, decodes (once where chips fit "
        "into memory), and gives batches of 32, set-up included, on all cores; one by one, "
        "`tf.io.read_file` with `tf.io.decode_jpeg`, "
        "or Pillow, then the same batches, on one core. Everything is in the file cache. Then "
        "`convnet`, the recipe that learns from most images a second, takes 30 steps on augmented "
        "batches of the pipeline and 30 on one batch that it has already, in turns."
    ),
    contenders=(OURS,),
    missing=needs(LFW=Data.lfw),
    run=run,
    figures=figures,
)
