"""How fast a network learns, and when it has learned enough. Loads no TensorFlow.

In: the step reached, or the validation loss of each epoch so far. Out: the rates that hold
now. All of it follows from what is written in a run's log, so a run that is resumed goes on
with exactly the rates it would have had.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from facesearch.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Rates:
    """What an optimizer is set to at one step.

    Attributes:
        learning_rate: as in Keras.
        beta1: decay of the mean of gradients; what momentum is to Adam.
    """

    learning_rate: float
    beta1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CyclicalPolicy:
    """The learning rate goes up and down in cycles, beta1 down and up against it.

    After Smith, "Cyclical learning rates for training neural networks" (2017), and "A
    disciplined approach to neural network hyper-parameters" (2018) for the momentum.

    Attributes:
        base: learning rate where the first cycle starts and ends.
        top: learning rate in the middle of every cycle.
        beta1_high: beta1 where the learning rate is lowest.
        beta1_low: beta1 where it is highest.
        lowered: share by which the base is lowered after each cycle.
        step_epochs: epochs from one end of a cycle to its middle.

    Raises:
        InvalidValue: the rates are no rates, or in the wrong order.
    """

    base: float
    top: float
    beta1_high: float
    beta1_low: float
    lowered: float
    step_epochs: int

    def __post_init__(self) -> None:
        if not 0 < self.base <= self.top < math.inf:
            raise InvalidValue(
                f"a cycle goes up from a base above 0 to a top that is finite and not below it, "
                f"not from {self.base} to {self.top}"
            )
        if not 0 <= self.beta1_low <= self.beta1_high < 1:
            raise InvalidValue(
                f"beta1 falls from below 1 to a value not above that, from 0 on, not from "
                f"{self.beta1_high} to {self.beta1_low}"
            )
        if not 0 <= self.lowered < 1:
            raise InvalidValue(f"a base is lowered by a share in 0..1, not by {self.lowered}")
        if self.step_epochs < 1:
            raise InvalidValue(f"half a cycle takes at least one epoch, not {self.step_epochs}")

    def at(self, step: int, steps_per_epoch: int) -> Rates:
        """The rates of one step, counted from 0.

        Raises:
            InvalidValue: the step is negative, or an epoch has none.
        """
        if step < 0 or steps_per_epoch < 1:
            raise InvalidValue(
                f"steps are counted from 0 and an epoch has at least one, not step {step} of "
                f"epochs of {steps_per_epoch}"
            )
        half = self.step_epochs * steps_per_epoch
        cycle, within = divmod(step, 2 * half)
        height = 1 - abs(within / half - 1)
        base = self.base * (1 - self.lowered) ** cycle
        return Rates(
            learning_rate=base + (self.top - base) * height,
            beta1=self.beta1_high - (self.beta1_high - self.beta1_low) * height,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plateau:
    """The learning rate is lowered where the validation loss gets no better.

    Attributes:
        factor: what the rate is multiplied by.
        patience: epochs without a better loss that are waited for.
        lowest: the rate is never lowered below.

    Raises:
        InvalidValue: the factor does not lower, or patience or rate are below what they can be.
    """

    factor: float
    patience: int
    lowest: float

    def __post_init__(self) -> None:
        if not (0 < self.factor < 1 and self.patience >= 1 and 0 <= self.lowest < math.inf):
            raise InvalidValue(
                f"a plateau multiplies the rate by a factor in 0..1 after at least one epoch, "
                f"down to a rate of at least 0, not by {self.factor} after {self.patience} down "
                f"to {self.lowest}"
            )

    def rate(self, start: float, losses: Sequence[float]) -> float:
        """The learning rate of the epoch that comes after those with these losses.

        Args:
            start: rate of the first epoch.
            losses: on the validation photos, one for each epoch; NaN is no better than any.
        """
        rate, best, waited = start, math.inf, 0
        for loss in losses:
            if loss < best:
                best, waited = loss, 0
                continue
            waited += 1
            if waited >= self.patience:
                rate, waited = max(rate * self.factor, min(self.lowest, start)), 0
        return rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """Training stops where the validation loss gets no better.

    The weights of the best epoch are the ones to keep.

    Attributes:
        patience: epochs without a better loss that are waited for.

    Raises:
        InvalidValue: less than one epoch.
    """

    patience: int

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise InvalidValue(f"at least one epoch is waited for, not {self.patience}")

    def is_due(self, losses: Sequence[float]) -> bool:
        """Whether to stop after epochs with these losses on the validation photos."""
        best = best_epoch(losses)
        return best is not None and len(losses) - 1 - best >= self.patience


def best_epoch(losses: Sequence[float]) -> int | None:
    """The first epoch of the lowest loss, counted from 0; None where no loss is a number."""
    numbers = [(loss, epoch) for epoch, loss in enumerate(losses) if not math.isnan(loss)]
    return min(numbers)[1] if numbers else None
