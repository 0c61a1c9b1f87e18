"""Making a library's tables, and bringing an older library to today's.

In: the path of catalog.sqlite. Out: the same file at revision `HEAD`.

Which revision a library has is read by plain SQL; Alembic, and SQLAlchemy with it, is
imported only when a migration has to run.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from facesearch.catalog.connection import Database, remove_database, sync_folder
from facesearch.catalog.errors import damaged, errors_translated, from_sqlite
from facesearch.errors import FaceSearchError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0003"
"""The revision this program works with: the newest in migrations/versions."""

_APPLICATION_ID = 0x46414365
"""Marks a SQLite file as a facesearch library; written by revision 0001."""

_PAGE_BYTES = 8192
"""A 512-d embedding takes 2 KiB of a page; in SQLite's usual 4 KiB half the page stays empty."""


class Age(Enum):
    """How a library's revision stands to this program's."""

    CURRENT = auto()
    OLDER = auto()
    NEWER = auto()


def migrations_folder() -> Path:
    """Where env.py and versions/ lie: inside an installed package, or beside a checkout's.

    Raises:
        FaceSearchError: neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise FaceSearchError(f"the installation at {package} lacks its migrations; install it again")


def revision_of(database: Database) -> str:
    """The revision a library's tables have.

    Raises:
        LibraryDamaged: the file is a database, but not of a library.
    """
    with database.read() as connection:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE name IN ('alembic_version', 'library')"
        ).fetchall()
        row = None
        if application == _APPLICATION_ID and len(tables) == 2:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if row is None:
        raise damaged(database.folder, "it holds no tables of facesearch")
    return str(row[0])


def age_of(revision: str) -> Age:
    """Whether this program can use a library of some revision, or migrate it."""
    if revision == HEAD:
        return Age.CURRENT
    from alembic.script import ScriptDirectory

    ancestors = ScriptDirectory.from_config(_config()).iterate_revisions(HEAD, "base")
    return Age.OLDER if revision in {script.revision for script in ancestors} else Age.NEWER


def create(file: Path) -> None:
    """Make an empty library database; it appears under its name only when it is whole.

    Raises:
        LibraryFull, LibraryReadOnly: it cannot be made here; nothing is left behind.
    """
    new = file.with_name(file.name + ".new")
    with errors_translated(file.parent):
        remove_database(new)
        try:
            with closing(sqlite3.connect(new, isolation_level=None)) as connection:
                connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
                _upgrade(connection, file.parent)
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
            new.replace(file)
            sync_folder(file.parent)
        finally:
            remove_database(new)


def backup_name(file: Path, revision: str) -> Path:
    """Where the copy of an older library goes before it is migrated. Never taken yet."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    return file.with_name(f"{file.name}.backup-{revision}-{moment}")


def upgrade(file: Path, busy_timeout_s: float) -> None:
    """Migrate a library to `HEAD` in one transaction: wholly, or not at all.

    Raises:
        LibraryFull, LibraryBusy: it stays as it was.
    """
    with (
        errors_translated(file.parent),
        closing(sqlite3.connect(file, isolation_level=None, timeout=busy_timeout_s)) as connection,
    ):
        _upgrade(connection, file.parent)


def _upgrade(connection: sqlite3.Connection, folder: Path) -> None:
    from alembic import command
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import StaticPool

    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    config = _config()
    try:
        # Rebuilding a table deletes the old one, which must not cascade. The setting
        # cannot change inside a transaction, so references are checked at the end.
        connection.execute("PRAGMA foreign_keys = OFF")
        # SQLAlchemy's transaction makes Alembic leave committing to us; it begins none.
        with engine.begin() as bound:
            connection.execute("BEGIN IMMEDIATE")
            config.attributes["connection"] = bound
            command.upgrade(config, HEAD)
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
            if broken is not None:
                raise damaged(folder, f"rows of {broken[0]} refer to missing rows of {broken[2]}")
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise from_sqlite(error.orig, folder) from error
        raise
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    # Alembic reads '%' as the start of a substitution.
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config
