"""A comparison of models for people: one table, a column for each model.

In: a `Comparison`. Out: stdout. The best figure of each row is marked, and so is every other
one that these photos do not tell apart from it.
"""

from __future__ import annotations

from collections.abc import Iterator

from facesearch.cli import text
from facesearch.cli.screen import Cell, Column, Screen, Table
from facesearch.evaluation.comparison import ComparedMeasure, Comparison, Figure, Measure
from facesearch.evaluation.report.tables import rate, share

_BEST, _LEVEL = "*", "~"


def show_comparison(result: Comparison) -> None:
    """The table, and how to read it."""
    screen = Screen()
    screen.line((_about(result), "bold"))
    screen.blank()
    table = Table(
        [Column(), *(Column(model.name, is_number=True, style="cyan") for model in result.models)]
    )
    for row in result.measures:
        table.add(_title(row), *_cells(row))
    table.add("Dimension", *(str(model.dimension) for model in result.models))
    table.add("Licence", *(model.licence for model in result.models))
    table.add("Runs on", *(f"{model.engine}, {model.device}" for model in result.models))
    screen.print(table)
    screen.blank()
    for model in result.models:
        screen.line((f"{model.name}: space {model.space}", "dim"))
    for line in _legend(result):
        screen.line((line, "dim"))
    for warning in result.warnings:
        screen.line((warning, "yellow"))


def _about(result: Comparison) -> str:
    photos = text.count(result.photos, "photo")
    people = text.count(result.people, "person", "people")
    failed = result.no_face + result.unreadable
    return f"{photos} of {people}, faces found by {result.detector}, {failed:,} without a face"


def _title(row: ComparedMeasure) -> str:
    return {
        Measure.VIEW2_ACCURACY: "LFW View 2 accuracy",
        Measure.FNMR: f"Missed at {rate(row.fmr or 1.0)} (FNMR)",
        Measure.EQUAL_ERROR_RATE: "Equal error rate",
        Measure.RANK_1: "Found first (rank-1)",
        Measure.MS_PER_FACE: "ms a face",
    }[row.measure]


def _cells(row: ComparedMeasure) -> Iterator[Cell]:
    for at, figure in enumerate(row.figures):
        if figure is None:
            yield "-  "
        elif at == row.best:
            yield [(f"{_words(row.measure, figure)} {_BEST}", "bold cyan")]
        else:
            mark = _LEVEL if row.is_told_apart(at) is False else " "
            yield f"{_words(row.measure, figure)} {mark}"


def _words(measure: Measure, figure: Figure) -> str:
    if measure is Measure.MS_PER_FACE:
        return f"{figure.value:.2f}" if figure.value < 10 else f"{figure.value:.0f}"
    if figure.standard_error is not None:
        return f"{share(figure.value)} ± {100 * figure.standard_error:.2f}"
    if figure.low is None or figure.high is None:
        return share(figure.value)
    low, high = (share(edge).removesuffix(" %") for edge in (figure.low, figure.high))
    return f"{share(figure.value)} ({low} to {high})"


def _legend(result: Comparison) -> Iterator[str]:
    yield f"{_BEST} best. {_LEVEL} not told apart from the best: the difference may be luck."
    by_sets = " within each of View 2's ten sets of people" if result.by_sets else ""
    yield (
        f"FNMR: {result.genuine_pairs:,} genuine and {result.impostor_pairs:,} impostor pairs of "
        f"at most {result.max_photos_per_person} photos a person{by_sets}, with 95 % intervals. "
        "Photos without a face count as missed."
    )
    if any(row.measure is Measure.VIEW2_ACCURACY for row in result.measures):
        yield "Accuracy: the mean over the folds and its standard error."
    yield f"ms a face: embedding alone, on {result.machine}."
