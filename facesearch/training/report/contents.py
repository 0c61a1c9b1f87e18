"""What stands in the report of a run: its facts and figures in, words, tables and plots out.

`page.py` makes HTML of it and `article.py` LaTeX; nothing here knows either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from facesearch.evaluation.report.contents import Gallery, Highlight, Shot
from facesearch.evaluation.report.html import Table
from facesearch.evaluation.report.tables import distance, share
from facesearch.training.dataset.options import Split
from facesearch.training.report import origins, plots, tables
from facesearch.training.report.curves import curve_drawings
from facesearch.training.report.drawn import Drawing
from facesearch.training.report.errors import Errors
from facesearch.training.report.facts import RunFacts
from facesearch.training.report.measured import Measured, ShownChip
from facesearch.training.report.remarks import Remark, remarks


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """All that a report shows.

    Attributes:
        title, about: what was trained, on what.
        highlights: figures worth large letters.
        remarks: what keeps figures from being misread; the weightiest first.
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
    remarks: tuple[Remark, ...]
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
    about, _, _ = config.recipe.about.partition(";")  # what follows is of the choice of recipes
    return Contents(
        title=facts.title,
        about=f"{about[0].upper()}{about[1:]}. Trained on {data.counts[Split.TRAIN]:,} chips of "
        f"{data.people[Split.TRAIN]:,} people.",
        highlights=tuple(_highlights(facts, measured)),
        remarks=tuple(remarks(facts, measured, why_not)),
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
        dataset=tuple(origins.of_dataset(facts)),
        environment=tuple(origins.of_environment(facts)),
        run=tuple(origins.of_run(facts, measured)),
    )


def _highlights(facts: RunFacts, measured: Measured | None) -> Iterator[Highlight]:
    naming = None if measured is None else measured.naming
    if measured is not None and naming is not None:
        accuracy = naming.accuracy
        yield Highlight(
            share(accuracy.value),
            "accuracy",
            f"of {len(naming.truth):,} {measured.split} chips; 95 % interval "
            f"{100 * accuracy.low:.1f} to {100 * accuracy.high:.1f}; naming always the same person "
            f"gives {share(naming.by_guessing, 1)}",
        )
    if measured is not None and measured.telling:
        told = measured.telling[0]
        at = told.separation
        yield Highlight(
            share(at.accuracy),
            "pairs told apart",
            f"{told.genuine_pairs + told.impostor_pairs:,} pairs of {measured.split} chips, at "
            f"{told.distance} distance {distance(at.threshold)}; chance is 50 %",
        )
        yield Highlight(f"{told.auc:.4f}", "AUC", f"of {told.distance} distances; chance is 0.5")
        if naming is None:
            yield Highlight(share(told.eer), "equal error rate", f"of {told.distance} distances")
    best = facts.standing.best
    if best is not None:
        yield Highlight(
            str(best.epoch),
            "best epoch",
            f"of {facts.standing.epoch}, validation loss {best.loss:.4f}",
        )


def _drawings(measured: Measured) -> Iterator[Drawing]:
    if measured.naming is not None:
        yield plots.confusion(measured.naming)
    if measured.telling:
        yield plots.roc(measured.telling)
        yield from map(plots.distances, measured.telling)
    if measured.places is not None:
        yield plots.places(measured.places, measured.people)
