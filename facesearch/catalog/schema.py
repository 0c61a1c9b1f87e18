"""The tables of catalog.sqlite as they are now.

In: nothing. Out: `metadata`, which Alembic compares libraries with, and `TRIGGERS`.

This module is read by migrations and tests; a running program speaks plain SQL to
SQLite, because importing SQLAlchemy would cost it a third of a second (see
`facesearch.catalog.connection`). A test builds a library from this metadata and one by
the migrations, and fails when SQLite describes the two differently; so a change here
needs a migration, and the other way round. docs/formats.md describes every column.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import REAL

metadata = MetaData()

library = Table(
    "library",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    CheckConstraint("id = 1"),
)

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

photos = Table(
    "photos",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("content_hash", LargeBinary, nullable=False, unique=True),
    Column("width", Integer),
    Column("height", Integer),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("detail", Text),
    Column("detector", Text, nullable=False),
    Column("looked_at", Integer, nullable=False),
    CheckConstraint("length(content_hash) = 32"),
    CheckConstraint("state IN ('faces', 'no-face', 'unreadable')"),
    sqlite_autoincrement=True,
)
Index("photos_faceless", photos.c.state, sqlite_where=text("state <> 'faces'"))

files = Table(
    "files",
    metadata,
    Column("path", LargeBinary, primary_key=True),
    Column("photo_id", Integer, ForeignKey("photos.id", ondelete="CASCADE"), nullable=False),
    Column("size", Integer, nullable=False),
    Column("mtime_ns", Integer, nullable=False),
    sqlite_with_rowid=False,
)
Index("files_photo", files.c.photo_id)

file_failures = Table(
    "file_failures",
    metadata,
    Column("path", LargeBinary, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("at", Integer, nullable=False),
    sqlite_with_rowid=False,
)

roots = Table(
    "roots",
    metadata,
    Column("path", LargeBinary, primary_key=True),
    Column("indexed_at", Integer, nullable=False),
    sqlite_with_rowid=False,
)

faces = Table(
    "faces",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("photo_id", Integer, ForeignKey("photos.id", ondelete="CASCADE"), nullable=False),
    Column("x", REAL, nullable=False),
    Column("y", REAL, nullable=False),
    Column("width", REAL, nullable=False),
    Column("height", REAL, nullable=False),
    Column("landmarks", LargeBinary, nullable=False),
    Column("score", REAL, nullable=False),
    Column("sharpness", REAL),
    Column("brightness", REAL),
    Column("contrast", REAL),
    CheckConstraint("length(landmarks) = 40"),
    sqlite_autoincrement=True,
)
Index("faces_photo", faces.c.photo_id)

spaces = Table(
    "spaces",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("dimension", Integer, nullable=False),
    Column("last_added", Integer, nullable=False, server_default=text("0")),
    Column("last_removed", Integer, nullable=False, server_default=text("0")),
    Column("count", Integer, nullable=False, server_default=text("0")),
    CheckConstraint("dimension > 0"),
)

calibrations = Table(
    "calibrations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("space_id", Integer, ForeignKey("spaces.id"), nullable=False),
    Column("at", Integer, nullable=False),
    Column("parameters", Text),
    sqlite_autoincrement=True,
)
Index("calibrations_space", calibrations.c.space_id)

embeddings = Table(
    "embeddings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("face_id", Integer, ForeignKey("faces.id", ondelete="CASCADE"), nullable=False),
    Column("space_id", Integer, ForeignKey("spaces.id"), nullable=False),
    Column("vector", LargeBinary, nullable=False),
    UniqueConstraint("face_id", "space_id"),
    sqlite_autoincrement=True,
)

removals = Table(
    "removals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("space_id", Integer, ForeignKey("spaces.id"), nullable=False),
    Column("face_id", Integer, nullable=False),
    Column("embedding_id", Integer, nullable=False),
    sqlite_autoincrement=True,
)

identities = Table(
    "identities",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False, unique=True),
    Column("created_at", Integer, nullable=False),
    sqlite_autoincrement=True,
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("identity_id", Integer, ForeignKey("identities.id")),
    Column("content_hash", LargeBinary),
    Column("x", REAL),
    Column("y", REAL),
    Column("width", REAL),
    Column("height", REAL),
    Column("face_id", Integer),
    CheckConstraint(
        "kind <> 'confirm' OR (identity_id IS NOT NULL AND length(content_hash) = 32"
        " AND x IS NOT NULL AND y IS NOT NULL AND width > 0 AND height > 0)"
    ),
    sqlite_autoincrement=True,
)
Index("decisions_content", decisions.c.content_hash)

face_identities = Table(
    "face_identities",
    metadata,
    Column("face_id", Integer, ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True),
    Column("identity_id", Integer, ForeignKey("identities.id"), nullable=False),
    Column("decision_id", Integer, ForeignKey("decisions.id"), nullable=False),
)
Index("face_identities_identity", face_identities.c.identity_id)

TRIGGERS = {
    # An index that stands at (last_added, last_removed) is up to date; the two only grow.
    "embeddings_added": """
        CREATE TRIGGER embeddings_added AFTER INSERT ON embeddings BEGIN
            UPDATE spaces SET last_added = NEW.id, count = count + 1 WHERE id = NEW.space_id;
        END""",
    # However an embedding goes, cascades included, an index hears of it.
    "embeddings_removed": """
        CREATE TRIGGER embeddings_removed AFTER DELETE ON embeddings BEGIN
            INSERT INTO removals (space_id, face_id, embedding_id)
                VALUES (OLD.space_id, OLD.face_id, OLD.id);
            UPDATE spaces SET last_removed = (SELECT max(id) FROM removals), count = count - 1
                WHERE id = OLD.space_id;
        END""",
    "embeddings_fixed": """
        CREATE TRIGGER embeddings_fixed BEFORE UPDATE ON embeddings BEGIN
            SELECT RAISE(ABORT, 'embeddings are replaced, never changed in place');
        END""",
    "decisions_fixed": """
        CREATE TRIGGER decisions_fixed BEFORE UPDATE ON decisions BEGIN
            SELECT RAISE(ABORT, 'decisions are only ever added');
        END""",
    "decisions_kept": """
        CREATE TRIGGER decisions_kept BEFORE DELETE ON decisions BEGIN
            SELECT RAISE(ABORT, 'decisions are only ever added');
        END""",
}
