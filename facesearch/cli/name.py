"""`facesearch name`: give a face, or a photo's largest face, a name."""

from __future__ import annotations

from typing import Annotated

import typer

from facesearch.cli.exits import errors_shown
from facesearch.cli.session import Session


def name(
    ctx: typer.Context,
    face_or_photo: Annotated[
        str,
        typer.Argument(
            help="A face's number as `query` shows it, or an indexed photo, whose largest face "
            "is meant. (A photo called 12 is written ./12.)",
        ),
    ],
    name: Annotated[str, typer.Argument(help="Who it is.")],
) -> None:
    """Name a face: from then on queries answer with that name."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import render

        # isdecimal() would also take the digits of other scripts, which name files too.
        is_number = face_or_photo.isascii() and face_or_photo.isdigit()
        with session.open_for_writing() as library:
            face, identity = library.name(int(face_or_photo) if is_number else face_or_photo, name)
        render.show_named(face, identity)
