"""What distances mean, for people: verifications and calibrations in, words on stdout out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facesearch.cli import text
from facesearch.cli.screen import Column, Screen, Table

if TYPE_CHECKING:
    from facesearch.values import CalibrationReport, MatchLimit, Verification


def show_verification(found: Verification, *, every_face: bool) -> None:
    """Whether two photos show the same person, and how sure that is.

    Args:
        found: what came out.
        every_face: all faces were to be compared.
    """
    screen = Screen()
    if found.same:
        verdict, style = "Same person", "bold green"
    elif found.probability >= 0.5:
        verdict, style = "Perhaps the same person, but not sure enough", "bold yellow"
    else:
        verdict, style = "Different people", "bold yellow"
    screen.line(
        (verdict, style),
        f": distance {text.distance(found.distance)}, probability "
        f"{text.probability(found.probability)} (before looking {text.probability(found.prior)}).",
    )
    rates = "rates fitted to your library" if found.calibrated else "rates measured for the model"
    screen.line(
        f"Of comparisons of strangers, {text.measured_one_in(found.fmr)} come this close. "
        f"Up to {text.one_in(found.max_fmr)}, distance {text.distance(found.max_distance)}, "
        f"they count as the same person ({rates})."
    )
    if every_face:
        for face in (found.first, found.second):
            box = face.detection.box
            screen.line((f"{face.photo}: the face at ({box.x:.0f}, {box.y:.0f})", "dim"))
        return
    for face, faces in zip((found.first, found.second), found.faces, strict=True):
        if faces > 1:
            screen.line((f"{face.photo} shows {faces} faces; one was compared (--face)", "dim"))


def show_calibration(report: CalibrationReport) -> None:
    """What was fitted to a library, and what it changes."""
    screen = Screen()
    screen.line(
        ("Calibrated: " if report.stored else "Would be calibrated: ", "bold"),
        f"from {text.count(report.impostor_pairs, 'pair')} of different people and "
        f"{report.genuine_pairs:,} of one person",
    )
    together = (
        f"{text.count(report.faces, 'face')} together in {text.count(report.photos, 'photo')}"
    )
    people = text.count(report.people, "person", "people")
    screen.line((f"({together}; {people} with several named faces)", "dim"))
    screen.blank()
    table = Table(
        (
            Column("False match rate"),
            Column("Distance before", is_number=True),
            Column("Distance now" if report.stored else "Distance then", is_number=True),
        )
    )
    for change in report.rates:
        table.add(
            text.one_in(change.fmr),
            text.distance(change.distance_before),
            text.distance(change.distance_after),
        )
    table.add(_default(report.limit_after), *_distances(report.limit_before, report.limit_after))
    screen.print(table)


def show_reset(was_calibrated: bool) -> None:
    """What `calibrate --reset` did."""
    Screen().line(
        "The calibration is gone: queries go by the rates measured for the model again."
        if was_calibrated
        else "This library was not calibrated; nothing changed."
    )


def _default(limit: MatchLimit) -> str:
    faces = text.count(limit.gallery_faces, "face")
    return f"a query here ({text.amount(limit.false_matches or 0)} strangers of {faces})"


def _distances(before: MatchLimit, after: MatchLimit) -> tuple[str, str]:
    return text.distance(before.max_distance), text.distance(after.max_distance)
