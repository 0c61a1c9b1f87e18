"""How much memory training takes, about. Loads no TensorFlow.

In: a network, its optimizer's numbers, a batch. Out: bytes, by what they are for. Estimates are
of what stays: what single operations take for themselves, and TensorFlow itself (about 0.5 GB),
come on top of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from facesearch.training.recipes.base import BuiltNetwork, Task

_NUMBER_BYTES = 4
_INPUT_BYTES = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEstimate:
    """Bytes that training takes.

    Attributes:
        weights: of the network.
        gradients: of the weights that learn.
        optimizer: what it remembers of each of these.
        activations: what all layers gave for a batch, kept for the way back.
        chips: held for the whole run.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    chips: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.chips


def estimate(
    built: BuiltNetwork, task: Task, *, learned: int, slots: int, batch: int, chips_bytes: int
) -> MemoryEstimate:
    """What training a network takes, at the phase in which most of it learns.

    Args:
        learned: numbers that learn in that phase.
        slots: numbers the optimizer remembers for each of these.
        batch: examples in a step.
        chips_bytes: what its feed holds.
    """
    per_chip = sum(_given(layer.kind, layer.shape) for layer in built.summary)
    per_chip += sum(_patches(layer) for layer in built.embedding.layers)
    chips = batch * (2 if task is Task.PAIRS else 1)
    return MemoryEstimate(
        weights=built.parameters * _NUMBER_BYTES,
        gradients=learned * _NUMBER_BYTES,
        optimizer=learned * slots * _NUMBER_BYTES,
        activations=chips * per_chip,
        chips=chips_bytes,
    )


def _given(kind: str, shape: tuple[int | None, ...]) -> int:
    """Bytes of what a layer gives for one picture."""
    each = _INPUT_BYTES if kind == "InputLayer" else _NUMBER_BYTES
    return each * math.prod(size or 1 for size in shape)


def _patches(layer: object) -> int:
    """Bytes a locally connected layer takes for the patches of one picture."""
    kernel = getattr(layer, "kernel", None)
    if type(layer).__name__ != "LocallyConnected" or kernel is None:
        return 0
    per_place = math.prod(kernel.shape[:-1])
    return int(per_place) * _NUMBER_BYTES
