"""The DeepFace network on a small machine.

At its full size: trained, killed, resumed, exported. Scaled down: trained until it knows people.
"""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

from benchmarks.bench import Bench, Measure, needs
from benchmarks.contenders import Contender
from benchmarks.data import Data
from benchmarks.figures import Figure, Unit
from benchmarks.processes import BenchmarkError, Finished
from benchmarks.records import Measured, Values
from benchmarks.training import PEOPLE, dataset, facesearch, kept, spread, trained

NAME, RECIPE = "own-deepface", "deepface"
OURS = Contender.FACESEARCH
MOST_BYTES = 24 * 2**30
MOST_DIFFERENCE = 1e-4
BATCH = 8
STARTED, RESUMED, ADDED = "started and killed", "resumed", "exported and added"
SMALL = "scaled down"
# docs/decisions/deepface-with-few-photos.md
SETTINGS = (
    *("--width", "0.5", "--image-size", "96", "--batch", "16", "--epochs", "25"),
    *("--set", "weights_deviation=0.05", "--set", "initial_bias=0", "--set", "learning_rate=0.04"),
)


def run(bench: Bench) -> None:
    """Once at full size, and scaled down with every seed."""
    _full_size(bench)
    chips = dataset(bench, "people-128", "--size", "128", *PEOPLE)
    for seed in range(bench.effort.training_seeds):
        values = trained(bench, RECIPE, chips, f"{RECIPE}-{seed}", (*SETTINGS, "--seed", str(seed)))
        folder = kept(bench, values["run"])
        epochs = _column(folder / "log.csv", "loss")
        added = facesearch(bench, "models", "add", f"own-{RECIPE}-{seed}", str(folder))
        values |= {"losses": epochs, **_compared(added)}
        bench.note(NAME, OURS, values, case=SMALL, repetition=seed)


def _full_size(bench: Bench) -> None:
    """Train until there is a checkpoint, kill; resume to the end; export."""
    few = (*PEOPLE, "--max-photos", "10")
    chips = dataset(bench, "people-152", "--size", "152", *few)
    folder = kept(bench, "deepface-full")
    shutil.rmtree(folder, ignore_errors=True)  # what is measured is how it is made
    out = ("train", RECIPE, str(chips), "--out", str(folder))
    settings = ("--batch", str(BATCH), "--epochs", "2", "--set", "checkpoint_every_steps=1")
    bench.say("  training, until it is killed")
    killed = facesearch(
        bench, *out, *settings, kill_when=lambda: any(folder.glob("checkpoints/step-*"))
    )
    bench.note(NAME, OURS, _cost(killed), case=STARTED)
    bench.say("  resumed")
    resumed = facesearch(bench, *out, *settings, "--resume")
    steps = _column(folder / "steps.csv", "loss")
    bench.note(NAME, OURS, _cost(resumed) | {"losses": steps}, case=RESUMED)
    bench.say("  exported")
    added = facesearch(bench, "models", "add", f"own-{RECIPE}", str(folder))
    bench.note(NAME, OURS, _cost(added) | _compared(added), case=ADDED)
    shutil.rmtree(folder)  # of gigabytes


def figures(measured: Measured) -> list[Figure]:
    """Memory of each process, what the small one knows, and how far ONNX is from Keras."""
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
    small = measured.of(OURS, case=SMALL)
    own = [sample.values["accuracy"] for sample in small]
    losses = [sample.values["losses"] for sample in small]
    minutes = [f"{sample.values['training_seconds'] / 60:.0f}" for sample in small]
    found.append(
        Figure(
            what=f"7 people of LFW, {small[0].values['photos']} photos never seen, deepface scaled "
            f"down, {len(small)} seeds",
            ours=spread(own),
            value=sum(own) / len(own),
            unit=Unit.PERCENT,
            spread=(min(own), max(own)),
            note="The training loss falls "
            + ", ".join(f"from {each[0]:.2f} to {each[-1]:.2f}" for each in losses)
            + f" in {len(losses[0])} epochs, {', '.join(minutes)} minutes.",
        )
    )
    for which, samples in (
        ("at full size", measured.of(OURS, case=ADDED)),
        (f"scaled down, {len(small)} seeds", small),
    ):
        chips = samples[0].values["chips"]
        found.append(
            Figure(
                what=f"deepface {which}, embeddings of {chips} chips, exported",
                ours="ONNX Runtime",
                against="the same network in Keras",
                value=max(sample.values["difference"] for sample in samples),
                unit=Unit.DIFFERENCE,
                limit=MOST_DIFFERENCE,
                at_most=True,
            )
        )
    return found


def _cost(finished: Finished) -> Values:
    return {"seconds": finished.seconds, "peak_bytes": finished.peak_bytes}


def _compared(added: Finished) -> Values:
    """What `models add` says of how far ONNX is from Keras."""
    told = re.search(r"the same as in Keras, to (\S+), on (\d+)\s+chips", added.output)
    if told is None:
        raise BenchmarkError(f"models add said nothing of a difference:\n{added.output}")
    return {"difference": float(told[1]), "chips": int(told[2])}


def _column(path: Path, name: str) -> list[float]:
    with path.open(newline="", encoding="utf-8") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


MEASURE = Measure(
    name=NAME,
    title="Networks of one's own: DeepFace",
    method=(
        "`facesearch train deepface` with 137.8 million numbers at 152 px, on a handful of photos, "
        "in batches of 8. The process is killed by SIGKILL when its first checkpoint is there, "
        "goes on with `--resume` to the end of the second epoch, and `models add` exports the "
        "network to ONNX, compares the two and adds it. Scaled down, it is trained on the seven "
        "people above, with half the filters and units, at 96 px, and with biases that begin at 0: "
        "with the paper's 0.5 so few photos teach it nothing but who has most of them."
    ),
    contenders=(OURS,),
    missing=needs(LFW=Data.lfw),
    run=run,
    figures=figures,
)
