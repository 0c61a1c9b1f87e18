"""Names that follow a photo whose file was edited.

In: an open connection inside a write transaction, the photo that lay at a path and the one
that lies there now. Out: decisions about the new one's faces, added to the log.

Decisions are bound to a photo's content, so a tag that another program writes into a file
would cost its faces their names. That the new content is the same picture is told by its
faces: they lie where they lay and look as they did. Another photo saved under the same path
shows other faces, or the same person elsewhere or in another light.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from facesearch.catalog import people
from facesearch.catalog.errors import damaged
from facesearch.catalog.faces import id_list
from facesearch.catalog.records import DecisionOrigin
from facesearch.values import Box, Identity

SAME_LOOK_DISTANCE = 0.03
"""Cosine distance up to which two faces at the same place are one picture of a face.

An edit that leaves the pixels alone gives about 0; the rest is room for storing the picture
again at another quality or size. Different pictures of one person mostly lie further apart.
"""

_BOXES = "SELECT id, x, y, width, height FROM faces WHERE photo_id = ?"


def carry_over(connection: sqlite3.Connection, old_photo: int, new_photo: int) -> int:
    """Give the faces of a photo the names of the same faces in the photo it replaces.

    A face is the same where the boxes overlap by more than `people.SAME_FACE_IOU`, the
    embeddings are at most `SAME_LOOK_DISTANCE` apart in every space that both have (one at
    least), and no other pair of the two faces fits better. Boxes are scaled where the photos
    differ in size; where they also differ in aspect ratio, nothing is carried over.

    Each name keeps its origin. A face that has a name on the same or better authority keeps
    that, so doing this again writes nothing.

    Args:
        old_photo: still in the catalog, with its faces.
        new_photo: in the catalog, with its faces and their embeddings.

    Returns:
        How many decisions were written.

    Raises:
        LibraryDamaged: an embedding is not what was stored.
    """
    old_names = _names(connection, old_photo)
    if not old_names:
        return 0
    scale = _scale(connection, old_photo, new_photo)
    if scale is None:
        return 0
    across, down = scale
    old = {
        face_id: Box(box.x * across, box.y * down, box.width * across, box.height * down)
        for face_id, box in people.boxes(connection, _BOXES, (old_photo,)).items()
    }
    new = people.boxes(connection, _BOXES, (new_photo,))
    new_names = _names(connection, new_photo)
    written = 0
    for new_face, old_face in _pairs(connection, old, new).items():
        if old_face not in old_names:
            continue
        identity, origin = old_names[old_face]
        if new_face not in new_names or people.outranks(origin, new_names[new_face][1]):
            people.decide(connection, new_face, identity, origin)
            written += 1
    return written


def _names(
    connection: sqlite3.Connection, photo_id: int
) -> dict[int, tuple[Identity, DecisionOrigin]]:
    """Who the faces of a photo are, and who said so, by face id."""
    rows = connection.execute(
        "SELECT faces.id, identities.id, name, origin FROM faces "
        "JOIN face_identities ON face_identities.face_id = faces.id "
        "JOIN identities ON identities.id = face_identities.identity_id "
        "JOIN decisions ON decisions.id = decision_id WHERE photo_id = ?",
        (photo_id,),
    )
    return {
        face_id: (Identity(identity_id, name), DecisionOrigin(origin))
        for face_id, identity_id, name, origin in rows
    }


def _scale(
    connection: sqlite3.Connection, old_photo: int, new_photo: int
) -> tuple[float, float] | None:
    """What to multiply x and y in the old photo with; None where the shapes differ."""
    query = "SELECT width, height FROM photos WHERE id = ?"
    old_width, old_height = connection.execute(query, (old_photo,)).fetchone()
    width, height = connection.execute(query, (new_photo,)).fetchone()
    if None in (old_width, old_height, width, height):
        return None
    # Programs round the sides of a photo they make smaller: one pixel more or less is alike.
    if abs(width * old_height - old_width * height) > max(old_width, old_height):
        return None
    return width / old_width, height / old_height


def _pairs(
    connection: sqlite3.Connection, old: Mapping[int, Box], new: Mapping[int, Box]
) -> dict[int, int]:
    """The old face that each new face is; of faces that lie on each other, the best fit."""
    overlaps = [
        (overlap, new_face, old_face)
        for new_face, new_box in new.items()
        for old_face, old_box in old.items()
        if (overlap := new_box.iou(old_box)) > people.SAME_FACE_IOU
    ]
    fitting = [
        (-overlap, distance, new_face, old_face)
        for overlap, new_face, old_face in overlaps
        if (distance := _distance(connection, new_face, old_face)) is not None
        and distance <= SAME_LOOK_DISTANCE
    ]
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, new_face, old_face in sorted(fitting):
        if new_face not in pairs and old_face not in taken:
            pairs[new_face] = old_face
            taken.add(old_face)
    return pairs


def _distance(connection: sqlite3.Connection, one: int, other: int) -> float | None:
    """The cosine distance of two faces, the largest of all spaces both are in, if any."""
    vectors: dict[int, list[bytes]] = {}
    for space_id, dimension, vector in connection.execute(
        "SELECT space_id, dimension, vector FROM embeddings "
        "JOIN spaces ON spaces.id = space_id "
        "WHERE face_id IN (SELECT value FROM json_each(?))",
        (id_list([one, other]),),
    ):
        if len(vector) != dimension * 4:
            database = Path(connection.execute("PRAGMA database_list").fetchone()[2])
            wrong = f"an embedding of face {one} or {other} has the wrong length"
            raise damaged(database.parent, wrong)
        vectors.setdefault(space_id, []).append(vector)
    distances = [
        1.0 - float(np.dot(*(np.frombuffer(v, "<f4").astype(np.float64) for v in both)))
        for both in vectors.values()
        if len(both) == 2
    ]
    return max(distances, default=None)
