"""Made-up people: vectors that lie near a person's own direction, and photos of colours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

Crowd = tuple[NDArray[np.float32], list[str]]


@pytest.fixture(scope="session")
def crowd() -> Callable[..., Crowd]:
    """`crowd(counts, seed=0, spread=1.0)`: unit vectors and labels, so many of each person."""

    def make(counts: list[int], *, seed: int = 0, spread: float = 1.0, dim: int = 8) -> Crowd:
        random = np.random.default_rng(seed)
        people = [f"p{at:03}" for at, count in enumerate(counts) for _ in range(count)]
        middles = np.repeat(random.normal(size=(len(counts), dim)), counts, axis=0)
        vectors = middles + spread * random.normal(size=middles.shape)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors.astype(np.float32), people

    return make
