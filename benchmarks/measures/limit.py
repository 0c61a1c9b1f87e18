"""How near the pipeline is to its limit: decoding alone plus networks alone, on all cores."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bench import Bench, Measure, needs
from benchmarks.contenders import Contender
from benchmarks.data import Data
from benchmarks.figures import Figure, Unit
from benchmarks.machine import usable_cores
from benchmarks.measures.indexing import large_folder
from benchmarks.processes import Worker
from benchmarks.programs import FaceSearch
from benchmarks.records import Measured, median

NAME = "limit"
AT_LEAST = 0.8
OURS = Contender.FACESEARCH
SMALL, LARGE = "LFW", "12 megapixels"
PARTS = ("decode_alone", "networks_alone")


def run(bench: Bench) -> None:
    """The pipeline and its parts in turn, on small photos and on large ones."""
    photos = bench.data.lfw_sample(bench.effort.limit_photos)
    folders = {SMALL: bench.folder_of("limit", photos), LARGE: large_folder(bench)}
    measured = set(photos)  # what warms up must be other content, or it would be known already
    others = [photo for photo in bench.data.lfw() if photo not in measured]
    warm = bench.folder_of("limit-warm", others[:2])
    for case, folder in folders.items():
        with bench.worker(OURS, "limit.py") as worker:
            _race(bench, worker, case, folder, warm)


def _race(bench: Bench, worker: Worker, case: str, folder: Path, warm: Path) -> None:
    places = {"folder": str(folder), "warm": str(warm)}
    worker.call("record", **places)
    threads = {part: _best_threads(worker, part) for part in PARTS}
    for repetition in range(bench.effort.repetitions):
        values = worker.call("index", **places)
        for part in PARTS:
            values[f"{part}_s"] = worker.call(part, threads=threads[part])
            values[f"{part}_threads"] = threads[part]
        values["process_s"] = FaceSearch().run(bench, folder)["seconds"]
        values["limit_s"] = sum(values[f"{part}_s"] for part in PARTS)
        values["share"] = values["limit_s"] / values["seconds"]
        bench.note(NAME, OURS, values, case=case, repetition=repetition)


def _best_threads(worker: Worker, part: str) -> int:
    """A thread for each core, or fewer where that is faster: the limit is to be a hard one."""
    tried = range(1, usable_cores() + 1)
    return min(tried, key=lambda threads: float(worker.call(part, threads=threads)))


def figures(measured: Measured) -> list[Figure]:
    """The share of the limit in a running process, for each size of photo."""
    found = []
    for case in measured.cases():
        samples = measured.of(OURS, case=case)
        seconds, limit_s = median(samples, "seconds"), median(samples, "limit_s")
        photos = samples[0].values["photos"]
        shares = [float(sample.values["share"]) for sample in samples]
        decode_s, networks_s = (median(samples, f"{part}_s") for part in PARTS)
        process_s = median(samples, "process_s")
        found.append(
            Figure(
                what=f"Indexing, share of the limit, {case}",
                ours=f"{photos / seconds:.1f} photos/s",
                against="decoding alone + networks alone",
                theirs=f"{photos / limit_s:.1f} photos/s",
                value=limit_s / seconds,
                unit=Unit.PERCENT,
                limit=AT_LEAST,
                spread=(min(shares), max(shares)),
                note=(
                    f"{photos} photos: decoding {decode_s:.2f} s, networks {networks_s:.2f} s, the "
                    f"pipeline {seconds:.2f} s in a process that is already running, "
                    f"{process_s:.2f} s from process start to finish "
                    f"({Unit.PERCENT.write(limit_s / process_s)} of the limit)."
                ),
            )
        )
    return found


MEASURE = Measure(
    name=NAME,
    title="The pipeline and its limit",
    method=(
        "One run of `FaceLibrary.index` is recorded: which photos it decodes at which scale, and "
        "all inputs of all networks. These are then decoded and run again with nothing else going "
        "on, from files in memory, from as many threads as is fastest. The limit is the sum of "
        "both times; finding candidates, cutting chips, hashing, reading and committing do "
        "not count in it, but do in the pipeline."
    ),
    contenders=(OURS,),
    missing=needs(LFW=Data.lfw, pairs62=Data.pairs62),
    run=run,
    figures=figures,
)
