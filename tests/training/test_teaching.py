"""The distance that separates pairs best, and noise that follows from the step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.training.randomness import StepNoise, seeded
from facesearch.training.teaching import best_threshold

pytest.importorskip("tf_keras", reason="training takes TensorFlow and tf-keras")

_distances = st.lists(
    st.tuples(st.sampled_from([0.01, 0.1, 0.2, 0.5, 1.5, 2.0]), st.booleans()), min_size=1
)


@given(_distances)
def test_no_other_distance_separates_better(pairs: list[tuple[float, bool]]):
    distances = np.array([distance for distance, _ in pairs], np.float32)
    different = np.array([two for _, two in pairs])

    threshold, accuracy = best_threshold(distances, different.astype(np.int32))

    def right(cut: float) -> float:
        return float(np.mean((distances > cut) == different))

    assert right(threshold) == pytest.approx(accuracy)
    assert accuracy == pytest.approx(max(map(right, (0, 0.05, 0.15, 0.3, 1.0, 1.7, 9.0))))


def test_noise_follows_from_seed_and_step():
    import tf_keras

    with seeded(1):
        pixels = tf_keras.Input((500,))
        inner = tf_keras.Model(pixels, tf_keras.layers.Dropout(0.5)(pixels))
        model = tf_keras.Model(pixels, tf_keras.layers.Dropout(0.5)(inner(pixels)))
    ones = np.ones((1, 500), np.float32)

    def seen(seed: int, step: int) -> bytes:
        StepNoise(model, seed).set(step)
        noisy: bytes = model(ones, training=True).numpy().tobytes()
        return noisy

    first = seen(1, 5)
    assert seen(1, 6) != first
    assert seen(2, 5) != first
    assert seen(1, 5) == first


def test_first_weights_follow_from_the_seed_and_others_random_numbers_are_left_alone():
    import tf_keras

    def weights(seed: int) -> np.ndarray:
        with seeded(seed):
            layer = tf_keras.layers.Dense(3)
            layer.build((None, 4))
        kernel: np.ndarray = layer.kernel.numpy()
        return kernel

    np.random.seed(7)
    expected = np.random.random()
    np.random.seed(7)
    assert np.array_equal(weights(3), weights(3))
    assert not np.array_equal(weights(3), weights(4))
    assert np.random.random() == expected
    assert not tf_keras.backend.experimental.is_tf_random_generator_enabled()
