"""What a library remembers about itself, such as the model it works with.

In: an open connection inside a transaction. Out: texts by name; what they mean is the
business of the caller.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping


def everything(connection: sqlite3.Connection) -> dict[str, str]:
    """All settings; empty in a library that an earlier facesearch wrote."""
    return dict(connection.execute("SELECT name, value FROM settings").fetchall())


def change(connection: sqlite3.Connection, values: Mapping[str, str]) -> None:
    """Set some of them; the others stay."""
    connection.executemany(
        "INSERT INTO settings (name, value) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        list(values.items()),
    )
