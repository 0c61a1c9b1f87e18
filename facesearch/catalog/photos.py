"""Storing what looking at photos came to.

In: `PhotoResult`s and an open connection inside a write transaction. Out: rows, and a
`Stored` that says what was done. Storing the same result twice changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from facesearch.catalog import carrying, files, people, spaces
from facesearch.catalog.connection import timestamp
from facesearch.catalog.errors import printable
from facesearch.catalog.records import EmbeddedFace, PhotoRecord, PhotoResult, Stored, hash_bytes
from facesearch.values import PhotoState


def by_hash(connection: sqlite3.Connection, hashes: Iterable[str]) -> dict[str, PhotoRecord]:
    """The photos with these contents, keyed by content hash; those unknown are left out."""
    found: dict[str, PhotoRecord] = {}
    for content_hash in hashes:
        row = connection.execute(
            "SELECT id, state, detector FROM photos WHERE content_hash = ?",
            (hash_bytes(content_hash),),
        ).fetchone()
        if row is not None:
            found[content_hash] = PhotoRecord(row[0], PhotoState(row[1]), row[2])
    return found


def store(connection: sqlite3.Connection, batch: Sequence[PhotoResult]) -> Stored:
    """Store a batch of results; see `Catalog.store`."""
    writer = _Writer(connection)
    for result in batch:
        writer.put(result)
    return writer.finish()


class _Writer:
    """Stores results one after the other and counts."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._at = timestamp()
        self._space_ids: dict[tuple[str, int], int] = {}
        self._left: set[int] = set()
        self._fresh: set[int] = set()  # photos that this batch brought
        self._new = self._replaced = self._attached = self._faces = 0

    def put(self, result: PhotoResult) -> None:
        known = by_hash(self._connection, [result.content_hash]).get(result.content_hash)
        if known is None:
            photo_id = self._insert_photo(result)
            self._insert_faces(photo_id, result)
            self._fresh.add(photo_id)
            self._new += 1
        elif _supersedes(result, known):
            photo_id = known.id
            self._replace_photo(photo_id, result)
            self._replaced += 1
        else:
            photo_id = known.id
            self._add_missing_embeddings(photo_id, result)
            self._attached += 1
        for file in result.files:
            before = files.put_file(self._connection, photo_id, file)
            if before is None:
                continue
            self._left.add(before)
            # Content that was known before was not made by editing: photos were renamed.
            if photo_id in self._fresh:
                carrying.carry_over(self._connection, before, photo_id)

    def finish(self) -> Stored:
        # Only now: two files may have swapped their contents within the batch, and names
        # are carried over from photos that lie nowhere any more.
        dropped = files.drop_orphans(self._connection, self._left)
        return Stored(self._new, self._replaced, self._attached, self._faces, dropped)

    def _insert_photo(self, result: PhotoResult) -> int:
        cursor = self._connection.execute(
            "INSERT INTO photos "
            "(width, height, state, reason, detail, detector, looked_at, content_hash) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*self._columns(result), hash_bytes(result.content_hash)),
        )
        return int(cursor.lastrowid or 0)

    def _replace_photo(self, photo_id: int, result: PhotoResult) -> None:
        self._connection.execute("DELETE FROM faces WHERE photo_id = ?", (photo_id,))
        self._connection.execute(
            "UPDATE photos SET width = ?, height = ?, state = ?, reason = ?, detail = ?, "
            "detector = ?, looked_at = ? WHERE id = ?",
            (*self._columns(result), photo_id),
        )
        self._insert_faces(photo_id, result)

    def _columns(self, result: PhotoResult) -> tuple[object, ...]:
        return (
            None if result.size is None else result.size.width,
            None if result.size is None else result.size.height,
            str(result.state),
            None if result.reason is None else str(result.reason),
            printable(result.detail) if result.detail else None,
            result.detector,
            self._at,
        )

    def _insert_faces(self, photo_id: int, result: PhotoResult) -> None:
        for face in result.faces:
            box, landmarks = face.detection.box, face.detection.landmarks
            cursor = self._connection.execute(
                "INSERT INTO faces (photo_id, x, y, width, height, landmarks, score, "
                "sharpness, brightness, contrast) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    photo_id,
                    float(box.x),
                    float(box.y),
                    float(box.width),
                    float(box.height),
                    landmarks.points.astype("<f4").tobytes(),
                    float(face.detection.score),
                    *_measures(face),
                ),
            )
            self._embed(int(cursor.lastrowid or 0), face)
            self._faces += 1
        if result.faces:
            people.rebind(self._connection, photo_id)

    def _add_missing_embeddings(self, photo_id: int, result: PhotoResult) -> None:
        """Give faces that are there already their embedding in a space new to them."""
        space = next((f.embedding.space for f in result.faces if f.embedding is not None), None)
        if space is None:
            return
        bare = people.boxes(
            self._connection,
            "SELECT id, x, y, width, height FROM faces WHERE photo_id = ? AND NOT EXISTS ("
            "SELECT 1 FROM embeddings JOIN spaces ON spaces.id = space_id "
            "WHERE face_id = faces.id AND name = ?)",
            (photo_id, space),
        )
        for face in result.faces:
            face_id = people.same_face(face.detection.box, bare)
            if face_id is not None:
                del bare[face_id]
                self._embed(face_id, face)

    def _embed(self, face_id: int, face: EmbeddedFace) -> None:
        if face.embedding is None:
            return
        key = (face.embedding.space, face.embedding.vector.size)
        space_id = self._space_ids.get(key)
        if space_id is None:
            space_id = self._space_ids[key] = spaces.ensure_space(self._connection, *key)
        spaces.add_embedding(self._connection, face_id, space_id, face.embedding.vector)


def _measures(face: EmbeddedFace) -> tuple[float | None, float | None, float | None]:
    """What of a face's quality is kept; the rest follows from its landmarks and score."""
    if face.quality is None:
        return None, None, None
    return face.quality.sharpness, face.quality.brightness, face.quality.contrast


def _supersedes(result: PhotoResult, known: PhotoRecord) -> bool:
    """Whether a result takes the place of what is known about the same content."""
    if known.detector != result.detector:
        return True
    # The same bytes became readable: a decoder was added or repaired since.
    return known.state is PhotoState.UNREADABLE and result.state is not PhotoState.UNREADABLE
