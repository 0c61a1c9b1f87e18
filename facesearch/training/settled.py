"""What layers that stay as they are give of each chip, computed once for a whole phase.

In: a dataset, and the first layers of a network. Out: a feed of what these give, in place of
chips, for the layers after them. Frozen layers would say the same of a chip in every epoch, and
take most of the time. docs/decisions/frozen-layers-once.md has how much.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from facesearch.training.config import RunConfig
from facesearch.training.dataset.chips import ChipDataset
from facesearch.training.dataset.options import Split
from facesearch.training.dataset.reading import Reading, from_memory
from facesearch.training.feeding import Batches, Embedded

OnSeen: TypeAlias = Callable[[int, int], bool]
"""Told how many chips the layers have seen, and of how many; False stops it."""

_NUMBER_BYTES = 4


class SettledFeed:
    """Batches of what the first layers of a network gave of chips, labelled with the people.

    Args:
        given: of each split, float (n, ...), in stored order.
    """

    def __init__(
        self, config: RunConfig, dataset: ChipDataset, given: dict[Split, NDArray[Any]]
    ) -> None:
        self._config = config
        self._dataset = dataset
        self._given = given

    def epoch(self, number: int, embedded: Embedded) -> Any:
        """The `tf.data.Dataset` of an epoch, counted from 0."""
        training = self._config.training
        return self._batches(
            Split.TRAIN,
            shuffle=True,
            seed=training.seed,
            epoch=number,
            deterministic=training.deterministic,
        )

    def validation(self) -> Any:
        """The `tf.data.Dataset` that the network is judged by."""
        return self._batches(Split.VALIDATION, shuffle=False, seed=0)

    def _batches(self, split: Split, **how: Any) -> Any:
        reading = Reading(batch=self._config.batch, **how)
        return from_memory(self._given[split], self._dataset.labels(split), reading)


class Settling:
    """What each phase of a run is taught by.

    Args:
        feed: of the run, which stands where no layers are to be gone through beforehand.
    """

    def __init__(self, config: RunConfig, dataset: ChipDataset, feed: Batches) -> None:
        self._config, self._dataset, self._feed = config, dataset, feed
        self._front: Any = None
        self._settled: SettledFeed | None = None

    def batches(self, front: Any, on_seen: OnSeen) -> Batches | None:
        """Batches for the layers after some, computed where they are not those of last time.

        Args:
            front: the layers before, as a Keras model; None for none.
            on_seen: told how far it is.

        Returns:
            They; None where it was stopped on the way.

        Raises:
            tf.errors.OpError: chips are damaged.
        """
        if front is None:
            return self._feed
        if self._settled is None or front is not self._front:
            self._settled = None  # before there is a second one in memory
            self._front, self._settled = front, self._seen_by(front, on_seen)
        return self._settled

    def _seen_by(self, front: Any, on_seen: OnSeen) -> SettledFeed | None:
        splits = (Split.TRAIN, Split.VALIDATION)
        total, done = sum(map(self._dataset.count, splits)), 0
        given: dict[Split, NDArray[Any]] = {}
        for split in splits:
            parts = []
            for chips, _ in self._dataset.images(split, self._config.batch, shuffle=False, seed=0):
                parts.append(np.asarray(front.predict_on_batch(chips)))
                done += len(parts[-1])
                if not on_seen(done, total):
                    return None
            given[split] = np.concatenate(parts)
        return SettledFeed(self._config, self._dataset, given)


def bytes_of_each(front: Any) -> int:
    """What is kept of one chip."""
    numbers: int = math.prod(front.output_shape[1:])
    return numbers * _NUMBER_BYTES
