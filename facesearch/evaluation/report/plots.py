"""The plots of an evaluation: measured curves in, `Plot` values out.

Every function takes arrays and names, draws one plot, and writes the caption that says
how to read it. Rates are shares in 0..1; where an axis is logarithmic, zeros are drawn
at the smallest rate that the number of trials can show, and nothing is drawn below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from facesearch.evaluation.report.curves import (
    Curve,
    Mark,
    Rates,
    draw_lines,
    lowest_x,
    lowest_y,
    seen,
    told,
)
from facesearch.evaluation.report.drawing import (
    DASHES,
    INK,
    SERIES,
    Plot,
    draw,
    log_axis,
    percent,
    power,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def roc(curves: Sequence[Curve]) -> Plot:
    """True accepts against false matches; x is the FMR, y is 1 - FNMR."""
    floor = lowest_x(curves)

    def drawing(axes: Axes) -> None:
        log_axis(axes, "x", percent)
        draw_lines(axes, curves, floor_x=floor)
        axes.set_xlim(floor, 1)
        lowest = min(float(np.nanmin(seen(curve, floor))) for curve in curves)
        axes.set_ylim(max(0.0, lowest - 0.04), 1.005)
        axes.yaxis.set_major_formatter(lambda value, _: percent(round(value, 4)))
        axes.set_xlabel("false match rate (FMR), log scale")
        axes.set_ylabel("genuine pairs accepted (1 - FNMR)")

    return Plot(
        "roc",
        "ROC",
        "Share of genuine pairs accepted at each false match rate. Higher is better; further "
        "left is stricter. The axis of the false match rate is logarithmic, since a large "
        "library works far on the left.",
        told("Receiver operating characteristic", curves, "FMR", "accepted", floor),
        draw(drawing),
    )


def det(curves: Sequence[Curve], marks: Sequence[Mark] = ()) -> Plot:
    """Both errors against each other; x is the FMR, y is the FNMR, with its band."""
    floor = lowest_x(curves)

    def drawing(axes: Axes) -> None:
        log_axis(axes, "x", percent)
        log_axis(axes, "y", percent)
        lowest = lowest_y(curves)
        draw_lines(axes, curves, floor_x=floor, floor_y=lowest)
        for mark in marks:
            at = (max(mark.x, floor), max(mark.y, lowest))
            axes.plot(*at, "o", color=INK, markersize=4.5)
            if mark.low is not None and mark.high is not None:
                axes.vlines(at[0], max(mark.low, lowest), mark.high, color=INK, linewidth=1.4)
            axes.annotate(
                mark.label, at, xytext=(6, 6), textcoords="offset points", fontsize=9, color=INK
            )
        axes.set_xlim(floor, 1)
        axes.set_ylim(lowest, 1)
        axes.set_xlabel("false match rate (FMR), log scale")
        axes.set_ylabel("false non-match rate (FNMR), log scale")

    return Plot(
        "det",
        "DET",
        "The two errors against each other, both axes logarithmic: strangers taken for one "
        "person (to the right) and one person taken for two (upwards). Lower and further left "
        "is better. Dots are the false match rates of the table; the line through a dot is its "
        "95 % confidence interval.",
        told("Detection error trade-off", curves, "FMR", "FNMR", floor),
        draw(drawing),
    )


def distances(
    edges: Rates,
    genuine: npt.NDArray[np.integer],
    impostor: npt.NDArray[np.integer],
    marks: Sequence[tuple[str, float]] = (),
) -> Plot:
    """How far apart genuine and impostor pairs lie.

    Args:
        edges: shape (n + 1,), the bins' edges in cosine distance.
        genuine, impostor: shape (n,), pairs in each bin.
        marks: a name and a distance for each operating point.
    """
    width = np.diff(edges)

    def density(counts: npt.NDArray[np.integer]) -> Rates:
        return np.asarray(counts / (max(int(counts.sum()), 1) * width))

    def drawing(axes: Axes) -> None:
        axes.set_yscale("log")
        log_axis(axes, "y", power)
        for number, (label, counts) in enumerate((("genuine", genuine), ("impostor", impostor))):
            values = density(counts)
            axes.stairs(values, edges, fill=True, color=SERIES[number], alpha=0.22)
            axes.stairs(
                values,
                edges,
                color=SERIES[number],
                linewidth=1.8,
                linestyle=DASHES[number],
                label=f"{label} pairs ({int(counts.sum()):,})",
            )
        used = np.flatnonzero((genuine > 0) | (impostor > 0))
        if len(used):
            axes.set_xlim(max(0.0, edges[used[0]] - width[0]), edges[used[-1] + 1] + width[0])
        positive = [d[d > 0].min() for d in (density(genuine), density(impostor)) if d.any()]
        highest = max(float(density(genuine).max()), float(density(impostor).max()), 1e-9)
        axes.set_ylim(
            min(positive, default=highest / 10) / 1.5, highest * 150
        )  # room for the names of the lines
        for label, at in marks:
            axes.axvline(at, color=INK, linewidth=0.9, linestyle=(0, (2, 2)))
            axes.text(
                at,
                0.985,
                f" {label}",
                rotation=90,
                fontsize=8.5,
                color=INK,
                va="top",
                ha="right",
                transform=axes.get_xaxis_transform(),
            )
        axes.set_xlabel("cosine distance")
        axes.set_ylabel("density of pairs, log scale")
        axes.legend(loc="lower right")

    middle = (edges[:-1] + edges[1:]) / 2
    return Plot(
        "distances",
        "Distances",
        "How far apart the faces of one person lie (genuine) and those of two people "
        "(impostor). The less the two overlap, the better. Vertical lines: the distances at "
        "which the named false match rates are reached; what lies to their left counts as "
        "the same person.",
        "Histogram of cosine distances. "
        + "; ".join(
            f"{label} pairs: {int(counts.sum()):,}, most near {middle[int(counts.argmax())]:.3f}"
            for label, counts in (("genuine", genuine), ("impostor", impostor))
        )
        + ".",
        draw(drawing),
    )


def cmc(curves: Sequence[Curve]) -> Plot:
    """How often the right person is among the nearest; x is the rank, y the share."""

    def drawing(axes: Axes) -> None:
        draw_lines(axes, curves, marker="o" if len(curves[0].x) <= 30 else "")
        lowest = min(float(np.nanmin(curve.y)) for curve in curves)
        axes.set_ylim(max(0.0, lowest - max(0.01, (1 - lowest) * 0.4)), 1.0)
        last = max(int(curve.x[-1]) for curve in curves)
        axes.set_xticks([1, *range(5, last + 1, 5)] if last > 6 else range(1, last + 1))
        axes.yaxis.set_major_formatter(lambda value, _: percent(round(value, 5)))
        axes.set_xlabel("rank: how many people the answer may name")
        axes.set_ylabel("probes whose person is among them")

    return Plot(
        "cmc",
        "CMC: the right person among the first",
        "Every photo is searched among all others. Rank 1 is the share of photos for which "
        "the very first answer is the right person; the line then says how often the right "
        "person is among the first two, three and so on. Photos in which no face was found "
        "count as misses.",
        "Cumulative match characteristic. "
        + " ".join(
            f"{c.label}: rank {int(c.x[0])} {percent(round(float(c.y[0]), 4))}, "
            f"rank {int(c.x[-1])} {percent(round(float(c.y[-1]), 4))}."
            for c in curves
        ),
        draw(drawing),
    )


def open_set(curves: Sequence[Curve]) -> Plot:
    """Searches among people known and unknown; x is the FPIR, y is the FNIR."""
    floor = lowest_x(curves)

    def drawing(axes: Axes) -> None:
        log_axis(axes, "x", percent)
        log_axis(axes, "y", percent)
        lowest = lowest_y(curves)
        draw_lines(axes, curves, floor_x=floor, floor_y=lowest)
        axes.set_xlim(floor, 1)
        axes.set_ylim(lowest, 1)
        axes.set_xlabel("unknown people who get a name (FPIR), log scale")
        axes.set_ylabel("known people not named (FNIR), log scale")

    return Plot(
        "open-set",
        "Known and unknown people",
        "Part of the people are left out of the gallery. To the right: searches for them that "
        "name somebody all the same (false positive identification rate). Upwards: searches "
        "for people of the gallery that do not name them first (false negative identification "
        "rate). Lower and further left is better.",
        told("Open-set identification", curves, "FPIR", "FNIR", floor),
        draw(drawing),
    )


def discard(curves: Sequence[Curve]) -> Plot:
    """What leaving out poor photos gains; x is the share left out, y the FNMR of the rest."""

    def drawing(axes: Axes) -> None:
        draw_lines(axes, curves)
        axes.set_ylim(0, max(float(np.nanmax(curve.y)) for curve in curves) * 1.12 + 1e-6)
        axes.set_xlim(0, max(float(curve.x.max()) for curve in curves))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: percent(round(value, 5)))
        axes.set_xlabel("photos left out, poorest first")
        axes.set_ylabel("false non-match rate (FNMR) of the rest")

    return Plot(
        "discard",
        "Does quality foretell errors?",
        "The false non-match rate when the photos of poorest measured quality are left out, at "
        "an unchanged distance. A line that falls steeply says that the measured quality "
        "foretells errors; a flat one says that it does not.",
        told("Error versus discard", curves, "left out", "FNMR", 0.0),
        draw(drawing),
    )


def precision_recall(curves: Sequence[Curve]) -> Plot:
    """Found faces against false finds; x is the recall, y the precision."""

    def drawing(axes: Axes) -> None:
        draw_lines(axes, curves)
        lowest = min(float(np.nanmin(curve.y)) for curve in curves)
        axes.set_xlim(0, 1.01)
        axes.set_ylim(max(0.0, min(lowest, 0.9) - 0.03), 1.01)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: percent(round(value, 5)))
        axes.set_xlabel("recall: marked faces that were found")
        axes.set_ylabel("precision: finds that are faces")

    return Plot(
        "precision-recall",
        "Finding faces",
        "From strict to lenient, how many of the marked faces are found (recall), and how many "
        "of the finds are marked faces (precision). Further right and higher is better.",
        told("Precision and recall of face detection", curves, "recall", "precision", 0.0),
        draw(drawing),
    )
