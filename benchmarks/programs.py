"""Programs that index photos, one for each contender and way of calling it.

Comes in: photos. Goes out: how long the process took from its start to its end, how
many faces it found, how much memory it used.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmarks.bench import Bench
from benchmarks.contenders import Contender, facesearch_command
from benchmarks.processes import BenchmarkError, Finished, run_process
from benchmarks.records import Values


@dataclass(frozen=True, slots=True)
class Script:
    """A contender's index.py with one way's arguments."""

    contender: Contender
    way: str
    arguments: tuple[str, ...]

    def run(self, bench: Bench, photos: Sequence[Path]) -> Values:
        """Index photos in a process of its own."""
        listed, out = bench.work / "photos.txt", bench.work / "indexed.npz"
        listed.write_text("".join(f"{photo}\n" for photo in photos), encoding="utf-8")
        command = [
            str(bench.environments.python(self.contender)),
            str(self.contender.folder / "index.py"),
            *("--photos", str(listed), "--out", str(out), *self.arguments),
        ]
        finished = run_process(command, bench.environment(self.contender))
        return _values(finished, len(photos), json.loads(finished.output)["faces"])


@dataclass(frozen=True, slots=True)
class FaceRecognitionCli:
    """The face_recognition command, on all cores: its own program for folders of photos.

    It compares with known people (here none) and prints a line for each face.
    """

    contender = Contender.FACE_RECOGNITION
    way = "its command line, --cpus -1"

    def run(self, bench: Bench, photos: Sequence[Path]) -> Values:
        """Recognise the faces of photos in a process of its own."""
        known, folder = bench.work / "nobody", bench.work / "to-recognise"
        known.mkdir(exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for photo in photos:
            shutil.copyfile(photo, folder / photo.name)
        command = [
            str(bench.environments.python(self.contender)),
            *("-m", "face_recognition.face_recognition_cli", str(known), str(folder)),
            *("--cpus", "-1"),
        ]
        finished = run_process(command)
        lines = finished.output.splitlines()
        faces = sum("no_persons_found" not in line for line in lines)
        return _values(finished, len(photos), faces)


@dataclass(frozen=True, slots=True)
class FaceSearch:
    """``facesearch index FOLDER`` with a library of its own, and more arguments at will."""

    arguments: tuple[str, ...] = ()
    contender: ClassVar[Contender] = Contender.FACESEARCH
    way: ClassVar[str] = "facesearch index"

    def run(self, bench: Bench, folder: Path, library: Path | None = None) -> Values:
        """Index a folder in a process of its own.

        Args:
            bench: where to work.
            folder: photos.
            library: which library; None makes one and deletes it again.
        """
        where = library if library is not None else bench.work / "short-lived.faces"
        command = [
            *facesearch_command(bench.environments.python(self.contender)),
            *("--library", str(where), "index", str(folder), "--json", *self.arguments),
        ]
        finished = run_process(command, bench.environment(self.contender))
        if library is None:
            shutil.rmtree(where)
        done = json.loads(finished.output.splitlines()[-1])
        if done.get("event") != "done":
            raise BenchmarkError(f"facesearch index ended with {done}")
        values = _values(finished, done["photos"], done["faces"])
        return {**values, "report": {k: v for k, v in done.items() if k != "event"}}


def _values(finished: Finished, photos: int, faces: int) -> Values:
    return {
        "photos": photos,
        "faces": faces,
        "seconds": finished.seconds,
        "cpu_seconds": finished.cpu_seconds,
        "peak_bytes": finished.peak_bytes,
    }
