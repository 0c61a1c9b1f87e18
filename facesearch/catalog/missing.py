"""Faces without an embedding in a space: finding them, and giving them one.

In: an open connection inside a transaction. Out: photos with the faces that lack one, and
rows. Whoever computes the embeddings holds no transaction meanwhile, so what they were
computed from is checked again when they are added.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from facesearch.catalog import spaces
from facesearch.catalog.faces import id_list, landmarks_of
from facesearch.catalog.paths import path_text
from facesearch.catalog.records import BareFace, BarePhoto
from facesearch.errors import SpaceMismatch
from facesearch.values import Embedding, Size

# Finds faces by the index on (face_id, space_id), without reading an embedding.
_LACKS = "NOT EXISTS (SELECT 1 FROM embeddings WHERE face_id = faces.id AND space_id = ?)"


def photos_with_bare_faces(
    connection: sqlite3.Connection, space: str, after: int, limit: int
) -> list[BarePhoto]:
    """The next photos, by id, that show faces without an embedding in the space.

    Args:
        after: id of the last photo of the page before; 0 for the first.
        limit: photos to a page.
    """
    space_id = _space_id(connection, space)
    ids = connection.execute(
        f"SELECT DISTINCT photo_id FROM faces WHERE photo_id > ? AND {_LACKS} "
        "ORDER BY photo_id LIMIT ?",
        (after, space_id, limit),
    ).fetchall()
    wanted = id_list(photo_id for (photo_id,) in ids)
    faces: dict[int, list[BareFace]] = {photo_id: [] for (photo_id,) in ids}
    for face_id, photo_id, landmarks in connection.execute(
        "SELECT id, photo_id, landmarks FROM faces "
        f"WHERE photo_id IN (SELECT value FROM json_each(?)) AND {_LACKS} ORDER BY id",
        (wanted, space_id),
    ):
        faces[photo_id].append(BareFace(face_id, landmarks_of(landmarks)))
    paths: dict[int, list[str]] = {photo_id: [] for (photo_id,) in ids}
    for photo_id, path in connection.execute(
        "SELECT photo_id, path FROM files "
        "WHERE photo_id IN (SELECT value FROM json_each(?)) ORDER BY path",
        (wanted,),
    ):
        paths[photo_id].append(path_text(path))
    return [
        BarePhoto(
            photo_id,
            content_hash.hex(),
            tuple(paths[photo_id]),
            Size(width, height),
            tuple(faces[photo_id]),
        )
        for photo_id, content_hash, width, height in connection.execute(
            "SELECT id, content_hash, width, height FROM photos "
            "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (wanted,),
        )
    ]


def count(connection: sqlite3.Connection, space: str) -> tuple[int, int]:
    """Photos that show faces without an embedding in the space, and those faces."""
    photos, faces = connection.execute(
        f"SELECT count(DISTINCT photo_id), count(*) FROM faces WHERE {_LACKS}",
        (_space_id(connection, space),),
    ).fetchone()
    return int(photos), int(faces)


def newest_face(connection: sqlite3.Connection) -> int:
    """The highest id of a face there is; grows with every face that is added. 0 if none is."""
    (newest,) = connection.execute("SELECT coalesce(max(id), 0) FROM faces").fetchone()
    return int(newest)


def add(
    connection: sqlite3.Connection, space: str, embedded: Sequence[tuple[BareFace, Embedding]]
) -> int:
    """Store embeddings of faces that are still as they were and have none in the space yet.

    Returns:
        How many were stored.

    Raises:
        SpaceMismatch: one belongs to another space; nothing was stored.
        InvalidValue: the space is known with another dimension; nothing was stored.
    """
    rows = []
    for face, embedding in embedded:
        if embedding.space != space:
            raise SpaceMismatch(space, embedding.space)
        space_id = spaces.ensure_space(connection, space, embedding.vector.size)
        vector = embedding.vector.astype("<f4").tobytes()
        rows.append((space_id, vector, face.id, face.landmarks.points.astype("<f4").tobytes()))
    return connection.executemany(
        "INSERT INTO embeddings (face_id, space_id, vector) "
        "SELECT id, ?, ? FROM faces WHERE id = ? AND landmarks = ? "
        "ON CONFLICT (face_id, space_id) DO NOTHING",
        rows,
    ).rowcount


def _space_id(connection: sqlite3.Connection, space: str) -> int:
    """The space's key; 0, which none has, where the library does not know it."""
    row = connection.execute("SELECT id FROM spaces WHERE name = ?", (space,)).fetchone()
    return 0 if row is None else int(row[0])
