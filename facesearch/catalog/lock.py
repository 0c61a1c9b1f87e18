"""One writer among all processes: a lock file beside the database.

In: the library folder, how long to wait. Out: a context in which no other process that
asks is indexing the same library. SQLite alone would let two `index` runs interleave their
transactions safely, but they would do the same work twice.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from facesearch.catalog.errors import errors_translated, printable
from facesearch.errors import LibraryBusy
from facesearch.file_lock import file_lock

LOCK_NAME = "writer.lock"


def writer_lock(
    folder: Path, wait_s: float, on_wait: Callable[[int | None], None] | None = None
) -> AbstractContextManager[None]:
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

    def busy(holder: int | None) -> LibraryBusy:
        library = printable(folder)
        who = "another process" if holder is None else f"process {holder}"
        return LibraryBusy(
            library,
            f"{who} is writing to library {library} and did not finish within {wait_s:g} s; "
            "wait for it, or stop it, then run again",
        )

    return file_lock(
        folder / LOCK_NAME,
        wait_s,
        busy=busy,
        errors=lambda: errors_translated(folder),
        on_wait=on_wait,
    )
