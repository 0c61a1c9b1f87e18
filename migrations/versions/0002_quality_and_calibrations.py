"""How well each face can be recognised, and what was learned about distances in a library.

Revision 0002, after 0001. Faces that are there stay without measures until their photos are
looked at again.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE faces ADD COLUMN sharpness REAL",
    "ALTER TABLE faces ADD COLUMN brightness REAL",
    "ALTER TABLE faces ADD COLUMN contrast REAL",
    """
    CREATE TABLE calibrations (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        space_id INTEGER NOT NULL,
        at INTEGER NOT NULL,
        parameters TEXT,
        FOREIGN KEY (space_id) REFERENCES spaces (id)
    )
    """,
    "CREATE INDEX calibrations_space ON calibrations (space_id)",
)


def upgrade() -> None:
    """Add the columns and the table."""
    for statement in STATEMENTS:
        op.execute(statement)
