"""The curves of a run: what was logged in, drawings out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from facesearch.evaluation.report.curves import Curve, draw_lines, told
from facesearch.evaluation.report.drawing import SOFT, percent
from facesearch.training.logs import EpochRow, StepRow
from facesearch.training.report.drawn import Drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Rates that fall this far are drawn by powers of ten.
_FAR = 20.0


def curve_drawings(
    epochs: Sequence[EpochRow], steps: Sequence[StepRow], best: int | None
) -> tuple[Drawing, ...]:
    """Loss, accuracy, learning rate and beta1.

    Args:
        epochs, steps: as logged; those of which there are none are not drawn.
        best: the epoch whose network was kept, which a line marks; None for none.
    """
    found = []
    if epochs:
        found.append(_loss(epochs, best))
        if any(row.accuracy is not None or row.validation_accuracy is not None for row in epochs):
            found.append(_accuracy(epochs, best))
    if steps:
        found.append(_rates(steps))
    return tuple(found)


def _loss(epochs: Sequence[EpochRow], best: int | None) -> Drawing:
    curves = list(_both(epochs, "loss"))

    def draws(figure: Figure) -> None:
        axes = figure.subplots()
        _by_epoch(axes, curves, epochs, best)
        axes.set_ylim(bottom=0)
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
        lowest = min(float(np.nanmin(curve.y)) for curve in curves)
        axes.set_ylim(max(0.0, lowest - 0.05), 1.0)
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


def _rates(steps: Sequence[StepRow]) -> Drawing:
    x = np.array([row.step for row in steps], np.float64)
    rate = np.array([row.learning_rate for row in steps])
    beta1 = np.array([np.nan if row.beta1 is None else row.beta1 for row in steps])
    parts = [("learning rate", rate)]
    if not np.isnan(beta1).all():
        parts.append(("beta1", beta1))

    def draws(figure: Figure) -> None:
        panels = figure.subplots(len(parts), sharex=True, squeeze=False)[:, 0]
        for axes, (name, values) in zip(panels, parts, strict=True):
            # Not thinned: cycles have corners.
            axes.plot(x, values)
            axes.set_ylabel(name)
            axes.tick_params(length=3, color=SOFT)
        if rate.min() > 0 and rate.max() / rate.min() > _FAR:
            panels[0].set_yscale("log")
        for axes, (_, values) in zip(panels, parts, strict=True):
            if np.nanmax(values) == np.nanmin(values) > 0:
                axes.set_ylim(0, 1.25 * float(np.nanmax(values)))
        panels[-1].set_xlabel("step")
        panels[-1].set_xlim(x[0] - 0.5, x[-1] + 0.5)

    names = " and ".join(name for name, _ in parts)
    spans = "; ".join(
        f"{name} from {values[0]:.3g} to {values[-1]:.3g}, lowest {np.nanmin(values):.3g}, "
        f"highest {np.nanmax(values):.3g}"
        for name, values in parts
    )
    return Drawing(
        "learning-rate",
        names[0].upper() + names[1:],
        f"The {names} that each step was made with.",
        f"By step, 1 to {len(steps):,}: {spans}.",
        draws,
    )


def _both(epochs: Sequence[EpochRow], what: str) -> Iterator[Curve]:
    x = np.array([row.epoch for row in epochs], np.float64)
    for label, name in (("training", what), ("validation", f"validation_{what}")):
        values = [getattr(row, name) for row in epochs]
        y = np.array([np.nan if value is None else value for value in values])
        if not np.isnan(y).all():
            yield Curve(label, x, y)


def _by_epoch(
    axes: Axes, curves: Sequence[Curve], epochs: Sequence[EpochRow], best: int | None
) -> None:
    from matplotlib.ticker import MaxNLocator

    draw_lines(axes, curves, marker="o" if len(epochs) <= 30 else "")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(0.5, len(epochs) + 0.5)
    axes.set_xlabel("epoch")
    for before, after in pairwise(epochs):
        if before.phase != after.phase:
            axes.axvline(before.epoch + 0.5, color=SOFT, linewidth=0.8)
            axes.text(
                before.epoch + 0.5,
                0.02,
                f" {after.phase}",
                fontsize="small",
                color=SOFT,
                transform=axes.get_xaxis_transform(),
            )
    if best is not None:
        axes.axvline(best, color=SOFT, linewidth=0.9, linestyle=(0, (2, 2)))


def _kept(best: int | None) -> str:
    return "" if best is None else f" Dotted: epoch {best}, whose network was kept."


def _phases_told(epochs: Sequence[EpochRow]) -> str:
    names = list(dict.fromkeys(row.phase for row in epochs))
    return f" Vertical lines part the phases {', '.join(names)}." if len(names) > 1 else ""
