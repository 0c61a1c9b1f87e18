"""${message}

Revision ${up_revision}, after ${down_revision | comma,n}, ${create_date}.

Libraries go forward only: before this runs, facesearch copies the library beside itself.
Set `HEAD` in facesearch/catalog/migrate.py to "${up_revision}" with it.
"""

from __future__ import annotations

from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Bring a library of the revision before to this one, inside one transaction."""
    ${upgrades if upgrades else "raise NotImplementedError"}
