"""`facesearch query`: who is in a photo, and where else they are."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.exits import ExitCode, complain, errors_shown, explain
from facesearch.cli.photos import check_face, check_photo, face_choice
from facesearch.cli.session import EngineName, EngineOption, Session
from facesearch.cli.text import printable
from facesearch.errors import PhotoError

if TYPE_CHECKING:
    from facesearch.library import FaceLibrary
    from facesearch.values import QueryAnswer

_PHOTOS_IN_TEXT = 5
_PHOTOS_IN_REPORT = 12


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
            show_default="by --false-matches",
            help="Faces farther than this cosine distance are no match.",
        ),
    ] = None,
    false_matches: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            show_default="0.1",
            help="Strangers' faces to expect in the answer to one face, in a library of this "
            "size. Smaller is stricter.",
        ),
    ] = None,
    same_person: Annotated[
        bool,
        typer.Option(
            "--same-person", help="All photos show one person: one answer, from all of them."
        ),
    ] = False,
    face: Annotated[
        str,
        typer.Option(
            metavar="all|largest|N",
            callback=check_face,
            help="Which faces of the photo: all, the largest, or the Nth largest.",
        ),
    ] = "all",
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default="the one in use",
            help="Which of the models that know the library's faces answers; see "
            "facesearch spaces.",
        ),
    ] = None,
    engine: EngineOption = EngineName.AUTO,
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
    if max_distance is not None and false_matches is not None:
        raise typer.BadParameter("--max-distance and --false-matches do not go together")
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout, render, render_spaces

        for path in photo:
            check_photo(path)
        answers: list[QueryAnswer] = []
        code = ExitCode.DONE

        def ask(library: FaceLibrary, paths: list[Path]) -> None:
            ask_about = (
                partial(library.query_person, paths)
                if same_person
                else partial(library.query, paths[0])
            )
            answer = ask_about(
                top=top,
                face=face_choice(face),
                max_distance=max_distance,
                false_matches=false_matches,
            )
            answer = _with_own_names(answer, paths)
            answers.append(answer)
            if as_json:
                jsonout.write(jsonout.query_document(answer))
            else:
                render.show_query(answer, photos_shown=photos or _PHOTOS_IN_TEXT)

        with session.open_for_reading(embedder=model, engine=engine) as library:
            if same_person:
                ask(library, photo)
            for path in () if same_person else photo:
                try:
                    ask(library, [path])
                except PhotoError as error:  # the other photos still deserve their answers
                    reason = explain(error, verbose=session.verbose)
                    code = code or reason
            if answers and answers[0].limit.gallery_faces and not as_json:
                render.show_limit(answers[0].limit)
                if library.count_spaces() > 1:
                    render_spaces.show_answering(library.embedder, library.space)
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


def _with_own_names(answer: QueryAnswer, paths: list[Path]) -> QueryAnswer:
    """The library names photos for people; programs need the files' own names."""
    names = [os.path.abspath(path) for path in paths]
    faces = answer.same_person
    if faces:
        faces = tuple(replace(f, photo=name) for f, name in zip(faces, names, strict=True))
    return replace(answer, photo=names[0], same_person=faces)
