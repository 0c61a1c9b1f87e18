"""Embeddings as points on a picture: people who lie together are drawn together.

In: embeddings of unit length. Out: two numbers each. Principal components where there are few;
else t-SNE (van der Maaten and Hinton, 2008), computed exactly, which takes memory and time by
the square of the number of points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidValue
from facesearch.values import FloatArray

MOST_POINTS = 1000
"""More take longer than a report should, and crowd the picture."""

COLOURED = 12
"""People with a colour and shape of their own: those on most chips."""

TSNE, PCA = "t-SNE", "PCA"
_FEWEST_FOR_TSNE = 30
_PERPLEXITY = 30.0
_DIMENSIONS_FIRST = 50
_STEPS, _EXAGGERATED_STEPS = 500, 125
_EXAGGERATION = 12.0
# Higher ones throw single points of small sets far out.
_LOWEST_RATE = 10.0
_EARLY_MOMENTUM, _LATE_MOMENTUM = 0.5, 0.8
_SEARCH_STEPS = 60
_TINY = 1e-12

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Places:
    """Where chips lie on the picture.

    Attributes:
        method: t-SNE or PCA.
        positions: of the chips among those that were measured.
        x, y: of each.
    """

    method: str
    positions: tuple[int, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]


def place(vectors: FloatArray) -> tuple[str, _Floats]:
    """Points for embeddings; the same ones give the same points.

    Args:
        vectors: finite, shape (n, d), n from 3 on.

    Returns:
        The method, and float64 (n, 2).

    Raises:
        InvalidValue: fewer than three, or more than `MOST_POINTS`.
    """
    if not 3 <= len(vectors) <= MOST_POINTS:
        raise InvalidValue(f"3 to {MOST_POINTS} embeddings can be drawn, not {len(vectors)}")
    found = principal(vectors, _DIMENSIONS_FIRST)
    if len(vectors) < _FEWEST_FOR_TSNE:
        return PCA, found[:, :2]
    return TSNE, tsne(found)


def principal(vectors: FloatArray, most: int) -> _Floats:
    """The principal components, at most so many and at least two; float64 (n, m)."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    left, strength, rows = np.linalg.svd(centred, full_matrices=False)
    # Components have no sign of their own: one is chosen, so that pictures can be compared.
    largest = rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)]
    found = (left * strength * np.where(largest < 0, -1, 1))[:, :most]
    return np.pad(found, ((0, 0), (0, max(0, 2 - found.shape[1]))))


def tsne(points: _Floats) -> _Floats:
    """Exact t-SNE, from the first two columns on.

    Args:
        points: shape (n, d), n > 3.

    Returns:
        float64 (n, 2), around 0.
    """
    wanted = neighbour_shares(_squared(points), min(_PERPLEXITY, (len(points) - 1) / 3))
    # In single precision, which is twice as fast and as exact as a picture needs.
    shares = np.maximum((wanted + wanted.T) / (2 * len(points)), _TINY).astype(np.float32)
    rate = max(len(points) / _EXAGGERATION / 4, _LOWEST_RATE)
    now = points[:, :2] / max(points[:, 0].std(), _TINY) * 1e-4
    speed, gains = np.zeros_like(now), np.ones_like(now)
    for step in range(_STEPS):
        early = step < _EXAGGERATED_STEPS
        flat = now.astype(np.float32)
        near, across = (np.subtract.outer(axis, axis) for axis in flat.T)
        near *= near
        across *= across
        near += across
        near += 1
        np.reciprocal(near, out=near)
        np.fill_diagonal(near, 0)
        pull = near / -max(float(near.sum()), _TINY)
        pull += shares * np.float32(_EXAGGERATION) if early else shares
        pull *= near
        slope = 4 * (pull.sum(axis=1)[:, None] * now - pull @ flat)
        momentum = _EARLY_MOMENTUM if early else _LATE_MOMENTUM
        gains = np.where(slope * speed < 0, gains + 0.2, gains * 0.8).clip(0.01)
        speed = momentum * speed - rate * gains * slope
        now = now + speed
        now -= now.mean(axis=0)
    return np.asarray(now)


def neighbour_shares(squared: _Floats, perplexity: float) -> _Floats:
    """How much of a neighbour each point is to each other one: rows that add up to 1.

    Args:
        squared: distances, (n, n).
        perplexity: how many neighbours a point is to have, by the entropy of its row.
    """
    low = np.zeros(len(squared))
    high = np.full(len(squared), np.inf)
    narrow = np.ones(len(squared)) / max(float(np.median(squared)), _TINY)
    nearest = np.where(np.eye(len(squared), dtype=bool), np.inf, squared)
    # The nearest at 0, so that no row vanishes by underflow.
    away = nearest - nearest.min(axis=1, keepdims=True)
    shares = np.zeros_like(squared)
    for _ in range(_SEARCH_STEPS):
        shares = np.exp(-away * narrow[:, None])
        shares /= shares.sum(axis=1, keepdims=True)
        entropy = -(shares * np.log(np.maximum(shares, _TINY))).sum(axis=1)
        is_wide = entropy > np.log(perplexity)
        low, high = np.where(is_wide, narrow, low), np.where(is_wide, high, narrow)
        narrow = np.where(np.isinf(high), narrow * 2, (low + np.minimum(high, 1e300)) / 2)
    return shares


def _squared(points: _Floats) -> _Floats:
    lengths = (points**2).sum(axis=1)
    squared: _Floats = lengths[:, None] + lengths[None, :] - 2 * points @ points.T
    return np.maximum(squared, 0)
