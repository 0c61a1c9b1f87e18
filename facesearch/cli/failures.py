"""`facesearch failures`: every photo that could not be read, with the reason."""

from __future__ import annotations

from typing import Annotated

import typer

from facesearch.cli.exits import errors_shown
from facesearch.cli.session import Session


def failures(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """List the photos that could not be read, and why."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout, render

        with session.open_for_reading() as library:
            found = library.failures()
        if as_json:
            for failure in found:
                jsonout.write(jsonout.failure_document(failure))
        else:
            render.show_failures(found)
