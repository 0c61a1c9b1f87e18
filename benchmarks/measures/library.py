"""A whole archive: its first index, a second one with nothing new, and peak memory."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bench import Bench, Measure, needs
from benchmarks.contenders import Contender
from benchmarks.data import Data
from benchmarks.figures import Figure, Unit
from benchmarks.processes import BenchmarkError
from benchmarks.programs import FaceSearch
from benchmarks.records import Measured, Values, median

NAME = "library"
SECOND_RUN_AT_MOST = 0.02
PEAK_BYTES_AT_MOST = 1e9
OURS = Contender.FACESEARCH
SECOND_RUNS = 3


def photos_folder(bench: Bench) -> Path:
    """The photos of the big library: LFW's own folder, or copies of a sample of it."""
    count = bench.effort.library_photos
    if count == 0:
        return bench.data.lfw_folder
    return bench.folder_of("archive", bench.data.lfw_sample(count))


def library_folder(bench: Bench) -> Path:
    """Where the big library lies, once it is made."""
    return bench.work / "archive.faces"


def make_library(bench: Bench) -> Values:
    """Index the big library for the first time."""
    folder = photos_folder(bench)
    # Unmeasured: photos into the file cache, networks built.
    for photo in sorted(folder.rglob("*.jpg")):
        photo.read_bytes()
    warm = bench.folder_of(f"{NAME}-warm", bench.data.lfw_sample(2))
    FaceSearch().run(bench, warm)
    return FaceSearch().run(bench, folder, library_folder(bench))


def run(bench: Bench) -> None:
    """One first run, then runs over the same photos."""
    if library_folder(bench).exists():
        raise BenchmarkError(f"{library_folder(bench)} was made before it was to be timed")
    bench.note(NAME, OURS, make_library(bench), case="first")
    for repetition in range(SECOND_RUNS):
        values = FaceSearch().run(bench, photos_folder(bench), library_folder(bench))
        bench.note(NAME, OURS, values, case="again", repetition=repetition)


def figures(measured: Measured) -> list[Figure]:
    """The share of time of the second run, and the peak of the first."""
    first, again = measured.of(OURS, case="first"), measured.of(OURS, case="again")
    values = first[0].values
    seconds, seconds_again = values["seconds"], median(again, "seconds")
    peak = max(float(sample.values["peak_bytes"]) for sample in (*first, *again))
    return [
        Figure(
            what=f"Second index of {values['photos']} unchanged photos",
            ours=f"{seconds_again:.2f} s",
            against="its own first run",
            theirs=f"{seconds:.1f} s ({values['photos'] / seconds:.0f} photos/s)",
            value=seconds_again / seconds,
            unit=Unit.PERCENT,
            limit=SECOND_RUN_AT_MOST,
            at_most=True,
        ),
        Figure(
            what=f"Peak memory while indexing {values['photos']} photos",
            ours=Unit.GIGABYTES.write(peak),
            value=peak,
            unit=Unit.GIGABYTES,
            limit=PEAK_BYTES_AT_MOST,
            at_most=True,
        ),
    ]


MEASURE = Measure(
    name=NAME,
    title="A whole archive",
    method=(
        "`facesearch index` over all of LFW into a new library, then three times more with nothing "
        "changed. Wall time of the whole process; peak resident memory as the system reports it "
        "when the process ends."
    ),
    contenders=(OURS,),
    missing=needs(LFW=Data.lfw),
    run=run,
    figures=figures,
)
