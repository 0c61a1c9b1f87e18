"""The plots of a trained network: what was measured in, drawings out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facesearch.evaluation.report.curves import Curve, draw_lines, lowest_x, told
from facesearch.evaluation.report.drawing import DASHES, INK, SERIES, SOFT, log_axis, percent
from facesearch.training.report.drawn import Drawing
from facesearch.training.report.naming import Naming
from facesearch.training.report.placing import COLOURED, TSNE, Places
from facesearch.training.report.telling import Telling

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ROWS = 40
"""People in a confusion matrix; of more, those with the most errors are drawn."""

_NUMBERS_UP_TO = 15
# Cells stay light enough (or, on a dark page, dark enough) to read a number on.
_DARKEST = 0.6
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

    def draws(figure: Figure) -> None:
        from matplotlib.patches import Rectangle

        axes = figure.subplots()
        axes.grid(visible=False)
        for row, column in np.argwhere(rows > 0):
            share = shares[row, column]
            colour = SERIES[0] if row == column else SERIES[1]
            # Rare errors would be invisible at their share alone.
            alpha = _DARKEST * max(share, 0.12)
            axes.add_patch(
                Rectangle((column - 0.5, row - 0.5), 1, 1, color=colour, alpha=alpha, linewidth=0)
            )
            if len(people) <= _NUMBERS_UP_TO:
                axes.text(
                    column,
                    row,
                    f"{round(100 * share)}",
                    ha="center",
                    va="center",
                    fontsize="medium" if len(people) <= 10 else "small",
                )
        axes.set_xlim(-0.5, len(people) - 0.5)
        axes.set_ylim(len(people) - 0.5, -0.5)
        axes.set_aspect("equal")
        size = "small" if len(people) <= _NUMBERS_UP_TO else "xx-small"
        axes.set_xticks(range(len(people)), names, rotation=90, fontsize=size)
        axes.set_yticks(range(len(people)), names, fontsize=size)
        axes.tick_params(length=0)
        axes.set_xlabel("named as")
        axes.set_ylabel("who it is")

    some = f" Of {len(naming.people):,} people, the {len(people)} with the most errors."
    return Drawing(
        "confusion",
        "Who is taken for whom",
        "Confusion matrix. Rows: who is on the chip; columns: who the network says it is; each "
        "row adds up to 100 %. On the diagonal lies what is right."
        f"{some if left_out else ''}",
        "Confusion matrix. Named rightly: "
        + "; ".join(
            f"{naming.people[at]} {round(100 * shares[row, row])} % of {of_row[row]}"
            for row, at in enumerate(people)
        )
        + ".",
        draws,
        height_in=6.4,
    )


def roc(telling: Sequence[Telling]) -> Drawing:
    """True accepts against false matches, a line for each distance."""
    curves = [
        Curve(f"{each.distance}, AUC {each.auc:.4f}", np.array(each.fmr), 1 - np.array(each.fnmr))
        for each in telling
    ]
    floor = lowest_x(curves)

    def draws(figure: Figure) -> None:
        axes = figure.subplots()
        log_axis(axes, "x", percent)
        draw_lines(axes, curves, floor_x=floor)
        chance = np.logspace(np.log10(floor), 0, 100)
        axes.plot(chance, chance, color=SOFT, linewidth=0.8, linestyle=(0, (1, 2)), label="chance")
        axes.legend(loc="best")
        axes.set_xlim(floor, 1)
        axes.set_ylim(0, 1.005)
        axes.yaxis.set_major_formatter(lambda value, _: percent(round(value, 4)))
        axes.set_xlabel("false match rate (FMR), log scale")
        axes.set_ylabel("genuine pairs accepted")

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
    edges = np.array(telling.edges)
    at = telling.separation

    def draws(figure: Figure) -> None:
        axes = figure.subplots()
        for number, (label, found) in enumerate(
            (("genuine", telling.genuine), ("impostor", telling.impostor))
        ):
            counts = np.array(found)
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
            linewidth=0.9,
            linestyle=(0, (2, 2)),
            label=f"threshold {at.threshold:.3f}",
        )
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylim(bottom=0)
        axes.set_yticks([])
        axes.set_xlabel(f"{telling.distance} distance")
        axes.set_ylabel("density of pairs")
        axes.legend(loc="upper right")

    middle = (edges[:-1] + edges[1:]) / 2
    peaks = "; ".join(
        f"{label} pairs: {sum(counts):,}, most near {middle[int(np.argmax(counts))]:.3f}"
        for label, counts in (("genuine", telling.genuine), ("impostor", telling.impostor))
    )
    return Drawing(
        f"distances-{telling.distance.lower()}",
        f"{telling.distance[0].upper()}{telling.distance[1:]} distances",
        "How far apart embeddings of one person lie (genuine) and those of two people (impostor). "
        "The less the two overlap, the better. The dotted line is the one distance that is used "
        "to tell them apart: what lies to its left counts as one person.",
        f"Histogram of {telling.distance} distances. {peaks}. Threshold {at.threshold:.4f}.",
        draws,
    )


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
    others = ~np.isin(who, chosen)

    def draws(figure: Figure) -> None:
        axes = figure.subplots()
        _points(axes, x, y, who, chosen, others)

    shown = "" if not others.any() else f" Grey: {len(names) - len(chosen):,} further people."
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
        height_in=5.0,
    )


def _points(
    axes: Axes,
    x: np.ndarray[tuple[int], np.dtype[np.float64]],
    y: np.ndarray[tuple[int], np.dtype[np.float64]],
    who: np.ndarray[tuple[int], np.dtype[np.str_]],
    chosen: Sequence[str],
    others: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> None:
    axes.grid(visible=False)
    if others.any():
        axes.scatter(x[others], y[others], s=6, color=SOFT, alpha=0.35, linewidths=0)
    for number, name in enumerate(chosen):
        own = who == name
        axes.scatter(
            x[own],
            y[own],
            s=14,
            color=SERIES[number % len(SERIES)],
            marker=_MARKERS[(number + number // len(SERIES)) % len(_MARKERS)],
            alpha=0.8,
            linewidths=0,
            label=short(name),
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", handletextpad=0.2)


def short(name: str, most: int = 20) -> str:
    """A name for an axis."""
    plain = name.replace("_", " ")
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"
