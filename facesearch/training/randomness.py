"""Random numbers that follow from a run's seed and the step, so that any step can be made again.

In: a seed, a network. Out: contexts in which Keras draws its first weights from that seed, and
dropout whose noise is decided by the step alone, however the run came there.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from facesearch.models.tensorflow import started_tensorflow


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Networks that are built inside have first weights, and dropout, that follow from the seed.

    Python's and numpy's own generators are given back as they were.
    """
    started_tensorflow()
    import tf_keras

    switches = tf_keras.backend.experimental
    ours = not switches.is_tf_random_generator_enabled()
    before = random.getstate(), np.random.get_state()
    tf_keras.utils.set_random_seed(seed)
    if ours:  # else dropout counts by itself inside TensorFlow, where no checkpoint reaches
        switches.enable_tf_random_generator()
    try:
        yield
    finally:
        if ours:
            switches.disable_tf_random_generator()
        random.setstate(before[0])
        np.random.set_state(before[1])


class StepNoise:
    """The noise of all layers of a network that draw random numbers.

    Args:
        network: built inside `seeded`.
        seed: of the run.
    """

    def __init__(self, network: Any, seed: int) -> None:
        # Keras has no public way to its layers' generators.
        drawing = [
            layer._random_generator._generator
            for layer in network._flatten_layers()
            if getattr(layer, "_random_generator", None) is not None
        ]
        self._generators = [generator for generator in drawing if generator is not None]
        self._seed = seed

    def set(self, step: int) -> None:
        """Make the noise that of a step, counted from 0."""
        for number, generator in enumerate(self._generators):
            about = f"{self._seed} {step} {number}".encode()
            generator.reset_from_seed(int.from_bytes(hashlib.sha256(about).digest()[:4], "little"))
