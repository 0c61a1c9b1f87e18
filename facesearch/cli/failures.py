"""`facesearch failures`: photos that could not be read, and faces that are of little use."""

from __future__ import annotations

from typing import Annotated

import typer

from facesearch.cli.exits import errors_shown
from facesearch.cli.session import Session


def failures(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """List photos that could not be read, and faces that are too poor or cannot be searched."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout, render

        with session.open_for_reading() as library:
            found, poor = library.failures(), library.poor_references()
            unsearchable = list(library.unsearchable())
        if as_json:
            for failure in found:
                jsonout.write(jsonout.failure_document(failure))
            for reference in poor:
                jsonout.write(jsonout.poor_reference_document(reference))
            for face in unsearchable:
                jsonout.write(jsonout.unsearchable_document(face))
        else:
            render.show_failures(found, poor, unsearchable)
