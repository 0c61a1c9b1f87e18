"""Spaces, their embeddings, and what changed in them since an index last looked.

In: an open connection inside a transaction (or the database, where reading goes on beyond
one). Out: embeddings as arrays, generations as pairs of integers that only grow.

`embeddings.id` counts additions and `removals.id` counts removals; neither is used twice.
An index that took in everything up to (added, removed) is brought up to date by the rows
beyond both numbers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np

from facesearch.catalog.connection import Database
from facesearch.catalog.errors import damaged, printable
from facesearch.catalog.records import Changes, EmbeddingBatch, SpaceInfo
from facesearch.errors import IndexDamaged, InvalidEmbedding, InvalidValue, LibraryBusy
from facesearch.values import FloatArray, check_unit_rows, read_only

BATCH_ROWS = 8192


def ensure_space(connection: sqlite3.Connection, name: str, dimension: int) -> int:
    """The space's key, made if it is new.

    Raises:
        InvalidValue: the space is known with another dimension.
    """
    row = connection.execute("SELECT id, dimension FROM spaces WHERE name = ?", (name,)).fetchone()
    if row is None:
        cursor = connection.execute(
            "INSERT INTO spaces (name, dimension) VALUES (?, ?)", (name, dimension)
        )
        return int(cursor.lastrowid or 0)
    if row[1] != dimension:
        raise InvalidValue(
            f"space {name!r} has {row[1]} dimensions in this library, not {dimension}"
        )
    return int(row[0])


def all_spaces(connection: sqlite3.Connection) -> list[SpaceInfo]:
    """Every space, in order of appearance."""
    rows = connection.execute("SELECT name, dimension, count FROM spaces ORDER BY id")
    return [SpaceInfo(name, dimension, count) for name, dimension, count in rows]


def photos_outside(connection: sqlite3.Connection, space: str) -> frozenset[int]:
    """The photos that show a face without an embedding in the space."""
    rows = connection.execute(
        "SELECT DISTINCT photo_id FROM faces WHERE NOT EXISTS ("
        "SELECT 1 FROM embeddings JOIN spaces ON spaces.id = space_id "
        "WHERE face_id = faces.id AND name = ?)",
        (space,),
    )
    return frozenset(photo_id for (photo_id,) in rows)


def generation(connection: sqlite3.Connection, space: str) -> tuple[int, int]:
    """How far the space has come: (added, removed), both 0 while it is unknown."""
    row = connection.execute(
        "SELECT last_added, last_removed FROM spaces WHERE name = ?", (space,)
    ).fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def add_embedding(
    connection: sqlite3.Connection, face_id: int, space_id: int, vector: FloatArray
) -> None:
    """Store one embedding. The face must have none in that space yet."""
    connection.execute(
        "INSERT INTO embeddings (face_id, space_id, vector) VALUES (?, ?, ?)",
        (face_id, space_id, vector.astype("<f4").tobytes()),
    )


def drop(database: Database, space: str, batch_rows: int) -> int:
    """Delete the embeddings and calibrations of a space; see `Catalog.drop_space`.

    The row of the space stays, and with it its generation: were the space filled again, an
    index file of before would be behind it, and told which of its rows went.
    """
    with database.write() as connection:
        row = connection.execute("SELECT id FROM spaces WHERE name = ?", (space,)).fetchone()
        if row is None:
            return 0
        connection.execute("DELETE FROM calibrations WHERE space_id = ?", row)
    (space_id,) = row
    dropped = after = 0
    while True:
        with database.write() as connection:
            (last,) = connection.execute(
                "SELECT max(id) FROM (SELECT id FROM embeddings "
                "WHERE id > ? AND space_id = ? ORDER BY id LIMIT ?)",
                (after, space_id, batch_rows),
            ).fetchone()
            if last is None:
                break
            dropped += connection.execute(
                "DELETE FROM embeddings WHERE id > ? AND id <= ? AND space_id = ?",
                (after, last, space_id),
            ).rowcount
            after = last
    with database.read() as connection:
        (left,) = connection.execute(
            "SELECT count(*) FROM embeddings WHERE space_id = ?", (space_id,)
        ).fetchone()
    if left:
        library = printable(database.folder)
        raise LibraryBusy(
            library,
            f"{left:,} embeddings of space {space!r} were added to library {library} while it was "
            "dropped; drop it again",
        )
    return dropped


def changes_since(
    database: Database, space: str, added: int, removed: int, batch_rows: int
) -> Changes:
    """What an index that stands at (added, removed) is missing.

    Raises:
        IndexDamaged: the catalog has not come that far: the index belongs to another state
            of the library, so it must be rebuilt.
        LibraryDamaged: while the batches are read, an embedding is not what was stored.
    """
    with database.read() as connection:
        row = connection.execute(
            "SELECT id, dimension, last_added, last_removed FROM spaces WHERE name = ?", (space,)
        ).fetchone()
        space_id, dimension, last_added, last_removed = row or (0, 0, 0, 0)
        if added > last_added or removed > last_removed:
            raise IndexDamaged(
                f"the index of space {space!r} is at generation ({added}, {removed}), ahead of "
                f"the catalog's ({last_added}, {last_removed}); rebuild it"
            )
        # What was added after `added` and is gone again was never in the index.
        gone = connection.execute(
            "SELECT face_id FROM removals WHERE id > ? AND space_id = ? AND embedding_id <= ? "
            "ORDER BY id",
            (removed, space_id, added),
        ).fetchall()
    removed_ids = read_only([face_id for (face_id,) in gone], np.int64)
    batches = _batches(database, space_id, dimension, added, last_added, batch_rows)
    return Changes(last_added, last_removed, removed_ids, batches)


def _batches(
    database: Database, space_id: int, dimension: int, after: int, last: int, batch_rows: int
) -> Iterator[EmbeddingBatch]:
    """Embeddings with after < id <= last, a short transaction for each batch.

    Ids up to `last` were all given out before the walk began, so in between rows can only
    go; those are in `removals` beyond the generation that the caller was told.
    """
    while after < last:
        with database.read() as connection:
            rows = connection.execute(
                "SELECT id, face_id, vector FROM embeddings "
                "WHERE id > ? AND id <= ? AND space_id = ? ORDER BY id LIMIT ?",
                (after, last, space_id, batch_rows),
            ).fetchall()
        if not rows:
            return
        after = rows[-1][0]
        blob = b"".join([vector for _, _, vector in rows])
        if len(blob) != len(rows) * dimension * 4:
            raise damaged(database.folder, f"an embedding near row {after} has the wrong length")
        vectors = np.frombuffer(blob, dtype="<f4").reshape(len(rows), dimension)
        try:
            check_unit_rows(vectors)
        except InvalidEmbedding as error:
            raise damaged(database.folder, f"embeddings up to row {after}: {error}") from error
        ids = read_only([face_id for _, face_id, _ in rows], np.int64)
        yield EmbeddingBatch(ids, vectors.astype(np.float32, copy=False))
