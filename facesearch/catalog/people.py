"""People: names, the log of decisions, and who each face is by it.

In: an open connection inside a transaction. Out: identities.

`decisions` is the truth and is only ever added to; each row holds the photo's content hash
and the face's box, so it outlives face ids, new detectors and photos that come back. Where
a file is edited, `facesearch.catalog.carrying` adds it once more for the new content.
`face_identities` is derived from it and may be rebuilt at any time: what the user said
beats what a folder is called, and later beats earlier.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from facesearch.catalog.connection import timestamp
from facesearch.catalog.errors import printable
from facesearch.catalog.faces import id_list
from facesearch.catalog.records import DecisionKind, DecisionOrigin
from facesearch.errors import InvalidValue
from facesearch.values import Box, Identity

SAME_FACE_IOU = 0.5
"""Two boxes in the same photo that overlap more than this are the same face."""


def clean_name(name: str) -> str:
    """A name as it is kept: as written, but NFC, and each run of white space one space.

    Undecodable bytes, which folder names may hold, appear as \\xNN.

    Raises:
        InvalidValue: nothing is left.
    """
    cleaned = _tidy(name)
    if not cleaned:
        raise InvalidValue("a name needs at least one visible character")
    return cleaned


def has_visible(name: str) -> bool:
    """Whether a name can be kept at all."""
    return bool(_tidy(name))


def name_key(name: str) -> str:
    """Equal for names that are the same person: "Ana Čop" and "ana čop" are."""
    return unicodedata.normalize("NFC", clean_name(name).casefold())


def named(connection: sqlite3.Connection, name: str) -> Identity | None:
    """The identity of that name, whatever its case, if there is one."""
    row = connection.execute(
        "SELECT id, name FROM identities WHERE name_key = ?", (name_key(name),)
    ).fetchone()
    return None if row is None else Identity(row[0], row[1])


def confirm(
    connection: sqlite3.Connection, face_id: int, names: Sequence[str], origin: DecisionOrigin
) -> tuple[Identity, bool] | None:
    """Write down that a face is a person of that name.

    Nothing is written where it is known already on the same or better authority, nor where
    a folder contradicts the user.

    Args:
        names: usually one. Where there are several (copies of a photo in the folders of
            several people), the one the face has already holds, else the first.

    Returns:
        Whose face it is now (for a folder perhaps another) and whether a decision was
        written, or None where there is no such face.
    """
    if not connection.execute("SELECT 1 FROM faces WHERE id = ?", (face_id,)).fetchone():
        return None
    now = connection.execute(
        "SELECT identities.id, name, origin FROM face_identities "
        "JOIN identities ON identities.id = face_identities.identity_id "
        "JOIN decisions ON decisions.id = decision_id WHERE face_identities.face_id = ?",
        (face_id,),
    ).fetchone()
    if now is not None:
        now_id, now_name, now_origin = now
        kept = any(name_key(name) == name_key(now_name) for name in names)
        if _authority(now_origin) > _authority(origin) or (kept and now_origin == origin):
            return Identity(now_id, now_name), False
    identity = named(connection, names[0]) or _new_identity(connection, names[0])
    decide(connection, face_id, identity, origin)
    return identity, True


def decide(
    connection: sqlite3.Connection, face_id: int, identity: Identity, origin: DecisionOrigin
) -> None:
    """Add to the log that a face, which is there, is a person, whatever was known before."""
    decision_id = connection.execute(
        "INSERT INTO decisions "
        "(at, kind, origin, identity_id, content_hash, x, y, width, height, face_id) "
        "SELECT ?, ?, ?, ?, content_hash, x, y, faces.width, faces.height, faces.id "
        "FROM faces JOIN photos ON photos.id = photo_id WHERE faces.id = ?",
        (timestamp(), str(DecisionKind.CONFIRM), str(origin), identity.id, face_id),
    ).lastrowid
    _bind(connection, face_id, identity.id, int(decision_id or 0))


def outranks(one: DecisionOrigin, other: DecisionOrigin) -> bool:
    """Whether what the one said stands against the other, whichever came later."""
    return _authority(one) > _authority(other)


def confirm_from_folders(connection: sqlite3.Connection, names: Iterable[tuple[int, str]]) -> int:
    """Write down what folders say about faces; see `Catalog.confirm_from_folders`."""
    told: dict[int, list[str]] = {}
    for face_id, name in names:
        if has_visible(name):
            told.setdefault(face_id, []).append(name)
    outcomes = [
        confirm(connection, face_id, said, DecisionOrigin.FOLDER) for face_id, said in told.items()
    ]
    return sum(outcome is not None and outcome[1] for outcome in outcomes)


def rebind(connection: sqlite3.Connection, photo_id: int) -> None:
    """Derive again, from the log, who the faces of one photo are."""
    decided = connection.execute(
        "SELECT decisions.id, origin, identity_id, x, y, decisions.width, decisions.height, "
        "face_id FROM decisions JOIN photos USING (content_hash) "
        "WHERE photos.id = ? AND kind = ? ORDER BY decisions.id",
        (photo_id, str(DecisionKind.CONFIRM)),
    ).fetchall()
    if not decided:
        return
    there = boxes(
        connection, "SELECT id, x, y, width, height FROM faces WHERE photo_id = ?", (photo_id,)
    )
    strongest: dict[int, tuple[tuple[int, int], int]] = {}
    for decision_id, origin, identity_id, x, y, width, height, was in decided:
        face_id = was if was in there else same_face(Box(x, y, width, height), there)
        weight = (_authority(origin), decision_id)
        if face_id is not None and (face_id not in strongest or weight > strongest[face_id][0]):
            strongest[face_id] = (weight, identity_id)
    connection.execute(
        "DELETE FROM face_identities WHERE face_id IN (SELECT value FROM json_each(?))",
        (id_list(there),),
    )
    for face_id, ((_, decision_id), identity_id) in strongest.items():
        _bind(connection, face_id, identity_id, decision_id)


def rebuild(connection: sqlite3.Connection) -> None:
    """Derive `face_identities` again from nothing but the log."""
    connection.execute("DELETE FROM face_identities")
    rows = connection.execute(
        "SELECT DISTINCT photos.id FROM decisions JOIN photos USING (content_hash)"
    ).fetchall()
    for (photo_id,) in rows:
        rebind(connection, photo_id)


def of_faces(connection: sqlite3.Connection, face_ids: Iterable[int]) -> dict[int, Identity]:
    """Who the faces are; faces of nobody in particular are left out."""
    people: dict[int, Identity] = {}
    found: dict[int, Identity] = {}
    for face_id, identity_id, name in connection.execute(
        "SELECT face_id, identity_id, name FROM face_identities "
        "JOIN identities ON identities.id = identity_id "
        "WHERE face_id IN (SELECT value FROM json_each(?))",
        (id_list(face_ids),),
    ):
        found[face_id] = people.setdefault(identity_id, Identity(identity_id, name))
    return found


def with_face_counts(connection: sqlite3.Connection) -> list[tuple[Identity, int]]:
    """Everybody with at least one face in the library and how many, by name."""
    rows = connection.execute(
        "SELECT identity_id, name, count(*) FROM face_identities "
        "JOIN identities ON identities.id = identity_id "
        "GROUP BY identity_id ORDER BY name_key, identity_id"
    )
    return [(Identity(identity_id, name), count) for identity_id, name, count in rows]


def how_many(connection: sqlite3.Connection) -> int:
    """How many people have at least one face in the library."""
    row = connection.execute("SELECT count(DISTINCT identity_id) FROM face_identities").fetchone()
    return int(row[0])


def face_counts(connection: sqlite3.Connection, identity_ids: Iterable[int]) -> dict[int, int]:
    """How many faces these people have; those without any are left out."""
    rows = connection.execute(
        "SELECT identity_id, count(*) FROM face_identities "
        "WHERE identity_id IN (SELECT value FROM json_each(?)) GROUP BY identity_id",
        (id_list(identity_ids),),
    )
    return dict(rows.fetchall())


def face_ids_of(connection: sqlite3.Connection, identity_id: int) -> list[int]:
    """The faces of one person, ascending."""
    rows = connection.execute(
        "SELECT face_id FROM face_identities WHERE identity_id = ? ORDER BY face_id",
        (identity_id,),
    )
    return [face_id for (face_id,) in rows]


def boxes(connection: sqlite3.Connection, query: str, values: Sequence[Any]) -> dict[int, Box]:
    """Boxes by face id, from a query for id, x, y, width and height."""
    return {row[0]: Box(*row[1:]) for row in connection.execute(query, values)}


def same_face(box: Box, candidates: Mapping[int, Box]) -> int | None:
    """The candidate that overlaps a box most, if it is the same face; ties by lowest id."""
    overlaps = [(box.iou(other), -face_id) for face_id, other in candidates.items()]
    best, negative_id = max(overlaps, default=(0.0, 0))
    return -negative_id if best > SAME_FACE_IOU else None


def _tidy(name: str) -> str:
    spaced = "".join(" " if unicodedata.category(c) == "Cc" else c for c in printable(name))
    return " ".join(unicodedata.normalize("NFC", spaced).split())


def _authority(origin: str) -> int:
    """What the user said beats every other origin."""
    return 1 if origin == DecisionOrigin.USER else 0


def _new_identity(connection: sqlite3.Connection, name: str) -> Identity:
    cursor = connection.execute(
        "INSERT INTO identities (name, name_key, created_at) VALUES (?, ?, ?)",
        (clean_name(name), name_key(name), timestamp()),
    )
    return Identity(int(cursor.lastrowid or 0), clean_name(name))


def _bind(connection: sqlite3.Connection, face_id: int, identity_id: int, decision_id: int) -> None:
    connection.execute(
        "INSERT INTO face_identities (face_id, identity_id, decision_id) VALUES (?, ?, ?) "
        "ON CONFLICT (face_id) DO UPDATE SET identity_id = excluded.identity_id, "
        "decision_id = excluded.decision_id",
        (face_id, identity_id, decision_id),
    )
