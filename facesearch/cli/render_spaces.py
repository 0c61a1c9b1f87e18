"""Spaces for people: values in, words and tables on stdout out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from facesearch.cli import text
from facesearch.cli.screen import Column, Screen, Table

if TYPE_CHECKING:
    from facesearch.values import ReindexReport, SpaceStatus


def show_spaces(spaces: Sequence[SpaceStatus]) -> None:
    """One line for each space, the one in use marked."""
    screen = Screen()
    if not spaces:
        screen.line("No faces yet: facesearch index FOLDER")
        return
    table = Table(
        (
            Column(),
            Column("Model"),
            Column("Faces", is_number=True),
            Column("Missing", is_number=True, style="yellow"),
            Column("Dimension", is_number=True),
            Column("On disk", is_number=True),
            Column("Space", style="dim"),
        )
    )
    for space in spaces:
        table.add(
            "in use" if space.active else "",
            space.model or "none that is here",
            f"{space.faces:,}",
            f"{space.missing:,}" if space.missing else "",
            f"{space.dimension:,}",
            text.size_on_disk(space.bytes),
            space.space,
        )
    screen.print(table)
    for space in spaces:
        if space.missing and space.model is not None:
            command = "facesearch index" if space.active else "facesearch reindex"
            more = "" if space.active else f" --model {space.model}"
            screen.line((f"{space.model} misses faces: {command}{more}", "dim"))


def show_answering(model: str, space: str) -> None:
    """Which of several models that know the faces has answered."""
    Screen().line((f"Answered by {model}, space {space}.", "dim"))


def show_reindex(report: ReindexReport, model: str) -> None:
    """What a `reindex` run did."""
    screen = Screen()
    pace = report.embedded / report.seconds if report.seconds > 0 else 0.0
    screen.line(
        ("Stopped early: " if report.cancelled else "", "yellow"),
        (f"{text.count(report.embedded, 'face')} embedded", "bold"),
        f" in {text.duration(report.seconds)} ({text.rate(pace)} faces/s)",
    )
    table = Table((Column(), Column(is_number=True)))
    if report.already:
        table.add("there before", f"{report.already:,}")
    for reason, number in sorted(report.left_out.items()):
        table.add(f"left out: {reason}", f"{number:,}")
    if table.rows:
        screen.print(table)
    if report.switched:
        screen.line(f"The library works with {model} now. The old space is kept:")
        screen.line(("facesearch spaces; facesearch spaces drop NAME", "dim"))
    elif not report.cancelled:
        screen.line(f"To work with it: facesearch spaces use {model}")
    else:
        screen.line(("Run the same command again to go on.", "dim"))
    screen.line((f"Space: {report.space}", "dim"))


def show_dropped(name: str, dropped: int) -> None:
    """How many embeddings went."""
    Screen().line(f"{name}: {text.count(dropped, 'embedding')} deleted; faces and names stay.")
