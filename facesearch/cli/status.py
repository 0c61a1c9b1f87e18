"""`facesearch status`: what is in the library."""

from __future__ import annotations

from typing import Annotated

import typer

from facesearch.cli.exits import errors_shown
from facesearch.cli.session import Session


def status(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what is in the library."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout, render

        with session.open_for_reading() as library:
            found = library.status()
        if as_json:
            jsonout.write(jsonout.status_document(found))
        else:
            render.show_status(found)
