"""One process at a time that embeds a library's faces anew, or drops a space.

In: the library folder, how long to wait. Out: a context in which no other process that asks
does either. It is not the writer's lock: photos are indexed beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from facesearch.catalog.errors import errors_translated, printable
from facesearch.errors import LibraryBusy
from facesearch.file_lock import file_lock

LOCK_NAME = "reindex.lock"


def reindex_lock(
    folder: Path, wait_s: float, on_wait: Callable[[int | None], None] | None = None
) -> AbstractContextManager[None]:
    """Hold the lock; see `writer_lock`, which has the same arguments.

    Raises:
        LibraryBusy: the waiting time ran out; names the holder.
        LibraryReadOnly: the lock file cannot be made.
    """

    def busy(holder: int | None) -> LibraryBusy:
        library = printable(folder)
        who = "another process" if holder is None else f"process {holder}"
        return LibraryBusy(
            library,
            f"{who} is reindexing library {library} or dropping a space of it, and did not finish "
            f"within {wait_s:g} s; wait for it, or stop it, then run again",
        )

    return file_lock(
        folder / LOCK_NAME,
        wait_s,
        busy=busy,
        errors=lambda: errors_translated(folder),
        on_wait=on_wait,
    )
