"""Switching an SQLite database to its write-ahead log, by several processes at once.

The switch is the one statement for which SQLite does not wait as its busy timeout says: of
two connections that switch a new database at the same moment, one is told at once that it is
locked (https://www.sqlite.org/wal.html, "Sometimes Queries Return SQLITE_BUSY In WAL Mode").
"""

from __future__ import annotations

import sqlite3
import time

_PAUSE_S = 0.005


def switch_on(connection: sqlite3.Connection, wait_s: float) -> None:
    """Switch to the write-ahead log, waiting for others that do the same.

    File systems without shared memory do not allow it; SQLite then works without.

    Args:
        connection: outside any transaction.
        wait_s: for how long others may keep the database locked, seconds.

    Raises:
        sqlite3.OperationalError: they did for longer.
    """
    until = time.monotonic() + wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            # The low byte is the code, what is above tells more about it.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(_PAUSE_S)
