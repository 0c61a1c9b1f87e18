"""`facesearch models calibrate`: what the distances of a model mean, from labelled photos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli import text
from facesearch.cli.exits import complain, errors_shown
from facesearch.cli.screen import Column, Screen, Table
from facesearch.cli.session import (
    DeviceOption,
    EngineName,
    EngineOption,
    Session,
    on_device,
)

if TYPE_CHECKING:
    from facesearch.evaluation.model_rates import MeasuredRates

_SHOWN_RATES = (1e-2, 1e-3, 1e-4, 1e-5)


def calibrate(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Of an embedder.")],
    folder: Annotated[
        Path, typer.Argument(help="Holds a folder of photos for each person, such as LFW's images.")
    ],
    engine: EngineOption = EngineName.AUTO,
    device: DeviceOption = None,
) -> None:
    """Measure a model's false match rates on photos whose people are known."""
    session = on_device(Session.of(ctx), device)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli.evaluate_output import progress_shown
        from facesearch.evaluation.model_rates import measure_rates

        with progress_shown() as show:
            found = measure_rates(
                name,
                folder,
                engine=engine.value,
                device=session.device.value,
                on_progress=lambda progress: show("photos", progress.done, progress.total),
            )
        show_rates(found)
        Screen().line((f"Libraries that use {name} go by these rates from now on.", "dim"))


def show_rates(found: MeasuredRates) -> None:
    """Distances and misses at some false match rates, and what they were measured on."""
    for warning in found.warnings:
        complain(f"warning: {warning}")
    rates, about = found.rates, found.rates.provenance
    screen = Screen()
    screen.line(
        f"{text.count(about.people, 'person', 'people')}, {text.count(about.photos, 'photo')}: "
        f"{about.impostor_pairs:,} pairs of strangers, "
        f"{about.genuine_pairs:,} pairs of one person"
    )
    if found.no_face or found.unreadable:
        screen.line(
            f"Left out: {text.count(found.no_face, 'photo')} without a face, "
            f"{text.count(found.unreadable, 'photo')} that cannot be read"
        )
    table = Table(
        (
            Column("False match rate"),
            Column("Distance", is_number=True, style="cyan"),
            Column("Missed", is_number=True, style="cyan"),
        )
    )
    for fmr in _SHOWN_RATES:
        distance = rates.distance_at(fmr)
        missed = f"{100 * rates.fnmr(distance):.1f} %"
        table.add(text.one_in(fmr), text.distance(distance), missed)
    screen.print(table)
