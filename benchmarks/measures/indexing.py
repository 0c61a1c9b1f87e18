"""Indexing photos, process start to finish: facesearch against face_recognition and DeepFace.

Slow contenders index a part of the photos, in two processes: one with few photos, one
with more. The difference tells the time of a photo without start-up, and from it
follows the time for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from benchmarks.bench import Bench, Measure, fastest, needs, paired_ratios
from benchmarks.contenders import Contender
from benchmarks.data import Data, sample
from benchmarks.figures import Figure, Unit
from benchmarks.machine import usable_cores
from benchmarks.processes import BenchmarkError
from benchmarks.programs import FaceRecognitionCli, FaceSearch, Script
from benchmarks.records import Measured, Sample, Values, median

Program: TypeAlias = Script | FaceRecognitionCli

OURS = Contender.FACESEARCH
TITLES = {
    Contender.FACE_RECOGNITION: "face_recognition 1.3.0 (dlib-bin)",
    Contender.DEEPFACE: "DeepFace.represent (Dlib + mtcnn)",
}
SMALL_LIMITS = {Contender.FACE_RECOGNITION: 6.0, Contender.DEEPFACE: 15.0}
LARGE_LIMITS = {Contender.FACE_RECOGNITION: 15.0, Contender.DEEPFACE: 15.0}
SHRUNK = "shrunk"


def _face_recognition() -> list[Program]:
    return [
        Script(Contender.FACE_RECOGNITION, "1 process", ("--processes", "1")),
        Script(Contender.FACE_RECOGNITION, "a process for each core", ("--processes", "0")),
    ]


def _deepface() -> list[Program]:
    return [
        Script(Contender.DEEPFACE, "one photo a call", ("--list-size", "1")),
        Script(Contender.DEEPFACE, "lists of 32", ("--list-size", "32")),
    ]


def run_small(bench: Bench) -> None:
    """A random sample of LFW."""
    photos = bench.data.lfw_sample(bench.effort.index_photos)
    folder = bench.folder_of("small", photos)
    entrants = {"": [_face_recognition(), _deepface()]}
    _race(
        bench,
        SMALL.name,
        folder,
        entrants,
        part=bench.effort.index_slow_photos,
        repetitions=bench.effort.index_repetitions,
    )


def large_folder(bench: Bench) -> Path:
    """Photos of 12 megapixels, made once from full-size ones."""
    folder = bench.work / "large"
    if not folder.exists():
        with bench.worker(OURS, "prepare.py") as worker:
            worker.call(
                "make_large",
                photos=[str(path) for path in bench.data.pairs62()],
                folder=str(folder),
                count=bench.effort.large_photos,
            )
    return folder


def run_large(bench: Bench) -> None:
    """Photos of 12 megapixels."""
    entrants: dict[str, list[list[Program]]] = {
        "": [_face_recognition(), _deepface()[:1]],
        SHRUNK: [[FaceRecognitionCli()]],
    }
    _race(
        bench,
        LARGE.name,
        large_folder(bench),
        entrants,
        part=bench.effort.large_slow_photos,
        repetitions=bench.effort.large_repetitions,
    )


def _race(
    bench: Bench,
    measure: str,
    folder: Path,
    entrants: dict[str, list[list[Program]]],
    *,
    part: int,
    repetitions: int,
) -> None:
    """Rounds in which everybody indexes; after the first, each in its fastest way only."""
    photos = sorted(folder.iterdir())
    few = sample(photos, part)
    # Once for everybody, unmeasured: compiled bytecode, file caches, facesearch's networks.
    FaceSearch().run(bench, bench.folder_of(f"{measure}-warm", photos[:2]))
    everybody = [(case, ways) for case, group in entrants.items() for ways in group]
    for _, ways in everybody:
        ways[0].run(bench, few[:1])
    for repetition in range(repetitions):
        values = FaceSearch().run(bench, folder)
        values |= {"wanted": len(photos), "seconds_for_all": values["seconds"], "measured": 1.0}
        bench.note(measure, OURS, values, way=FaceSearch.way, repetition=repetition)
        bench.say(f"  facesearch: {len(photos) / values['seconds']:.1f} photos/s")
        for case, ways in everybody:
            seconds = {}
            for program in ways:
                values = in_part(bench, program, few, len(photos))
                seconds[program.way] = values["seconds_for_all"]
                bench.note(
                    measure,
                    program.contender,
                    values,
                    way=program.way,
                    case=case,
                    repetition=repetition,
                )
                rate = 1 / values["seconds_per_photo"]
                bench.say(f"  {program.contender}, {program.way}: {rate:.2f} photos/s")
            best = fastest(seconds)
            ways[:] = [program for program in ways if program.way == best]


def in_part(bench: Bench, program: Program, photos: Sequence[Path], wanted: int) -> Values:
    """Index a part; seconds for all the wanted photos follow from two processes."""
    short = min(max(usable_cores(), len(photos) // 5), len(photos) - 1)
    whole = program.run(bench, photos)
    if len(photos) == wanted or short < 1:
        per_photo = whole["seconds"] / len(photos)
    else:
        less = program.run(bench, photos[:short])
        if less["seconds"] >= whole["seconds"]:
            raise BenchmarkError(
                f"{program.contender}, {program.way}: {short} photos took longer than "
                f"{len(photos)}; something else keeps the machine busy"
            )
        per_photo = (whole["seconds"] - less["seconds"]) / (len(photos) - short)
    return {
        **whole,
        "wanted": wanted,
        "short_photos": short,
        "seconds_per_photo": per_photo,
        "startup_s": max(whole["seconds"] - per_photo * len(photos), 0.0),
        "seconds_for_all": whole["seconds"] + per_photo * (wanted - len(photos)),
        "measured": len(photos) / wanted,
    }


def _figures(
    measured: Measured, what: str, limits: dict[Contender, float], cases: dict[str, str]
) -> list[Figure]:
    found = []
    ours = measured.of(OURS)
    wanted = ours[0].values["wanted"]
    our_rate = wanted / median(ours, "seconds_for_all")
    for case, remark in cases.items():
        for contender, limit in limits.items():
            tried = measured.of(contender, case=case)
            if not tried:
                continue
            way = _raced(tried)
            theirs = measured.of(contender, case=case, way=way)
            rate = wanted / median(theirs, "seconds_for_all")
            part = theirs[0].values
            extrapolated = (
                f"It indexed {part['photos']} of the {wanted} photos in each round; the time for "
                f"all is extrapolated from {1 / median(theirs, 'seconds_per_photo'):.2f} photos/s "
                f"and {median(theirs, 'startup_s'):.1f} s to start."
            )
            found.append(
                Figure(
                    what=f"{what}, {wanted} photos",
                    ours=f"{our_rate:.1f} photos/s",
                    against=f"{TITLES[contender]}, {way}",
                    theirs=f"{rate:.2f} photos/s",
                    value=our_rate / rate,
                    unit=Unit.TIMES,
                    limit=limit,
                    spread=paired_ratios(ours, theirs, "seconds_for_all"),
                    note=" ".join([remark, extrapolated if part["measured"] < 1 else ""]).strip(),
                )
            )
    return found


def _raced(tried: Sequence[Sample]) -> str:
    """The way that ran in every round: the fastest, as the first round had it."""
    last = max(sample.repetition for sample in tried)
    remaining = [sample for sample in tried if sample.repetition == last]
    return min(remaining, key=lambda sample: float(sample.values["seconds_for_all"])).way


def _small_figures(measured: Measured) -> list[Figure]:
    return _figures(measured, "Indexing LFW", SMALL_LIMITS, {"": ""})


def _large_figures(measured: Measured) -> list[Figure]:
    shrinks = "Its command line shrinks photos to 1,600 px first, and misses smaller faces."
    return _figures(measured, "Indexing 12 megapixels", LARGE_LIMITS, {"": "", SHRUNK: shrinks})


def _measure(
    name: str,
    title: str,
    photos: str,
    missing: Callable[[Data], str],
    run: Callable[[Bench], None],
    figures: Callable[[Measured], list[Figure]],
) -> Measure:
    return Measure(
        name=name,
        title=title,
        method=(
            f"{photos} Wall time of the whole process, start-up included: `facesearch index` into "
            "a new library; a loop of face_recognition's `load_image_file`, `face_locations` and "
            "`face_encodings`, alone and in a pool of processes; a loop of `DeepFace.represent`. "
            "Each contender's fastest way is compared. Everybody ran once before, so programs, "
            "weights and photos were in the file cache."
        ),
        contenders=(OURS, Contender.FACE_RECOGNITION, Contender.DEEPFACE),
        missing=missing,
        run=run,
        figures=figures,
    )


SMALL = _measure(
    "indexing-small",
    "Indexing small photos",
    "A random sample of LFW, small photos of 150x150 or 250x250 pixels, depending on the copy.",
    needs(LFW=Data.lfw),
    run_small,
    _small_figures,
)
LARGE = _measure(
    "indexing-large",
    "Indexing large photos",
    "Full-size photos scaled and cropped to 4000x3000 pixels, JPEG quality 92.",
    needs(pairs62=Data.pairs62),
    run_large,
    _large_figures,
)
