"""A small convolutional network that names people, trained from nothing.

In: chips of the people to tell apart. Out: their probabilities. Blocks of a 3x3 convolution and
a 2x2 maximum, then a hidden layer of 64, which is the embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
from facesearch.training.schedules import Stopping

NAME = "convnet"
_COURSE = "the CNN course project on faces that this recipe is after"
_OURS = "our choice"
# Three blocks without padding leave 2x2 places of it.
_SMALLEST_PX = 30


@dataclass(frozen=True, kw_only=True)
class ConvnetConfig:
    """The numbers of `convnet`; each field's metadata name their source.

    Raises:
        InvalidValue: a number that no network can be built or trained with.
    """

    image_size: int = sourced(128, _COURSE)
    filters: tuple[int, ...] = sourced((32, 64, 64), _COURSE)
    large_image_size: int = sourced(128, f"{_COURSE}: one more stage for larger inputs")
    large_filters: int = sourced(64, f"{_OURS}: the stage for larger inputs goes on as the last")
    kernel_px: int = sourced(3, _COURSE)
    pool_px: int = sourced(2, _COURSE)
    hidden_units: int = sourced(64, _COURSE)
    dropout: float = sourced(0.5, _COURSE)
    l2: float = sourced(0.001, f"{_COURSE}; on the kernels of all layers, biases left out")
    learning_rate: float = sourced(1e-4, f"{_COURSE}, with Adam")
    batch_size: int = sourced(32, "Keras's default")
    epochs: int = sourced(200, f"{_OURS}: a limit, early stopping comes before it")
    stopping_patience: int = sourced(
        20, f"{_OURS}: the validation loss of a few hundred chips goes up and down that long"
    )

    def __post_init__(self) -> None:
        check_sizes(self, smallest_px=_SMALLEST_PX)
        check_positive(
            self, "large_filters", "kernel_px", "pool_px", "hidden_units", "learning_rate", "epochs"
        )
        check_share(self, "dropout", "l2")
        if not self.filters or min(self.filters) < 1:
            raise InvalidValue(f"filters are at least one number above 0, not {self.filters}")

    @property
    def stages(self) -> tuple[int, ...]:
        """Filters of each block, with the one more that larger pictures get."""
        larger = self.image_size > self.large_image_size
        return (*self.filters, self.large_filters) if larger else self.filters


def build(config: ConvnetConfig, *, classes: int, chip_px: int) -> BuiltNetwork:
    """The network, with random weights.

    Raises:
        InvalidValue: fewer than two people, or more blocks than the picture has room for.
        PackageMissing, EngineUnavailable: TensorFlow or Keras is not there.
    """
    started_tensorflow()
    import tf_keras

    from facesearch.training.recipes.layers import chips_input

    layers = tf_keras.layers

    def l2() -> Any:
        return tf_keras.regularizers.L2(config.l2)

    chips, pixels = chips_input(chip_px, config.image_size)
    x = layers.Rescaling(1 / 255, name="scaled")(pixels)
    for number, filters in enumerate(config.stages, 1):
        if min(x.shape[1], x.shape[2]) < config.kernel_px + config.pool_px - 1:
            raise InvalidValue(
                f"{config.image_size} px have no room for {len(config.stages)} blocks of filters: "
                "state fewer, or a larger image_size"
            )
        x = layers.Conv2D(
            filters,
            config.kernel_px,
            activation="relu",
            kernel_regularizer=l2(),
            name=f"conv_{number}",
        )(x)
        x = layers.MaxPooling2D(config.pool_px, name=f"pool_{number}")(x)
    x = layers.Flatten(name="flat")(x)
    hidden = layers.Dense(
        config.hidden_units, activation="relu", kernel_regularizer=l2(), name="hidden"
    )(x)
    x = layers.Dropout(config.dropout, name="dropout")(hidden)
    model = tf_keras.Model(
        chips, classifying.probabilities(x, classes, kernel_regularizer=l2()), name=NAME
    )
    embedding = tf_keras.Model(chips, hidden, name=f"{NAME}_embedding")
    return BuiltNetwork(model=model, embedding=embedding, trained=model)


def phases(config: ConvnetConfig, *, batch: int) -> tuple[Phase, ...]:
    """One: all layers, until the validation loss gets no better."""
    return (
        Phase(
            name="all",
            epochs=config.epochs,
            learning_rate=config.learning_rate,
            stopping=Stopping(patience=config.stopping_patience),
        ),
    )


def optimizer(config: ConvnetConfig, phase: Phase, *, steps_per_epoch: int) -> Any:
    """Adam."""
    started_tensorflow()
    import tf_keras

    return tf_keras.optimizers.Adam(phase.learning_rate)


RECIPE = Recipe(
    name=NAME,
    about="a small network from nothing, for a few people with many photos each",
    task=Task.CLASSIFY,
    config=ConvnetConfig,
    build=build,
    phases=phases,
    optimizer=optimizer,
    loss=classifying.loss,
    metrics=classifying.metrics,
)
