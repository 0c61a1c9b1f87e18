"""The program `facesearch`: global options here, each command in a file of its own.

In: the command line. Out: an exit code (`exits.ExitCode`). Importing this module loads
typer and nothing heavy; a command imports what it needs when it runs.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from facesearch.cli import (
    calibrate,
    compare,
    dataset,
    evaluate,
    failures,
    index,
    name,
    people,
    query,
    reindex,
    spaces,
    status,
    train,
    verify,
)
from facesearch.cli.exits import ExitCode, silence_stdout
from facesearch.cli.models.app import models
from facesearch.cli.session import DeviceName, LibraryOpener, Session, open_face_library
from facesearch.cli.text import printable
from facesearch.models.native_logs import hide_start_up_logs

app = typer.Typer(
    name="facesearch",
    no_args_is_help=True,
    add_completion=False,
    # Errors are worded by `errors_shown`; a page of local variables helps nobody.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(index.index)
app.command()(query.query)
app.command()(verify.verify)
app.command()(name.name)
app.command()(people.people)
app.command()(status.status)
app.command()(failures.failures)
app.command()(calibrate.calibrate)
app.add_typer(evaluate.evaluate, name="evaluate")
app.command()(compare.compare)
app.add_typer(models, name="models")
app.command()(reindex.reindex)
app.add_typer(spaces.spaces, name="spaces")
app.add_typer(dataset.dataset, name="dataset")
app.add_typer(train.train, name="train")


def _show_version(wanted: bool) -> None:
    if wanted:
        from facesearch import __version__

        typer.echo(f"facesearch {__version__}")
        raise typer.Exit


@app.callback()
def start(
    ctx: typer.Context,
    library: Annotated[
        Path | None,
        typer.Option(
            envvar="FACESEARCH_LIBRARY",
            show_default="a folder in your user data",
            help="The library's folder. Photo folders are never written to.",
        ),
    ] = None,
    device: Annotated[
        DeviceName,
        typer.Option(
            metavar="NAME",
            help="What the networks run on: auto, cpu, cuda, tensorrt, rocm, coreml, directml "
            "or openvino. One that is not there is an error.",
        ),
    ] = DeviceName.AUTO,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say more; show tracebacks of errors.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Find out who is in your photos, and where else they are.

    First `facesearch index FOLDER`, then `facesearch query PHOTO`.
    """
    opener: LibraryOpener = open_face_library if ctx.obj is None else ctx.obj
    ctx.obj = Session(folder=library, device=device, verbose=verbose, opener=opener)
    if verbose:
        _log_to_stderr()
    else:
        hide_start_up_logs()


class _OneSafeLine(logging.Formatter):
    """Log lines name photos, so they too pass `printable`."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(printable(line) for line in super().format(record).split("\n"))


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneSafeLine("%(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("facesearch")
    logger.handlers = [handler]
    logger.setLevel(logging.DEBUG)


def _accept_every_character() -> None:
    """Let a terminal or file that is not UTF-8 show escapes instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> NoReturn:
    """Run the program; the console script and `python -m facesearch.cli` end here."""
    _accept_every_character()
    try:
        app(prog_name="facesearch")
    except SystemExit as leaving:
        _leave(leaving.code if isinstance(leaving.code, int) else ExitCode.DONE)
    _leave(ExitCode.DONE)


def _leave(code: int) -> NoReturn:
    """End the process, without taking it apart where nobody watches.

    Libraries are closed by now. Unloading the networks takes a tenth of a second, and a
    thread that is still inside one of them, as after a second Ctrl-C, would abort.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # the reader of a help text went away
        silence_stdout()
    if sys.gettrace() is None and sys.getprofile() is None:
        os._exit(code)
    sys.exit(code)
