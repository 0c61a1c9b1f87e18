"""A lock file keeps processes and threads apart, and goes with the one that holds it."""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import facesearch
from facesearch.errors import Cancelled, FaceSearchError
from facesearch.file_lock import file_lock

HOLDER = """
import sys
from contextlib import nullcontext
from pathlib import Path
from facesearch.file_lock import file_lock
with file_lock(Path(sys.argv[1]), 0, busy=lambda pid: RuntimeError(pid), errors=nullcontext):
    print("held", flush=True)
    sys.stdin.read()
"""


def busy(holder: int | None) -> FaceSearchError:
    return FaceSearchError(f"held by {holder}")


def hold(path: Path, wait_s: float = 0, **options) -> contextlib.AbstractContextManager[None]:
    return file_lock(path, wait_s, busy=busy, errors=contextlib.nullcontext, **options)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock file `lock` until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "lock")],
        env=os.environ | {"PYTHONPATH": str(Path(facesearch.__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_another_process_is_named_when_the_time_is_over(tmp_path: Path, holder):
    told: list[int | None] = []
    with (
        pytest.raises(FaceSearchError, match=f"held by {holder.pid}"),
        hold(tmp_path / "lock", 0.3, on_wait=told.append),
    ):
        pass
    assert set(told) == {holder.pid}
    assert len(told) >= 2


def test_a_killed_holder_holds_nothing(tmp_path: Path, holder):
    holder.kill()
    holder.wait()
    with hold(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_endless_waiting_ends_with_the_holder(tmp_path: Path, holder):
    with hold(tmp_path / "lock", math.inf, on_wait=lambda _: holder.kill()):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_endless_waiting_can_be_ended(tmp_path: Path, holder):
    def enough(_: int | None) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled), hold(tmp_path / "lock", math.inf, on_wait=enough):
        pass


def test_threads_of_one_process_are_kept_apart(tmp_path: Path):
    inside, most = [0], [0]

    def work() -> None:
        for _ in range(3):
            with hold(tmp_path / "lock", math.inf):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_errors_of_the_file_are_translated_and_those_inside_are_not(tmp_path: Path):
    @contextmanager
    def errors() -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FaceSearchError("no lock file") from error

    with (
        pytest.raises(FaceSearchError, match="no lock file"),
        file_lock(tmp_path / "absent" / "lock", 0, busy=busy, errors=errors),
    ):
        pass
    with (
        pytest.raises(BrokenPipeError),
        file_lock(tmp_path / "lock", 0, busy=busy, errors=errors),
    ):
        raise BrokenPipeError
    with hold(tmp_path / "lock"):
        pass
