"""What was learned about the distances of a space in this library.

In: an open connection inside a transaction. Out: the JSON text of the calibration that
counts, which is the last one; what is in it is the business of `facesearch.rates`.

Rows are only ever added, so that it stays on record by what answers came about; one
without parameters says that the calibration before was given up.
"""

from __future__ import annotations

import sqlite3

from facesearch.catalog.connection import timestamp
from facesearch.errors import InvalidValue


def latest(connection: sqlite3.Connection, space: str) -> str | None:
    """The calibration that counts; None if there never was one or it was given up."""
    row = connection.execute(
        "SELECT parameters FROM calibrations JOIN spaces ON spaces.id = space_id "
        "WHERE name = ? ORDER BY calibrations.id DESC LIMIT 1",
        (space,),
    ).fetchone()
    return None if row is None or row[0] is None else str(row[0])


def add(connection: sqlite3.Connection, space: str, parameters: str | None) -> None:
    """Let a calibration count from now on; None gives up the one before.

    Raises:
        InvalidValue: there is no such space.
    """
    cursor = connection.execute(
        "INSERT INTO calibrations (space_id, at, parameters) "
        "SELECT id, ?, ? FROM spaces WHERE name = ?",
        (timestamp(), parameters, space),
    )
    if cursor.rowcount == 0:
        raise InvalidValue(
            f"the library holds no faces of space {space!r} to calibrate; index photos first"
        )


def forget(connection: sqlite3.Connection, space: str) -> bool:
    """Give up the calibration that counts; says whether there was one."""
    if latest(connection, space) is None:
        return False
    add(connection, space, None)
    return True
