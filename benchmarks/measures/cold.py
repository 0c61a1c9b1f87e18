"""Processes that live for one answer: a cold query, a bare import."""

from __future__ import annotations

import json
import statistics

from benchmarks.bench import Bench, Measure, needs
from benchmarks.contenders import Contender, facesearch_command
from benchmarks.data import Data
from benchmarks.figures import Figure, Unit
from benchmarks.measures.library import library_folder, make_library
from benchmarks.processes import BenchmarkError, run_process
from benchmarks.records import Measured, median

NAME = "cold"
OURS, THEIRS = Contender.FACESEARCH, Contender.DEEPFACE
QUERY_AT_MOST = 0.2
IMPORT_AT_MOST_S = 0.15
QUERY, IMPORT, NOTHING = "query", "import", "nothing"


def run(bench: Bench) -> None:
    """Processes in turn, each from its start to its end, after one round to warm caches."""
    if not library_folder(bench).exists():
        make_library(bench)
    ours = bench.environments.python(OURS)
    photo = bench.data.lfw_sample(2)[1]
    programs = [
        (
            OURS,
            QUERY,
            [
                *facesearch_command(ours),
                *("--library", str(library_folder(bench)), "query", str(photo), "--json"),
            ],
        ),
        (
            THEIRS,
            IMPORT,
            [str(bench.environments.python(THEIRS)), "-c", "from deepface import DeepFace"],
        ),
        (OURS, IMPORT, [str(ours), "-c", "import facesearch"]),
        (OURS, NOTHING, [str(ours), "-c", "pass"]),
    ]
    for repetition in range(-1, bench.effort.cold_repetitions):
        for contender, case, command in programs:
            finished = run_process(command, bench.environment(contender))
            if case == QUERY and not json.loads(finished.output)["faces"]:
                raise BenchmarkError(f"facesearch query found no face in {photo.name}")
            values = {"seconds": finished.seconds, "peak_bytes": finished.peak_bytes}
            bench.note(
                NAME,
                contender,
                values,
                case=case,
                repetition=max(repetition, 0),
                trial=repetition < 0,
            )


def figures(measured: Measured) -> list[Figure]:
    """The query beside DeepFace's import, and what `import facesearch` adds to Python."""
    query, theirs = measured.of(OURS, case=QUERY), measured.of(THEIRS, case=IMPORT)
    imports, nothing = measured.of(OURS, case=IMPORT), measured.of(OURS, case=NOTHING)
    seconds, import_s = median(query, "seconds"), median(theirs, "seconds")
    added = [
        float(a.values["seconds"]) - float(b.values["seconds"])
        for a, b in zip(imports, nothing, strict=True)
    ]
    return [
        Figure(
            what="Cold query, process start to answer",
            ours=f"{seconds:.2f} s",
            against="`from deepface import DeepFace`, TensorFlow installed",
            theirs=f"{import_s:.2f} s",
            value=seconds / import_s,
            unit=Unit.PERCENT,
            limit=QUERY_AT_MOST,
            at_most=True,
            note="The aim is one second.",
        ),
        Figure(
            what="`import facesearch`, more than Python's own start",
            ours=f"{median(imports, 'seconds'):.3f} s",
            against='`python -c "pass"`',
            theirs=f"{median(nothing, 'seconds'):.3f} s",
            value=statistics.median(added),
            unit=Unit.SECONDS,
            limit=IMPORT_AT_MOST_S,
            at_most=True,
            spread=(min(added), max(added)),
        ),
    ]


MEASURE = Measure(
    name=NAME,
    title="Cold starts",
    method=(
        "Each line is a process of its own, timed from its start to its end, in turns, after one "
        "unmeasured round: files are in the cache, nothing else is. The query is "
        "`facesearch query PHOTO --json` on the library of all LFW photos."
    ),
    contenders=(OURS, THEIRS),
    missing=needs(LFW=Data.lfw),
    run=run,
    figures=figures,
)
