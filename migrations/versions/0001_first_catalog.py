"""The first catalog: photos, files, faces, embeddings, people and decisions.

Revision 0001. Written as the SQL that runs, and frozen: later changes are later revisions.
"""

from __future__ import annotations

import time
import uuid

from alembic import op
from sqlalchemy import text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE library (
        id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
        uuid TEXT NOT NULL,
        created_at INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE photos (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        content_hash BLOB NOT NULL UNIQUE CHECK (length(content_hash) = 32),
        width INTEGER,
        height INTEGER,
        state TEXT NOT NULL CHECK (state IN ('faces', 'no-face', 'unreadable')),
        reason TEXT,
        detail TEXT,
        detector TEXT NOT NULL,
        looked_at INTEGER NOT NULL
    )
    """,
    "CREATE INDEX photos_faceless ON photos (state) WHERE state <> 'faces'",
    """
    CREATE TABLE files (
        path BLOB NOT NULL PRIMARY KEY,
        photo_id INTEGER NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE
    ) WITHOUT ROWID
    """,
    "CREATE INDEX files_photo ON files (photo_id)",
    """
    CREATE TABLE file_failures (
        path BLOB NOT NULL PRIMARY KEY,
        reason TEXT NOT NULL,
        detail TEXT NOT NULL,
        at INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE roots (
        path BLOB NOT NULL PRIMARY KEY,
        indexed_at INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE faces (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        photo_id INTEGER NOT NULL,
        x REAL NOT NULL,
        y REAL NOT NULL,
        width REAL NOT NULL,
        height REAL NOT NULL,
        landmarks BLOB NOT NULL CHECK (length(landmarks) = 40),
        score REAL NOT NULL,
        FOREIGN KEY (photo_id) REFERENCES photos (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX faces_photo ON faces (photo_id)",
    """
    CREATE TABLE spaces (
        id INTEGER NOT NULL PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        dimension INTEGER NOT NULL CHECK (dimension > 0),
        last_added INTEGER NOT NULL DEFAULT 0,
        last_removed INTEGER NOT NULL DEFAULT 0,
        count INTEGER NOT NULL DEFAULT 0
    )
    """,
    """
    CREATE TABLE embeddings (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        face_id INTEGER NOT NULL,
        space_id INTEGER NOT NULL,
        vector BLOB NOT NULL,
        UNIQUE (face_id, space_id),
        FOREIGN KEY (face_id) REFERENCES faces (id) ON DELETE CASCADE,
        FOREIGN KEY (space_id) REFERENCES spaces (id)
    )
    """,
    """
    CREATE TABLE removals (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        space_id INTEGER NOT NULL,
        face_id INTEGER NOT NULL,
        embedding_id INTEGER NOT NULL,
        FOREIGN KEY (space_id) REFERENCES spaces (id)
    )
    """,
    """
    CREATE TRIGGER embeddings_added AFTER INSERT ON embeddings BEGIN
        UPDATE spaces SET last_added = NEW.id, count = count + 1 WHERE id = NEW.space_id;
    END
    """,
    """
    CREATE TRIGGER embeddings_removed AFTER DELETE ON embeddings BEGIN
        INSERT INTO removals (space_id, face_id, embedding_id)
            VALUES (OLD.space_id, OLD.face_id, OLD.id);
        UPDATE spaces SET last_removed = (SELECT max(id) FROM removals), count = count - 1
            WHERE id = OLD.space_id;
    END
    """,
    """
    CREATE TRIGGER embeddings_fixed BEFORE UPDATE ON embeddings BEGIN
        SELECT RAISE(ABORT, 'embeddings are replaced, never changed in place');
    END
    """,
    """
    CREATE TABLE identities (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE decisions (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        origin TEXT NOT NULL,
        identity_id INTEGER,
        content_hash BLOB,
        x REAL,
        y REAL,
        width REAL,
        height REAL,
        face_id INTEGER,
        CHECK (kind <> 'confirm' OR (identity_id IS NOT NULL AND length(content_hash) = 32
               AND x IS NOT NULL AND y IS NOT NULL AND width > 0 AND height > 0)),
        FOREIGN KEY (identity_id) REFERENCES identities (id)
    )
    """,
    "CREATE INDEX decisions_content ON decisions (content_hash)",
    """
    CREATE TRIGGER decisions_fixed BEFORE UPDATE ON decisions BEGIN
        SELECT RAISE(ABORT, 'decisions are only ever added');
    END
    """,
    """
    CREATE TRIGGER decisions_kept BEFORE DELETE ON decisions BEGIN
        SELECT RAISE(ABORT, 'decisions are only ever added');
    END
    """,
    """
    CREATE TABLE face_identities (
        face_id INTEGER NOT NULL PRIMARY KEY,
        identity_id INTEGER NOT NULL,
        decision_id INTEGER NOT NULL,
        FOREIGN KEY (face_id) REFERENCES faces (id) ON DELETE CASCADE,
        FOREIGN KEY (identity_id) REFERENCES identities (id),
        FOREIGN KEY (decision_id) REFERENCES decisions (id)
    )
    """,
    "CREATE INDEX face_identities_identity ON face_identities (identity_id)",
    "PRAGMA application_id = 1178682213",  # 0x46414365, "FACe": what `file` may tell it by
)


def upgrade() -> None:
    """Create everything, and give the library its own number."""
    for statement in STATEMENTS:
        op.execute(statement)
    op.execute(
        text("INSERT INTO library (id, uuid, created_at) VALUES (1, :uuid, :at)").bindparams(
            uuid=uuid.uuid4().hex, at=int(time.time())
        )
    )
