"""Files by the handful, for an `index` run that never holds all of them at once.

In: an open connection inside a transaction (or the database, where reading goes on beyond
one). Out: paths, and values keyed by path.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from facesearch.catalog.connection import Database
from facesearch.catalog.paths import path_bytes, path_text, spans_under
from facesearch.catalog.records import KnownFile
from facesearch.values import PhotoState

PAGE_PATHS = 4096
_PARAMETERS = 500  # every SQLite takes 999


def files_at(connection: sqlite3.Connection, paths: Sequence[str]) -> dict[str, KnownFile]:
    """What is known about the files at some paths; unknown ones are left out."""
    known: dict[str, KnownFile] = {}
    for at in range(0, len(paths), _PARAMETERS):
        names = [path_bytes(path) for path in paths[at : at + _PARAMETERS]]
        rows = connection.execute(
            "SELECT path, photo_id, size, mtime_ns, state, detector FROM files "
            f"JOIN photos ON photos.id = photo_id WHERE path IN ({', '.join('?' * len(names))})",
            names,
        )
        for path, photo_id, size, mtime_ns, state, detector in rows:
            known[path_text(path)] = KnownFile(
                photo_id, size, mtime_ns, PhotoState(state), detector
            )
    return known


def paths_under(database: Database, under: Sequence[str]) -> Iterator[str]:
    """Every known path at or below the roots, in byte order, a transaction for each page."""
    for low, high in spans_under(under):
        start = low
        while True:
            with database.read() as connection:
                page = connection.execute(
                    "SELECT path FROM files WHERE path >= ? AND path < ? ORDER BY path LIMIT ?",
                    (start, high, PAGE_PATHS),
                ).fetchall()
            yield from (path_text(path) for (path,) in page)
            if len(page) < PAGE_PATHS:
                break
            start = page[-1][0] + b"\0"


def paths_with_faces(database: Database) -> Iterator[str]:
    """Every path that holds a photo with faces, in byte order, a transaction for each page."""
    after = b""
    while True:
        with database.read() as connection:
            page = connection.execute(
                "SELECT path FROM files JOIN photos ON photos.id = photo_id "
                "WHERE path > ? AND state = 'faces' ORDER BY path LIMIT ?",
                (after, PAGE_PATHS),
            ).fetchall()
        yield from (path_text(path) for (path,) in page)
        if len(page) < PAGE_PATHS:
            return
        after = page[-1][0]


def failure_reasons(connection: sqlite3.Connection, under: Sequence[str]) -> dict[str, int]:
    """How many files at or below the roots could not be read, by reason code."""
    reasons: dict[str, int] = {}
    for span in spans_under(under):
        rows = connection.execute(
            "SELECT reason, count(*) FROM ("
            "SELECT path, reason FROM file_failures WHERE path >= ?1 AND path < ?2 UNION ALL "
            "SELECT path, reason FROM files JOIN photos ON photos.id = photo_id "
            "WHERE path >= ?1 AND path < ?2 AND state = 'unreadable' "
            "AND path NOT IN (SELECT path FROM file_failures)) GROUP BY reason",
            span,
        )
        for reason, count in rows:
            reasons[reason] = reasons.get(reason, 0) + count
    return dict(sorted(reasons.items()))
