"""`facesearch calibrate`: fit the meaning of distances to this library."""

from __future__ import annotations

from typing import Annotated

import typer

from facesearch.cli.exits import errors_shown
from facesearch.cli.session import Session


def calibrate(
    ctx: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
    reset: Annotated[
        bool, typer.Option("--reset", help="Go back to the rates measured for the model.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Fit false match rates to this library, from photos that show several people."""
    if dry_run and reset:
        raise typer.BadParameter("--dry-run and --reset do not go together")
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout, render_rates

        if reset:
            with session.open_for_writing() as library:
                space, was_calibrated = library.space, library.forget_calibration()
            if as_json:
                jsonout.write(jsonout.reset_document(space, was_calibrated))
            else:
                render_rates.show_reset(was_calibrated)
            return
        opened = session.open_for_reading() if dry_run else session.open_for_writing()
        with opened as library:
            report = library.calibrate(dry_run=dry_run)
        if as_json:
            jsonout.write(jsonout.calibration_document(report))
        else:
            render_rates.show_calibration(report)
