"""Reading faces with the photos they are in.

In: an open connection inside a transaction. Out: `Face` values.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from facesearch.catalog.paths import path_bytes, path_text
from facesearch.quality import ChipMeasures, graded
from facesearch.values import Box, Face, FaceQuality, Landmarks, Photo, Size

QUALITY_COLUMNS = "sharpness, brightness, contrast, landmarks, score"
_FACE_COLUMNS = f"faces.id, photo_id, x, y, faces.width, faces.height, {QUALITY_COLUMNS}"


def id_list(ids: Iterable[int]) -> str:
    """Ids for `IN (SELECT value FROM json_each(?))`, which takes any number of them."""
    return json.dumps([int(one) for one in ids])


def by_id(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, Face]:
    """The faces with these ids; ids of faces that are gone are left out."""
    rows = connection.execute(
        f"SELECT {_FACE_COLUMNS} FROM faces WHERE id IN (SELECT value FROM json_each(?))",
        (id_list(ids),),
    ).fetchall()
    return {face.id: face for face in _faces(connection, rows)}


def of_photo(connection: sqlite3.Connection, photo_id: int) -> list[Face]:
    """The faces of one photo, largest first."""
    rows = connection.execute(
        f"SELECT {_FACE_COLUMNS} FROM faces WHERE photo_id = ? "
        "ORDER BY faces.width * faces.height DESC, faces.id",
        (photo_id,),
    ).fetchall()
    return _faces(connection, rows)


def photo_at(connection: sqlite3.Connection, photo: int | str) -> int | None:
    """The id of the photo with this id or at this path, if it is in the library."""
    if isinstance(photo, str):
        query, key = "SELECT photo_id FROM files WHERE path = ?", path_bytes(photo)
        row = connection.execute(query, (key,)).fetchone()
    else:
        row = connection.execute("SELECT id FROM photos WHERE id = ?", (photo,)).fetchone()
    return None if row is None else int(row[0])


def largest_at(connection: sqlite3.Connection, paths: Sequence[str]) -> dict[str, int]:
    """The id of the largest face of the photo at each path; paths without one are left out."""
    found: dict[str, int] = {}
    for path in paths:
        row = connection.execute(
            "SELECT faces.id FROM files JOIN faces USING (photo_id) WHERE path = ? "
            "ORDER BY width * height DESC, faces.id LIMIT 1",
            (path_bytes(path),),
        ).fetchone()
        if row is not None:
            found[path] = row[0]
    return found


def _faces(connection: sqlite3.Connection, rows: list[Any]) -> list[Face]:
    photos = _photos(connection, {row[1] for row in rows})
    return [
        Face(
            id=face_id,
            photo=photos[photo_id],
            box=Box(x, y, width, height),
            landmarks=landmarks_of(measured[-2]),
            detection_score=measured[-1],
            quality=quality_of(*measured),
        )
        for face_id, photo_id, x, y, width, height, *measured in rows
    ]


def quality_of(
    sharpness: float | None,
    brightness: float | None,
    contrast: float | None,
    landmarks: bytes,
    score: float,
) -> FaceQuality | None:
    """The quality of a face from its `QUALITY_COLUMNS`; None where it was not measured."""
    if sharpness is None or brightness is None or contrast is None:
        return None
    return graded(ChipMeasures(sharpness, brightness, contrast), landmarks_of(landmarks), score)


def landmarks_of(points: bytes) -> Landmarks:
    """Landmarks as they are stored."""
    return Landmarks(np.frombuffer(points, dtype="<f4").reshape(5, 2))


def _photos(connection: sqlite3.Connection, ids: set[int]) -> dict[int, Photo]:
    wanted = (id_list(ids),)
    paths: dict[int, list[str]] = {photo_id: [] for photo_id in ids}
    for photo_id, path in connection.execute(
        "SELECT photo_id, path FROM files WHERE photo_id IN (SELECT value FROM json_each(?))",
        wanted,
    ):
        paths[photo_id].append(path_text(path))
    return {
        photo_id: Photo(
            id=photo_id,
            content_hash=content_hash.hex(),
            paths=tuple(sorted(paths[photo_id])),
            size=None if width is None else Size(width, height),
        )
        for photo_id, content_hash, width, height in connection.execute(
            "SELECT id, content_hash, width, height FROM photos "
            "WHERE id IN (SELECT value FROM json_each(?))",
            wanted,
        )
    }
