"""`facesearch models get` and `show`: weights onto this machine, and all that is known of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facesearch.cli.exits import errors_shown
from facesearch.cli.session import EngineName, EngineOption, Session


def get(
    ctx: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Of models to get.")],
    engine: EngineOption = EngineName.AUTO,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Take this file instead of downloading, such as on a machine without network.",
        ),
    ] = None,
    sha256: Annotated[
        str | None,
        typer.Option(
            metavar="DIGEST",
            help="What the file's SHA-256 must be, for models that have none published.",
        ),
    ] = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="Take what comes for a model that has no published digest, and refuse any "
            "other file from then on.",
        ),
    ] = False,
    accept_license: Annotated[
        bool,
        typer.Option(
            "--accept-license", help="Agree to a licence that forbids commercial use, and get it."
        ),
    ] = False,
) -> None:
    """Download the weights of models: resumed where it broke off, checked by SHA-256."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli.interrupts import cancel_on_interrupt
        from facesearch.cli.models.fetching import FetchDisplay, fetch_model
        from facesearch.models.base import Engine
        from facesearch.models.listing import models_named

        wanted = Engine(engine.value)
        chosen = [model.on(wanted) for name in names for model in models_named(name)]
        if source is not None and len({variant.spec.files for variant in chosen}) > 1:
            raise typer.BadParameter("--from takes one file, so name one model")
        with FetchDisplay() as display, cancel_on_interrupt(display.stopping) as cancelled:
            for variant in chosen:
                fetch_model(
                    variant,
                    display,
                    source=source,
                    sha256=sha256,
                    trust=trust,
                    accept_licence=accept_license,
                    cancelled=cancelled,
                )


def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Of a model.")],
    as_json: Annotated[bool, typer.Option("--json", help="One object per model.")] = False,
) -> None:
    """Show all that is known of a model: weights, digests, sources, licence, packages."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout
        from facesearch.cli.models import documents, tables
        from facesearch.models.listing import models_named

        for model in models_named(name):
            if as_json:
                jsonout.write(documents.model_document(model))
            else:
                tables.show_model(model)
