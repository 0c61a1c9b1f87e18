"""`facesearch query`: who is in a photo, and where else they are."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.exits import ExitCode, complain, errors_shown, explain
from facesearch.cli.session import Session
from facesearch.cli.text import printable
from facesearch.errors import PhotoError, PhotoNotFound

if TYPE_CHECKING:
    from facesearch.library import FaceChoice
    from facesearch.values import QueryAnswer

_PHOTOS_IN_TEXT = 5
_PHOTOS_IN_REPORT = 12


def _check_face(value: str) -> str:
    if value in ("all", "largest") or (value.isascii() and value.isdigit() and int(value) > 0):
        return value
    raise typer.BadParameter("say all, largest, or a number: 1 is the largest face")


def _check_output(value: Path | None) -> Path | None:
    # A slip such as `--output holiday.jpg` must not cost a photo.
    if value is not None and value.suffix.lower() not in (".html", ".htm"):
        raise typer.BadParameter("a report is a page: its name must end in .html")
    if value is not None and not value.absolute().parent.is_dir():
        raise typer.BadParameter(f"no such folder: {printable(str(value.absolute().parent))}")
    return value


def query(
    ctx: typer.Context,
    photo: Annotated[list[Path], typer.Argument(help="Whose faces to look for.")],
    top: Annotated[int, typer.Option(min=1, help="People, and unnamed faces, shown per face.")] = 5,
    max_distance: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=2.0,
            show_default="measured for the model",
            help="Faces farther than this cosine distance are no match.",
        ),
    ] = None,
    face: Annotated[
        str,
        typer.Option(
            metavar="all|largest|N",
            callback=_check_face,
            help="Which faces of the photo: all, the largest, or the Nth largest.",
        ),
    ] = "all",
    photos: Annotated[
        int | None,
        typer.Option(
            min=1,
            show_default=f"{_PHOTOS_IN_TEXT}, in a report {_PHOTOS_IN_REPORT}",
            help="Photos shown per person. --json always has all.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per photo.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            callback=_check_output, help="Also write a page with pictures, such as report.html."
        ),
    ] = None,
) -> None:
    """Find the people in PHOTO, nearest first."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout, render

        for path in photo:
            _check_photo(path)
        answers: list[QueryAnswer] = []
        code = ExitCode.DONE
        with session.open_for_reading() as library:
            for path in photo:
                try:
                    answer = library.query(
                        path, top=top, max_distance=max_distance, face=_face_choice(face)
                    )
                except PhotoError as error:  # the other photos still deserve their answers
                    reason = explain(error, verbose=session.verbose)
                    code = code or reason
                    continue
                # The library names the photo for people; programs need the file's own name.
                answer = replace(answer, photo=os.path.abspath(path))
                answers.append(answer)
                if as_json:
                    jsonout.write(jsonout.query_document(answer))
                else:
                    render.show_query(answer, photos_shown=photos or _PHOTOS_IN_TEXT)
            if output is not None and answers:
                from facesearch.cli.report import write_report

                write_report(
                    answers,
                    output,
                    library=str(library.folder),
                    photos_shown=photos or _PHOTOS_IN_REPORT,
                )
            if session.verbose:
                complain(f"networks ran on: {library.device}")
        if code is not ExitCode.DONE:
            raise typer.Exit(code)


def _check_photo(path: Path) -> None:
    """What is plainly wrong is said before the library is opened.

    Raises:
        PhotoNotFound: nothing is there, or a folder.
    """
    if not os.path.lexists(path):
        raise PhotoNotFound(str(path), f"no such photo: {path}")
    if path.is_dir():
        raise PhotoNotFound(str(path), f"{path} is a folder: name the photos to ask about")


def _face_choice(value: str) -> FaceChoice | int:
    from facesearch.library import FaceChoice

    return int(value) if value.isdigit() else FaceChoice(value)
