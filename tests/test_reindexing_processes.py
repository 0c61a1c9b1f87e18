"""Reindexing and dropping in processes of their own: killed anywhere, and several at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from audits import audit, rows
from toys import (
    BLUE,
    DIMENSION,
    GREEN,
    OTHER,
    OTHER_DIMENSION,
    OTHER_SPACE,
    RED,
    SPACE,
    album,
)

import facesearch
from facesearch.library import FaceLibrary

pytestmark = [
    pytest.mark.usefixtures("other"),
    pytest.mark.skipif(os.name != "posix", reason="kill -9 is a POSIX signal"),
]

COLOURS = (RED, GREEN, BLUE)
SEARCHED = [
    Path(facesearch.__file__).parents[1],
    Path(__file__).parent / "helpers",
    os.environ.get("PYTHONPATH", ""),
]
# Kills itself where something is called for the Nth time; prints what was done.
PROGRAM = """
import os, signal, sys, time
import toys
from facesearch.catalog.catalog import Catalog
from facesearch.catalog.connection import Database
from facesearch.indexing import IndexOptions
from facesearch.library import FaceLibrary
from facesearch.reindexing import VectorCache

made = toys.install()
folder, photos, what, where, call = *sys.argv[1:5], int(sys.argv[5])
calls = 0

def kill():
    global calls
    calls += 1
    if calls == call:
        os.kill(os.getpid(), signal.SIGKILL)

def before(place, name):
    original = getattr(place, name)
    def patched(*arguments, **options):
        kill()
        return original(*arguments, **options)
    setattr(place, name, patched)

def after(place, name):
    original = getattr(place, name)
    def patched(*arguments, **options):
        result = original(*arguments, **options)
        kill()
        return result
    setattr(place, name, patched)

steps = {
    "nowhere": lambda: None,
    "embedding": lambda: setattr(made.other, "hook", lambda chips: kill()),
    "before a commit": lambda: before(Catalog, "add_embeddings"),
    "after a commit": lambda: after(Catalog, "add_embeddings"),
    "before the index is saved": lambda: before(VectorCache, "save"),
    "before the switch": lambda: after(VectorCache, "save"),
    "after the switch": lambda: after(Catalog, "change_settings"),
    "slowly": lambda: setattr(made.other, "hook", lambda chips: time.sleep(0.02)),
    "in a transaction": lambda: before(Database, "write"),
    "before the files go": lambda: after(Catalog, "drop_space"),
}
with FaceLibrary.open(folder) as library:
    print("ready", flush=True)
    sys.stdin.readline()
    if what == "drop":
        from facesearch.catalog import spaces
        drop = spaces.drop
        spaces.drop = lambda database, space, batch_rows: drop(database, space, 7)
        steps[where]()
        print(library.drop_space(toys.OTHER), flush=True)
    elif what == "index":
        steps[where]()
        print(library.index([photos], options=IndexOptions(commit_photos=2)).new, flush=True)
    else:
        steps[where]()
        options = IndexOptions(commit_photos=3, embed_batch=2, commit_every_s=0.01, wait_s=60)
        report = library.reindex(toys.OTHER, options=options)
        print(report.embedded, report.already, report.switched, flush=True)
"""

Starter = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(folder: Path, photos: Path) -> Iterator[Starter]:
    """Start a process that does something, and dies somewhere or nowhere."""
    started: list[subprocess.Popen[str]] = []

    def run(what: str, where: str = "nowhere", call: int = 1) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder), str(photos), what, where, str(call)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, filter(None, SEARCHED)))},
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

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def indexed(folder: Path, photos: Path, toys) -> Path:
    """A library of 40 faces by the first toy embedder."""
    album(photos, 40, colours=COLOURS)
    with FaceLibrary.open(folder, options=toys.options()) as library:
        library.index([photos])
        library.name(photos / "p007.png", "Ana")
    return folder


def killed(process: subprocess.Popen[str]) -> None:
    output, errors = process.communicate("go\n", timeout=120)
    assert process.returncode == -signal.SIGKILL, output + errors


def finished(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate("go\n", timeout=120)
    assert process.returncode == 0, errors
    return output.strip()


def count(folder: Path) -> int:
    ((there,),) = rows(
        folder,
        "SELECT count(*) FROM embeddings JOIN spaces ON spaces.id = space_id "
        f"WHERE name = '{OTHER_SPACE}'",
    )
    assert audit(folder, OTHER_SPACE, OTHER_DIMENSION) == there
    assert audit(folder, SPACE, DIMENSION) == 40
    return int(there)


def test_reindexing_killed_anywhere_goes_on_with_what_is_missing(indexed, photos, start):
    before = 0
    for where, call in (
        ("embedding", 4),
        ("before a commit", 3),
        ("after a commit", 2),
        ("before the index is saved", 1),
        ("before the switch", 1),
    ):
        killed(start("reindex", where, call))
        there = count(indexed)
        assert there >= before, "what was committed got lost"
        before = there
        with FaceLibrary.open(indexed) as library:
            assert library.space == SPACE
            assert library.query(photos / "p004.png").faces[0].identities[0].identity.name == "Ana"
    assert before == 40
    killed(start("reindex", "after the switch", 1))
    assert count(indexed) == 40
    with FaceLibrary.open(indexed) as library:
        answer = library.query(photos / "p004.png")
        assert answer.space == OTHER_SPACE
        assert answer.faces[0].identities[0].identity.name == "Ana"
    assert finished(start("reindex")) == "0 40 True"


def test_dropping_killed_anywhere_is_finished_by_the_next(indexed, photos, start):
    with FaceLibrary.open(indexed) as library:
        library.reindex(OTHER, switch=False)
    files = indexed / "vectors" / "toy-other_1_square"
    killed(start("drop", "in a transaction", 4))
    assert count(indexed) == 40 - 2 * 7
    killed(start("drop", "in a transaction", 3))
    assert count(indexed) == 40 - 3 * 7
    killed(start("drop", "before the files go"))
    assert (count(indexed), files.exists()) == (0, True)
    assert finished(start("drop")) == "0"
    assert not files.exists()
    assert finished(start("reindex")) == "40 0 True"
    assert count(indexed) == 40


def test_two_processes_reindex_at_once(indexed, start):
    both = [start("reindex", "slowly") for _ in range(2)]
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = []
    for process in both:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        said.append(output.strip())
    assert sorted(said) == ["0 40 True", "40 0 True"]
    assert count(indexed) == 40


def test_one_process_indexes_while_another_reindexes(indexed, photos, start, toys):
    album(photos / "more", 30, first=100, colours=COLOURS)
    processes = start("reindex", "slowly"), start("index")
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    (reindexed, _), (indexed_new, _) = (one.communicate(timeout=120) for one in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert reindexed.endswith("True\n")
    assert indexed_new == "30\n"
    with FaceLibrary.open(indexed) as library:
        # Whichever came last: nothing is missing, or the next index brings it.
        library.index([photos])
        assert library.space == OTHER_SPACE
        assert library.status().outdated == 0
        assert library.status().faces == 70
    assert audit(indexed, OTHER_SPACE, OTHER_DIMENSION) == 70
