"""A run and its figures as tables of words, for a page, an article and a terminal alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from facesearch.evaluation.report.html import Table
from facesearch.evaluation.report.tables import distance, interval, rate, share
from facesearch.training.config import RunConfig
from facesearch.training.dataset.manifest import Manifest
from facesearch.training.dataset.options import Split, SplitKind
from facesearch.training.recipes.base import LayerFacts
from facesearch.training.report.measured import Measured
from facesearch.training.report.naming import Naming, readable
from facesearch.training.report.telling import Telling

_CONFUSED_SHOWN = 15
_PEOPLE_SHOWN = 100


def result_tables(measured: Measured) -> tuple[Table, ...]:
    """How well people are named, and told apart."""
    return tuple(_results(measured))


def _results(measured: Measured) -> Iterator[Table]:
    naming = measured.naming
    if naming is not None:
        yield _accuracy(naming)
    if measured.telling:
        yield _distances(measured.telling)
        rates = next((each.rates for each in measured.telling if each.rates), ())
        if rates:
            yield Table(
                "Cosine distance at given false match rates",
                ("false match rate", "FNMR (95 % interval)"),
                tuple(
                    (rate(each.fmr), f"{share(each.fnmr)} ({_ends(each.low, each.high)})")
                    for each in rates
                ),
                "Share of genuine pairs that a search would miss (false non-match rate, FNMR) "
                "where it takes so many pairs of strangers for one person; intervals from "
                "resampling the people. Rates for which there are too few pairs are left out.",
            )
    if naming is not None:
        yield _people(naming)
        confused = _confused(naming)
        if confused.rows:
            yield confused


def _accuracy(naming: Naming) -> Table:
    of = len(naming.truth)
    right = of - len(naming.wrong())
    figures = naming.by_person()
    rows = [
        ("accuracy", interval(naming.accuracy)),
        ("named rightly", f"{right:,} of {of:,} chips"),
    ]
    if naming.among_five is not None:
        rows.append(("among the first five", interval(naming.among_five)))
    shown = [each for each in figures if each.chips]
    for name, values in (
        ("precision", [each.precision or 0.0 for each in shown]),
        ("recall", [each.recall or 0.0 for each in shown]),
        ("F1", [each.f1 or 0.0 for each in shown]),
    ):
        rows.append((f"{name}, mean of the people", share(float(np.mean(values)))))
    rows.append(("naming always the same person", share(naming.by_guessing)))
    return Table(
        "Naming people",
        ("", "measured"),
        tuple(rows),
        "With Wilson's 95 % interval: what other photos of the same people may give. It says "
        "nothing of people whom the network was not trained on. Who is never named counts with a "
        "precision of 0.",
    )


def _distances(telling: Sequence[Telling]) -> Table:
    def row(name: str, values: Sequence[str]) -> tuple[str, ...]:
        return (name, *values)

    rows = [
        row("threshold", [distance(each.separation.threshold) for each in telling]),
        row("accuracy at it", [share(each.separation.accuracy) for each in telling]),
    ]
    chosen = any(each.chosen is not None for each in telling)
    if chosen:
        rows.append(row("accuracy at best", [share(each.best.accuracy) for each in telling]))
    rows += [
        row("AUC", [f"{each.auc:.4f}" for each in telling]),
        row("equal error rate", [share(each.eer) for each in telling]),
        row("genuine pairs", [f"{each.genuine_pairs:,}" for each in telling]),
        row("impostor pairs", [f"{each.impostor_pairs:,}" for each in telling]),
    ]
    where = (
        "The threshold is the one that separates the validation chips best."
        if chosen
        else "The threshold is the one that separates these very pairs best, which flatters."
    )
    return Table(
        "Telling people apart by one distance",
        ("", *(f"{each.distance} distance" for each in telling)),
        tuple(rows),
        f"{where} Accuracy is the mean of the share of genuine pairs within it and that of "
        "impostor pairs beyond it, so that 50 % is chance. All pairs of these chips are "
        "compared, at most ten chips of each person.",
    )


def _people(naming: Naming) -> Table:
    figures = [each for each in naming.by_person() if each.chips or each.precision is not None]
    # The hardest first, where not all can be shown.
    shown = figures
    if len(figures) > _PEOPLE_SHOWN:
        shown = sorted(figures, key=lambda each: each.f1 or 0.0)[:_PEOPLE_SHOWN]
    left_out = len(figures) - len(shown)
    return Table(
        "Each person",
        ("person", "precision", "recall", "F1", "chips"),
        tuple(
            (
                readable(each.person),
                *(
                    "-" if value is None else share(value, 1)
                    for value in (each.precision, each.recall, each.f1)
                ),
                f"{each.chips:,}",
            )
            for each in shown
        ),
        "Precision: share of this person among the chips that were given the name. Recall: share "
        "of the person's chips that were given it. F1: their harmonic mean."
        + (f" {left_out:,} people with a higher F1 are not listed." if left_out else ""),
    )


def _confused(naming: Naming) -> Table:
    counts = naming.confusion()
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:_CONFUSED_SHOWN]
    pairs = [divmod(int(at), len(naming.people)) for at in order if counts.flat[at]]
    return Table(
        "Most often confused",
        ("who it is", "named as", "chips"),
        tuple(
            (
                readable(naming.people[truth]),
                readable(naming.people[named]),
                f"{counts[truth, named]:,}",
            )
            for truth, named in pairs
        ),
    )


def settings_table(config: RunConfig, sources: Mapping[str, str]) -> Table:
    """Every setting with where its value comes from.

    Args:
        config: of the run.
        sources: by the names of settings.
    """
    return Table(
        "Settings",
        ("setting", "value", "source"),
        tuple(
            (name, _plain(value), sources[name])
            for name, value in config.document().items()
            if name in sources
        ),
        "Where a value came from: a default with its own source, a file, or an option of the "
        "command.",
    )


def kinds_table(layers: Sequence[LayerFacts]) -> Table:
    """A network by kinds of layers."""
    count, numbers = Counter[str](), Counter[str]()
    for layer in layers:
        count[layer.kind] += 1
        numbers[layer.kind] += layer.parameters
    rows = [(kind, f"{count[kind]:,}", f"{numbers[kind]:,}") for kind in count]
    total = ("in all", f"{len(layers):,}", f"{sum(numbers.values()):,}")
    return Table("Kinds of layers", ("kind", "layers", "parameters"), (*rows, total))


def layers_table(layers: Sequence[LayerFacts]) -> Table:
    """A network layer by layer."""
    return Table(
        "Layers",
        ("layer", "kind", "output", "parameters"),
        tuple(
            (layer.name, layer.kind, shape_of(layer), f"{layer.parameters:,}") for layer in layers
        ),
        "Outputs are those for one chip: height x width x channels, or numbers.",
    )


def shape_of(layer: LayerFacts) -> str:
    """What a layer gives, such as ``64 x 64 x 32``."""
    return " x ".join("?" if size is None else f"{size:,}" for size in layer.shape) or "1"


def splits_table(dataset: Manifest) -> Table:
    """Chips and people of each split."""
    return Table(
        "Splits",
        ("split", "chips", "people"),
        tuple(
            (split.value, f"{dataset.counts[split]:,}", f"{dataset.people[split]:,}")
            for split in Split
        ),
        "Split by photo: everybody is trained on."
        if dataset.split is SplitKind.BY_PHOTO
        else "Split by person: nobody is in two splits.",
    )


def _ends(low: float, high: float) -> str:
    return " to ".join(share(edge).removesuffix(" %") for edge in (low, high))


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
