"""The DeepFace network at its full size on a small machine: trained, killed, resumed, exported."""

from __future__ import annotations

import csv
import re
import shutil

from benchmarks.bench import Bench, Measure, needs
from benchmarks.contenders import Contender
from benchmarks.data import Data
from benchmarks.figures import Figure, Unit
from benchmarks.processes import BenchmarkError, Finished
from benchmarks.records import Measured, Values
from benchmarks.training import PEOPLE, dataset, facesearch, kept

NAME = "own-deepface"
OURS = Contender.FACESEARCH
MOST_BYTES = 24 * 2**30
MOST_DIFFERENCE = 1e-4
BATCH = 8
STARTED, RESUMED, ADDED = "started and killed", "resumed", "exported and added"


def run(bench: Bench) -> None:
    """Train until there is a checkpoint, kill; resume to the end; export."""
    few = (*PEOPLE, "--max-photos", "10")
    chips = dataset(bench, "people-152", "--size", "152", *few)
    folder = kept(bench, "deepface-full")
    shutil.rmtree(folder, ignore_errors=True)  # what is measured is how it is made
    out = ("train", "deepface", str(chips), "--out", str(folder))
    settings = ("--batch", str(BATCH), "--epochs", "2", "--set", "checkpoint_every_steps=1")
    bench.say("  training, until it is killed")
    killed = facesearch(
        bench, *out, *settings, kill_when=lambda: any(folder.glob("checkpoints/step-*"))
    )
    bench.note(NAME, OURS, _cost(killed), case=STARTED)
    bench.say("  resumed")
    resumed = facesearch(bench, *out, *settings, "--resume")
    with (folder / "steps.csv").open(newline="", encoding="utf-8") as file:
        steps = [float(row["loss"]) for row in csv.DictReader(file)]
    bench.note(NAME, OURS, _cost(resumed) | {"losses": steps}, case=RESUMED)
    bench.say("  exported")
    added = facesearch(bench, "models", "add", "own-deepface", str(folder))
    told = re.search(r"the same as in Keras, to (\S+), on (\d+)\s+chips", added.output)
    if told is None:
        raise BenchmarkError(f"models add said nothing of a difference:\n{added.output}")
    values = {"difference": float(told[1]), "chips": int(told[2])}
    bench.note(NAME, OURS, _cost(added) | values, case=ADDED)
    shutil.rmtree(folder)  # of gigabytes


def figures(measured: Measured) -> list[Figure]:
    """Memory of each process, and how far ONNX is from Keras."""
    found = []
    for case in (STARTED, RESUMED, ADDED):
        values = measured.of(OURS, case=case)[0].values
        found.append(
            Figure(
                what=f"deepface at full size, batches of {BATCH}, {case}: peak memory",
                ours=Unit.GIGABYTES.write(values["peak_bytes"]),
                value=values["peak_bytes"],
                unit=Unit.GIGABYTES,
                limit=MOST_BYTES,
                at_most=True,
                note=f"{values['seconds']:.0f} s from its start to its end.",
            )
        )
    values = measured.of(OURS, case=ADDED)[0].values
    found.append(
        Figure(
            what=f"deepface at full size, embeddings of {values['chips']} chips, exported",
            ours="ONNX Runtime",
            against="the same network in Keras",
            value=values["difference"],
            unit=Unit.DIFFERENCE,
            limit=MOST_DIFFERENCE,
            at_most=True,
        )
    )
    return found


def _cost(finished: Finished) -> Values:
    return {"seconds": finished.seconds, "peak_bytes": finished.peak_bytes}


MEASURE = Measure(
    name=NAME,
    title="Networks of one's own: DeepFace at full size",
    method=(
        "`facesearch train deepface` with 137.8 million numbers at 152 px, on a handful of photos, "
        "in batches of 8. The process is killed by SIGKILL when its first checkpoint is there, "
        "goes on with `--resume` to the end of the second epoch, and `models add` exports the "
        "network to ONNX, compares the two and adds it."
    ),
    contenders=(OURS,),
    missing=needs(LFW=Data.lfw),
    run=run,
    figures=figures,
)
