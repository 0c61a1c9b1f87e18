"""What lies on disk: crashes, full disks, damage, other processes, and bytes of removed rows."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from galleries import CODED, SPACE, Kind, assert_same, reference, strangers

from facesearch.errors import IndexDamaged
from facesearch.vectors import manifest as manifest_module
from facesearch.vectors import saving, storage
from facesearch.vectors.base import Generation, VectorIndex
from facesearch.vectors.codes import Codes
from facesearch.vectors.faiss import SegmentedIndex
from facesearch.vectors.merging import SegmentOptions
from facesearch.vectors.rows import Rows

D = 8
LAZY = replace(CODED, mapped_bytes=0)


def everything(index: VectorIndex) -> None:
    """Touch every byte an index may read."""
    ids = index.ids()
    index.vectors_of(ids)
    index.search(strangers(1, D), max(1, len(ids)))
    index.search(strangers(1, D), 1)


def files_of(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A folder with a coded segment that has tombstones, and a small one."""
    folder = tmp_path / "index"
    index = SegmentedIndex(SPACE, D, options=CODED)
    index.add(np.arange(2_200), strangers(2_200, D))
    index.save(folder, Generation(1, 0))
    index.add(np.arange(3_000, 3_050), strangers(50, D, seed=1))
    index._options = replace(CODED, small_rows=0, compact_share=0.9)
    index.remove([5, 17, 3_001])
    index.save(folder, Generation(2, 1))
    assert len(files_of(folder)) == 4
    assert index.kind == "fast-scan+exact"
    return folder


# --- damage -----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [CODED, LAZY], ids=["read", "mapped"])
def test_a_flipped_byte_anywhere_is_noticed(saved: Path, options: SegmentOptions):
    """Small files byte by byte, large ones sampled; never an answer from damage."""
    everything(SegmentedIndex.load(saved, SPACE, D, options=options))
    rng = np.random.default_rng(0)
    for path in sorted(saved.iterdir()):
        good = path.read_bytes()
        every = len(good) if len(good) < 3_000 else 64
        places = {*range(every), *rng.choice(len(good), 40).tolist(), len(good) - 1}
        for place in sorted(places):
            bad = bytearray(good)
            bad[place] ^= 1 << int(rng.integers(8))
            path.write_bytes(bad)
            with pytest.raises(IndexDamaged, match="rebuild"):
                everything(SegmentedIndex.load(saved, SPACE, D, options=options))
        path.write_bytes(good)
    everything(SegmentedIndex.load(saved, SPACE, D, options=options))


