"""Faces as references: which named ones are good enough, and embeddings with their people.

In: an open connection inside a transaction. Out: sets of face ids, and arrays.

A poor face may be found, and it keeps the name a person gave it; it only does not decide who
another face is. What is poor, `facesearch.quality` says each time a face is read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from facesearch.catalog.errors import damaged
from facesearch.catalog.faces import QUALITY_COLUMNS, id_list, quality_of
from facesearch.catalog.paths import path_text
from facesearch.catalog.records import LabelledVectors, PoorReference
from facesearch.errors import InvalidEmbedding
from facesearch.quality import is_reference
from facesearch.values import Identity, check_unit_rows, read_only


def poor_faces(connection: sqlite3.Connection, face_ids: Iterable[int]) -> set[int]:
    """Those of the faces that do not serve as reference."""
    rows = connection.execute(
        f"SELECT id, {QUALITY_COLUMNS} FROM faces WHERE id IN (SELECT value FROM json_each(?))",
        (id_list(face_ids),),
    )
    return {face_id for face_id, *measured in rows if not is_reference(quality_of(*measured))}


def poor_references(connection: sqlite3.Connection) -> list[PoorReference]:
    """Named faces that do not serve as reference, by name and path."""
    rows = connection.execute(
        "SELECT faces.id, identity_id, name, "
        "(SELECT min(path) FROM files WHERE files.photo_id = faces.photo_id), "
        f"{QUALITY_COLUMNS} FROM face_identities JOIN faces ON faces.id = face_id "
        "JOIN identities ON identities.id = identity_id "
        "WHERE sharpness IS NOT NULL ORDER BY name_key, 4, faces.id"
    )
    people: dict[int, Identity] = {}
    found = []
    for face_id, identity_id, name, path, *measured in rows:
        quality = quality_of(*measured)
        if quality is not None and not is_reference(quality):
            person = people.setdefault(identity_id, Identity(identity_id, name))
            found.append(PoorReference(face_id, person, path_text(path), quality))
    return found


def labelled_vectors(
    connection: sqlite3.Connection, folder: Path, space: str, limit: int | None
) -> LabelledVectors:
    """Embeddings of a space with photos and people; see `Catalog.labelled_vectors`.

    Raises:
        LibraryDamaged: an embedding is not what was stored.
    """
    row = connection.execute(
        "SELECT id, dimension, count FROM spaces WHERE name = ?", (space,)
    ).fetchone()
    space_id, dimension, count = row or (0, 0, 0)
    share = 1 if limit is None else max(1, -(-count // max(limit, 1)))
    rows = connection.execute(
        f"SELECT faces.id, photo_id, coalesce(identity_id, 0), vector, {QUALITY_COLUMNS} "
        "FROM embeddings JOIN faces ON faces.id = embeddings.face_id "
        "LEFT JOIN face_identities ON face_identities.face_id = faces.id "
        "WHERE space_id = ? AND photo_id % ? = 0 ORDER BY faces.id",
        (space_id, share),
    )
    labels: list[tuple[int, int, int]] = []
    usable: list[bool] = []
    blob = bytearray()
    for face_id, photo_id, identity_id, vector, *measured in rows:
        labels.append((face_id, photo_id, identity_id))
        usable.append(is_reference(quality_of(*measured)))
        blob += vector
    if len(blob) != len(labels) * dimension * 4:
        raise damaged(folder, "an embedding has the wrong length")
    vectors = np.frombuffer(blob, dtype="<f4").reshape(len(labels), dimension)
    try:
        check_unit_rows(vectors)
    except InvalidEmbedding as error:
        raise damaged(folder, str(error)) from error
    columns = np.array(labels, dtype=np.int64).reshape(-1, 3).T
    return LabelledVectors(
        face_ids=read_only(columns[0], np.int64),
        photo_ids=read_only(columns[1], np.int64),
        identity_ids=read_only(columns[2], np.int64),
        vectors=read_only(vectors, np.float32),
        usable=read_only(usable, np.bool_),
    )
