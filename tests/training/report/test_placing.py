"""Embeddings as points: those that belong together stay together, always in the same way."""

from __future__ import annotations

import numpy as np
import pytest

from facesearch.errors import InvalidValue
from facesearch.training.report.placing import (
    MOST_POINTS,
    PCA,
    TSNE,
    neighbour_shares,
    place,
    principal,
)


def groups(count: int, size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    luck = np.random.default_rng(seed)
    labels = np.arange(count * size) % count
    vectors = luck.normal(size=(count, 32))[labels] + 0.5 * luck.normal(size=(count * size, 32))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels


@pytest.mark.parametrize(("count", "size"), [(4, 8), (8, 25)])
def test_tsne_keeps_neighbours_together(count: int, size: int):
    vectors, labels = groups(count, size)
    method, points = place(vectors)
    assert method == TSNE
    assert points.shape == (count * size, 2)
    away = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(away, np.inf)
    assert (labels[away.argmin(axis=1)] == labels).mean() > 0.95
    # No point is thrown far out, which would make dots of all others.
    radius = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    assert radius.max() < 4 * np.median(radius)


def test_the_same_embeddings_give_the_same_points():
    vectors, _ = groups(4, 10)
    assert np.array_equal(place(vectors)[1], place(vectors)[1])


def test_few_embeddings_are_drawn_by_principal_components():
    vectors, _ = groups(4, 5)
    method, points = place(vectors)
    assert method == PCA
    assert points.std(axis=0)[0] >= points.std(axis=0)[1] > 0
    assert place(vectors[:3, :1])[1].shape == (3, 2)
    for count in (2, MOST_POINTS + 1):
        with pytest.raises(InvalidValue, match="can be drawn"):
            place(np.ones((count, 4), np.float32))


def test_principal_components_keep_distances():
    vectors, _ = groups(4, 5)
    found = principal(vectors, 50)

    def away(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points[:, None] - points[None], axis=-1)

    assert np.abs(away(found) - away(vectors.astype(np.float64))).max() < 1e-6


def test_points_that_lie_on_one_another_can_be_drawn():
    method, points = place(np.ones((40, 8), np.float32))
    assert method == TSNE
    assert np.isfinite(points).all()


def test_every_point_has_as_many_neighbours():
    vectors, _ = groups(5, 30)
    squared = ((vectors[:, None] - vectors[None]) ** 2).sum(axis=-1).astype(np.float64)
    shares = neighbour_shares(squared, 20.0)
    entropy = -(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1)
    assert np.abs(np.exp(entropy) - 20).max() < 1e-3
    assert np.abs(shares.sum(axis=1) - 1).max() < 1e-12
    assert (shares.diagonal() == 0).all()
