"""One writer among all processes: a lock file beside the database.

In: the library folder, how long to wait. Out: a context in which no other process that
asks is indexing the same library. SQLite alone would let two `index` runs interleave their
transactions safely, but they would do the same work twice.

The operating system holds the lock, not the file's presence: it goes when the process goes,
kill -9 included. The file holds the process id of the last holder, for messages only.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from facesearch.catalog.errors import errors_translated, printable
from facesearch.errors import LibraryBusy

LOCK_NAME = "writer.lock"
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
def writer_lock(
    folder: Path, wait_s: float, on_wait: Callable[[int | None], None] | None = None
) -> Iterator[None]:
    """Hold the library's writer lock.

    Also keeps two threads of one process apart, and is not reentrant.

    Args:
        folder: the library folder; must exist.
        wait_s: how long to wait for another holder; 0 tries once.
        on_wait: called with the holder's process id (None when unknown) each time the lock
            was found taken, about five times a second. What it raises ends the waiting.

    Raises:
        LibraryBusy: the waiting time ran out; names the holder.
        LibraryReadOnly: the lock file cannot be made.
    """
    with errors_translated(folder):
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _wait(folder, descriptor, wait_s, on_wait)
        try:
            with errors_translated(folder):
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
                os.write(descriptor, b"%d\n" % os.getpid())
            yield
        finally:
            _unlock(descriptor)
    finally:
        os.close(descriptor)


def _wait(
    folder: Path, descriptor: int, wait_s: float, on_wait: Callable[[int | None], None] | None
) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        with errors_translated(folder):
            if _try_lock(descriptor):
                return
        holder = _holder(descriptor)
        if on_wait is not None:
            on_wait(holder)
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            library = printable(folder)
            who = "another process" if holder is None else f"process {holder}"
            raise LibraryBusy(
                library,
                f"{who} is writing to library {library} and did not finish within {wait_s:g} s; "
                "wait for it, or stop it, then run again",
            )
        time.sleep(min(_POLL_S, left_s))


def _holder(descriptor: int) -> int | None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    number = os.read(descriptor, 32).strip()
    return int(number) if number.isdigit() else None
