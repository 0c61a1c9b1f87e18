"""`facesearch reindex`: give every face an embedding by another model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.exits import ExitCode, complain, errors_shown
from facesearch.cli.session import (
    BatchOption,
    DeviceName,
    DeviceOption,
    EngineName,
    EngineOption,
    Session,
    WaitOption,
    WorkersOption,
    on_device,
)

if TYPE_CHECKING:
    from facesearch.values import ReindexReport


def reindex(
    ctx: typer.Context,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="The model to go over to; see facesearch models.")
    ],
    engine: EngineOption = EngineName.AUTO,
    device: DeviceOption = None,
    switch: Annotated[
        bool,
        typer.Option(
            "--switch/--no-switch",
            help="Work with the new model as soon as it knows every face.",
        ),
    ] = True,
    batch_size: BatchOption = None,
    workers: WorkersOption = None,
    wait: WaitOption = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="One event per line.")] = False,
) -> None:
    """Embed all faces with another model, beside the one in use. Run it again to go on."""
    session = on_device(Session.of(ctx), device)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout, progress
        from facesearch.cli.interrupts import cancel_on_interrupt
        from facesearch.indexing import IndexOptions

        options = IndexOptions(workers=workers, embed_batch=batch_size, wait_s=wait)
        with session.open_for_writing() as library:
            if as_json:
                jsonout.write(jsonout.start_event(str(library.folder), session.device.value, None))
            elif session.device is not DeviceName.AUTO or session.verbose:
                complain(f"asked for device: {session.device.value}")
            with (
                progress.display_for(as_json=as_json) as display,
                cancel_on_interrupt(display.stopping) as cancelled,
            ):
                report = library.reindex(
                    model,
                    engine=engine.value,
                    switch=switch,
                    options=options,
                    on_progress=display.update,
                    cancelled=cancelled,
                )
        _show(report, model, as_json=as_json)
        if report.cancelled:
            raise typer.Exit(ExitCode.INTERRUPTED)


def _show(report: ReindexReport, model: str, *, as_json: bool) -> None:
    from facesearch.cli import jsonout, render_spaces

    if as_json:
        for warning in report.warnings:
            jsonout.write(jsonout.warning_event(warning))
        jsonout.write(jsonout.reindexed_event(report))
        return
    for warning in report.warnings:
        complain(f"warning: {warning}")
    render_spaces.show_reindex(report, model)
