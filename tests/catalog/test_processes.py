"""Several processes on one library, and processes that die."""

from __future__ import annotations

import signal
import time

import pytest

from facesearch.catalog import Catalog, Stored

WRITER = """
import sys
from pathlib import Path
from facesearch.catalog import Catalog
from toy import make_result
folder, who, order = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
numbers = range(240) if order == "up" else range(239, -1, -1)
with Catalog.open(folder, create=True, read_only=False, busy_timeout_s=60) as catalog:
    batch = []
    for number in numbers:
        batch.append(make_result(str(number), f"/{who}/{number}.jpg"))
        if len(batch) == 8:
            catalog.store(batch)
            batch = []
    with catalog.writer_lock(60):
        faces = catalog.largest_faces([f"/{who}/{number}.jpg" for number in range(10)])
        catalog.confirm_from_folders((face, who) for face in faces.values())
"""

ENDLESS = """
import sys
from pathlib import Path
from facesearch.catalog import Catalog
from toy import make_result
catalog = Catalog.open(Path(sys.argv[1]), create=True, read_only=False)
with catalog.writer_lock(30):
    first = catalog.counts().photos
    for number in range(first, first + 100_000, 10):
        catalog.store([make_result(str(number + i)) for i in range(10)])
        if number % 50 == 40:
            (face,) = catalog.largest_faces([f"/photos/{number}.jpg"]).values()
            catalog.confirm(face, "Ana")
        print(number + 10, flush=True)
"""


def test_two_processes_store_the_same_photos_at_once(folder, run_python):
    """Both make the library, both store everything: each photo is there once, in two places."""
    writers = [run_python(WRITER, folder, "ana", "up"), run_python(WRITER, folder, "bo", "down")]
    for writer in writers:
        _, trouble = writer.communicate(timeout=120)
        assert (writer.returncode, trouble) == (0, "")
    with Catalog.open(folder, create=False, read_only=False) as catalog:
        catalog.check()
        counts = catalog.counts()
        assert (counts.files, counts.photos, counts.faces) == (480, 240, 240)
        assert catalog.generation("toy@1") == (240, 0)
        faces = catalog.faces_by_id(range(1, 241)).values()
        assert all(len(face.photo.paths) == 2 for face in faces)
        assert catalog.counts(["/ana"]).photos == catalog.counts(["/bo"]).photos == 240


def test_a_process_killed_while_storing_loses_its_last_batch_at_most(folder, run_python):
    for round_number in range(3):
        writer = run_python(ENDLESS, folder)
        told = 0
        for _ in range(12 + 7 * round_number):
            told = int(writer.stdout.readline())
        time.sleep(0.003 * round_number)  # somewhere inside a transaction, or a checkpoint
        writer.send_signal(signal.SIGKILL)
        told = int(([told, *map(int, writer.stdout.read().split())])[-1])
        writer.wait()
        with Catalog.open(folder, create=False, read_only=True) as reader:
            assert reader.counts().photos >= told  # readers need no repair first
        with Catalog.open(folder, create=False, read_only=False) as catalog:
            catalog.check()
            counts = catalog.counts()
            assert counts.photos in (told, told + 10)
            assert counts.files == counts.faces == counts.photos
            assert catalog.generation("toy@1") == (counts.photos, 0)
            ids = [face_id for batch in catalog.embeddings("toy@1") for face_id in batch.ids]
            assert ids == list(range(1, counts.photos + 1))
            ((_, named),) = catalog.identities()
            catalog.rebuild_identities()
            ((_, rebuilt),) = catalog.identities()
            assert named == rebuilt
            with catalog.writer_lock(0):
                pass


def test_a_killed_creation_is_made_anew(folder, run_python, result):
    program = """
import os, signal, sys
from pathlib import Path
from facesearch.catalog import Catalog, migrate
original = migrate._upgrade
def killed(*arguments):
    original(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
migrate._upgrade = killed
Catalog.open(Path(sys.argv[1]), create=True, read_only=False)
"""
    assert run_python(program, folder).wait(60) == -signal.SIGKILL
    assert not (folder / "catalog.sqlite").exists()
    with Catalog.open(folder, create=True, read_only=False) as catalog:
        assert catalog.store([result("1")]) == Stored(new=1, faces=1)
    assert {file.name for file in folder.iterdir()} == {"catalog.sqlite", "writer.lock"}


def test_a_reader_sees_what_another_process_commits(catalog, folder, run_python):
    writer = run_python(ENDLESS, folder)
    with Catalog.open(folder, create=False, read_only=True) as reader:
        for _ in range(10):
            told = int(writer.stdout.readline())
            assert reader.counts().photos >= told


@pytest.fixture(autouse=True)
def _posix_signals():
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("processes cannot be killed by signal here")
