"""A lock between processes: a file that the operating system locks for one of them.

In: the lock file's path, how long to wait. Out: a context in which nobody else who asks holds
the lock. The operating system holds the lock, not the file's presence: it goes when the
process goes, kill -9 included. The file holds the process id of the last holder, for messages
only, and stays: removing it would let two processes lock two files of the same name.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from facesearch.errors import FaceSearchError

_POLL_S = 0.2

if sys.platform == "win32":
    import msvcrt

    # Locked bytes cannot be read by others on Windows; this one lies far behind the number.
    _LOCKED_BYTE = 1 << 30

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def file_lock(
    path: Path,
    wait_s: float,
    *,
    busy: Callable[[int | None], FaceSearchError],
    errors: Callable[[], AbstractContextManager[None]],
    on_wait: Callable[[int | None], None] | None = None,
) -> Iterator[None]:
    """Hold the lock.

    Also keeps two threads of one process apart, and is not reentrant.

    Args:
        path: of the lock file; its folder must exist.
        wait_s: how long to wait for another holder; 0 tries once, infinity waits on.
        busy: makes the error that is raised when the time ran out, given the holder's
            process id, None when unknown.
        errors: a context that turns an OSError of the lock file into the caller's own error.
        on_wait: called with the holder's process id each time the lock was found taken, about
            five times a second. What it raises ends the waiting.
    """
    with errors():
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        deadline = time.monotonic() + wait_s
        while True:
            with errors():
                taken = _try_lock(descriptor)
            if taken:
                break
            holder = _holder(descriptor)
            if on_wait is not None:
                on_wait(holder)
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise busy(holder)
            time.sleep(min(_POLL_S, left_s))
        try:
            with errors():
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
                os.write(descriptor, b"%d\n" % os.getpid())
            yield
        finally:
            _unlock(descriptor)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> int | None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    number = os.read(descriptor, 32).strip()
    return int(number) if number.isdigit() else None
