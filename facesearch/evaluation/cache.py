"""Faces of photos that were looked at before, so that a second evaluation takes seconds.

In: photos by content hash, under a key that names facesearch's version, detector and space.
Out: the faces found in them. One SQLite file in the user's cache folder; several processes may
use it at once. It never matters for results: a damaged one is thrown away, one that cannot be
written is done without, and `warnings` say so. It may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from facesearch import write_ahead
from facesearch.errors import InvalidValue
from facesearch.models.network_cache import cache_folder
from facesearch.photos.walk import FoundFile
from facesearch.quality import ChipMeasures, graded
from facesearch.values import Box, Detection, FaceQuality, FloatArray, Landmarks, Size

_FORMAT = 1
_WAIT_S = 30.0
_AT_ONCE = 500
# Before the vector: box, landmarks, score, measures of the chip.
_HEAD = 4 + 10 + 1 + 3
_TABLES = """
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, content_hash TEXT
);
CREATE TABLE IF NOT EXISTS photos (
    key TEXT, content_hash TEXT, width INTEGER, height INTEGER, count INTEGER, faces BLOB,
    checksum INTEGER, reason TEXT, detail TEXT, PRIMARY KEY (key, content_hash)
);
"""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, eq=False)
class FoundFace:
    """One face of a photo: where, its vector (float32, unit length), how good."""

    detection: Detection
    vector: FloatArray
    quality: FaceQuality


@dataclass(frozen=True, slots=True, eq=False)
class SeenPhoto:
    """What looking at a photo came to: a size and faces, or why it could not be read."""

    size: Size | None
    faces: tuple[FoundFace, ...]
    reason: str | None = None
    detail: str = ""


class EmbeddingCache:
    """The cache in a folder. Use in a `with`; for use by one thread.

    Args:
        folder: None for "evaluation" in facesearch's cache folder.

    Attributes:
        warnings: what went wrong with the cache, sentences for the user.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._path = (folder or cache_folder() / "evaluation") / f"faces-{_FORMAT}.sqlite"
        self._database: sqlite3.Connection | None = None
        self._is_usable = True
        self.warnings: list[str] = []
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._do_without(error)
            return
        self._guarded(lambda _: None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it. Closing twice is no error."""
        if self._database is not None:
            self._database.close()
            self._database = None

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self._path

    def hashes_of(self, files: Sequence[FoundFile]) -> dict[str, str]:
        """Content hashes by path, of files that have not changed since they were looked at."""

        def look_up(database: sqlite3.Connection) -> dict[str, str]:
            found = {}
            for some in _batches(files):
                by_name = {os.fsencode(file.path): file for file in some}
                for name, size, mtime_ns, content_hash in _select(
                    database,
                    "SELECT path, size, mtime_ns, content_hash FROM files WHERE path IN (?)",
                    list(by_name),
                ):
                    file = by_name[name]
                    if (size, mtime_ns) == (file.size, file.mtime_ns):
                        found[file.path] = content_hash
            return found

        return self._guarded(look_up, {})

    def known(self, key: str) -> set[str]:
        """Content hashes of all photos that were looked at under a key."""

        def look_up(database: sqlite3.Connection) -> set[str]:
            rows = database.execute("SELECT content_hash FROM photos WHERE key = ?", (key,))
            return {content_hash for (content_hash,) in rows}

        return self._guarded(look_up, set())

    def photos(self, key: str, hashes: Iterable[str], dimension: int) -> dict[str, SeenPhoto]:
        """What looking at photos came to, by content hash; damaged rows are left out."""

        def look_up(database: sqlite3.Connection) -> dict[str, SeenPhoto]:
            found = {}
            for some in _batches(sorted(set(hashes))):
                for row in _select(
                    database,
                    "SELECT content_hash, width, height, count, faces, checksum, reason, detail "
                    "FROM photos WHERE content_hash IN (?) AND key = ?",
                    some,
                    key,
                ):
                    seen = _decoded(row[1:], dimension)
                    if seen is not None:
                        found[row[0]] = seen
            return found

        return self._guarded(look_up, {})

    def store(self, key: str, photos: Sequence[tuple[FoundFile, str, SeenPhoto]]) -> None:
        """Remember files with their content hashes and what looking at them came to."""

        def write(database: sqlite3.Connection) -> None:
            with database:
                database.executemany(
                    "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
                    [(os.fsencode(f.path), f.size, f.mtime_ns, h) for f, h, _ in photos],
                )
                database.executemany(
                    "INSERT OR REPLACE INTO photos VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [(key, content_hash, *_encoded(seen)) for _, content_hash, seen in photos],
                )

        self._guarded(write, None)

    def _guarded(self, use: Callable[[sqlite3.Connection], _Found], otherwise: _Found) -> _Found:
        """Use the database; where it is damaged, throw it away and use a new one."""
        if not self._is_usable:
            return otherwise
        try:
            return use(self._open())
        except sqlite3.Error as error:
            self.close()
            # Else it is busy for too long, read-only or full, and the file may be sound.
            is_damaged = getattr(error, "sqlite_errorcode", None) in _DAMAGED
            if not is_damaged or not self._thrown_away():
                self._do_without(error)
                return otherwise
        try:
            return use(self._open())
        except sqlite3.Error as error:
            self._do_without(error)
            return otherwise

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            database = sqlite3.connect(self._path, timeout=_WAIT_S)
            try:
                write_ahead.switch_on(database, _WAIT_S)
                database.execute("PRAGMA synchronous = NORMAL")
                database.executescript(_TABLES)
            except sqlite3.Error:
                database.close()
                raise
            self._database = database
        return self._database

    def _thrown_away(self) -> bool:
        self.warnings.append(f"the cache of embeddings was damaged and is made anew: {self._path}")
        try:
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{self._path}{suffix}")
        except OSError:
            return False
        return True

    def _do_without(self, error: Exception) -> None:
        self.close()
        self._is_usable = False
        self.warnings.append(
            f"embeddings are not kept for the next evaluation, {self._path} cannot be used: {error}"
        )


def _batches(items: Sequence[_Found]) -> Iterator[Sequence[_Found]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def _select(
    database: sqlite3.Connection, query: str, names: Sequence[str | bytes], *more: str
) -> Iterator[tuple[Any, ...]]:
    marks = ",".join("?" * len(names))
    yield from database.execute(query.replace("(?)", f"({marks})"), (*names, *more))


def _encoded(seen: SeenPhoto) -> tuple[object, ...]:
    rows = [
        np.concatenate([_head(face), np.asarray(face.vector, np.float32)]) for face in seen.faces
    ]
    faces = np.stack(rows).astype("<f4").tobytes() if rows else b""
    size = (seen.size.width, seen.size.height) if seen.size is not None else (None, None)
    return (*size, len(rows), faces, zlib.crc32(faces), seen.reason, seen.detail)


def _head(face: FoundFace) -> FloatArray:
    box, quality = face.detection.box, face.quality
    numbers = [
        *(box.x, box.y, box.width, box.height),
        *face.detection.landmarks.points.ravel(),
        face.detection.score,
        *(quality.sharpness, quality.brightness, quality.contrast),
    ]
    return np.array(numbers, np.float32)


def _decoded(row: Sequence[Any], dimension: int) -> SeenPhoto | None:
    """A photo from its row; None where the row makes no sense."""
    width, height, count, faces, checksum, reason, detail = row
    if not isinstance(faces, bytes) or not isinstance(count, int):
        return None
    if zlib.crc32(faces) != checksum or len(faces) != count * (_HEAD + dimension) * 4:
        return None
    table = np.frombuffer(faces, "<f4").reshape(count, _HEAD + dimension)
    try:
        size = Size(width, height) if width is not None else None
        found = tuple(_face(numbers) for numbers in table)
    except (InvalidValue, TypeError):
        return None
    return SeenPhoto(size, found, reason, detail)


def _face(numbers: FloatArray) -> FoundFace:
    box = Box(*(float(number) for number in numbers[:4]))
    landmarks = Landmarks(numbers[4:14].reshape(5, 2))
    score = float(numbers[14])
    measures = ChipMeasures(*(float(number) for number in numbers[15:_HEAD]))
    detection = Detection(box, landmarks, score)
    vector = np.array(numbers[_HEAD:], np.float32)
    return FoundFace(detection, vector, graded(measures, landmarks, score))
