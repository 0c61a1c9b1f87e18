"""Killed at any moment, and two processes at once: the library stays whole, nothing is lost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from audits import audit
from toys import BLUE, DIMENSION, GREEN, RED, SPACE, album, photo

import facesearch
from facesearch.library import FaceLibrary

SEARCHED = [
    Path(facesearch.__file__).parents[1],
    Path(__file__).parents[1] / "helpers",
    os.environ.get("PYTHONPATH", ""),
]
INDEX = """
import sys
import toys
from facesearch.indexing import IndexOptions
from facesearch.library import FaceLibrary

made = toys.install(delay_s=float(sys.argv[1]))
with FaceLibrary.open(sys.argv[2], options=made.options()) as library:
    library._models.both()
    print("ready", flush=True)
    if "wait" in sys.argv:
        sys.stdin.readline()
    options = IndexOptions(commit_photos=4, embed_batch=2, wait_s=60)
    report = library.index([sys.argv[3]], options=options)
    print(report.photos, report.new, flush=True)
"""


def environment() -> dict[str, str]:
    """Of a process that can import facesearch and the toys."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, filter(None, SEARCHED)))}


Indexer = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def indexer() -> Iterator[Indexer]:
    """Start a process that indexes a folder; returns once it is about to begin."""
    started: list[subprocess.Popen[str]] = []

    def start(folder: Path, photos: Path, *more: str, delay_s: float) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", INDEX, str(delay_s), str(folder), str(photos), *more],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == "ready\n", line + process.communicate()[1]
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_killed_at_any_moment(folder, photos, toys, indexer):
    """Each run goes on where the one before was killed."""
    album(photos, 60, colours=(RED, GREEN, BLUE))
    photo(photos / "group.png", *(RED, GREEN, BLUE) * 10, number=1000, side=192)
    moments = random.Random(11)
    before = 0
    patience_s = 0.1
    for _ in range(8):
        process = indexer(folder, photos, delay_s=0.01)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=moments.uniform(0.0, patience_s))
        process.kill()
        process.communicate()
        faces = audit(folder, SPACE, DIMENSION)
        assert faces >= before, "what was committed got lost"
        # Where the machine is busy, a process needs longer to get anywhere at all.
        patience_s = 0.1 if faces > before else 1.5 * patience_s
        before = faces
    assert before > 0
    with FaceLibrary.open(folder, options=toys.options()) as library:
        known = library.status().photos
        report = library.index([photos])
        assert (report.photos, report.faces) == (61, 90)
        assert (report.unchanged, report.new) == (known, 61 - known)
    assert audit(folder, SPACE, DIMENSION) == 90


def test_killed_while_photos_move_and_leave(folder, photos, toys, indexer):
    album(photos / "a", 40, colours=(RED, GREEN, BLUE))
    with FaceLibrary.open(folder, options=toys.options()) as library:
        library.index([photos])
        library.name(photos / "a" / "p007.png", "Ana")
        for number in range(10):
            (photos / "a" / f"p{number:03}.png").unlink()
        (photos / "a").rename(photos / "b")
        album(photos / "c", 10, first=100)
        moments = random.Random(3)
        for _ in range(5):
            process = indexer(folder, photos, delay_s=0.01)
            try:
                process.communicate(timeout=moments.uniform(0.0, 0.12))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
            audit(folder, SPACE, DIMENSION)
            library.query(photos / "b" / "p010.png")  # open all the time, as in a photo manager
        report = library.index([photos])
        assert (report.photos, report.faces) == (40, 40)
        assert library.status().photos == 40
    assert audit(folder, SPACE, DIMENSION) == 40
    assert toys.detector.seen <= 40 + 5 + 10, "moved photos were looked at again"


def test_two_processes_index_two_folders_at_once(folder, photos, toys, indexer):
    album(photos / "one", 30)
    album(photos / "two", 30, first=30, colours=(GREEN,))
    both = [indexer(folder, photos / name, "wait", delay_s=0.005) for name in ("one", "two")]
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in both:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert output == "30 30\n"
    assert audit(folder, SPACE, DIMENSION) == 60
    with FaceLibrary.open(folder, options=toys.options()) as library:
        assert library.index().unchanged == 60


def test_reading_does_not_wait_for_another_process(folder, photos, toys, indexer):
    album(photos, 40, colours=(RED, GREEN))
    with FaceLibrary.open(folder, options=toys.options()) as library:
        (photos / "rest").mkdir()
        for number in range(5, 40):
            (photos / f"p{number:03}.png").rename(photos / "rest" / f"p{number:03}.png")
        library.index([photos / "p000.png"])
        process = indexer(folder, photos, delay_s=0.05)
        asked = 0
        while process.poll() is None:
            assert library.query(photos / "p000.png").faces[0].unnamed
            library.status()
            asked += 1
            time.sleep(0.01)
        assert asked > 5
        (answer,) = library.query(photos / "p000.png", top=100).faces
        assert len(answer.unnamed) == 20, "what the other process found is seen at once"


def test_a_name_given_in_another_process_is_seen_at_once(folder, photos, toys):
    path = photo(photos / "a.png", RED)
    with FaceLibrary.open(folder, options=toys.options()) as library:
        library.index([photos])
        assert library.query(path).faces[0].identities == ()
        program = (
            "import sys; from facesearch import FaceLibrary\n"
            "with FaceLibrary.open(sys.argv[1]) as library: library.name(sys.argv[2], 'Ana')"
        )
        subprocess.run(
            [sys.executable, "-c", program, str(folder), str(path)],
            env=environment(),
            check=True,
        )
        assert library.query(path).faces[0].identities[0].identity.name == "Ana"
