"""Going over to another model: a whole `facesearch reindex` against its embedder alone."""

from __future__ import annotations

import json
import shutil

from benchmarks.bench import Bench, Measure, needs
from benchmarks.contenders import Contender, facesearch_command
from benchmarks.data import Data
from benchmarks.figures import Figure, Unit
from benchmarks.machine import usable_cores
from benchmarks.processes import BenchmarkError, run_process
from benchmarks.programs import FaceSearch
from benchmarks.records import Measured

NAME = "reindex"
BATCH = 32
AT_MOST = 1.20
MODELS = ("dlib-resnet34-best", "dlib-resnet34")
OURS = Contender.FACESEARCH


def run(bench: Bench) -> None:
    """A library goes over to another model; the embedder alone is timed before and after.

    It is begun with one of the two shipped models, and goes over to the other.
    """
    folder = bench.data.lfw_folder
    if bench.effort.reindex_photos:
        photos = bench.data.lfw_sample(bench.effort.reindex_photos)
        folder = bench.folder_of("reindexed", photos)
    command = facesearch_command(bench.environments.python(OURS))
    sampled = [str(path) for path in bench.data.lfw_sample(bench.effort.model_faces * 2)]
    for target, begun in zip(MODELS, reversed(MODELS), strict=True):
        library = bench.work / f"{begun}.faces"
        values = FaceSearch(arguments=("--model", begun)).run(bench, folder, library)
        how = {"model": target, "batch": BATCH, "callers": usable_cores()}
        with bench.worker(OURS, "models.py") as worker:
            given = {"model": target, "count": bench.effort.model_faces}
            count = worker.call("cut_chips", photos=sampled, **given)
            worker.call("embed", **how)
            alone = [worker.call("embed", **how) / count]
            finished = run_process(
                [*command, "--library", str(library), "reindex", "--model", target, "--json"],
                bench.environment(OURS),
            )
            alone.append(worker.call("embed", **how) / count)
        done = json.loads(finished.output.splitlines()[-1])
        if done.get("embedded") != values["faces"]:
            raise BenchmarkError(f"reindex embedded {done} of {values['faces']} faces")
        bench.note(
            NAME,
            OURS,
            {
                "faces": done["embedded"],
                "seconds": finished.seconds,
                "cpu_seconds": finished.cpu_seconds,
                "peak_bytes": finished.peak_bytes,
                "embedding_seconds": sum(alone) / len(alone) * done["embedded"],
                "alone_ms_per_face": [one * 1e3 for one in alone],
            },
            case=target,
        )
        shutil.rmtree(library)


def figures(measured: Measured) -> list[Figure]:
    """How much longer the whole takes than embedding alone, for a slow and for a fast model."""
    found = []
    for model in MODELS:
        values = measured.of(OURS, case=model)[0].values
        before, after = values["alone_ms_per_face"]
        found.append(
            Figure(
                what=f"Reindex of {values['faces']} faces with {model}",
                ours=f"{values['seconds']:.1f} s",
                against="its embedder alone, on all cores",
                theirs=f"{values['embedding_seconds']:.1f} s",
                value=values["seconds"] / values["embedding_seconds"],
                unit=Unit.FACTOR,
                limit=AT_MOST,
                at_most=True,
                note=f"The embedder alone took {before:.2f} ms a face before, {after:.2f} after.",
            )
        )
    return found


MEASURE = Measure(
    name=NAME,
    title="Going over to another model",
    method=(
        "`facesearch reindex --model`, the whole process from its start to its end, on a library "
        "of all of LFW whose faces were found before. It is set against the time that the "
        "embedder alone takes for as many faces, on chips in memory, in batches of 32, on all "
        "cores, timed just before and just after."
    ),
    contenders=(OURS,),
    missing=needs(LFW=Data.lfw),
    run=run,
    figures=figures,
)
