"""`facesearch people`: everybody who has a name."""

from __future__ import annotations

from typing import Annotated

import typer

from facesearch.cli.exits import errors_shown
from facesearch.cli.session import Session


def people(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """List the people who have a name."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout, render

        with session.open_for_reading() as library:
            found = library.identities()
        if as_json:
            for identity, faces in found:
                jsonout.write(jsonout.identity_document(identity, faces))
        else:
            render.show_identities(found)
