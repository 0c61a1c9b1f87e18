"""`facesearch verify`: do two photos show the same person?"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.exits import ExitCode, complain, errors_shown
from facesearch.cli.photos import check_face, check_photo, face_choice
from facesearch.cli.session import Session
from facesearch.errors import LibraryNotFound

if TYPE_CHECKING:
    from facesearch.probing import FaceChoice
    from facesearch.values import Verification


def verify(
    ctx: typer.Context,
    first: Annotated[Path, typer.Argument(help="A photo.")],
    second: Annotated[Path, typer.Argument(help="Another photo.")],
    fmr: Annotated[
        float,
        typer.Option(
            metavar="RATE",
            help="Up to this false match rate, the share of strangers that come as close, they "
            "count as the same person.",
        ),
    ] = 0.001,
    prior: Annotated[
        float,
        typer.Option(
            metavar="P",
            help="How probable it is before looking, above 0 and below 1.",
        ),
    ] = 0.5,
    face: Annotated[
        str,
        typer.Option(
            metavar="largest|all|N",
            callback=check_face,
            help="Which faces: the largest of each photo, the Nth largest, or the most alike "
            "pair of all.",
        ),
    ] = "largest",
    exit_code: Annotated[
        bool,
        typer.Option(
            "--exit-code",
            help=f"End with code {ExitCode.DIFFERENT.value} unless they count as the same.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Do two photos show the same person? Needs no library."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout, render_rates

        check_photo(first)
        check_photo(second)
        found = _verified(session, first, second, prior=prior, max_fmr=fmr, face=face_choice(face))
        # The library names photos for people; programs need the files' own names.
        found = replace(
            found,
            first=replace(found.first, photo=os.path.abspath(first)),
            second=replace(found.second, photo=os.path.abspath(second)),
        )
        if as_json:
            jsonout.write(jsonout.verification_document(found))
        else:
            render_rates.show_verification(found, every_face=face == "all")
        if exit_code and not found.same:
            raise typer.Exit(ExitCode.DIFFERENT)


def _verified(
    session: Session,
    first: Path,
    second: Path,
    *,
    prior: float,
    max_fmr: float,
    face: FaceChoice | int,
) -> Verification:
    """By the rates of the library where there is one, else by those of the default model."""
    try:
        library = session.open_for_reading()
    except LibraryNotFound as missing:
        from facesearch.verifying import verify

        if session.verbose:
            complain(f"{missing}; going by the rates measured for the model")
        options = session.options()
        return verify(first, second, prior=prior, max_fmr=max_fmr, face=face, options=options)
    with library:
        return library.verify(first, second, prior=prior, max_fmr=max_fmr, face=face)
