"""Answers for people: values in, words and tables on stdout out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from facesearch.cli import text
from facesearch.cli.screen import Cell, Column, Piece, Screen, Table

if TYPE_CHECKING:
    from facesearch.catalog.records import PoorReference
    from facesearch.values import (
        Box,
        Face,
        FaceAnswer,
        FaceHit,
        Failure,
        Identity,
        IndexReport,
        LibraryStatus,
        MatchLimit,
        Photo,
        QueryAnswer,
    )

_DISTANCE = Column("Distance", is_number=True, style="cyan")
_PROBABILITY = Column("Probability", is_number=True, style="cyan")
# Nearer than this only copies of a photo are, and it is shown as 0.000.
_NEAREST = 5e-4


def show_query(answer: QueryAnswer, *, photos_shown: int) -> None:
    """One table per face of the query photo.

    Args:
        answer: what the library knows.
        photos_shown: photos listed per person, nearest first.
    """
    screen = Screen()
    if answer.same_person:
        screen.line((f"One person in {text.count(len(answer.same_person), 'photo')}", "bold"))
        for probe in answer.same_person:
            screen.line(f"  {probe.photo}", (f", {_place(probe.detection.box)}", "dim"))
    else:
        screen.line((answer.photo, "bold"), f": {text.count(len(answer.faces), 'face')}")
    for number, face in enumerate(answer.faces, start=1):
        screen.blank()
        if len(answer.faces) > 1:
            screen.line((f"Face {number}", "bold"), (f", {_place(face.detection.box)}", "dim"))
        _show_face(screen, face, answer.limit, photos_shown)
    if answer.without_embedding:
        screen.blank()
        more = text.count(answer.without_embedding, "face")
        screen.line((f"{more} more, of which the model says nothing.", "yellow"))
    screen.blank()


def show_limit(limit: MatchLimit) -> None:
    """What the numbers of an answer stand for in this library."""
    screen = Screen()
    within = text.distance(limit.max_distance)
    by_chance = limit.expected_false_matches
    if limit.fmr is None or by_chance is None or limit.prior is None:
        words = f"Matches lie within {within}. Nobody measured how often strangers do."
        screen.line((words, "dim"))
        return
    faces = text.count(limit.gallery_faces, "face")
    screen.line(
        (
            f"Matches lie within {within}, a false match rate of {text.one_in(limit.fmr)}: "
            f"expect {text.amount(by_chance)} of {faces} there by chance.",
            "dim",
        )
    )
    if limit.false_matches is not None and limit.max_distance < _NEAREST:
        screen.line(
            (
                f"This model cannot keep strangers down to that in {faces}: it matches all but "
                "nothing. A larger --false-matches finds more and errs more; facesearch compare "
                "says which models tell people apart better.",
                "yellow",
            )
        )
    suppose = f"Probabilities suppose that 1 face in {1 / limit.prior:,.0f}"
    if limit.person_max_distance is None:
        screen.line((f"{suppose} is the same person's.", "dim"))
    else:
        people = f"{max(2, limit.people):,}"
        screen.line((f"{suppose}, and for names 1 person in {people}, is the one.", "dim"))


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
    if status.outdated:
        table.add("  not searchable", f"{status.outdated:,}: facesearch index tries again")
    table.add("people", f"{status.identities:,}")
    if status.poor_references:
        count = sum(status.poor_references.values())
        table.add("  poor faces", f"{count:,} ({_reasons(status.poor_references)})")
    model = status.embedder if status.space is not None else None
    if model is not None and status.accuracy is not None:
        model = f"{model} (accuracy {status.accuracy})"
    table.add("model", model or "none yet")
    table.add("detector", status.detector or "none yet")
    table.add("space", status.space or "none yet")
    if status.spaces > 1:
        table.add("  others", f"{status.spaces - 1:,}: facesearch spaces")
    table.add("matches within", _limit(status.limit))
    if status.calibration is None:
        table.add("calibrated", "no")
    else:
        pairs = text.count(status.calibration.impostor_pairs, "pair")
        table.add("calibrated", f"{status.calibration.fitted_at}, from {pairs} of strangers")
    table.add("index", status.index)
    table.add("on disk", text.size_on_disk(status.bytes))
    table.add("schema", status.schema)
    Screen().print(table)


def _limit(limit: MatchLimit | None) -> str:
    if limit is None:
        return "say --max-distance: nobody measured this model"
    words = text.distance(limit.max_distance)
    return words if limit.fmr is None else f"{words} (false match rate {text.one_in(limit.fmr)})"


def show_failures(
    failures: Sequence[Failure], poor: Sequence[PoorReference], unsearchable: Sequence[Face]
) -> None:
    """Photos that could not be read, named faces that are too poor, faces that queries do not find.

    One a line.
    """
    screen = Screen()
    if failures:
        table = Table((Column("Reason", style="yellow"), Column("Photo"), Column("What is wrong")))
        for failure in failures:
            table.add(failure.reason, failure.path, failure.detail)
        screen.print(table)
    else:
        screen.line("No failures: every photo could be read.")
    if poor:
        screen.blank()
        screen.line("Named faces too poor to decide a name; queries find them all the same:")
        columns = ("Reason", "Face", "Name", "Photo")
        table = Table([Column(c, is_number=c == "Face") for c in columns])
        for one in poor:
            reasons = ", ".join(one.quality.problems)
            table.add(reasons, str(one.face_id), one.identity.name, one.path)
        screen.print(table)
    if unsearchable:
        screen.blank()
        screen.line(
            "Faces that queries do not find, as the model in use gave them no embedding: it says "
            "nothing of them, or their photos were not there. facesearch index tries again:"
        )
        table = Table((Column("Face", is_number=True), Column("Photo")))
        for face in unsearchable:
            table.add(str(face.id), _first_path(face.photo))
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


def _show_face(screen: Screen, face: FaceAnswer, limit: MatchLimit, photos_shown: int) -> None:
    within = text.distance(limit.max_distance)
    has_rates = limit.fmr is not None
    if face.identities:
        screen.print(_identity_table(face, photos_shown, has_rates=has_rates))
    elif face.unnamed:
        screen.line((f"No named person within {within}.", "yellow"))
    else:
        screen.line((_nobody(face.nearest, within), "yellow"))
    if face.unnamed:
        screen.blank()
        likeness = _likeness(has_rates)
        table = Table((Column("Face", is_number=True), *likeness, Column("Unnamed faces")))
        for hit in face.unnamed:
            places = _places(hit.face.photo)
            if hit.identity is not None:  # named, but it does not decide who the probe is
                places.append((f"  (named {hit.identity.name}; not sure enough)", "dim"))
            table.add(str(hit.face.id), *_likeness_of(hit, has_rates), places)
        screen.print(table)
        if not face.identities and screen.is_terminal:  # a hint for whoever is looking
            number = face.unnamed[0].face.id
            screen.line((f'Say who it is: facesearch name {number} "NAME"', "dim"))


def _identity_table(face: FaceAnswer, photos_shown: int, *, has_rates: bool) -> Table:
    likeness = _likeness(has_rates)
    table = Table((Column("#", is_number=True), Column("Name"), *likeness, Column("Photos")))
    for rank, match in enumerate(face.identities, start=1):
        start: tuple[Cell, Cell] = (str(rank), [(match.identity.name, "bold")])
        for hit in match.faces[:photos_shown]:
            table.add(*start, *_likeness_of(hit, has_rates), _places(hit.face.photo))
            start = ("", "")
        left_out = len(match.faces) - photos_shown
        if left_out > 0:
            table.add(*start, *[""] * len(likeness), [(f"and {left_out:,} more", "dim")])
    return table


def _likeness(has_rates: bool) -> tuple[Column, ...]:
    """The columns that say how alike two faces are."""
    return (_DISTANCE, _PROBABILITY) if has_rates else (_DISTANCE,)


def _likeness_of(hit: FaceHit, has_rates: bool) -> tuple[str, ...]:
    distance = text.distance(hit.distance)
    if not has_rates:
        return (distance,)
    return (distance, "" if hit.probability is None else text.probability(hit.probability))


def _nobody(nearest: FaceHit | None, within: str) -> str:
    if nearest is None:
        return "No match: the library holds no faces yet."
    likely = ""
    if nearest.probability is not None:
        likely = f", {text.probability(nearest.probability)} likely the same person,"
    name = "" if nearest.identity is None else f" ({nearest.identity.name})"
    return (
        f"No match within {within}; nearest was face {nearest.face.id}{name} "
        f"at {text.distance(nearest.distance)}{likely} in {_first_path(nearest.face.photo)}"
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
