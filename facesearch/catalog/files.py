"""Files: which paths are known, which could not be read, and which contents lie nowhere.

In: an open connection inside a transaction. Out: values keyed by path.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from facesearch.catalog.connection import timestamp
from facesearch.catalog.errors import printable
from facesearch.catalog.paths import path_bytes, path_text, spans_under
from facesearch.catalog.records import Counts, FileStamp
from facesearch.values import Failure

_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1


def put_file(connection: sqlite3.Connection, photo_id: int, file: FileStamp) -> int | None:
    """Note that a photo's content lies at a path, which can be read again.

    Returns:
        The photo that was there before, where it was another one: perhaps it now lies
        nowhere (see `drop_orphans`).
    """
    path = path_bytes(file.path)
    before = connection.execute("SELECT photo_id FROM files WHERE path = ?", (path,)).fetchone()
    connection.execute(
        "INSERT INTO files (path, photo_id, size, mtime_ns) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (path) DO UPDATE SET photo_id = excluded.photo_id, "
        "size = excluded.size, mtime_ns = excluded.mtime_ns",
        (path, photo_id, file.size, max(_INT64_MIN, min(file.mtime_ns, _INT64_MAX))),
    )
    connection.execute("DELETE FROM file_failures WHERE path = ?", (path,))
    return int(before[0]) if before is not None and before[0] != photo_id else None


def attach(
    connection: sqlite3.Connection, files: Iterable[tuple[int, FileStamp]]
) -> list[FileStamp]:
    """Note where known photos lie now.

    Returns:
        The files whose photo is not in the catalog any more; they must be read again.
    """
    lost: list[FileStamp] = []
    left: set[int] = set()
    for photo_id, file in files:
        if not connection.execute("SELECT 1 FROM photos WHERE id = ?", (photo_id,)).fetchone():
            lost.append(file)
            continue
        before = put_file(connection, photo_id, file)
        if before is not None:
            left.add(before)
    drop_orphans(connection, left)
    return lost


def remove(connection: sqlite3.Connection, paths: Iterable[str]) -> int:
    """Forget files, their failures, and photos that lay nowhere else with their faces.

    Returns:
        How many of the paths were known as files.
    """
    removed = 0
    left: set[int] = set()
    for path in paths:
        key = (path_bytes(path),)
        row = connection.execute("SELECT photo_id FROM files WHERE path = ?", key).fetchone()
        if row is not None:
            connection.execute("DELETE FROM files WHERE path = ?", key)
            left.add(row[0])
            removed += 1
        connection.execute("DELETE FROM file_failures WHERE path = ?", key)
    drop_orphans(connection, left)
    return removed


def drop_orphans(connection: sqlite3.Connection, photo_ids: Iterable[int]) -> int:
    """Delete those of the photos that lie nowhere, with faces and embeddings.

    Decisions about them stay: if the content returns, so do its names.

    Returns:
        How many were deleted.
    """
    return sum(
        connection.execute(
            "DELETE FROM photos WHERE id = ? "
            "AND NOT EXISTS (SELECT 1 FROM files WHERE photo_id = photos.id)",
            (photo_id,),
        ).rowcount
        for photo_id in photo_ids
    )


def record_failures(connection: sqlite3.Connection, failures: Iterable[Failure]) -> None:
    """Remember files that could not be read this time; they are tried again every run."""
    at = timestamp()
    connection.executemany(
        "INSERT INTO file_failures (path, reason, detail, at) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (path) DO UPDATE SET reason = excluded.reason, detail = excluded.detail, "
        "at = excluded.at",
        [(path_bytes(f.path), f.reason, printable(f.detail), at) for f in failures],
    )


def clear_failures(connection: sqlite3.Connection, paths: Iterable[str]) -> None:
    """Forget failures of files that could be read, or are gone."""
    connection.executemany(
        "DELETE FROM file_failures WHERE path = ?", [(path_bytes(path),) for path in paths]
    )


def failed_files(connection: sqlite3.Connection, under: Sequence[str]) -> list[str]:
    """Paths at or below the roots that could not be read when last tried, in byte order."""
    return [
        path_text(path)
        for span in spans_under(under)
        for (path,) in connection.execute(
            "SELECT path FROM file_failures WHERE path >= ? AND path < ? ORDER BY path", span
        )
    ]


def failures(connection: sqlite3.Connection) -> list[Failure]:
    """Every file that could not be read, whether its content is bad or it is out of reach.

    A path appears once, in byte order; being out of reach is the newer news of the two.
    """
    rows = connection.execute(
        "SELECT path, reason, detail FROM file_failures UNION ALL "
        "SELECT path, reason, detail FROM photos JOIN files ON photo_id = photos.id "
        "WHERE state <> 'faces' AND state = 'unreadable' "
        "AND path NOT IN (SELECT path FROM file_failures) ORDER BY path"
    )
    return [Failure(path_text(path), reason, detail or "") for path, reason, detail in rows]


def counts(connection: sqlite3.Connection, under: Sequence[str] | None) -> Counts:
    """How much there is, in the whole catalog or at and below some roots."""
    if under is None:
        return Counts(*connection.execute(_COUNT_ALL).fetchone())
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS spans (low BLOB NOT NULL, high BLOB NOT NULL)"
    )
    connection.execute("DELETE FROM temp.spans")
    connection.executemany("INSERT INTO temp.spans VALUES (?, ?)", spans_under(under))
    return Counts(*connection.execute(_COUNT_IN_SPANS).fetchone())


# `state <> 'faces'` looks superfluous, but lets SQLite use the index photos_faceless.
_COUNT_ALL = """
    SELECT
        (SELECT count(*) FROM files) + (
            SELECT count(*) FROM file_failures WHERE path NOT IN (SELECT path FROM files)
        ),
        (SELECT count(*) FROM photos),
        (SELECT count(*) FROM faces),
        (SELECT count(DISTINCT identity_id) FROM face_identities),
        (SELECT count(*) FROM photos WHERE state <> 'faces' AND state = 'no-face'),
        (SELECT count(*) FROM file_failures) + (
            SELECT count(*) FROM photos JOIN files ON photo_id = photos.id
            WHERE state <> 'faces' AND state = 'unreadable'
            AND path NOT IN (SELECT path FROM file_failures)
        )
