"""The plots of a trained network: what was measured in, drawings out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from facesearch.evaluation.report.curves import Curve, draw_lines, told
from facesearch.evaluation.report.drawing import DASHES, INK, SERIES, SOFT, log_axis, percent
from facesearch.evaluation.report.tables import distance
from facesearch.training.report.drawn import Drawing, scale
from facesearch.training.report.naming import Naming, readable
from facesearch.training.report.placing import COLOURED, TSNE, Places
from facesearch.training.report.telling import Telling

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ROWS = 40
"""People in a confusion matrix; of more, those with the most errors are drawn."""

_Counts: TypeAlias = NDArray[np.int64]
_Shares: TypeAlias = NDArray[np.float64]

# People whose matrix fits into a column; with more, numbers still fit into a wide one.
_NARROW_UP_TO, _NUMBERS_UP_TO = 15, 30
_ROUNDED_FROM = 0.005
_FEWEST_BINS = 20
_LOWEST_RATE, _HIGHEST_START = 1e-6, 0.1
# Sizes of numbers that fit into the cells of so many people; those of wide ones are larger.
_TEXTS = ((8, "medium"), (11, "small"), (_NARROW_UP_TO, "x-small"), (22, "small"), (26, "x-small"))
# Cells stay light enough (or, on a dark page, dark enough) to read a number on.
_DARKEST, _FAINTEST = 0.6, 0.25
_MARKERS = "os^DvP"


def drawn_people(naming: Naming) -> list[int]:
    """Labels of those in the confusion matrix, in order: all, or those with the most errors."""
    counts = naming.confusion()
    if len(naming.people) <= MOST_ROWS:
        return list(range(len(naming.people)))
    wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    return sorted(np.argsort(-wrong, kind="stable")[:MOST_ROWS].tolist())


def confusion(naming: Naming) -> Drawing:
    """Who is taken for whom: a row for each person, a column for each name given."""
    people = drawn_people(naming)
    counts = naming.confusion()
    rows = counts[np.ix_(people, people)]
    of_row = counts[people].sum(axis=1)
    shares = rows / np.maximum(of_row, 1)[:, None]
    names = [short(naming.people[at]) for at in people]
    left_out = len(naming.people) - len(people)
    few, numbered = len(people) <= _NARROW_UP_TO, len(people) <= _NUMBERS_UP_TO

    def draws(figure: Figure) -> None:
        axes = figure.subplots()
        _cells(axes, rows, shares, numbers=numbered)
        places = range(len(people))
        small = "small" if few else "x-small"
        turned: dict[str, Any] = (
            {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if few else {"rotation": 90}
        )
        axes.set_xticks(places, names, fontsize=small, **turned)
        counted = [f"{name} ({count:,})" for name, count in zip(names, of_row, strict=True)]
        axes.set_yticks(places, counted, fontsize=small)
        axes.tick_params(length=0)
        axes.set_xlabel("named as")
        axes.set_ylabel("who it is (chips)")

    some = f" Of {len(naming.people):,} people, the {len(people)} with the most errors."
    unit = "The numbers are percent" if numbered else "The stronger the colour, the more"
    return Drawing(
        "confusion",
        "Who is taken for whom",
        "Confusion matrix. Rows: who is on the chip; columns: who the network says it is. "
        f"{unit} of the row, which adds up to 100 %. On the diagonal lies what is right."
        f"{some if left_out else ''}",
        "Confusion matrix. Named rightly: "
        + "; ".join(
            f"{readable(naming.people[at])} {round(100 * shares[row, row])} % of {of_row[row]}"
            for row, at in enumerate(people)
        )
        + ".",
        draws,
        height=0.92 if few else 0.88,
        is_wide=not few,
    )


def _cells(axes: Axes, counts: _Counts, shares: _Shares, *, numbers: bool) -> None:
    from matplotlib.patches import Rectangle

    size = len(counts)
    text = next((name for most, name in _TEXTS if size <= most), "xx-small")
    for row, column in np.argwhere(counts > 0):
        share = shares[row, column]
        colour = SERIES[0] if row == column else SERIES[1]
        # Rare errors would be invisible at their share alone.
        alpha = _DARKEST * (_FAINTEST + (1 - _FAINTEST) * share)
        axes.add_patch(
            Rectangle((column - 0.5, row - 0.5), 1, 1, color=colour, alpha=alpha, linewidth=0)
        )
        if numbers:
            said = f"{100 * share:.0f}" if share >= _ROUNDED_FROM else "<1"
            axes.text(column, row, said, ha="center", va="center", fontsize=text)
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    axes.set_aspect("equal")
    # A line between cells, so that rows and columns can be followed.
    between = np.arange(0.5, size - 1)
    axes.set_xticks(between, minor=True)
    axes.set_yticks(between, minor=True)
    axes.grid(visible=False, which="major")
    axes.grid(which="minor")
    axes.tick_params(which="minor", length=0)


def roc(telling: Sequence[Telling]) -> Drawing:
    """True accepts against false matches, a line for each distance."""
    curves = [
        Curve(f"{each.distance}, AUC {each.auc:.4f}", np.array(each.fmr), 1 - np.array(each.fnmr))
        for each in telling
    ]
    # The rate of one pair: below it nothing is known.
    rates = [rate for each in telling for rate in each.fmr if rate > 0]
    floor = min(max(min(rates), _LOWEST_RATE), _HIGHEST_START)

    def draws(figure: Figure) -> None:
        axes = figure.subplots()
        log_axis(axes, "x", percent)
        draw_lines(axes, curves, floor_x=floor)
        chance = np.logspace(np.log10(floor), 0, 100)
        dots: tuple[int, tuple[int, ...]] = (0, (1, 2))
        axes.plot(chance, chance, color=SOFT, linewidth=scale(), linestyle=dots, label="chance")
        axes.legend(loc="best", fontsize="small")
        axes.set_xlim(floor, 1)
        axes.set_ylim(0, 1.005)
        axes.yaxis.set_major_formatter(lambda value, _: percent(round(value, 4)))
        axes.set_xlabel("false match rate (FMR), log scale")
        axes.set_ylabel("genuine pairs accepted (TMR)")

    return Drawing(
        "roc",
        "ROC",
        "Share of genuine pairs accepted at each false match rate, from all pairs of these chips, "
        "at most ten of each person. AUC is the probability that a genuine pair is nearer than an "
        "impostor pair; 0.5 is chance.",
        told("Receiver operating characteristic", curves, "FMR", "accepted", floor),
        draws,
    )


def distances(telling: Telling) -> Drawing:
    """How far apart genuine and impostor pairs lie, and the distance that separates them."""
    at = telling.separation
    edges, kinds = coarser(telling)

    def draws(figure: Figure) -> None:
        axes = figure.subplots()
        for number, (label, counts) in enumerate(kinds):
            values = counts / (max(int(counts.sum()), 1) * np.diff(edges))
            axes.stairs(values, edges, fill=True, color=SERIES[number], alpha=0.22)
            axes.stairs(
                values,
                edges,
                color=SERIES[number],
                linestyle=DASHES[number],
                label=f"{label} pairs ({int(counts.sum()):,})",
            )
        axes.axvline(
            at.threshold,
            color=INK,
            linewidth=scale(),
            linestyle=(0, (2, 2)),
            label=f"threshold {distance(at.threshold)}",
        )
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylim(bottom=0)
        axes.set_yticks([])
        axes.set_xlabel(f"{telling.distance} distance")
        axes.set_ylabel("density of pairs")
        axes.tick_params(length=3, color=SOFT)
        axes.legend(loc="best", fontsize="small")

    middle = (edges[:-1] + edges[1:]) / 2
    peaks = "; ".join(
        f"{label} pairs: {int(counts.sum()):,}, most near {middle[int(np.argmax(counts))]:.3f}"
        for label, counts in kinds
    )
    return Drawing(
        f"distances-{telling.distance.lower()}",
        f"{telling.distance[0].upper()}{telling.distance[1:]} distances",
        f"{telling.distance[0].upper()}{telling.distance[1:]} distances between embeddings of one "
        "person (genuine) and of two people (impostor). The less the two overlap, the better. What "
        "lies to the left of the dotted line counts as one person.",
        f"Histogram of {telling.distance} distances. {peaks}. Threshold {at.threshold:.4f}.",
        draws,
    )


def coarser(telling: Telling) -> tuple[_Shares, list[tuple[str, _Counts]]]:
    """The histogram with as many bins as there are pairs for: few pairs in many are but noise."""
    wanted = max(_FEWEST_BINS, 2 * math.isqrt(min(telling.genuine_pairs, telling.impostor_pairs)))
    of = max(1, len(telling.genuine) // wanted)
    edges = np.array(telling.edges)
    starts = np.arange(0, len(edges) - 1, of)
    kinds = (("genuine", telling.genuine), ("impostor", telling.impostor))
    return np.append(edges[starts], edges[-1]), [
        (label, np.add.reduceat(np.array(counts, np.int64), starts)) for label, counts in kinds
    ]


def places(found: Places, people: Sequence[str]) -> Drawing:
    """Embeddings as points.

    Args:
        found: where they lie.
        people: on all chips that were measured.
    """
    who = np.array([people[at] for at in found.positions])
    x, y = np.array(found.x), np.array(found.y)
    names, counts = np.unique(who, return_counts=True)
    chosen = sorted(names[np.argsort(-counts, kind="stable")[:COLOURED]].tolist())
    further = len(names) - len(chosen)

    def draws(figure: Figure) -> None:
        axes = figure.subplots()
        axes.grid(visible=False)
        size = 16 * scale() ** 2
        if further:
            others = ~np.isin(who, chosen)
            axes.scatter(x[others], y[others], s=size / 2, color=SOFT, alpha=0.35, linewidths=0)
        for number, name in enumerate(chosen):
            own, colour = who == name, SERIES[number % len(SERIES)]
            # Where colours begin again, points are hollow.
            hollow = number >= len(SERIES)
            axes.scatter(
                x[own],
                y[own],
                s=size,
                facecolors="none" if hollow else colour,
                edgecolors=colour,
                marker=_MARKERS[(number + hollow) % len(_MARKERS)],
                alpha=0.8,
                linewidths=0.9 * scale() if hollow else 0,
                label=short(name),
            )
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        figure.legend(
            loc="outside lower center",
            ncols=min(3, len(chosen)),
            fontsize="small",
            handletextpad=0.1,
            columnspacing=1.0,
        )

    plural = "person" if further == 1 else "people"
    shown = f" Grey: {further:,} further {plural}." if further else ""
    how = (
        "t-SNE keeps neighbours together; how far apart groups lie, and how large they are, says "
        "little."
        if found.method == TSNE
        else "The two directions in which embeddings differ most."
    )
    return Drawing(
        "embeddings",
        f"Embeddings ({found.method})",
        f"Each point is a chip, each colour and shape a person. Points of one person should lie "
        f"together, apart from others. {how}{shown}",
        f"{found.method} of {len(x):,} embeddings of {len(names):,} people.",
        draws,
        height=0.9,
    )


def short(name: str, most: int = 24) -> str:
    """A name for an axis."""
    plain = readable(name)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"
