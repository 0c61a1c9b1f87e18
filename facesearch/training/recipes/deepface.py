"""The network of "DeepFace: closing the gap to human-level performance" (Taigman et al., 2014).

In: chips of many people. Out: their probabilities. After two convolutions come three layers
with a kernel of their own at every place of the picture, as an eye never lies where a mouth
does; faces have to be aligned for that. The embedding is F7, each feature divided by the
largest value it had on the training photos.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from facesearch.errors import InvalidValue
from facesearch.models.tensorflow import started_tensorflow
from facesearch.training.recipes import classifying
from facesearch.training.recipes.base import (
    BuiltNetwork,
    Phase,
    Recipe,
    Task,
    check_positive,
    check_share,
    check_sizes,
    sourced,
)
from facesearch.training.schedules import Plateau
from facesearch.values import ByteArray

NAME = "deepface"
_PAPER = "Taigman et al., DeepFace (2014)"
_REFERENCE = "the DeepFace training on VGGFace2 that this recipe is after"
_OURS = "our choice"
_EMBEDDING, _SCALE = "F7", "F7_scaled"
# L6 has one place left of it.
_SMALLEST_PX = 71


@dataclass(frozen=True, kw_only=True)
class DeepfaceConfig:
    """The numbers of `deepface`; each field's metadata name their source.

    Raises:
        InvalidValue: a number that no network can be built or trained with.
    """

    image_size: int = sourced(152, _PAPER)
    width: float = sourced(
        1.0, f"{_PAPER}; less for small machines: filters and F7 are multiplied by it"
    )
    c1_filters: int = sourced(32, _PAPER)
    local_filters: int = sourced(16, f"{_PAPER}; of C3, L4, L5 and L6")
    f7_units: int = sourced(4096, _PAPER)
    dropout: float = sourced(0.5, f"{_REFERENCE}; the paper has it on F7 without the rate")
    weights_deviation: float = sourced(0.01, f"{_PAPER}: normally distributed around 0")
    initial_bias: float = sourced(0.5, _PAPER)
    feature_epsilon: float = sourced(0.05, f"{_PAPER}: no feature is divided by less")
    learning_rate: float = sourced(0.01, f"{_PAPER}, for the reference batch")
    reference_batch: int = sourced(128, _PAPER)
    momentum: float = sourced(0.9, _PAPER)
    plateau_factor: float = sourced(0.1, f"{_PAPER}: by an order of magnitude")
    plateau_patience: int = sourced(2, f"{_OURS}; the paper lowered it by hand")
    lowest_learning_rate: float = sourced(1e-4, _PAPER)
    epochs: int = sourced(15, _PAPER)
    batch_size: int = sourced(128, _PAPER)

    def __post_init__(self) -> None:
        check_sizes(self, smallest_px=_SMALLEST_PX)
        check_positive(
            self,
            "width",
            "c1_filters",
            "local_filters",
            "f7_units",
            "weights_deviation",
            "feature_epsilon",
            "learning_rate",
            "reference_batch",
            "epochs",
        )
        check_share(self, "dropout", "momentum")
        _ = self.plateau  # which checks the rest

    def scaled(self, number: int) -> int:
        """A number of filters or units, times `width`, at least 1."""
        return max(1, round(number * self.width))

    @property
    def plateau(self) -> Plateau:
        """How the learning rate falls."""
        return Plateau(
            factor=self.plateau_factor,
            patience=self.plateau_patience,
            lowest=self.lowest_learning_rate,
        )


def build(config: DeepfaceConfig, *, classes: int, chip_px: int) -> BuiltNetwork:
    """The network, with random weights. At full size and with momentum it takes 3.3 GB.

    Raises:
        InvalidValue: fewer than two people.
        PackageMissing, EngineUnavailable: TensorFlow or Keras is not there.
    """
    started_tensorflow()
    import tf_keras

    from facesearch.training.recipes.layers import FeatureScale, LocallyConnected, chips_input

    layers, initializers = tf_keras.layers, tf_keras.initializers

    def initial() -> dict[str, Any]:
        return {
            "kernel_initializer": initializers.RandomNormal(0.0, config.weights_deviation),
            "bias_initializer": initializers.Constant(config.initial_bias),
        }

    def relu() -> dict[str, Any]:
        return {**initial(), "activation": "relu"}

    local = config.scaled(config.local_filters)
    chips, pixels = chips_input(chip_px, config.image_size)
    x = layers.Rescaling(1 / 255, name="scaled")(pixels)
    x = layers.Conv2D(config.scaled(config.c1_filters), 11, name="C1", **relu())(x)
    x = layers.MaxPooling2D(3, 2, padding="same", name="M2")(x)
    x = layers.Conv2D(local, 9, name="C3", **relu())(x)
    x = LocallyConnected(local, 9, name="L4", **relu())(x)
    x = LocallyConnected(local, 7, 2, name="L5", **relu())(x)
    x = LocallyConnected(local, 5, name="L6", **relu())(x)
    x = layers.Flatten(name="F0")(x)
    f7 = layers.Dense(config.scaled(config.f7_units), name=_EMBEDDING, **relu())(x)
    x = layers.Dropout(config.dropout, name="dropout")(f7)
    found = classifying.probabilities(x, classes, name="F8", **initial())
    model = tf_keras.Model(chips, found, name=NAME)
    scaled = FeatureScale(config.feature_epsilon, dtype="float32", name=_SCALE)(f7)
    embedding = tf_keras.Model(chips, scaled, name=f"{NAME}_embedding")
    return BuiltNetwork(model=model, embedding=embedding, trained=model)


def phases(config: DeepfaceConfig, *, batch: int) -> tuple[Phase, ...]:
    """One, at a rate in proportion to the batch, lowered where the loss gets no better."""
    rate = config.learning_rate * batch / config.reference_batch
    return (Phase(name="all", epochs=config.epochs, learning_rate=rate, plateau=config.plateau),)


def optimizer(config: DeepfaceConfig, phase: Phase, *, steps_per_epoch: int) -> Any:
    """Stochastic gradient descent with momentum."""
    started_tensorflow()
    import tf_keras

    return tf_keras.optimizers.SGD(phase.learning_rate, momentum=config.momentum)


def finish(built: BuiltNetwork, chips: Iterable[ByteArray]) -> None:
    """Set what each feature of the embedding is divided by: its largest value.

    Args:
        built: the network, trained.
        chips: all training chips, uint8 (n, chip_px, chip_px, 3), in batches.

    Raises:
        InvalidValue: there are no chips.
    """
    started_tensorflow()
    import tf_keras

    features = built.embedding.get_layer(_EMBEDDING).output
    network = tf_keras.Model(built.embedding.input, features)
    largest = [np.max(network.predict_on_batch(batch), axis=0) for batch in chips if len(batch)]
    if not largest:
        raise InvalidValue("the features of an embedding are scaled on training chips: give some")
    built.embedding.get_layer(_SCALE).set_largest(np.max(largest, axis=0))


RECIPE = Recipe(
    name=NAME,
    about="the network of the DeepFace paper, for thousands of people with many photos each",
    task=Task.CLASSIFY,
    config=DeepfaceConfig,
    build=build,
    phases=phases,
    optimizer=optimizer,
    loss=classifying.loss,
    metrics=classifying.metrics,
    finish=finish,
    # docs/decisions/deepface-with-few-photos.md
    when_untaught=(
        "With few photos the paper's initial weights are a bad start: try --set initial_bias=0 "
        "--set weights_deviation=0.05 --batch 16 --set learning_rate=0.04."
    ),
)
