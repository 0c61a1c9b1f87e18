"""Small networks of Keras, with random weights, of every kind of layer that face networks have.

Importing this imports no Keras: the functions take it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SIDE_PX = 32
DIMENSION, CLASSES = 16, 5


def embedder(keras: Any, *, local: bool = True, side: int | None = SIDE_PX) -> Any:
    """Pictures to vectors; `local` adds a layer of Keras 2 that Keras 3 has lost."""
    inputs, vectors = _body(keras, local=local, side=side)
    return settled(keras.Model(inputs, vectors, name="small"))


def classifier(keras: Any) -> Any:
    """Pictures to shares of five people, as such networks are trained."""
    inputs, vectors = _body(keras, local=False, side=SIDE_PX)
    dropped = keras.layers.Dropout(0.3, name="dropped")(vectors)
    shares = keras.layers.Dense(CLASSES, activation="softmax", name="classes")(dropped)
    return settled(keras.Model(inputs, shares, name="trained"))


def two_inputs(keras: Any) -> Any:
    """A network that compares two pictures."""
    first, second = (keras.Input((SIDE_PX, SIDE_PX, 3), name=n) for n in ("left", "right"))
    both = keras.layers.Concatenate()([first, second])
    return keras.Model([first, second], keras.layers.GlobalAveragePooling2D()(both))


def two_outputs(keras: Any) -> Any:
    """A network that gives an embedding and shares of five people."""
    inputs, vectors = _body(keras, local=False, side=SIDE_PX)
    shares = keras.layers.Dense(CLASSES, activation="softmax", name="classes")(vectors)
    return settled(keras.Model(inputs, [vectors, shares]))


def plain(keras: Any, *layers: Any, shape: tuple[int | None, ...] = (SIDE_PX, SIDE_PX, 3)) -> Any:
    """These layers one after another."""
    return keras.Sequential([keras.Input(shape), *layers])


def settled(model: Any) -> Any:
    """The same with weights as after training: none is 0 or 1, as normalisations start with."""
    numbers = np.random.default_rng(7)
    weights = [
        # Variances have to be positive; for the others the sign makes no difference.
        numbers.uniform(0.05, 0.25, w.shape)
        * (1 if w.ndim == 1 else numbers.choice([-1, 1], w.shape))
        for w in model.get_weights()
    ]
    model.set_weights([w.astype(np.float32) for w in weights])
    return model


def _body(keras: Any, *, local: bool, side: int | None) -> tuple[Any, Any]:
    layers = keras.layers
    inputs = keras.Input((side, side, 3), name="pictures")
    x = layers.Conv2D(6, 3, strides=2, padding="same", name="conv")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.PReLU(shared_axes=[1, 2], name="bent")(x)
    if local:
        x = layers.LocallyConnected2D(4, 3, strides=2, name="local")(x)
        x = layers.Flatten(name="flat")(x)
    else:
        x = layers.GlobalAveragePooling2D(name="flat")(x)
    return inputs, layers.Dense(DIMENSION, name="embedding")(x)
