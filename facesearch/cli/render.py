"""Answers for people: values in, words and tables on stdout out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from facesearch.cli import text
from facesearch.cli.screen import Cell, Column, Piece, Screen, Table

if TYPE_CHECKING:
    from facesearch.values import (
        Box,
        Face,
        FaceAnswer,
        FaceHit,
        Failure,
        Identity,
        IndexReport,
        LibraryStatus,
        Photo,
        QueryAnswer,
    )

_DISTANCE = Column("Distance", is_number=True, style="cyan")


def show_query(answer: QueryAnswer, *, photos_shown: int) -> None:
    """One table per face of the query photo.

    Args:
        answer: what the library knows.
        photos_shown: photos listed per person, nearest first.
    """
    screen = Screen()
    screen.line((answer.photo, "bold"), f": {text.count(len(answer.faces), 'face')}")
    for number, face in enumerate(answer.faces, start=1):
        screen.blank()
        if len(answer.faces) > 1:
            screen.line((f"Face {number}", "bold"), (f", {_place(face.detection.box)}", "dim"))
        _show_face(screen, face, answer.max_distance, photos_shown)
    screen.blank()


def show_report(report: IndexReport, library: str, device: str | None) -> None:
    """What an `index` run did.

    Args:
        report: its counts.
        library: the library's folder.
        device: what networks ran on; None where none ran.
    """
    screen = Screen()
    handled = report.new + report.unchanged + report.moved
    pace = handled / report.seconds if report.seconds > 0 else 0.0
    where = f" on {device}" if device else ""
    screen.line(
        ("Stopped early: " if report.cancelled else "", "yellow"),
        (f"{text.count(report.photos, 'photo')}, {text.count(report.faces, 'face')}", "bold"),
        f" in {text.duration(report.seconds)} ({text.rate(pace)} photos/s{where})",
    )
    table = Table((Column(), Column(is_number=True), Column(style="yellow")))
    for name, number, remark in (
        ("new", report.new, ""),
        ("unchanged", report.unchanged, ""),
        ("moved or copied", report.moved, ""),
        ("removed", report.removed, ""),
        ("without a face", report.no_face, ""),
        ("unreadable", report.failed, _reasons(report.failed_by_reason)),
    ):
        if number or name == "new":  # other zeros are noise
            table.add(name, f"{number:,}", remark)
    screen.print(table)
    if report.failed:
        screen.line(("Which photos and why: facesearch failures", "dim"))
    screen.line((f"Library: {library}", "dim"))


def show_status(status: LibraryStatus) -> None:
    """What is in a library."""
    table = Table((Column(style="dim"), Column()))
    table.add("library", status.folder)
    table.add("photos", f"{status.photos:,}")
    table.add("  without a face", f"{status.no_face:,}")
    table.add("  unreadable", f"{status.failed:,}")
    table.add("faces", f"{status.faces:,}")
    table.add("people", f"{status.identities:,}")
    table.add("space", status.space or "none yet")
    table.add("index", status.index)
    table.add("on disk", text.size_on_disk(status.bytes))
    table.add("schema", status.schema)
    Screen().print(table)


def show_failures(failures: Sequence[Failure]) -> None:
    """Every photo that could not be read, one a line."""
    screen = Screen()
    if not failures:
        screen.line("No failures: every photo could be read.")
        return
    table = Table((Column("Reason", style="yellow"), Column("Photo"), Column("What is wrong")))
    for failure in failures:
        table.add(failure.reason, failure.path, failure.detail)
    screen.print(table)


def show_identities(identities: Iterable[tuple[Identity, int]]) -> None:
    """The named people and how many of their faces are known, one a line."""
    screen = Screen()
    table = Table((Column("Faces", is_number=True), Column("Name")))
    for identity, faces in identities:
        table.add(f"{faces:,}", identity.name)
    if not table.rows:
        screen.line("Nobody has a name yet: facesearch name FACE_OR_PHOTO NAME")
        return
    screen.print(table)


def show_named(face: Face, identity: Identity) -> None:
    """Which face got which name."""
    Screen().line(
        (identity.name, "bold"),
        f" is now the name of face {face.id} in {_first_path(face.photo)}",
    )


def _show_face(screen: Screen, face: FaceAnswer, limit: float, photos_shown: int) -> None:
    if face.identities:
        screen.print(_identity_table(face, photos_shown))
    elif face.unnamed:
        screen.line((f"No named person within {text.distance(limit)}.", "yellow"))
    else:
        screen.line((_nobody(face.nearest, limit), "yellow"))
    if face.unnamed:
        screen.blank()
        table = Table((Column("Face", is_number=True), _DISTANCE, Column("Unnamed faces")))
        for hit in face.unnamed:
            table.add(str(hit.face.id), text.distance(hit.distance), _places(hit.face.photo))
        screen.print(table)
        if not face.identities and screen.is_terminal:  # a hint for whoever is looking
            number = face.unnamed[0].face.id
            screen.line((f'Say who it is: facesearch name {number} "NAME"', "dim"))


def _identity_table(face: FaceAnswer, photos_shown: int) -> Table:
    table = Table((Column("#", is_number=True), Column("Name"), _DISTANCE, Column("Photos")))
    for rank, match in enumerate(face.identities, start=1):
        start: tuple[Cell, Cell] = (str(rank), [(match.identity.name, "bold")])
        for hit in match.faces[:photos_shown]:
            table.add(*start, text.distance(hit.distance), _places(hit.face.photo))
            start = ("", "")
        left_out = len(match.faces) - photos_shown
        if left_out > 0:
            table.add("", "", "", [(f"and {left_out:,} more", "dim")])
    return table


def _nobody(nearest: FaceHit | None, limit: float) -> str:
    if nearest is None:
        return "No match: the library holds no faces yet."
    return (
        f"No match within {text.distance(limit)}; nearest was face {nearest.face.id} "
        f"at {text.distance(nearest.distance)} in {_first_path(nearest.face.photo)}"
    )


def _place(box: Box) -> str:
    return f"{box.width:.0f} x {box.height:.0f} pixels at ({box.x:.0f}, {box.y:.0f})"


def _reasons(by_reason: Mapping[str, int]) -> str:
    most_first = sorted(by_reason.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number:,} {reason}" for reason, number in most_first)


def _first_path(photo: Photo) -> str:
    return photo.paths[0] if photo.paths else f"photo {photo.id}, whose file is gone"


def _places(photo: Photo) -> list[Piece]:
    places: list[Piece] = [_first_path(photo)]
    copies = len(photo.paths) - 1
    if copies > 0:
        places.append((f"  (and {text.count(copies, 'copy', 'copies')})", "dim"))
    return places
