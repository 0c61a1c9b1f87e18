"""The curves of a run: what was logged in, drawings out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from facesearch.evaluation.report.curves import Curve, told
from facesearch.evaluation.report.drawing import DASHES, SERIES, SOFT, log_axis, percent, power
from facesearch.training.logs import EpochRow, StepRow
from facesearch.training.report.drawn import Drawing, scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TRAINING, _VALIDATION = "training", "validation"
# Each has its own colour and dashes in every plot, with or without the other.
_LINES = {_TRAINING: 0, _VALIDATION: 1}

_MARKED_UP_TO = 30
# A loss that falls below this share of where it began is drawn down to 0.
_FALLEN = 1 / 3
# Rates that fall this far are drawn by powers of ten.
_FAR = 20.0
# Others below this are written as multiples of a power of ten.
_SMALL = 0.01


def curve_drawings(
    epochs: Sequence[EpochRow], steps: Sequence[StepRow], best: int | None
) -> tuple[Drawing, ...]:
    """Loss, accuracy, learning rate and beta1.

    Args:
        epochs, steps: as logged; those of which there are none are not drawn, nor are rates
            that never change.
        best: the epoch whose network was kept, which a line marks; None for none.
    """
    found = []
    if epochs:
        found.append(_loss(epochs, best))
        if any(row.accuracy is not None or row.validation_accuracy is not None for row in epochs):
            found.append(_accuracy(epochs, best))
    found += _rates(steps)
    return tuple(found)


def _loss(epochs: Sequence[EpochRow], best: int | None) -> Drawing:
    curves = list(_both(epochs, "loss"))

    def draws(figure: Figure) -> None:
        axes = figure.subplots()
        _by_epoch(axes, curves, epochs, best)
        low, high = _ends(curves)
        room = 0.06 * (high - low if low > _FALLEN * high else high)
        axes.set_ylim(0 if low <= _FALLEN * high else low - room, high + room or 1)
        axes.set_ylabel("loss")

    return Drawing(
        "loss",
        "Loss",
        "The loss on the training examples, while the weights changed, and on the validation "
        f"examples, after each epoch.{_kept(best)}{_phases_told(epochs)} A validation loss that "
        "rises while that of training falls says that the network learns its examples by heart.",
        told("Loss by epoch", curves, "epoch", "loss", 0.0),
        draws,
    )


def _accuracy(epochs: Sequence[EpochRow], best: int | None) -> Drawing:
    curves = list(_both(epochs, "accuracy"))
    pairs = epochs[-1].threshold is not None

    def draws(figure: Figure) -> None:
        axes = figure.subplots()
        _by_epoch(axes, curves, epochs, best)
        low, high = _ends(curves)
        room = max(0.08 * (high - low), 0.01)
        axes.set_ylim(max(0.0, low - room), min(1.0, high + room))
        axes.yaxis.set_major_formatter(lambda value, _: percent(round(value, 4)))
        axes.set_ylabel("accuracy")

    what = (
        "Share of the validation pairs on the right side of the distance that separates them best."
        if pairs
        else "Share of chips whose person is named: of training, while the weights changed and "
        "with what the recipe leaves out at random, such as dropout, and of validation."
    )
    return Drawing(
        "accuracy",
        "Accuracy",
        f"{what}{_kept(best)}",
        told("Accuracy by epoch", curves, "epoch", "accuracy", 0.0),
        draws,
    )


def _rates(steps: Sequence[StepRow]) -> Iterator[Drawing]:
    x = np.array([row.step for row in steps], np.float64)
    rate = np.array([row.learning_rate for row in steps])
    beta1 = np.array([np.nan if row.beta1 is None else row.beta1 for row in steps])
    parts = [
        (name, values)
        for name, values in (("learning rate", rate), ("beta1", beta1))
        if len(values) and not np.isnan(values).all() and np.nanmax(values) > np.nanmin(values)
    ]
    if not parts:
        return

    def draws(figure: Figure) -> None:
        panels = figure.subplots(len(parts), sharex=True, squeeze=False)[:, 0]
        for axes, (name, values) in zip(panels, parts, strict=True):
            # Not thinned: cycles have corners.
            axes.plot(x, values, color=SERIES[0])
            axes.set_ylabel(name)
            axes.tick_params(length=3, color=SOFT)
            low, high = float(np.nanmin(values)), float(np.nanmax(values))
            if low > 0 and high / low > _FAR:
                log_axis(axes, "y", power)
            elif high < _SMALL:
                unit = 10.0 ** np.floor(np.log10(high))
                axes.yaxis.set_major_formatter(lambda value, _, unit=unit: f"{value / unit:.4g}")
                axes.set_ylabel(f"{name} ({power(unit)})")
        figure.align_ylabels(panels)
        panels[-1].set_xlabel("step")
        panels[-1].set_xlim(x[0] - 0.5, x[-1] + 0.5)

    names = " and ".join(name for name, _ in parts)
    spans = "; ".join(
        f"{name} from {values[0]:.3g} to {values[-1]:.3g}, lowest {np.nanmin(values):.3g}, "
        f"highest {np.nanmax(values):.3g}"
        for name, values in parts
    )
    yield Drawing(
        "learning-rate",
        names[0].upper() + names[1:],
        f"The {names} that each step was made with.",
        f"By step, 1 to {len(steps):,}: {spans}.",
        draws,
    )


def _both(epochs: Sequence[EpochRow], what: str) -> Iterator[Curve]:
    x = np.array([row.epoch for row in epochs], np.float64)
    for label, name in ((_TRAINING, what), (_VALIDATION, f"validation_{what}")):
        values = [getattr(row, name) for row in epochs]
        y = np.array([np.nan if value is None else value for value in values])
        if not np.isnan(y).all():
            yield Curve(label, x, y)


def _ends(curves: Sequence[Curve]) -> tuple[float, float]:
    """The lowest and the highest value."""
    values = np.concatenate([curve.y for curve in curves])
    return float(np.nanmin(values)), float(np.nanmax(values))


def _by_epoch(
    axes: Axes, curves: Sequence[Curve], epochs: Sequence[EpochRow], best: int | None
) -> None:
    from matplotlib.ticker import MaxNLocator

    few = len(epochs) <= _MARKED_UP_TO
    for curve in curves:
        line = _LINES[curve.label]
        axes.plot(
            curve.x,
            curve.y,
            color=SERIES[line],
            linestyle=DASHES[line],
            label=curve.label,
            marker="o" if few else "",
            markersize=4 * scale(),
            clip_on=not few,
        )
    for before, after in pairwise(epochs):
        if before.phase != after.phase:
            axes.axvline(before.epoch + 0.5, color=SOFT, linewidth=0.8 * scale())
            axes.text(
                before.epoch + 0.5,
                1.01,
                after.phase,
                fontsize="small",
                ha="center",
                color=SOFT,
                transform=axes.get_xaxis_transform(),
            )
    if best is not None:
        dots: tuple[int, tuple[int, ...]] = (0, (2, 2))
        axes.axvline(
            best, color=SOFT, linewidth=scale(), linestyle=dots, label=f"kept: epoch {best}"
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    axes.set_xlim(0.5, len(epochs) + 0.5)
    axes.set_xlabel("epoch")
    axes.tick_params(length=3, color=SOFT)
    axes.legend(loc="best", fontsize="small")


def _kept(best: int | None) -> str:
    return "" if best is None else f" Dotted: epoch {best}, whose network was kept."


def _phases_told(epochs: Sequence[EpochRow]) -> str:
    names = list(dict.fromkeys(row.phase for row in epochs))
    return f" Vertical lines part the phases {', '.join(names)}." if len(names) > 1 else ""
