"""What networks that name people have in common: the last layer, loss and metrics.

Two people are told apart by one number through a sigmoid, more by a softmax. Loads TensorFlow
when called.
"""

from __future__ import annotations

from typing import Any

from facesearch.errors import InvalidValue
from facesearch.models.tensorflow import started_tensorflow

LAST = "people"
"""Name of the last layer with weights."""


def probabilities(features: Any, classes: int, *, name: str = LAST, **dense: Any) -> Any:
    """The last layer: from (n, features) to probabilities in float32, also where the rest of
    the network computes in float16.

    Args:
        classes: people; (n, 1) comes out for two, (n, classes) for more.
        name: of the layer with the weights.
        dense: further arguments of Keras's Dense.

    Raises:
        InvalidValue: fewer than two people.
    """
    _check(classes)
    layers = _keras().layers
    kind, units = ("sigmoid", 1) if classes == 2 else ("softmax", classes)
    found = layers.Dense(units, name=name, **dense)(features)
    return layers.Activation(kind, dtype="float32", name="probabilities")(found)


def loss(config: object, *, classes: int) -> Any:
    """Cross-entropy, binary for two people."""
    _check(classes)
    losses = _keras().losses
    return losses.BinaryCrossentropy() if classes == 2 else losses.SparseCategoricalCrossentropy()


def metrics(config: object, *, classes: int) -> list[Any]:
    """The share of chips whose person is named, as "accuracy"."""
    _check(classes)
    of_keras = _keras().metrics
    kind = of_keras.BinaryAccuracy if classes == 2 else of_keras.SparseCategoricalAccuracy
    return [kind(name="accuracy")]


def _keras() -> Any:
    started_tensorflow()
    import tf_keras

    return tf_keras


def _check(classes: int) -> None:
    if classes < 2:
        raise InvalidValue(f"telling people apart takes at least two, and here is {classes}")
