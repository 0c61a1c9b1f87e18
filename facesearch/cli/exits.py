"""Exit codes, and errors as one clear line.

In: whatever a command raises. Out: a line on stderr and the exit code that belongs to
it. The codes are part of the command line's contract (docs/reference/commands.md).
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from facesearch import errors
from facesearch.cli.text import printable


class ExitCode(IntEnum):
    """What a finished command says to the program that called it."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    NO_FACE = 3
    LIBRARY = 4
    MODEL = 5
    UNREADABLE = 6
    DIFFERENT = 7
    INTERRUPTED = 130
    OUTPUT_CLOSED = 141


# The first class that fits decides, so special cases stand before their bases.
_CODES: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (errors.NoFaceFound, ExitCode.NO_FACE),
    (errors.PhotoNotFound, ExitCode.USAGE),
    (errors.DifferentPeople, ExitCode.DIFFERENT),
    (errors.PhotoError, ExitCode.UNREADABLE),
    (errors.LibraryError, ExitCode.LIBRARY),
    (errors.TooFewFaces, ExitCode.LIBRARY),
    (errors.VectorIndexError, ExitCode.LIBRARY),
    (errors.SpaceMismatch, ExitCode.LIBRARY),
    (errors.ModelError, ExitCode.MODEL),
    (errors.InvalidEmbedding, ExitCode.MODEL),
    (errors.InvalidValue, ExitCode.USAGE),
    (errors.Cancelled, ExitCode.INTERRUPTED),
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
)


def exit_code(error: BaseException) -> ExitCode:
    """The exit code that belongs to an error; INTERNAL for what nobody foresaw."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return ExitCode.INTERNAL


def complain(message: str) -> None:
    """Write one line to stderr, prefixed with the program's name and safe to print."""
    print(f"facesearch: {printable(message)}", file=sys.stderr, flush=True)


def explain(error: BaseException, *, verbose: bool) -> ExitCode:
    """Say on stderr what went wrong, and return the exit code that belongs to it.

    Args:
        error: what was raised.
        verbose: print the traceback as well.
    """
    code = exit_code(error)
    if verbose:
        for line in "".join(traceback.format_exception(error)).splitlines():
            print(printable(line), file=sys.stderr)
    if isinstance(error, KeyboardInterrupt):
        complain("interrupted")
    elif code is not ExitCode.INTERNAL or isinstance(error, OSError):
        complain(str(error))
    elif isinstance(error, MemoryError):
        complain("not enough memory; try again with a smaller --batch-size or fewer --workers")
    else:
        more = "" if verbose else "; for the traceback run: facesearch --verbose COMMAND ..."
        complain(
            f"internal error, please report it: {type(error).__name__}: {error}{more}",
        )
    return code


def silence_stdout() -> None:
    """Send what is still buffered for stdout nowhere, so that leaving does not fail on it."""
    try:
        stdout = sys.stdout.fileno()
    except (OSError, ValueError):  # replaced by something that is no file
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stdout)
    os.close(nowhere)


def is_closed_output(error: BaseException) -> bool:
    """True where the program reading our output went away, as ``| head`` does."""
    # Windows reports a closed pipe as EINVAL.
    return isinstance(error, BrokenPipeError) or (
        os.name == "nt" and isinstance(error, OSError) and error.errno == errno.EINVAL
    )


@contextmanager
def errors_shown(*, verbose: bool = False) -> Iterator[None]:
    """Turn any error into one clear line on stderr and its exit code.

    Args:
        verbose: print tracebacks too.

    Raises:
        typer.Exit: with the code, in place of the error. Errors about the command
            line itself pass through: typer words them.
    """
    try:
        yield
        sys.stdout.flush()  # a full disk or closed pipe shows here, not at interpreter exit
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except KeyboardInterrupt as error:
        raise typer.Exit(explain(error, verbose=verbose)) from error
    except Exception as error:
        if is_closed_output(error):
            silence_stdout()
            raise typer.Exit(ExitCode.OUTPUT_CLOSED) from error
        raise typer.Exit(explain(error, verbose=verbose)) from error
