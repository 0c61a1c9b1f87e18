"""Synthetic galleries that are as hard to search as real ones.

In: how many faces, of what dimension. Out: unit vectors with the properties that make face
embeddings hard for quantisation, as measured on the default space: all of them lie in one
direction (a mean of length 0.92, strangers 0.14 apart instead of 1), their variance decays
over some 30 directions, and a few people have very many faces.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

_MEAN_LENGTH = 0.92
_BETWEEN_PEOPLE = 0.105  # variance
_WITHIN_A_PERSON = 0.05
_FACES_PER_PERSON = 8
_LARGEST_SHARE = 0.01  # of all faces, that show one person
_CHUNK = 65_536


class Gallery:
    """Faces of people who are drawn once, so that probes may show the same people."""

    def __init__(self, faces: int, dimension: int, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        mean = self._rng.standard_normal(dimension)
        self._mean = (mean * _MEAN_LENGTH / np.linalg.norm(mean)).astype(np.float32)
        axes = np.linalg.qr(self._rng.standard_normal((dimension, dimension)))[0]
        variance = (np.arange(dimension) + 3.0) ** -0.9
        self._axes = (axes * np.sqrt(variance / variance.sum())).T.astype(np.float32)
        people = max(1, faces // _FACES_PER_PERSON)
        weights = self._rng.pareto(1.2, people) + 0.1
        weights = np.minimum(weights / weights.sum(), _LARGEST_SHARE)
        self._weights = weights / weights.sum()
        self._people = self._noise(people, _BETWEEN_PEOPLE)
        self.vectors = self._portraits(self._rng.choice(people, faces, p=self._weights))

    def new_photos(self, count: int) -> FloatArray:
        """Probes: other photos of the gallery's people, those with many faces more often."""
        return self._portraits(self._rng.choice(len(self._people), count, p=self._weights))

    def strangers(self, count: int) -> FloatArray:
        """Probes: people who are not in the gallery."""
        return _unit(self._mean + self._noise(count, _BETWEEN_PEOPLE + _WITHIN_A_PERSON))

    def _portraits(self, who: NDArray[Any]) -> FloatArray:
        vectors = np.empty((len(who), len(self._mean)), np.float32)
        for start in range(0, len(who), _CHUNK):
            some = who[start : start + _CHUNK]
            portraits = self._mean + self._people[some] + self._noise(len(some), _WITHIN_A_PERSON)
            vectors[start : start + _CHUNK] = _unit(portraits)
        return vectors

    def _noise(self, count: int, variance: float) -> FloatArray:
        normal = self._rng.standard_normal((count, len(self._mean)), dtype=np.float32)
        noise: FloatArray = np.float32(np.sqrt(variance)) * (normal @ self._axes)
        return noise


def _unit(vectors: FloatArray) -> FloatArray:
    result: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return result
