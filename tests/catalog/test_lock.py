"""One writer among processes and threads."""

from __future__ import annotations

import os
import signal

import pytest

from facesearch.catalog.lock import writer_lock
from facesearch.errors import Cancelled, LibraryBusy

HOLDER = """
import sys, time
from pathlib import Path
from facesearch.catalog.lock import writer_lock
with writer_lock(Path(sys.argv[1]), 0):
    print("held", flush=True)
    sys.stdin.read() if len(sys.argv) > 2 else time.sleep(60)
"""


def test_a_second_holder_is_told_who_holds_it(tmp_path, run_python):
    holder = run_python(HOLDER, tmp_path)
    assert holder.stdout.readline() == "held\n"
    told = []
    with (
        pytest.raises(LibraryBusy, match=f"process {holder.pid}"),
        writer_lock(tmp_path, 0.3, told.append),
    ):
        pass
    assert set(told) == {holder.pid}
    assert len(told) >= 2


def test_a_killed_holder_holds_nothing(tmp_path, run_python):
    holder = run_python(HOLDER, tmp_path)
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with writer_lock(tmp_path, 5):
        assert (tmp_path / "writer.lock").read_text() == f"{os.getpid()}\n"


def test_waiting_ends_when_the_holder_does(tmp_path, run_python):
    holder = run_python(HOLDER, tmp_path)
    assert holder.stdout.readline() == "held\n"
    with writer_lock(tmp_path, 30, lambda pid: holder.kill()):
        pass


def test_waiting_can_be_cancelled(tmp_path):
    def cancel(pid):
        raise Cancelled(f"not waiting for {pid}")

    with (
        writer_lock(tmp_path, 0),
        pytest.raises(Cancelled, match=str(os.getpid())),
        writer_lock(tmp_path, 30, cancel),
    ):
        pass


def test_the_lock_can_be_taken_again_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), writer_lock(tmp_path, 0):
        raise RuntimeError
    with writer_lock(tmp_path, 0):
        pass


def test_a_lock_file_with_nonsense_in_it_is_no_trouble(tmp_path):
    (tmp_path / "writer.lock").write_bytes(b"\xff" * 100)
    with writer_lock(tmp_path, 0):
        assert (tmp_path / "writer.lock").read_text() == f"{os.getpid()}\n"


def test_single_writes_do_not_need_the_lock(catalog, result):
    with catalog.writer_lock(0):
        catalog.store([result("1")])
        assert catalog.confirm(1, "Ana").name == "Ana"
