"""`facesearch models pack` and `unpack`: weights to a machine without network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli import text
from facesearch.cli.exits import complain, errors_shown
from facesearch.cli.screen import Screen
from facesearch.cli.session import Session

if TYPE_CHECKING:
    from facesearch.models.packlist import PackReport


def pack(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="Of models; none: all that are on this machine."),
    ] = None,
) -> None:
    """Copy downloaded weights and added models into a folder, to carry them elsewhere."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.models.listing import listed_models, models_named
        from facesearch.models.packing import pack as pack_files
        from facesearch.models.weights import DownloadedFile

        if names:
            models = [model for name in names for model in models_named(name)]
        else:
            models = listed_models()
        files = [
            (model.name, file)
            for model in models
            for variant in model.variants
            for file in variant.spec.files
            if isinstance(file, DownloadedFile) and file.is_present()
        ]
        _show("packed into", pack_files(folder, files))


def unpack(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="That `pack` has made.")],
) -> None:
    """Take over weights and added models from a folder, each checked by its SHA-256."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.models.packing import unpack as unpack_files

        report = unpack_files(folder)
        _show("taken over from", report)
        for skipped in report.skipped:
            complain(f"left out: {skipped}, which no model here reads")


def _show(what: str, report: PackReport) -> None:
    words = [text.count(len(report.files), "weight file"), text.size_on_disk(report.size_bytes)]
    if report.own_models:
        words.insert(1, f"added models: {', '.join(report.own_models)}")
    if report.present:
        words.append(f"{len(report.present)} there before")
    Screen().line(f"{', '.join(words)}, {what} {report.folder}")
