"""Lines of a plot: measured curves in, lines on matplotlib axes and their words out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from facesearch.errors import InvalidValue
from facesearch.evaluation.report.drawing import DASHES, SERIES, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Rates = npt.NDArray[np.floating]

# More points than a screen has columns only make the file larger.
_MOST_POINTS = 400


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One line of a plot.

    Attributes:
        label: whose line it is.
        x: shape (n,), finite.
        y: shape (n,), NaN where nothing was measured.
        low, high: shape (n,), the confidence band around y; None: no band.

    Raises:
        InvalidValue: the arrays are empty or not of one length.
    """

    label: str
    x: Rates
    y: Rates
    low: Rates | None = None
    high: Rates | None = None

    def __post_init__(self) -> None:
        shapes = {part.shape for part in (self.x, self.y, self.low, self.high) if part is not None}
        if len(shapes) != 1 or self.x.ndim != 1 or len(self.x) == 0:
            raise InvalidValue(f"the curve {self.label!r} needs flat arrays of one length, above 0")


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of a plot worth a name, such as an operating point.

    `low` and `high` are the confidence interval of y; None: none is drawn.
    """

    label: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None


def draw_lines(
    axes: Axes,
    curves: Sequence[Curve],
    *,
    floor_x: float | None = None,
    floor_y: float | None = None,
    marker: str = "",
) -> None:
    for number, curve in enumerate(curves):
        colour = SERIES[number % len(SERIES)]
        kept = _thinned(curve, floor_x)
        x, y = curve.x[kept], curve.y[kept]
        if floor_x is not None:
            x = np.maximum(x, floor_x)
        if floor_y is not None:
            y = np.where(np.isnan(y), np.nan, np.maximum(y, floor_y))
        if curve.low is not None and curve.high is not None:
            low, high = curve.low[kept], curve.high[kept]
            if floor_y is not None:
                low, high = np.maximum(low, floor_y), np.maximum(high, floor_y)
            axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(
            x,
            y,
            color=colour,
            linestyle=DASHES[number % len(DASHES)],
            label=curve.label,
            marker=marker,
            markersize=4,
            clip_on=not marker,
        )
    if len(curves) > 1:
        axes.legend(loc="best")
    axes.tick_params(length=3, color=SOFT)


def _thinned(curve: Curve, floor_x: float | None) -> npt.NDArray[np.integer]:
    """Points that carry the shape of a long curve, evenly spread along x and y together.

    Of those below the axis only the one nearest to it stays.
    """
    rows = np.arange(len(curve.x))
    if floor_x is not None:
        inside = curve.x >= floor_x
        inside[:-1] |= inside[1:]
        rows = rows[inside] if inside.any() else rows
    if len(rows) <= _MOST_POINTS:
        return rows

    def travelled(values: Rates) -> Rates:
        logged = np.log10(np.maximum(np.nan_to_num(values), 1e-7))
        steps = np.abs(np.diff(logged, prepend=logged[0]))
        return np.asarray(np.cumsum(steps) / max(float(steps.sum()), 1e-12))

    path = travelled(curve.x[rows]) + travelled(curve.y[rows])
    places = np.searchsorted(path, np.linspace(0, path[-1], _MOST_POINTS))
    last = len(rows) - 1
    return np.asarray(rows[np.unique(np.concatenate([[0], np.minimum(places, last), [last]]))])


def lowest_x(curves: Sequence[Curve]) -> float:
    """The power of ten at or below the smallest rate above 0 on the x axis, 1e-6 at least."""
    positive = [float(curve.x[curve.x > 0].min()) for curve in curves if (curve.x > 0).any()]
    smallest = min(positive, default=1e-3)
    return float(max(10.0 ** np.floor(np.log10(smallest) + 1e-9), 1e-6))


def lowest_y(curves: Sequence[Curve]) -> float:
    positive = [float(curve.y[curve.y > 0].min()) for curve in curves if (curve.y > 0).any()]
    smallest = min(positive, default=1e-2)
    return float(max(10.0 ** np.floor(np.log10(min(smallest, 0.5))), 1e-6))


def seen(curve: Curve, floor: float) -> Rates:
    seen = curve.y[curve.x >= floor]
    return seen if len(seen) and not np.isnan(seen).all() else np.array([0.0])


def told(what: str, curves: Sequence[Curve], x_name: str, y_name: str, floor: float) -> str:
    """A plot in a sentence: three points of each line."""
    told = []
    for curve in curves:
        usable = np.flatnonzero((curve.x >= floor) & ~np.isnan(curve.y))
        if len(usable) == 0:
            continue
        chosen = usable[np.unique(np.linspace(0, len(usable) - 1, 3).round().astype(int))]
        points = ", ".join(
            f"{y_name} {curve.y[i]:.3g} at {x_name} {curve.x[i]:.3g}" for i in chosen
        )
        told.append(f"{curve.label}: {points}.")
    return f"{what}. " + " ".join(told)
