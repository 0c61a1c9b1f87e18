"""Photos and faces named on the command line: words in, checked values out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from facesearch.errors import PhotoNotFound

if TYPE_CHECKING:
    from facesearch.probing import FaceChoice


def check_photo(path: Path) -> None:
    """Say what is plainly wrong with a photo's path, before a library is opened.

    Raises:
        PhotoNotFound: nothing is there, or a folder.
    """
    if not os.path.lexists(path):
        raise PhotoNotFound(str(path), f"no such photo: {path}")
    if path.is_dir():
        raise PhotoNotFound(str(path), f"{path} is a folder: name the photos to ask about")


def check_face(value: str) -> str:
    """The word behind --face, if it is one.

    Raises:
        typer.BadParameter: it is not.
    """
    if value in ("all", "largest") or (value.isascii() and value.isdigit() and int(value) > 0):
        return value
    raise typer.BadParameter("say all, largest, or a number: 1 is the largest face")


def face_choice(value: str) -> FaceChoice | int:
    """What a word that `check_face` let pass stands for."""
    from facesearch.probing import FaceChoice

    return int(value) if value.isdigit() else FaceChoice(value)
