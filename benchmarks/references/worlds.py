"""The faces that rules are compared on.

In: vectors of labelled photos. Out: worlds, each a set of faces that may be compared with
each other. Rules are chosen on some worlds and confirmed on the others; no person is in two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import Data
from facesearch.evaluation.cache import EmbeddingCache
from facesearch.evaluation.embedding import embed_photos

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_BINS = 6_000
_WIDEST = 1.2  # nearly no two faces are farther apart than this


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Faces that may be compared: unit vectors (n, d), who each is (n,), quality (n,) in 0..1."""

    vectors: Floats
    people: Ints
    quality: Floats

    def photos_of(self) -> list[Ints]:
        """The faces of each person, by number of the person."""
        order = np.argsort(self.people, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self.people))[:-1])


def load(path: Path) -> tuple[list[World], list[World]]:
    """Worlds to choose on, and worlds to confirm on.

    Args:
        path: an .npz with `people` (n,) names and `vectors` (n, d). Where it has `vectors_cv`
            and `fold` instead, each fold was embedded by a map that its people did not
            teach, and only faces of one fold compare. `quality` (n,) or `scores` (n,) is optional.
    """
    stored = np.load(path)
    names = stored["people"]
    if "vectors_cv" in stored:
        vectors, fold = stored["vectors_cv"], stored["fold"].astype(np.int64)
    elif "vectors" in stored:
        vectors, fold = stored["vectors"], None
    else:
        vectors, fold = stored["chip"] + stored["mirror"], None
    key = next((k for k in ("quality", "qualities", "scores") if k in stored), None)
    quality = stored[key] if key else np.ones(len(names))
    return _halves(vectors, names, quality, fold)


def embedded(data: Path, embedder: str) -> tuple[list[World], list[World]]:
    """The same from the photos themselves, embedded by a model of the catalogue.

    A model that learned from LFW shows its own people better than others: for such a one
    take vectors from folds.
    """
    paths = Data(data).lfw()
    with EmbeddingCache() as cache:
        seen = embed_photos(paths, embedder=embedder, cache=cache)
    quality = np.array([0.0 if q is None else q.value for q in seen.qualities])
    return _halves(seen.vectors, np.array([path.parent.name for path in paths]), quality, None)


def _halves(
    vectors: Floats, names: NDArray[np.str_], quality: NDArray[np.floating], fold: Ints | None
) -> tuple[list[World], list[World]]:
    found = np.isfinite(vectors).all(axis=1)
    if fold is None:
        # Halves by chance, not by alphabet: names go by origin.
        known = np.unique(names)
        chance = np.random.default_rng(3).permutation(len(known))
        fold = chance[np.searchsorted(known, names)] % 2
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    worlds = [
        _world(vectors, names, quality.astype(np.float32), (fold == one) & found)
        for one in np.unique(fold[fold >= 0])
    ]
    middle = len(worlds) // 2
    return worlds[:middle], worlds[middle:]


def _world(
    vectors: Floats, names: NDArray[np.str_], quality: Floats, own: NDArray[np.bool_]
) -> World:
    people = np.unique(names[own], return_inverse=True)[1].reshape(-1)
    return World(vectors[own].astype(np.float32), people.astype(np.int64), quality[own])


def histogram(distances: Floats, weights: Floats | None = None) -> NDArray[np.float64]:
    """How many distances lie in each of 6,000 equal bins from 0 to 1.2."""
    bins = np.clip((distances * (_BINS / _WIDEST)).astype(np.int64), 0, _BINS - 1)
    return np.bincount(bins.ravel(), weights, minlength=_BINS).astype(np.float64)


def distance_at(counts: NDArray[np.float64], rate: float) -> float:
    """The largest distance within which at most `rate` of what was counted lies."""
    share = np.cumsum(counts) / counts.sum()
    return float(np.searchsorted(share, rate, side="right") * (_WIDEST / _BINS))


@dataclass(frozen=True, slots=True, eq=False)
class Impostors:
    """False match rates of a space, from all pairs of two people in some worlds."""

    counts: NDArray[np.float64]

    @classmethod
    def of(cls, worlds: Sequence[World]) -> Impostors:
        """Count all pairs."""
        total = np.zeros(_BINS)
        for world in worlds:
            for start in range(0, len(world.people), 500):
                rows = slice(start, start + 500)
                apart = 1.0 - world.vectors[rows] @ world.vectors.T
                total += histogram(apart[world.people[rows, None] != world.people[None, :]])
        return cls(total)

    def fmr(self, distances: Floats) -> NDArray[np.float64]:
        """The false match rate at each distance.

        Below the rate that a hundred pairs tell, the logarithm goes on as a straight line.
        """
        edges = np.arange(1, _BINS + 1) * (_WIDEST / _BINS)
        seen = np.cumsum(self.counts)
        first = int(np.searchsorted(seen, 100))
        decade = int(np.searchsorted(seen, 1000))
        logs = np.log(np.maximum(seen, 1.0) / seen[-1])
        slope = (logs[decade] - logs[first]) / (edges[decade] - edges[first])
        inside = np.interp(distances, edges[first:], logs[first:])
        below = logs[first] + slope * (distances - edges[first])
        return np.asarray(np.exp(np.where(distances < edges[first], below, inside)))
