"""What the best network of a run says of chips.

In: a run, and its dataset. Out: the network's layers; of each chip who it says is on it, and its
embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from facesearch.errors import InvalidModelFile
from facesearch.models.keras_files import load_keras
from facesearch.models.tensorflow import TensorFlowRuntime
from facesearch.training.dataset.chips import ChipDataset
from facesearch.training.dataset.options import Split
from facesearch.training.folder import BEST, RunFolder
from facesearch.training.recipes.base import BuiltNetwork, LayerFacts, Task, shares
from facesearch.values import ByteArray, FloatArray, IdArray

OnProgress: TypeAlias = Callable[[str, int, int | None], None]
"""Told what is done, how many are, and how many there are; None where nobody knows."""

MOST_CHIPS = 10_000
"""The first so many of a split are looked at; they are mixed."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a network said of the first chips of a split.

    Attributes:
        shares: probabilities of people, float32 (n, p); None where it names nobody.
        embeddings: float32 (n, d).
        labels: int64 (n,).
        people: names, one for each chip.
    """

    shares: FloatArray | None
    embeddings: FloatArray
    labels: IdArray
    people: list[str]


class Answering:
    """The best network of a run, loaded.

    Attributes:
        layers: of the network, in order.
    """

    def __init__(
        self, run: RunFolder, chips: ChipDataset, runtime: TensorFlowRuntime, tell: OnProgress
    ) -> None:
        """Load it.

        Raises:
            InvalidModelFile: its file is damaged, or takes other pictures than these chips.
            ModelError: TensorFlow cannot run it.
        """
        self._run, self._chips, self._tell = run, chips, tell
        self._batch = runtime.embed_batch
        tell("loading the network", 0, None)
        self.layers, self._call = self._loaded(runtime)

    def __call__(self, split: Split) -> Answers:
        """What it says of chips.

        Raises:
            InvalidDataset: chips are damaged.
        """
        total = min(MOST_CHIPS, self._chips.count(split))
        found: list[FloatArray] = []
        done = 0
        for batch in self._batches(split):
            found.append(self._call(batch[: total - done]))
            done += len(found[-1])
            self._tell(f"{split.value} chips", done, total)
            if done >= total:
                break
        outputs, labels = np.concatenate(found), self._chips.labels(split)[:total]
        people = [self._chips.classes[label] for label in labels]
        if self._run.config.recipe.task is Task.PAIRS:
            return Answers(None, outputs, labels, people)
        # One number where it tells two people apart, else one for each.
        trained = self._chips.trained_classes
        width = 1 if trained == 2 else trained
        return Answers(shares(outputs[:, :width]), outputs[:, width:], labels, people)

    def _loaded(
        self, runtime: TensorFlowRuntime
    ) -> tuple[tuple[LayerFacts, ...], Callable[[ByteArray], FloatArray]]:
        """The layers of the network, and a call that gives all its outputs side by side."""
        from facesearch.training.recipes import layers  # noqa: F401  (registers them with Keras)

        name = self._run.config.recipe.name
        with runtime.placed():
            network = load_keras(self._run.path / BEST, name)
            import tf_keras

            model = network.model
            facts = BuiltNetwork(model=model, embedding=model, trained=model).summary
            beside: Any = model
            if len(model.outputs) > 1:
                joined = tf_keras.layers.Concatenate()(model.outputs)
                beside = tf_keras.Model(model.input, joined)
        side = self._chips.chip_px
        if network.input_shape != (side, side, 3):
            raise InvalidModelFile(
                name,
                f"{BEST} takes pictures of {network.input_shape} and the dataset's chips have "
                f"{side} px: the run's files do not belong together",
            )
        call = runtime.compiled(beside, (side, side, 3), name=name, dtype=network.dtype)
        return facts, call

    def _batches(self, split: Split) -> Iterator[ByteArray]:
        batches = self._chips.images(split, self._batch, shuffle=False, seed=0)
        try:
            for chips, _ in batches:
                yield chips.numpy()
        except Exception as error:  # of TensorFlow, where a file is damaged
            raise self._chips.explain(error) or error from error
