"""DeepFace's models in facesearch: what the adapter costs, and what the pipeline around it gains.

DeepFace's Facenet512 with random weights stands for all: the architecture is the true one, and
speed does not depend on what the numbers are.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.bench import Bench, Measure, needs, paired_ratios
from benchmarks.contenders import Contender, facesearch_command
from benchmarks.data import Data, sample
from benchmarks.figures import Figure, Unit
from benchmarks.measures.indexing import in_part
from benchmarks.processes import BenchmarkError, run_process
from benchmarks.programs import FaceSearch, Script
from benchmarks.records import Measured, median

NAME = "models"
MODEL, BATCH = "deepface:Facenet512", 32
OVERHEAD_AT_MOST = 0.10
TIMES_AT_LEAST = 4.0
LIST_AT_MOST_S = 1.0
OURS, THEIRS = Contender.FACESEARCH, Contender.DEEPFACE
WAY = "facesearch index --model"
ALONE, EMBED, LIST, INDEX = "alone", "embed", "list", "index"


def run(bench: Bench) -> None:
    """Weights once, then each comparison in turns."""
    weights = _weights(bench)
    _overhead(bench, weights)
    _race(bench)
    _list(bench)


def _weights(bench: Bench) -> Path:
    """Random weights where DeepFace finds them, and the same for facesearch."""
    with bench.worker(THEIRS, "random_weights.py") as worker:
        made = worker.call("facenet512_onnx")
    command = [*_command(bench), "models", "get", MODEL, "--engine", "onnx"]
    run_process(
        [*command, "--from", made["path"], "--sha256", made["sha256"], "--accept-license"],
        bench.environment(OURS),
    )
    return Path(made["path"])


def _overhead(bench: Bench, weights: Path) -> None:
    """The embedder and ONNX Runtime alone, in turns, in one process and on the same faces."""
    photos = [str(path) for path in bench.data.lfw_sample(bench.effort.model_faces * 2)]
    with bench.worker(OURS, "models.py") as worker:
        count = worker.call("cut_chips", model=MODEL, photos=photos, count=bench.effort.model_faces)
        for repetition in range(-1, bench.effort.repetitions):
            ours = worker.call("embed", model=MODEL, batch=BATCH)
            alone = worker.call("run_bare", model=MODEL, path=str(weights), batch=BATCH)
            for case, seconds in ((EMBED, ours), (ALONE, alone)):
                bench.note(
                    NAME,
                    OURS,
                    {"ms_per_face": seconds / count * 1e3},
                    case=case,
                    repetition=max(repetition, 0),
                    trial=repetition < 0,
                )


def _race(bench: Bench) -> None:
    """facesearch and DeepFace index the same photos with the same network, in turns."""
    photos = bench.data.lfw_sample(bench.effort.model_photos)
    folder = bench.folder_of("models", photos)
    few = sample(sorted(folder.iterdir()), bench.effort.model_slow_photos)
    ours = FaceSearch(arguments=("--model", MODEL))
    how = ("--list-size", "32", "--model", "Facenet512", "--engine", "onnx")
    theirs = Script(THEIRS, "lists of 32", how)
    ours.run(bench, bench.folder_of("models-warm", photos[:2]))
    theirs.run(bench, few[:1])
    for repetition in range(bench.effort.index_repetitions):
        values = ours.run(bench, folder)
        values |= {"seconds_for_all": values["seconds"]}
        bench.note(NAME, OURS, values, way=WAY, case=INDEX, repetition=repetition)
        bench.say(f"  facesearch: {len(photos) / values['seconds']:.1f} photos/s")
        values = in_part(bench, theirs, few, len(photos))
        bench.note(NAME, THEIRS, values, way=theirs.way, case=INDEX, repetition=repetition)
        bench.say(f"  DeepFace: {1 / values['seconds_per_photo']:.2f} photos/s")


def _list(bench: Bench) -> None:
    """`facesearch models`, from process start to its end."""
    for repetition in range(-1, bench.effort.cold_repetitions):
        finished = run_process([*_command(bench), "models", "--json"], bench.environment(OURS))
        listed = [json.loads(line) for line in finished.output.splitlines()]
        if MODEL not in {model["name"] for model in listed}:
            raise BenchmarkError(f"facesearch models does not list {MODEL}")
        bench.note(
            NAME,
            OURS,
            {"seconds": finished.seconds, "models": len(listed)},
            case=LIST,
            repetition=max(repetition, 0),
            trial=repetition < 0,
        )


def _command(bench: Bench) -> list[str]:
    return facesearch_command(bench.environments.python(OURS))


def figures(measured: Measured) -> list[Figure]:
    """Each comparison with its limit."""
    embed, alone = measured.of(OURS, case=EMBED), measured.of(OURS, case=ALONE)
    ours, theirs = measured.of(OURS, case=INDEX), measured.of(THEIRS, case=INDEX)
    listed = measured.of(OURS, case=LIST)
    extra = median(embed, "ms_per_face") / median(alone, "ms_per_face") - 1
    lowest, highest = paired_ratios(alone, embed, "ms_per_face")
    photos = ours[0].values["photos"]
    rates = [photos / median(samples, "seconds_for_all") for samples in (ours, theirs)]
    return [
        Figure(
            what=f"{MODEL}, batches of {BATCH}: more than the network alone",
            ours=f"{median(embed, 'ms_per_face'):.2f} ms a face",
            against="ONNX Runtime, the same file, one thread",
            theirs=f"{median(alone, 'ms_per_face'):.2f} ms a face",
            value=extra,
            unit=Unit.PERCENT,
            limit=OVERHEAD_AT_MOST,
            at_most=True,
            spread=(lowest - 1, highest - 1),
        ),
        Figure(
            what=f"Indexing LFW with {MODEL}, {photos} photos",
            ours=f"{rates[0]:.1f} photos/s",
            against="DeepFace.represent (Facenet512 by ONNX Runtime, mtcnn), lists of 32",
            theirs=f"{rates[1]:.2f} photos/s",
            value=rates[0] / rates[1],
            unit=Unit.TIMES,
            limit=TIMES_AT_LEAST,
            spread=paired_ratios(ours, theirs, "seconds_for_all"),
        ),
        Figure(
            what=f"`facesearch models`, {listed[0].values['models']} models, cold",
            ours=f"{median(listed, 'seconds'):.2f} s",
            against="",
            value=median(listed, "seconds"),
            unit=Unit.SECONDS,
            limit=LIST_AT_MOST_S,
            at_most=True,
            note="TensorFlow, tf-keras, tf2onnx, dlib and deepface are installed.",
        ),
    ]


MEASURE = Measure(
    name=NAME,
    title="Models of other origins",
    method=(
        "DeepFace's Facenet512 with random weights in the true architecture, as one ONNX file for "
        "both. Overhead: `Embedder.embed` of uint8 chips against `InferenceSession.run` on numbers "
        "that were made ready before, in turns in one process, one thread each. Indexing: whole "
        "processes, `facesearch index --model` with its own detector against `DeepFace.represent` "
        "with mtcnn, DeepFace on its ONNX engine; DeepFace indexes a part, and the rest follows."
    ),
    contenders=(OURS, THEIRS),
    missing=needs(LFW=Data.lfw),
    run=run,
    figures=figures,
)
