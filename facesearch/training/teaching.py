"""One phase of training: a network, its optimizer, and the epochs of it that are gone through.

In: a network as its recipe builds it, a phase, and batches. Out: what each step came to, and
how the network does on the batches it is judged by. Layers that stay as they are in a phase see
each chip once (settled.py); the rest is taught by what they gave.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from facesearch.errors import Diverged
from facesearch.models.tensorflow import started_tensorflow
from facesearch.training.config import RunConfig
from facesearch.training.dataset.chips import KEPT_MB
from facesearch.training.randomness import StepNoise
from facesearch.training.recipes.base import BuiltNetwork, Phase, Task
from facesearch.training.settled import bytes_of_each
from facesearch.values import ByteArray, FloatArray

OnStep = Callable[[int, float, float | None], bool]
"""Told examples, loss and accuracy of a step; False ends the epoch after it."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a network does on chips, or pairs, that it does not learn from.

    Attributes:
        loss: of the recipe.
        accuracy: share of chips whose person is named, or of pairs on the right side of
            `threshold`; None where the recipe has none.
        threshold: the distance that separates the pairs best; None where there are no pairs.
    """

    loss: float
    accuracy: float | None
    threshold: float | None


class Teacher:
    """A network in one phase.

    Args:
        built: the network; the layers of the phase are freed, and it is compiled.
        classes: people to tell apart.
        examples: of an epoch.

    Attributes:
        model: all of the network that is trained.
        front: its first layers, where they stay as they are: batches are of what these give of
            chips. None where batches are of the chips themselves.
    """

    def __init__(
        self, built: BuiltNetwork, config: RunConfig, phase: Phase, *, classes: int, examples: int
    ) -> None:
        recipe, own = config.recipe, config.network
        self.built, self.phase = built, phase
        self.steps_per_epoch = -(-examples // config.batch)
        self._examples, self._batch, self._task = examples, config.batch, recipe.task
        self._name = recipe.name
        self._pair_loss = None if recipe.pair_loss is None else recipe.pair_loss(own)
        built.free(phase)
        self.model = self._taught = built.trained
        self.front = None
        if phase.first_changing is not None and config.augment is None:
            front, rest = built.parted(phase.first_changing)
            if examples * bytes_of_each(front) <= KEPT_MB * 1_000_000:
                self.front, self._taught = front, rest
        self._taught.compile(
            optimizer=recipe.optimizer(own, phase, steps_per_epoch=self.steps_per_epoch),
            loss=recipe.loss(own, classes=classes),
            metrics=recipe.metrics(own, classes=classes),
        )
        self.optimizer = self._taught.optimizer
        self.optimizer.build(self._taught.trainable_variables)
        self._noise = StepNoise(self.model, config.training.seed)

    def set_rate(self, losses: tuple[float, ...]) -> None:
        """Set the learning rate of the epoch that comes after those with these losses."""
        if self.phase.plateau is not None:
            self.optimizer.learning_rate = self.phase.plateau.rate(self.phase.learning_rate, losses)

    def rates(self) -> tuple[float, float | None]:
        """Learning rate and beta1 of the next step; beta1 is None where there is none."""
        if self.phase.cycle is not None:
            rates = self.phase.cycle.at(
                int(self.optimizer.iterations.numpy()), self.steps_per_epoch
            )
            return rates.learning_rate, rates.beta1
        inner = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        beta1 = getattr(inner, "beta_1", None)
        rate = float(
            f"{float(inner.learning_rate.numpy()):.6g}"
        )  # as it was stated, not as float32 has it
        return rate, None if beta1 is None else float(beta1)

    def teach(self, batches: Any, *, step: int, skipped: int, on_step: OnStep) -> None:
        """Go through an epoch, or what is left of it.

        Args:
            batches: of the whole epoch.
            step: steps done before, over all phases.
            skipped: of these, in this epoch.
            on_step: told of each step.

        Raises:
            Diverged: the loss is no number any more; that step is not told of.
        """
        tf = started_tensorflow()
        import tf_keras

        teacher = self

        class EachStep(tf_keras.callbacks.Callback):  # type: ignore[misc]
            def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
                teacher._noise.set(step + batch)

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                loss = float(logs["loss"])
                accuracy = logs.get("accuracy")
                self.model.reset_metrics()  # so that the next ones are of the next step alone
                if not math.isfinite(loss):
                    raise Diverged(
                        teacher._name, f"the loss is {loss} at step {step + batch + 1:,}"
                    )
                examples = teacher._in_batch(skipped + batch)
                go_on = on_step(examples, loss, None if accuracy is None else float(accuracy))
                self.model.stop_training = self.model.stop_training or not go_on

        if skipped < self.steps_per_epoch:
            left = batches.skip(skipped) if skipped else batches
            left = left.apply(
                tf.data.experimental.assert_cardinality(self.steps_per_epoch - skipped)
            )
            self._taught.fit(left, verbose=0, callbacks=[EachStep()])

    def judge(self, batches: Any) -> Judgement:
        """How the network does."""
        if self._task is Task.PAIRS:
            return self._judge_pairs(batches)
        found = self._taught.evaluate(batches, verbose=0, return_dict=True)
        accuracy = found.get("accuracy")
        return Judgement(float(found["loss"]), None if accuracy is None else float(accuracy), None)

    def embedded(self, chips: ByteArray) -> FloatArray:
        """What the network says of chips now: float32 (n, dimension)."""
        return np.asarray(self.built.embedding.predict_on_batch(chips), np.float32)

    def _judge_pairs(self, batches: Any) -> Judgement:
        assert self._pair_loss is not None, "recipes for pairs say what a distance costs"
        apart, distances = [], []
        for pairs, people in batches:
            found = self.model.predict_on_batch(pairs).astype(np.float32)
            apart.append((people[:, 0] != people[:, 1]).numpy())
            distances.append(np.linalg.norm(found[:, 0] - found[:, 1], axis=1))
        different = np.concatenate(apart).astype(np.int32)
        all_distances = np.concatenate(distances)
        losses = np.asarray(self._pair_loss(different, all_distances))
        threshold, accuracy = best_threshold(all_distances, different)
        return Judgement(float(losses.mean()), accuracy, threshold)

    def _in_batch(self, number: int) -> int:
        return min(self._batch, self._examples - number * self._batch)


def best_threshold(distances: FloatArray, different: Any) -> tuple[float, float]:
    """The distance that separates pairs of one person from pairs of two best.

    Args:
        distances: of the pairs, shape (n,), n > 0.
        different: 0 for pairs of one person, 1 for pairs of two.

    Returns:
        The distance, in the middle between two pairs, and the share of pairs on the right
        side of it: those of one person within.
    """
    order = np.argsort(distances, kind="stable")
    far, two = distances[order].astype(np.float64), np.asarray(different)[order] == 1
    # Right where the first k are taken for one person: ones of one person among them, and
    # those of two after them.
    right = np.r_[0, np.cumsum(~two)] + np.r_[np.cumsum(two[::-1])[::-1], 0]
    ends = np.r_[0.0, far, 2 * far[-1]]
    cuts = (ends[:-1] + ends[1:]) / 2
    # No cut lies between pairs of one distance.
    parted = np.r_[True, far[1:] > far[:-1], True]
    best = int(np.argmax(np.where(parted, right, -1)))
    return float(cuts[best]), float(right[best] / len(far))
