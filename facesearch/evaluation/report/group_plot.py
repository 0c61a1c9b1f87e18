"""The plot of errors per group: rates with intervals in, a `Plot` out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facesearch.evaluation.report.drawing import (
    INK,
    SERIES,
    SOFT,
    Plot,
    draw_panels,
    log_axis,
    percent,
)
from facesearch.photos.files import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LONGEST_NAME = 32


@dataclass(frozen=True, slots=True)
class GroupRates:
    """Both errors of one group at one distance.

    Attributes:
        name: of the group.
        fmr, fnmr: (rate, low, high), shares in 0..1; None where the group has no such pairs.
    """

    name: str
    fmr: tuple[float, float, float] | None
    fnmr: tuple[float, float, float] | None


def group_rates(groups: Sequence[GroupRates], *, wanted_fmr: float) -> Plot:
    """FMR and FNMR of every group, at the one distance that gives everybody `wanted_fmr`.

    Args:
        groups: at least one, in the order in which they are drawn from above.
        wanted_fmr: drawn as a line among the false match rates.
    """
    rows = range(len(groups))

    from matplotlib.ticker import LogLocator

    def panel(axes: Axes, title: str, rates: Sequence[tuple[float, float, float] | None]) -> None:
        log_axis(axes, "x", percent)
        positive = [v for rate in rates if rate is not None for v in rate if v > 0]
        floor = min([*positive, 0.5]) / 2
        ceiling = min(1.0, max([*positive, floor * 10]) * 2)
        for row, rate in zip(rows, rates, strict=True):
            if rate is None:
                axes.text(floor * 1.1, row, "no pairs", color=SOFT, va="center", fontsize=9)
                continue
            value, low, high = (max(v, floor) for v in rate)
            axes.plot([low, high], [row, row], color=SERIES[0], linewidth=2.2)
            # A rate of zero is drawn open, at the edge: the axis has no zero.
            axes.plot(
                value,
                row,
                "o",
                color=SERIES[0],
                markersize=6,
                markerfacecolor=SERIES[0] if rate[0] > 0 else "none",
            )
        if ceiling / floor < 300:  # powers of ten alone would be too few to read it by
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
        axes.set_xlim(floor, ceiling)
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        axes.set_title(title, fontsize=10.5, loc="left", color=INK)

    def drawing(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        panel(left, "strangers taken for one person (FMR)", [g.fmr for g in groups])
        left.axvline(wanted_fmr, color=SOFT, linewidth=1, linestyle=(0, (2, 2)))
        panel(right, "one person taken for two (FNMR)", [g.fnmr for g in groups])
        left.set_yticks(list(rows), [_short(g.name) for g in groups])

    def words(name: str, rate: tuple[float, float, float] | None) -> str:
        return (
            f"{name} none"
            if rate is None
            else f"{name} {rate[0]:.2g} ({rate[1]:.2g} to {rate[2]:.2g})"
        )

    return Plot(
        "groups",
        "Errors per group",
        "Both errors of each group at one and the same distance. Lines are 95 % confidence "
        "intervals; an open point is a rate of zero. Groups whose lines do not overlap differ; "
        "a group with few pairs has a long line and says little. The dashed line is the false "
        "match rate that the distance gives over everybody.",
        "Error rates per group. "
        + " ".join(f"{g.name}: {words('FMR', g.fmr)}, {words('FNMR', g.fnmr)}." for g in groups),
        draw_panels(drawing, 9.6, 1.3 + 0.42 * max(2, len(groups))),
    )


def _short(name: str) -> str:
    """A name that leaves room for the plot and holds nothing that is no text."""
    shown = printable(name)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1]}…"
