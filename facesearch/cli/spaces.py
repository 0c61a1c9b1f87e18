"""`facesearch spaces`: which models know the library's faces, and which one answers."""

from __future__ import annotations

from typing import Annotated

import typer

from facesearch.cli.exits import errors_shown
from facesearch.cli.session import Session

spaces = typer.Typer(
    invoke_without_command=True,
    help="Show which models know the faces of the library; choose one, or drop one.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@spaces.callback()
def list_spaces(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One object per space and line.")] = False,
) -> None:
    """Show which models know the faces of the library; choose one, or drop one."""
    if ctx.invoked_subcommand is not None:
        return
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout, render_spaces

        with session.open_for_reading() as library:
            found = library.spaces()
        if as_json:
            for space in found:
                jsonout.write(jsonout.space_document(space))
        else:
            render_spaces.show_spaces(found)


@spaces.command()
def use(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Of a model, or of a space.")],
) -> None:
    """Let another model that knows the faces answer from now on."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import render_spaces

        with session.open_for_writing() as library:
            library.use_space(name)
            found = library.spaces()
        render_spaces.show_spaces(found)


@spaces.command()
def drop(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Of a model, or of a space, that is not in use.")],
) -> None:
    """Delete what one model knows of the faces. Photos, faces and names stay."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import render_spaces

        with session.open_for_writing() as library:
            dropped = library.drop_space(name)
        render_spaces.show_dropped(name, dropped)