def test_truncated_extended_and_missing_files_are_noticed(saved: Path, kind: Kind):
    for path in sorted(saved.iterdir()):
        good = path.read_bytes()
        for bad in (good[:-1], good[: len(good) // 2], good[:40], good[:5], b"", good + b"\0"):
            path.write_bytes(bad)
            with pytest.raises(IndexDamaged, match="rebuild"):
                kind.load(saved, SPACE, D)
        path.unlink()
        with pytest.raises(IndexDamaged, match="rebuild"):
            kind.load(saved, SPACE, D)
        path.write_bytes(good)
    assert kind.load(saved, SPACE, D).count == 2_247


def test_files_of_another_index_are_noticed(saved: Path, tmp_path: Path):
    """The manifest knows its files by their checksums, not by their names alone."""
    other = SegmentedIndex(SPACE, D, options=CODED)
    other.add(np.arange(2_200), strangers(2_200, D, seed=9))
    other.save(tmp_path / "other", Generation(1, 0))
    for pattern in ("rows-*", "codes-*"):
        mine = max(saved.glob(pattern), key=lambda path: path.stat().st_size)
        (foreign,) = (tmp_path / "other").glob(pattern)
        good = mine.read_bytes()
        shutil.copy(foreign, mine)
        with pytest.raises(IndexDamaged):
            SegmentedIndex.load(saved, SPACE, D)
        mine.write_bytes(good)


def test_a_later_format_is_refused(saved: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for module in (storage, manifest_module):
        monkeypatch.setattr(module, "FORMAT_VERSION", 9)
    index = SegmentedIndex(SPACE, D)
    index.save(tmp_path / "later", Generation())
    monkeypatch.undo()
    with pytest.raises(IndexDamaged, match="format 9, this facesearch reads 1"):
        SegmentedIndex.load(tmp_path / "later", SPACE, D)


def test_late_damage_stops_searches_and_saves(saved: Path):
    """A mapped block is verified when it is first touched, and a merge would touch it."""
    path = max(saved.glob("rows-*"), key=lambda one: one.stat().st_size)
    data = bytearray(path.read_bytes())
    data[64 + 8 * 2_200 + 40_000] ^= 1
    path.write_bytes(data)
    index = SegmentedIndex.load(saved, SPACE, D, options=LAZY)
    with pytest.raises(IndexDamaged, match=r"rows \d+ to \d+ fail their checksum"):
        index.search(strangers(1, D), 2_000)
    with pytest.raises(IndexDamaged):
        index.vectors_of(index.ids())
    before = files_of(saved)
    with pytest.raises(IndexDamaged):
        index.save(saved, Generation(9, 9), compact=True)
    assert files_of(saved) == before


def test_a_rebuilt_index_replaces_a_damaged_one(saved: Path):
    (saved / storage.MANIFEST).write_bytes(b"nonsense")
    index = SegmentedIndex(SPACE, D)
    index.add([1], strangers(1, D))
    index.save(saved, Generation(5, 5))
    assert SegmentedIndex.load(saved, SPACE, D).ids().tolist() == [1]
    index.save(saved, Generation(5, 5), compact=True)
    assert len(files_of(saved)) == 2


def test_a_folder_that_cannot_be_read_is_not_called_damaged(
    saved: Path, monkeypatch: pytest.MonkeyPatch
):
    """Rebuilding would not help; the caller hears what the system said."""

    def refuse(*_: object, **__: object) -> bytes:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PermissionError):
        SegmentedIndex.load(saved, SPACE, D)


# --- what a save writes -----------------------------------------------------------------------


def test_a_save_without_changes_writes_nothing(saved: Path):
    before = {path.name: path.stat().st_mtime_ns for path in saved.iterdir()}
    index = SegmentedIndex.load(saved, SPACE, D, options=replace(CODED, small_rows=0))
    index.save(saved, index.generation)
    assert {path.name: path.stat().st_mtime_ns for path in saved.iterdir()} == before
    index.save(saved, Generation(3, 3))
    after = {path.name: path.stat().st_mtime_ns for path in saved.iterdir()}
    assert {name for name in after if after[name] != before.get(name)} == {storage.MANIFEST}


def test_bytes_of_removed_rows_are_gone_after_compaction(kind: Kind, tmp_path: Path):
    rows = strangers(5_000, D)
    index = kind.make(SPACE, D)
    index.add(np.arange(5_000), rows)
    index.save(tmp_path, Generation())
    index.remove([77])
    needle = rows[77].tobytes()

    def on_disk() -> bool:
        return any(needle in path.read_bytes() for path in tmp_path.iterdir())

    assert on_disk()
    index.save(tmp_path, Generation(), compact=True)
    assert not on_disk()
    assert kind.load(tmp_path, SPACE, D).count == 4_999


def test_orphans_go_when_they_are_old_or_when_all_must_go(saved: Path):
    """Young ones may belong to a save that another process has not finished."""
    young, old = saved / f"rows-{'a' * 16}.fsv", saved / f"codes-{'b' * 16}.fsv"
    temporary, foreign = saved / f"manifest-{'c' * 16}.tmp", saved / "notes.txt"
    for path in (young, old, temporary, foreign):
        path.write_bytes(b"x" * 10)
    for path in (old, temporary, foreign):
        os.utime(path, (time.time() - 7_200,) * 2)
    index = SegmentedIndex.load(saved, SPACE, D)
    assert SegmentedIndex.bytes_on_disk(saved) == sum(
        path.stat().st_size for path in saved.iterdir() if path != foreign
    )
    index.save(saved, Generation(3, 3))
    assert (young.exists(), old.exists(), temporary.exists()) == (True, False, False)
    index.save(saved, Generation(3, 3), compact=True)
    assert not young.exists()
    assert foreign.exists()


def test_bytes_on_disk_of_nothing(tmp_path: Path):
    assert SegmentedIndex.bytes_on_disk(tmp_path / "nowhere") == 0
    assert SegmentedIndex.bytes_on_disk(tmp_path) == 0


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no /proc")
def test_files_are_unmapped_before_they_are_removed(saved: Path, monkeypatch: pytest.MonkeyPatch):
    """Windows removes no file that is mapped."""
    index = SegmentedIndex.load(saved, SPACE, D, options=LAZY)
    index.search(strangers(1, D), 5)
    index.remove([1, 2])
    maps = []
    unlink = Path.unlink

    def look(path: Path, missing_ok: bool = False) -> None:
        maps.append((path.name, Path("/proc/self/maps").read_text()))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", look)
    index.save(saved, Generation(9, 9), compact=True)
    assert len(maps) == 2
    assert not any(name in text for name, text in maps)


def test_files_removed_by_somebody_are_written_again(saved: Path):
    """Another process compacted the folder; what this one still maps is not lost."""
    index = SegmentedIndex.load(saved, SPACE, D, options=LAZY)
    expected = index.vectors_of(index.ids())
    for path in saved.glob("*-*"):
        path.unlink()
    index.save(saved, Generation(9, 9))
    again = SegmentedIndex.load(saved, SPACE, D)
    np.testing.assert_array_equal(again.vectors_of(again.ids()), expected)


# --- crashes and full disks -------------------------------------------------------------------


class Dead(BaseException):
    """The process is gone: nothing runs after this, no clean-up either."""


class Steps:
    """Counts what a save asks of the disk, and makes the n-th request fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, kill: bool) -> None:
        self.count, self.fail_at, self.kill, self.dead = 0, -1, kill, False
        for owner, name in (
            (os, "fsync"),
            (os, "replace"),
            (Path, "unlink"),
            (Path, "mkdir"),
        ):
            monkeypatch.setattr(owner, name, self._wrapped(getattr(owner, name)))
        write_all = storage.write_all

        def half(file, data):
            """A full disk takes what fits."""
            try:
                self.step()
            except BaseException:
                if self.count - 1 == self.fail_at:
                    write_all(file, bytes(memoryview(data).cast("B"))[: len(data) // 2])
                raise
            write_all(file, data)

        for module in (storage, manifest_module, saving.files):
            monkeypatch.setattr(module, "write_all", half)

    def _wrapped(self, function: Callable) -> Callable:
        def run(*args, **kwargs):
            self.step()
            return function(*args, **kwargs)

        return run

    def step(self) -> None:
        if self.dead:
            raise Dead
        self.count += 1
        if self.count - 1 == self.fail_at:
            if self.kill:
                self.dead = True
                raise Dead
            raise OSError(errno.ENOSPC, "No space left on device")


def changed(folder: Path) -> SegmentedIndex:
    """An index with rows to write, small segments to merge, and a large worn one."""
    options = replace(CODED, small_rows=100, compact_share=0.001, mapped_bytes=0)
    index = SegmentedIndex.load(folder, SPACE, D, options=options)
    index.add(np.arange(4_000, 4_100), strangers(100, D, seed=2))
    index.remove([100, 101])
    return index


def state_of(index: VectorIndex) -> tuple[Generation, bytes, bytes]:
    ids = index.ids()
    return index.generation, ids.tobytes(), index.vectors_of(ids).tobytes()


@pytest.mark.parametrize("kill", [False, True], ids=["disk full", "killed"])
def test_a_save_that_fails_anywhere_leaves_the_state_before_or_after(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill: bool
):
    before = state_of(SegmentedIndex.load(saved, SPACE, D))
    index = changed(saved)
    probes = strangers(4, D, seed=3)
    answer = index.search(probes, 30)
    expected = (Generation(9, 9), *state_of(index)[1:])
    seen = set()
    build, built = Codes.build, {}

    def build_once(rows: Rows) -> Codes:
        """Codes of the same rows are the same, and building them is the slow part."""
        if len(rows) not in built:
            built[len(rows)] = build(rows)
        return built[len(rows)]

    monkeypatch.setattr(Codes, "build", build_once)
    for fail_at in range(1_000):
        folder = tmp_path / f"try{fail_at}"
        shutil.copytree(saved, folder)
        index = changed(folder)
        with monkeypatch.context() as patched:
            steps = Steps(patched, kill=kill)
            steps.fail_at = fail_at
            with suppress(Dead if kill else OSError):
                index.save(folder, Generation(9, 9))
        if steps.count <= fail_at:
            break
        loaded = SegmentedIndex.load(folder, SPACE, D)
        after = state_of(loaded)
        assert after in (before, expected), fail_at
        seen.add(after == expected)
        if not kill:
            assert_same(index.search(probes, 30), answer)
            if after == before:
                assert files_of(folder) == files_of(saved)
            index.save(folder, Generation(9, 9))
            loaded = SegmentedIndex.load(folder, SPACE, D)
        else:
            # the next process goes on where this one died
            loaded = changed(folder) if after == before else loaded
            loaded.save(folder, Generation(9, 9), compact=True)
            manifest = manifest_module.read_manifest(folder)
            assert files_of(folder) == manifest.files() | {storage.MANIFEST}
        assert state_of(loaded) == expected
        assert_same(loaded.search(probes, 30), answer)
        shutil.rmtree(folder)
    assert fail_at > 20
    assert seen == {True, False}


WRITER = """
import sys
from pathlib import Path
import numpy as np
from facesearch.vectors.base import Generation
from facesearch.vectors.codes import Codes
from facesearch.vectors.faiss import SegmentedIndex
from facesearch.vectors.merging import SegmentOptions
from facesearch.vectors.rows import Rows

folder, batch, stop = Path(sys.argv[1]), 25, int(sys.argv[2])
options = SegmentOptions(exact_rows=1_200, coded_rows=1_024, small_rows=100, mapped_bytes=0)
index = SegmentedIndex.load(folder, "toy@1", 8, options=options)
start = index.generation.added
for number in range(start, stop):
    ids = np.arange(number * batch, (number + 1) * batch)
    rows = np.random.default_rng(number).standard_normal((batch, 8)).astype(np.float32)
    index.add(ids, rows / np.linalg.norm(rows, axis=1, keepdims=True))
    index.remove(ids[:3] - batch)
    index.save(folder, Generation(number + 1, number), compact=number % 7 == 0)
    print(number + 1, flush=True)
"""


def after_batches(number: int) -> VectorIndex:
    """What the writer's index must hold after so many batches."""
    index = reference(np.empty(0, np.int64), np.empty((0, 8), np.float32))
    for one in range(number):
        rows = np.random.default_rng(one).standard_normal((25, 8)).astype(np.float32)
        ids = np.arange(one * 25, (one + 1) * 25)
        index.add(ids, rows / np.linalg.norm(rows, axis=1, keepdims=True))
        index.remove(ids[:3] - 25)
    return index


def writing(folder: Path, stop: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(stop)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_kill_9_while_saving(tmp_path: Path):
    """Each life of the writer is cut short at some moment of some save; the next goes on."""
    SegmentedIndex(SPACE, 8).save(tmp_path, Generation())
    rng = np.random.default_rng(4)
    promised = 0
    for _ in range(4):
        with writing(tmp_path, 10_000) as process:
            assert process.stdout is not None
            for line in process.stdout:
                promised = int(line)
                if promised % 10 == 0:
                    break
            time.sleep(float(rng.uniform(0, 0.03)))
            process.send_signal(signal.SIGKILL)
            promised = max([promised, *map(int, process.stdout)])
        index = SegmentedIndex.load(tmp_path, SPACE, 8)
        assert index.generation.added in (promised, promised + 1)
        expected = after_batches(index.generation.added)
        assert state_of(index)[1:] == state_of(expected)[1:]
    index.save(tmp_path, index.generation, compact=True)
    manifest = manifest_module.read_manifest(tmp_path)
    assert files_of(tmp_path) == manifest.files() | {storage.MANIFEST}


def test_readers_in_another_process_than_the_writer(tmp_path: Path):
    """Loading while segments are merged away gives one whole generation, every time."""
    SegmentedIndex(SPACE, 8).save(tmp_path, Generation())
    seen = []
    with writing(tmp_path, 70) as process:
        while process.poll() is None:
            index = SegmentedIndex.load(tmp_path, SPACE, 8, options=LAZY)
            number = index.generation.added
            everything(index) if number else None
            assert index.count == 25 * number - 3 * max(0, number - 1)
            seen.append(number)
        assert process.returncode == 0
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    assert state_of(SegmentedIndex.load(tmp_path, SPACE, 8))[1:] == state_of(after_batches(70))[1:]


def test_a_segment_merged_away_while_loading_is_looked_up_anew(
    saved: Path, monkeypatch: pytest.MonkeyPatch
):
    """The reader has the old manifest when the writer removes what it refers to."""
    read_rows = saving.files.read_rows
    writes = []

    def merge_first(*args):
        if not writes:
            writes.append(1)
            writer = SegmentedIndex.load(saved, SPACE, D)
            writer.save(saved, Generation(8, 8), compact=True)
        return read_rows(*args)

    monkeypatch.setattr(saving.files, "read_rows", merge_first)
    index = SegmentedIndex.load(saved, SPACE, D)
    assert (index.generation, index.count) == (Generation(8, 8), 2_247)
