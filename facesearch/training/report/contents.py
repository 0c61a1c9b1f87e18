"""What stands in the report of a run: its facts and figures in, words, tables and plots out.

`page.py` makes HTML of it and `article.py` LaTeX; nothing here knows either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from facesearch.evaluation.report.contents import Gallery, Highlight, Shot
from facesearch.evaluation.report.html import Table
from facesearch.evaluation.report.tables import interval, share
from facesearch.training.dataset.options import Split, SplitKind
from facesearch.training.folder import Status
from facesearch.training.recipes.base import Task
from facesearch.training.report import plots, tables
from facesearch.training.report.curves import curve_drawings
from facesearch.training.report.drawn import Drawing
from facesearch.training.report.errors import Errors
from facesearch.training.report.facts import RunFacts
from facesearch.training.report.measured import Measured, ShownChip


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """All that a report shows.

    Attributes:
        title, about: what was trained, on what.
        highlights: figures worth large letters.
        remarks: sentences that keep figures from being misread; the weightiest first.
        results: tables of what was measured.
        drawings: plots, the curves of training first.
        galleries: the worst errors.
        chips: what `galleries` show.
        network: tables of layers; all of them, then those to unfold.
        settings: with sources.
        splits: of the dataset.
        dataset, environment, run: names and values.
    """

    title: str
    about: str
    highlights: tuple[Highlight, ...]
    remarks: tuple[str, ...]
    results: tuple[Table, ...]
    drawings: tuple[Drawing, ...]
    galleries: tuple[Gallery, ...]
    chips: dict[Shot, ShownChip]
    network: tuple[Table, ...]
    settings: Table
    splits: Table
    dataset: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    run: tuple[tuple[str, str], ...]


def contents(facts: RunFacts, measured: Measured | None, why_not: str = "") -> Contents:
    """What stands in a report.

    Args:
        facts: of the run.
        measured: of its network; None where that could not be measured.
        why_not: and why.
    """
    best = facts.standing.best
    layers = () if measured is None else measured.layers
    shown = Errors(measured) if measured is not None else None
    galleries = () if shown is None else tuple(shown.galleries())
    data, config = facts.run.dataset, facts.run.config
    return Contents(
        title=facts.title,
        about=f"{config.recipe.about}; {data.counts[Split.TRAIN]:,} chips of "
        f"{data.people[Split.TRAIN]:,} people to train on",
        highlights=tuple(_highlights(facts, measured)),
        remarks=tuple(_remarks(facts, measured, why_not)),
        results=() if measured is None else tables.result_tables(measured),
        drawings=(
            *curve_drawings(facts.epochs, facts.steps, None if best is None else best.epoch),
            *(() if measured is None else _drawings(measured)),
        ),
        galleries=galleries,
        chips={} if shown is None else shown.chips,
        network=(tables.kinds_table(layers), tables.layers_table(layers)) if layers else (),
        settings=tables.settings_table(config, facts.sources),
        splits=tables.splits_table(data),
        dataset=tuple(_dataset(facts)),
        environment=tuple(_environment(facts)),
        run=tuple(_run(facts, measured)),
    )


def _highlights(facts: RunFacts, measured: Measured | None) -> Iterator[Highlight]:
    if measured is not None and measured.naming is not None:
        accuracy = measured.naming.accuracy
        yield Highlight(
            share(accuracy.value),
            "accuracy",
            f"95 % interval {100 * accuracy.low:.1f} to {100 * accuracy.high:.1f}, of "
            f"{len(measured.naming.truth):,} {measured.split} chips",
        )
    if measured is not None and measured.telling:
        told = measured.telling[0]
        at = told.separation
        yield Highlight(
            share(at.accuracy),
            "pairs told apart",
            f"at {told.distance} distance {at.threshold:.3f}",
        )
        yield Highlight(f"{told.auc:.4f}", "AUC", f"of {told.distance} distances")
    best = facts.standing.best
    if best is not None:
        yield Highlight(
            str(best.epoch),
            "best epoch",
            f"of {facts.standing.epoch}, validation loss {best.loss:.4f}",
        )


def _remarks(facts: RunFacts, measured: Measured | None, why_not: str) -> Iterator[str]:
    standing = facts.standing
    if not facts.is_finished:
        how = {
            Status.RUNNING: "is running, or was killed",
            Status.STOPPED: "was stopped",
            Status.FAILED: f"failed ({standing.why})",
        }[standing.status]
        yield (
            f"Unfinished: the run {how} after {standing.epoch} epochs and {standing.step:,} steps. "
            f"All figures are those so far."
        )
    if measured is None:
        yield why_not or (
            "No epoch is finished, so there is no network to measure yet."
            if standing.best is None
            else "The network of the best epoch is gone, so nothing is measured."
        )
        return
    data = facts.run.dataset
    if measured.split == Split.VALIDATION.value:
        yield (
            "Measured on the validation chips, by which the best epoch was chosen, so figures "
            "flatter a little: the dataset has no test chips (facesearch dataset make with "
            "--fractions such as 0.6,0.2,0.2 keeps some)."
        )
    if measured.telling and data.split is SplitKind.BY_PHOTO:
        yield (
            "The people on these chips were trained on, so distances flatter the network: for "
            "strangers they separate less. A dataset made with --split by-person measures that."
        )
    if measured.naming is not None and measured.naming.strangers:
        yield (
            f"{measured.naming.strangers:,} chips show people whom the network was not trained "
            "on; they are left out of the accuracy."
        )
    if measured.chips < measured.chips_in_split:
        yield (
            f"Measured on {measured.chips:,} of {measured.chips_in_split:,} {measured.split} chips."
        )
    yield from (note[0].upper() + note[1:] + "." for note in measured.notes)


def _drawings(measured: Measured) -> Iterator[Drawing]:
    if measured.naming is not None:
        yield plots.confusion(measured.naming)
    if measured.telling:
        yield plots.roc(measured.telling)
        yield from map(plots.distances, measured.telling)
    if measured.places is not None:
        yield plots.places(measured.places, measured.people)


def _dataset(facts: RunFacts) -> Iterator[tuple[str, str]]:
    data = facts.run.dataset
    yield "Dataset", f"{data.name}, in {facts.standing.dataset}"
    yield "Made", f"{data.created}, by facesearch {data.facesearch}"
    yield "From", ", ".join(f"{name}: {value}" for name, value in data.source.items())
    framed = "nobody said how they are framed" if data.template is None else data.template.name
    yield "Chips", f"{data.chip_px} px, {framed}; stored as {data.storage.value}"
    how = "by its publishers" if data.published else f"{data.split.value}, seed {data.seed}"
    yield "Split", f"{how}, shares {', '.join(f'{part:g}' for part in data.fractions)}"
    yield (
        "Left out",
        f"{data.failures:,} photos without a usable face, {data.left_out:,} people with too few",
    )
    yield "Digest", data.digest


def _environment(facts: RunFacts) -> Iterator[tuple[str, str]]:
    if not facts.starts:
        yield "Environment", "not written down"
        return
    last = facts.starts[-1]
    if len(facts.starts) > 1:
        yield "Starts", f"{len(facts.starts)}; what follows is the last one"
    for name, key in (
        ("Started", "started"),
        ("facesearch", "facesearch"),
        ("Commit", "commit"),
        ("Python", "python"),
        ("Packages", "packages"),
        ("System", "system"),
        ("Processor", "processor"),
        ("Processors", "cpus"),
        ("Device", "device"),
        ("GPUs", "gpus"),
    ):
        value = _told(last.get(key))
        if value:
            yield name, value
    memory = last.get("memory_bytes")
    if isinstance(memory, int):
        yield "Memory", f"{memory / 1e9:.1f} GB"


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items() if each)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _run(facts: RunFacts, measured: Measured | None) -> Iterator[tuple[str, str]]:
    standing, config = facts.standing, facts.run.config
    yield "Run", str(facts.run.path)
    yield "Status", standing.status.value
    yield "Recipe", f"{config.recipe.name}: {config.recipe.about}"
    yield (
        "Trained",
        f"{standing.epoch:,} epochs, {standing.step:,} steps of {config.batch:,} "
        f"{'pairs' if config.recipe.task is Task.PAIRS else 'chips'}, {standing.seconds:,.0f} s",
    )
    yield "Seed", str(config.training.seed)
    if measured is not None:
        yield (
            "Measured",
            f"epoch {measured.epoch} on {measured.chips:,} {measured.split} chips, "
            f"{measured.made}, on {measured.device}, {measured.seconds:.1f} s",
        )
        yield "Embedding", f"{measured.dimension:,} numbers"
        if measured.naming is not None:
            yield "Accuracy", interval(measured.naming.accuracy)
    yield "The same again", facts.again
