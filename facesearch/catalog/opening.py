"""From a folder to an open database of today's revision.

In: the library folder and what may be done with it. Out: a `Database` that was checked,
migrated if it was older, or a LibraryError; nothing is written into a folder that is
neither empty nor a library.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from facesearch.catalog import migrate
from facesearch.catalog.connection import Database
from facesearch.catalog.errors import errors_translated, not_writable, printable
from facesearch.catalog.lock import LOCK_NAME, writer_lock
from facesearch.errors import LibraryError, LibraryNotFound, LibraryTooNew

CATALOG_NAME = "catalog.sqlite"
CHECKED_WHEN_OPENED_BYTES = 64 << 20
"""Up to this size a database is checked before anything is written to it."""

_DESKTOP_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


@dataclass(frozen=True, slots=True)
class Opened:
    """A database ready for use, its revision and the library's own number."""

    database: Database
    revision: str
    library_id: str


def open_database(folder: Path, *, create: bool, read_only: bool, busy_timeout_s: float) -> Opened:
    """Open the library in a folder; see `Catalog.open`."""
    folder = Path(os.path.abspath(folder))
    file = folder / CATALOG_NAME
    with errors_translated(folder):
        if not _is_there(folder, file):
            if read_only or not create:
                library = printable(folder)
                raise LibraryNotFound(
                    library,
                    f"there is no library at {library}; `facesearch index` makes one, "
                    "or name another folder",
                )
            _create(folder, file, busy_timeout_s)
        if not os.access(file, os.R_OK):
            raise _may_not_read(folder)
        if not read_only and not (os.access(file, os.W_OK) and os.access(folder, os.W_OK)):
            raise not_writable(folder, "you have no permission, or its disk is read-only")
    database = Database(file, read_only=read_only, busy_timeout_s=busy_timeout_s)
    try:
        revision = _today(database, busy_timeout_s)
        if not read_only:
            if database.bytes_on_disk() <= CHECKED_WHEN_OPENED_BYTES:
                database.quick_check()
            database.ensure_log()
        with database.read() as connection:
            (library_id,) = connection.execute("SELECT uuid FROM library").fetchone()
    except BaseException:
        database.close()
        raise
    return Opened(database, revision, library_id)


def _is_there(folder: Path, file: Path) -> bool:
    try:
        return file.exists()
    except PermissionError as error:
        raise _may_not_read(folder) from error


def _may_not_read(folder: Path) -> LibraryError:
    library = printable(folder)
    return LibraryError(
        library, f"you may not read library {library}; ask its owner for permission"
    )


def _create(folder: Path, file: Path, busy_timeout_s: float) -> None:
    library = printable(folder)
    if folder.exists() and not folder.is_dir():
        raise LibraryError(library, f"{library} is a file; a library is a folder of its own")
    folder.mkdir(parents=True, exist_ok=True)
    strangers = sorted(name for name in os.listdir(folder) if not _ours(name))
    if strangers and not file.exists():
        raise LibraryError(
            library,
            f"folder {library} is not empty ({printable(strangers[0])} lies there) and holds no "
            "library; name a new or an empty folder for the library, not one with photos",
        )
    with writer_lock(folder, busy_timeout_s):
        if not file.exists():  # another process may have made it meanwhile
            migrate.create(file)


def _ours(name: str) -> bool:
    return name == LOCK_NAME or name in _DESKTOP_FILES or name.startswith(CATALOG_NAME)


def _today(database: Database, busy_timeout_s: float) -> str:
    """Make sure the tables have today's revision, and return it."""
    if _needs_migration(database):
        if database.read_only:
            raise not_writable(
                database.folder,
                "an earlier facesearch wrote it, so it must be opened for writing once to be "
                "brought up to date",
            )
        with writer_lock(database.folder, busy_timeout_s):
            if _needs_migration(database):  # still: nobody else did it while we waited
                database.check()
                before = migrate.revision_of(database)
                database.copy_to(migrate.backup_name(database.file, before))
                migrate.upgrade(database.file, busy_timeout_s)
    return migrate.HEAD


def _needs_migration(database: Database) -> bool:
    revision = migrate.revision_of(database)
    age = migrate.age_of(revision)
    if age is migrate.Age.NEWER:
        library = printable(database.folder)
        raise LibraryTooNew(
            library,
            f"library {library} was written by a later facesearch (schema {revision}, this one "
            f"knows up to {migrate.HEAD}); nothing was changed. Update facesearch to open it",
        )
    return age is migrate.Age.OLDER
