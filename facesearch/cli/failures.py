"""`facesearch failures`: photos that could not be read, and named faces that are too poor."""

from __future__ import annotations

from typing import Annotated

import typer

from facesearch.cli.exits import errors_shown
from facesearch.cli.session import Session


def failures(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """List the photos that could not be read and the named faces that are too poor, and why."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout, render

        with session.open_for_reading() as library:
            found, poor = library.failures(), library.poor_references()
        if as_json:
            for failure in found:
                jsonout.write(jsonout.failure_document(failure))
            for reference in poor:
                jsonout.write(jsonout.poor_reference_document(reference))
        else:
            render.show_failures(found, poor)
