"""From SQLite's errors and the operating system's to facesearch's.

In: an exception and the library folder it is about. Out: the LibraryError to raise from
it, with what is wrong and what to do next.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facesearch.errors import (
    LibraryBusy,
    LibraryDamaged,
    LibraryError,
    LibraryFull,
    LibraryNotFound,
    LibraryReadOnly,
)

_FULL_BELOW_BYTES = 1 << 20
"""With less space than this, an I/O error is taken for a full disk: SQLite reports it so
when the shared memory file beside the database cannot grow."""


def printable(text: str | os.PathLike[str]) -> str:
    """A path or other text so that it can be printed and stored: undecodable bytes as \\xNN."""
    plain = os.fspath(text)
    try:
        raw = plain.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character pair, which no file name decodes to here
        raw = plain.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace")


def damaged(folder: Path, what: str) -> LibraryDamaged:
    """The error for a database that fails a check, with the way back."""
    library = printable(folder)
    return LibraryDamaged(
        library,
        f"the database of library {library} is damaged ({what}); nothing was overwritten. "
        "Put back a copy of catalog.sqlite (backups lie beside it as catalog.sqlite.backup-*), "
        "or index the photos into a new library folder",
    )


def from_sqlite(error: sqlite3.Error, folder: Path) -> LibraryError:
    """The LibraryError that says what an error of SQLite means for this library."""
    library = printable(folder)
    extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    match extended & 0xFF:
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return damaged(folder, str(error))
        case sqlite3.SQLITE_FULL:
            return _full(library)
        case sqlite3.SQLITE_IOERR:
            if _free_bytes(folder) < _FULL_BELOW_BYTES:
                return _full(library)
            return LibraryError(
                library,
                f"the disk of library {library} reports an error ({error}); what was committed "
                "is kept. Check the disk or its connection, then run again",
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_PROTOCOL:
            return LibraryBusy(
                library,
                f"another program is writing to library {library} and did not finish in time; "
                "wait for it, or stop it, then run again",
            )
        case sqlite3.SQLITE_CANTOPEN if not folder.is_dir():
            return _gone(library)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return not_writable(folder, str(error))
        case _:
            return LibraryError(library, f"the database of library {library} refused: {error}")


def from_os(error: OSError, folder: Path) -> LibraryError:
    """The LibraryError that says what a failed system call means for this library."""
    library = printable(folder)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(library)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return not_writable(folder, os.strerror(error.errno))
    if error.errno == errno.ENOENT and not folder.is_dir():
        return _gone(library)
    return LibraryError(library, f"library {library} cannot be used: {error.strerror or error}")


def not_writable(folder: Path, why: str) -> LibraryReadOnly:
    """The error for a library that cannot be written to, or was opened not to be."""
    library = printable(folder)
    return LibraryReadOnly(
        library,
        f"library {library} cannot be written to ({why}); allow writing to its folder, or copy it "
        "to a place where you may write",
    )


def _full(library: str) -> LibraryFull:
    return LibraryFull(
        library,
        f"no space left on the disk of library {library}; everything committed is kept. "
        "Free some space and run again: it goes on where it stopped",
    )


def _gone(library: str) -> LibraryNotFound:
    return LibraryNotFound(
        library, f"library {library} is gone; is the disk it lies on still connected?"
    )


def _free_bytes(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:  # the disk itself is gone, which is not a full one
        return _FULL_BELOW_BYTES


@contextmanager
def errors_translated(folder: Path) -> Iterator[None]:
    """Raise what SQLite and the operating system report as the LibraryError it means.

    Misuse of the sqlite3 module (ProgrammingError, InterfaceError) stays as it is: that is
    a mistake in this program, not trouble with the library.
    """
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise
    except sqlite3.Error as error:
        raise from_sqlite(error, folder) from error
    except OSError as error:
        raise from_os(error, folder) from error
