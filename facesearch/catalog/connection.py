"""One catalog file: connections, transactions, integrity, copies.

In: the path of catalog.sqlite. Out: `sqlite3` connections lent for one transaction at a
time, and LibraryErrors instead of SQLite's.

The running program speaks plain SQL to SQLite through the standard library. SQLAlchemy
describes the tables (schema.py) and Alembic migrates them, but neither is imported when a
library opens: importing SQLAlchemy takes longer than everything a query asks of the
catalog together.

Durability: write-ahead log, `synchronous = NORMAL`. A killed process loses at most the
transaction it was in. A power cut may also lose the last transactions before it, which the
next `index` does again, but never corrupts; decisions of people cannot be computed again,
so they are written with `durable=True` and are on the disk when the call returns.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from facesearch import write_ahead
from facesearch.catalog.errors import damaged, errors_translated, not_writable, printable
from facesearch.errors import LibraryBusy, LibraryError

_MAX_IDLE = 8
_CACHE_KIB = 16 * 1024
_WAL_BYTES_KEPT = 64 << 20


class Database:
    """Connections to one catalog file, shared by the threads of one process.

    Raises:
        LibraryReadOnly: the file cannot be opened for writing, or cannot be read at all.
        LibraryDamaged: it is no SQLite database, or its first page is broken.
    """

    def __init__(self, file: Path, *, read_only: bool, busy_timeout_s: float) -> None:
        self.file = file
        self.folder = file.parent
        self.read_only = read_only
        self._busy_timeout_s = busy_timeout_s
        self._pid = os.getpid()
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._writing = threading.Lock()
        self._closed = False
        self._frozen_at: tuple[int, int] | None = None
        with errors_translated(self.folder):
            self._idle.append(self._connect())

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one unchanging state of the library; never waits for a writer."""
        with self._lent() as connection:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection inside the one write transaction there can be at a time.

        Commits at the end, rolls back on any exception.

        Args:
            durable: return only when the disk has it, so that a power cut cannot undo it.

        Raises:
            LibraryBusy: another writer did not finish within the busy timeout.
            LibraryReadOnly: the library was opened read-only.
            LibraryFull: no space; nothing of this transaction was kept.
        """
        if self.read_only:
            raise not_writable(self.folder, "it was opened for reading only")
        if not self._writing.acquire(timeout=self._busy_timeout_s):
            library = printable(self.folder)
            raise LibraryBusy(library, f"another thread keeps writing to library {library}")
        try:
            with self._lent() as connection:
                connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
        finally:
            self._writing.release()

    def ensure_log(self) -> None:
        """Switch to the write-ahead log where it is off, as in a backup that was put back."""
        with self._lent() as connection:
            (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
            if journal != "wal":
                write_ahead.switch_on(connection, self._busy_timeout_s)

    def quick_check(self) -> None:
        """Read every page and check its structure, but not every index against its table.

        Raises:
            LibraryDamaged: with SQLite's first finding.
        """
        self._check("PRAGMA quick_check(1)")

    def check(self) -> None:
        """Check everything SQLite can check: structure, indexes, references.

        Raises:
            LibraryDamaged: with SQLite's first finding.
        """
        self._check("PRAGMA integrity_check(1)")
        with self.read() as connection:
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
        if broken is not None:
            raise damaged(self.folder, f"table {broken[0]} refers to missing rows of {broken[2]}")

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy as one file, while others may read and write.

        The copy appears under its name only when it is whole and on the disk. It gets a
        library number of its own: were it put back later, no vector index made since could
        be taken for its own.

        Raises:
            LibraryFull: no space for it; nothing is left behind.
        """
        part = target.with_name(target.name + ".part")
        with errors_translated(self.folder):
            try:
                with self._lent() as source, closing(sqlite3.connect(part)) as copy:
                    source.backup(copy)
                    copy.execute("PRAGMA journal_mode = DELETE")
                    copy.execute("UPDATE library SET uuid = lower(hex(randomblob(16)))")
                    copy.commit()
                part.replace(target)
                sync_folder(target.parent)
            finally:
                remove_database(part)

    def bytes_on_disk(self) -> int:
        """Size of the database with its log, in bytes."""
        return sum(_size(Path(f"{self.file}{suffix}")) for suffix in ("", "-wal"))

    def close(self) -> None:
        """Write the log back into the database, as far as no reader needs it, and close."""
        with self._guard:
            idle, self._idle, self._closed = self._idle, [], True
        if idle and not self.read_only and os.getpid() == self._pid:
            # Nothing committed depends on this: what cannot be written back now (a full
            # disk, a reader elsewhere) stays in the log, and the next opening goes on from it.
            with errors_translated(self.folder), suppress(sqlite3.OperationalError):
                idle[0].execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        for connection in idle:
            connection.close()

    def _check(self, pragma: str) -> None:
        with self.read() as connection:
            (found,) = connection.execute(pragma).fetchone()
        if found != "ok":
            raise damaged(self.folder, " ".join(str(found).split()))

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        with errors_translated(self.folder):
            connection = self._take()
            try:
                yield connection
            except BaseException:
                # It may be in any state, so it is not lent again; closing it rolls back.
                connection.close()
                raise
            self._give_back(connection)

    def _take(self) -> sqlite3.Connection:
        if os.getpid() != self._pid:
            # SQLite's locks and caches do not survive fork(); using them would corrupt.
            library = printable(self.folder)
            raise LibraryError(
                library,
                f"library {library} was opened before this process was forked; "
                "open it again in the new process",
            )
        with self._guard:
            if self._closed:
                library = printable(self.folder)
                raise LibraryError(library, f"library {library} is closed; open it again")
            if self._frozen_at is not None and self._frozen_at != self._stamp():
                # Somebody who may write has written: the frozen view is not true any more.
                while self._idle:
                    self._idle.pop().close()
            if self._idle:
                return self._idle.pop()
        return self._connect()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            if not self._closed and len(self._idle) < _MAX_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = self._open("ro" if self.read_only else "rw")
        except sqlite3.OperationalError as error:
            # A read-only folder has no room for the log's side files. As long as no log lies
            # there, nobody is writing and the database alone is the whole truth.
            no_room = error.sqlite_errorcode & 0xFF in (
                sqlite3.SQLITE_CANTOPEN,  # a disk mounted read-only
                sqlite3.SQLITE_READONLY,  # a folder without permission
            )
            if not (self.read_only and no_room):
                raise
            if _size(self._log) > 0:
                why = "its last writer did not close it; it must be opened for writing once"
                raise not_writable(self.folder, why) from error
            stamp = self._stamp()
            connection = self._open("ro&immutable=1")
            self._frozen_at = stamp
        else:
            self._frozen_at = None
        return connection

    def _open(self, mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self.file.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=self._busy_timeout_s,
            isolation_level=None,  # transactions are begun where they are meant
            check_same_thread=False,  # lent to one thread at a time
            cached_statements=256,
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA recursive_triggers = ON")  # REPLACE fires DELETE triggers
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")  # notice damage early
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            if not self.read_only:
                connection.execute("PRAGMA secure_delete = ON")  # deleted faces leave no trace
                connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_KEPT}")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def _log(self) -> Path:
        return Path(f"{self.file}-wal")

    def _stamp(self) -> tuple[int, int]:
        """Changes when somebody writes to the database."""
        return (self.file.stat().st_mtime_ns, _size(self._log))


def remove_database(file: Path) -> None:
    """Remove a database file and its side files, where there are any."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make a rename inside a folder last through a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def timestamp() -> int:
    """Now, as the catalog stores times: whole seconds since 1970, UTC."""
    return int(time.time())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
