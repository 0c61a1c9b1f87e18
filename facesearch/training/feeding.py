"""What a network is shown: the batches of each epoch, and those it is judged by.

In: a dataset and a configuration. Out: a feed, of chips with the person on each, or of pairs of
them. An epoch's batches follow from the run's seed and the epoch's number alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from facesearch.errors import InvalidDataset
from facesearch.models.tensorflow import started_tensorflow
from facesearch.photos.files import printable
from facesearch.training.config import RunConfig
from facesearch.training.dataset.chips import ChipDataset
from facesearch.training.dataset.options import Split
from facesearch.training.recipes.base import Task
from facesearch.training.sampling import PairSet, balanced_pairs
from facesearch.values import ByteArray, FloatArray

Embedded = Callable[[ByteArray], FloatArray]
"""From chips, uint8 (n, chip_px, chip_px, 3), to what the network says of them now."""

_CHIPS_AT_ONCE = 64


class Batches(Protocol):
    """Batches of examples, each with its label."""

    def epoch(self, number: int, embedded: Embedded) -> Any:
        """The `tf.data.Dataset` of an epoch, counted from 0."""
        ...

    def validation(self) -> Any:
        """The `tf.data.Dataset` that the network is judged by, the same after every epoch."""
        ...


class Feed(Batches, Protocol):
    """Batches of a whole run."""

    @property
    def examples(self) -> int:
        """Of an epoch."""
        ...

    @property
    def memory_bytes(self) -> int:
        """What it holds in memory for the whole run."""
        ...

    def batches(self) -> Iterator[ByteArray]:
        """All training chips, unchanged, in batches."""
        ...


def feed(config: RunConfig, dataset: ChipDataset) -> Feed:
    """The feed that a recipe takes.

    Raises:
        InvalidDataset: the dataset has nothing to judge by, or is of no use to the recipe.
    """
    if config.recipe.task is Task.PAIRS:
        return PairFeed(config, dataset)
    return PeopleFeed(config, dataset)


class PeopleFeed:
    """Chips, labelled with the people on them.

    Raises:
        InvalidDataset: there are fewer than two people to train on, nobody to judge by, or
            people to judge by who are not trained on.
    """

    memory_bytes = 0

    def __init__(self, config: RunConfig, dataset: ChipDataset) -> None:
        self._config = config
        self._dataset = dataset
        shown = printable(str(dataset.folder))
        if dataset.trained_classes < 2:
            raise InvalidDataset(
                shown, "has one person to train on, and it takes two to tell people apart"
            )
        labels = _validated(dataset, Split.VALIDATION)
        if labels.max() >= dataset.trained_classes:
            stranger = printable(dataset.classes[labels.max()])
            raise InvalidDataset(
                shown,
                f"{config.recipe.name} names people whom it was trained on, and {stranger}, by "
                "whom it would be judged, is not one of them: make a dataset with --split "
                "by-photo, or train siamese-densenet",
            )

    @property
    def examples(self) -> int:
        """Of an epoch."""
        return self._dataset.count(Split.TRAIN)

    def epoch(self, number: int, embedded: Embedded) -> Any:
        """The batches of an epoch, counted from 0."""
        training = self._config.training
        return self._dataset.images(
            Split.TRAIN,
            self._config.batch,
            shuffle=True,
            seed=training.seed,
            epoch=number,
            augment=self._config.augment,
            deterministic=training.deterministic,
        )

    def validation(self) -> Any:
        """The batches that the network is judged by."""
        return self._dataset.images(Split.VALIDATION, self._config.batch, shuffle=False, seed=0)

    def batches(self) -> Iterator[ByteArray]:
        """All training chips, unchanged, in batches."""
        size = self._config.batch
        for chips, _ in self._dataset.images(Split.TRAIN, size, shuffle=False, seed=0):
            yield chips.numpy()


class PairFeed:
    """Pairs of chips, labelled with the two people on them. Holds all chips in memory.

    Raises:
        InvalidDataset: no pairs of both kinds can be drawn from the training chips, or from
            those it is judged by.
    """

    def __init__(self, config: RunConfig, dataset: ChipDataset) -> None:
        self._config = config
        self._dataset = dataset
        self._chips: dict[Split, Any] = {}
        self._people = {
            split: _validated(dataset, split) for split in (Split.TRAIN, Split.VALIDATION)
        }
        self._judged = balanced_pairs(
            self._people[Split.VALIDATION], seed=config.training.seed, epoch=0
        )
        # How many pairs there are does not depend on where the chips lie.
        self._count = len(self._pairs(0, np.zeros((len(self._people[Split.TRAIN]), 1), np.float32)))

    @property
    def examples(self) -> int:
        """Of an epoch."""
        return self._count

    @property
    def memory_bytes(self) -> int:
        """Of the chips."""
        chips = sum(self._dataset.count(split) for split in (Split.TRAIN, Split.VALIDATION))
        return chips * self._dataset.chip_px**2 * 3

    def epoch(self, number: int, embedded: Embedded) -> Any:
        """The batches of an epoch, counted from 0."""
        embeddings = None
        if self._config.recipe.wants_embeddings(self._config.network):
            embeddings = np.concatenate([embedded(batch) for batch in self.batches()])
        return self._batches(Split.TRAIN, self._pairs(number, embeddings), number)

    def validation(self) -> Any:
        """The batches that the network is judged by: one pair of each kind for every chip."""
        return self._batches(Split.VALIDATION, self._judged, None)

    def batches(self) -> Iterator[ByteArray]:
        """All training chips, unchanged, in batches."""
        chips = self._in_memory(Split.TRAIN)
        for at in range(0, len(chips), _CHIPS_AT_ONCE):
            yield chips[at : at + _CHIPS_AT_ONCE].numpy()

    def _pairs(self, epoch: int, embeddings: FloatArray | None) -> PairSet:
        draw = self._config.recipe.pairs
        assert draw is not None, "recipes for pairs draw them"
        return draw(
            self._config.network,
            self._people[Split.TRAIN],
            seed=self._config.training.seed,
            epoch=epoch,
            embeddings=embeddings,
        )

    def _in_memory(self, split: Split) -> Any:
        if split not in self._chips:
            tf = started_tensorflow()
            with tf.device("/CPU:0"):
                self._chips[split] = tf.constant(self._dataset.arrays(split)[0])
        return self._chips[split]

    def _batches(self, split: Split, pairs: PairSet, epoch: int | None) -> Any:
        """Batches of pairs; changed at random where an epoch is named."""
        tf = started_tensorflow()
        chips, people = self._in_memory(split), self._people[split]
        augment = None if epoch is None else self._config.augment
        side = self._dataset.chip_px
        key = tf.constant((self._config.training.seed, epoch or 0), tf.int64)

        @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
        def seen(at: Any, pair: tuple[Any, Any, Any]) -> tuple[Any, Any]:
            left, right, both_people = pair
            both = tf.gather(chips, tf.reshape(tf.stack([left, right], axis=1), (-1,)))
            if augment is not None:
                both = augment(both, tf.random.experimental.stateless_fold_in(key, at))
            return tf.reshape(both, (-1, 2, side, side, 3)), both_people

        with tf.device("/CPU:0"):
            of_both = np.stack([people[pairs.left], people[pairs.right]], axis=1)
            drawn = (pairs.left, pairs.right, of_both.astype(np.int32))
            batches = tf.data.Dataset.from_tensor_slices(drawn).batch(self._config.batch)
            seen_ones = batches.enumerate().map(seen, num_parallel_calls=tf.data.AUTOTUNE)
            return seen_ones.prefetch(tf.data.AUTOTUNE)


def _validated(dataset: ChipDataset, split: Split) -> Any:
    """The labels of a split that must not be empty."""
    labels = dataset.labels(split)
    if not len(labels):
        raise InvalidDataset(
            printable(str(dataset.folder)),
            f"has no {split.value} chips, which training takes: make a dataset with fractions such "
            "as 0.7,0.3",
        )
    return labels
