"""The group of commands, and the list that it shows where no command is named."""

from __future__ import annotations

from typing import Annotated

import typer

from facesearch.cli.exits import errors_shown
from facesearch.cli.models import adding, calibrating, carrying, getting
from facesearch.cli.session import Session

models = typer.Typer(
    invoke_without_command=True,
    help="List all models: what they need, and how good they are. Get, add, carry, measure them.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
models.command("get")(getting.get)
models.command("show")(getting.show)
models.command("pack")(carrying.pack)
models.command("unpack")(carrying.unpack)
models.command("add")(adding.add)
models.command("remove")(adding.remove)
models.command("export")(adding.export)
models.command("calibrate")(calibrating.calibrate)


@models.callback()
def list_models(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One object per model and line.")] = False,
) -> None:
    """List all models: what they need, and how good they are."""
    if ctx.invoked_subcommand is not None:
        return
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout
        from facesearch.cli.models import documents, tables
        from facesearch.models.listing import listed_models

        listed = listed_models()
        if as_json:
            for model in listed:
                jsonout.write(documents.model_document(model))
        else:
            tables.show_models(listed)