"""
_COUNT_IN_SPANS = """
    WITH
    known AS MATERIALIZED (
        SELECT path, photo_id FROM temp.spans
        CROSS JOIN files ON files.path >= low AND files.path < high
    ),
    failing AS MATERIALIZED (
        SELECT path FROM temp.spans
        CROSS JOIN file_failures ON file_failures.path >= low AND file_failures.path < high
    ),
    seen AS MATERIALIZED (
        SELECT id, state FROM photos WHERE id IN (SELECT photo_id FROM known)
    ),
    shown AS MATERIALIZED (
        SELECT id FROM faces WHERE photo_id IN (SELECT id FROM seen WHERE state = 'faces')
    )
    SELECT
        (SELECT count(*) FROM (SELECT path FROM known UNION SELECT path FROM failing)),
        (SELECT count(*) FROM seen),
        (SELECT count(*) FROM shown),
        (SELECT count(DISTINCT identity_id) FROM face_identities
            WHERE face_id IN (SELECT id FROM shown)),
        (SELECT count(*) FROM seen WHERE state = 'no-face'),
        (SELECT count(*) FROM (
            SELECT path FROM failing UNION
            SELECT path FROM known
                WHERE photo_id IN (SELECT id FROM seen WHERE state = 'unreadable')
        ))
"""


def remember_root(connection: sqlite3.Connection, path: str) -> None:
    """Note that a folder or file was given to `index`."""
    connection.execute(
        "INSERT INTO roots (path, indexed_at) VALUES (?, ?) "
        "ON CONFLICT (path) DO UPDATE SET indexed_at = excluded.indexed_at",
        (path_bytes(path), timestamp()),
    )


def roots(connection: sqlite3.Connection) -> list[str]:
    """Every folder or file that was ever given to `index`, in byte order."""
    rows = connection.execute("SELECT path FROM roots ORDER BY path")
    return [path_text(path) for (path,) in rows]
