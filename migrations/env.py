"""Runs the revisions of versions/ on one library, for `facesearch.catalog.migrate`.

In: a SQLAlchemy connection in the configuration's attributes, inside a transaction that
the caller commits, so that a library is migrated wholly or not at all. Out: nothing.

There is no way in from the `alembic` command on purpose: a library is migrated when it is
opened, after its backup. `alembic revision` (which does not run this file) makes a new
revision from script.py.mako.
"""

from __future__ import annotations

from alembic import context

from facesearch.catalog.schema import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("open the library with facesearch to migrate it; see migrations/env.py")
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
context.run_migrations()
