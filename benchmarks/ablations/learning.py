"""Learns the linear map that embeddings end with, from labelled faces.

Comes in: unit rows and who they are of. Goes out: a matrix; the embedding of a row x is
x @ matrix at length 1.

False matches are not spread evenly: a few crowded regions of dlib's space have most of
them, and one distance has to serve all. The map is fitted to keep people apart at one
common distance: it starts as no change at all and minimises

    mean over genuine pairs of softplus((d - t) / softness)
    + impostor_weight * mean over impostor pairs of softplus((t - d) / softness)
    + stay_near * |matrix - identity|^2

over the matrix and the distance t, where d is the cosine distance after the map. The
impostor weight says where on the curve of error rates the gain is looked for. Impostor
pairs that are far apart add nothing, so only the nearest are carried along, chosen anew
every few steps. Numpy only, no chance in it: the same rows give the same matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.models.projection import unit_rows
from facesearch.values import FloatArray

Rows = NDArray[np.int64]

_BLOCK = 1000
_SAMPLED = 1000
_MOMENTUM, _SQUARES = 0.9, 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How a map is fitted; docs/decisions/accuracy-settings.md has what was tried.

    Attributes:
        softness: of the step at the distance t, in cosine distance.
        impostor_weight: of the impostor pairs' mean against that of the genuine pairs.
        stay_near: price of leaving the identity.
        steps, step_size: of Adam, whose step size falls to 0 along a cosine.
        distance_step: the same for the distance t.
        nearest: impostor pairs carried along.
        choose_every: steps after which those are chosen anew.
        first_distance: where t starts.
    """

    softness: float = 0.01
    impostor_weight: float = 1000.0
    stay_near: float = 0.1
    steps: int = 60
    step_size: float = 0.003
    distance_step: float = 0.001
    nearest: int = 100_000
    choose_every: int = 20
    first_distance: float = 0.06


class _Adam:
    """One parameter's moving averages."""

    def __init__(self) -> None:
        self._mean: FloatArray | float = 0.0
        self._square: FloatArray | float = 0.0

    def step(self, gradient: FloatArray | float, count: int) -> FloatArray:
        """The direction to go against, each number about 1 in size."""
        self._mean = _MOMENTUM * self._mean + (1 - _MOMENTUM) * gradient
        self._square = _SQUARES * self._square + (1 - _SQUARES) * gradient**2
        mean = self._mean / (1 - _MOMENTUM**count)
        square = self._square / (1 - _SQUARES**count)
        return np.asarray(mean / (np.sqrt(square) + 1e-8), dtype=np.float32)


def fit_map(rows: FloatArray, people: Rows, fit: Fit | None = None) -> FloatArray:
    """The matrix, float32 (d, d).

    Args:
        rows: float32 (n, d), of unit length.
        people: (n,), who each is of; some people need two rows at least.
        fit: how.
    """
    fit = fit or Fit()
    change = np.zeros((rows.shape[1],) * 2, dtype=np.float32)
    distance = fit.first_distance
    of_change, of_distance = _Adam(), _Adam()
    genuine = genuine_pairs(people)
    impostors = len(rows) * (len(rows) - 1) // 2 - len(genuine)
    pairs = genuine
    for step in range(fit.steps):
        mapped = rows + rows @ change
        lengths = np.linalg.norm(mapped, axis=1, keepdims=True)
        placed = np.asarray(mapped / lengths, dtype=np.float32)
        if step % fit.choose_every == 0:
            pairs = np.concatenate([genuine, nearest_impostors(placed, people, fit.nearest)])
        ends = placed[pairs[:, 0]], placed[pairs[:, 1]]
        cosines = np.einsum("ij,ij->i", *ends)
        # How the loss changes with the cosine of each pair: genuine ones first.
        off = (1 - cosines - distance) / fit.softness
        slopes = np.empty_like(off)
        slopes[: len(genuine)] = -_step(off[: len(genuine)]) / len(genuine)
        slopes[len(genuine) :] = _step(-off[len(genuine) :]) * (fit.impostor_weight / impostors)
        slopes /= fit.softness
        gradient = _gradient(rows / lengths, placed, pairs, ends, slopes, slopes * cosines)
        gradient += 2 * fit.stay_near * change
        pace = min(1.0, (step + 1) / 5) * 0.5 * (1 + np.cos(np.pi * step / fit.steps))
        change -= np.float32(fit.step_size * pace) * of_change.step(gradient, step + 1)
        moved = of_distance.step(float(slopes.sum()), step + 1)
        distance -= fit.distance_step * float(moved)
    return np.eye(len(change), dtype=np.float32) + change


def cross_fitted(
    rows: FloatArray,
    people: Rows,
    folds: Rows,
    trained_on: NDArray[np.bool_],
    fit: Fit | None = None,
) -> tuple[FloatArray, list[FloatArray]]:
    """Each row mapped by a matrix fitted without its fold, and the matrices by fold.

    Rows of different folds have different matrices: compare within folds only.

    Args:
        rows: float32 (n, d), of unit length.
        people: (n,), who each is of; nobody is in two folds.
        folds: (n,), from 0.
        trained_on: bool (n,), rows that may be fitted to.
        fit: how.
    """
    mapped = np.empty_like(rows)
    matrices = []
    for fold in range(int(folds.max()) + 1):
        mine = folds == fold
        fitted = trained_on & ~mine
        matrices.append(fit_map(rows[fitted], people[fitted], fit))
        mapped[mine] = unit_rows(rows[mine] @ matrices[-1])
    return mapped, matrices


def genuine_pairs(people: Rows) -> Rows:
    """All pairs of rows of one person: (pairs, 2), the lower row first."""
    order = np.argsort(people, kind="stable")
    starts = np.flatnonzero(np.diff(people[order], prepend=-1))
    pairs = []
    for group in np.split(order, starts[1:]):
        first, second = np.triu_indices(len(group), 1)
        pairs.append(np.stack([group[first], group[second]], axis=1))
    return np.concatenate(pairs)


def nearest_impostors(rows: FloatArray, people: Rows, count: int) -> Rows:
    """About that many of the nearest pairs of different people: (pairs, 2)."""
    few = rows[np.linspace(0, len(rows) - 1, min(_SAMPLED, len(rows))).astype(int)]
    share = min(1.0, count / (len(rows) * (len(rows) - 1) / 2))
    limit = np.quantile(few @ rows.T, 1 - share)
    pairs = []
    for start in range(0, len(rows), _BLOCK):
        first, second = np.nonzero(rows[start : start + _BLOCK] @ rows.T > limit)
        first += start
        wanted = (second > first) & (people[first] != people[second])
        pairs.append(np.stack([first[wanted], second[wanted]], axis=1))
    return np.concatenate(pairs)


def _step(x: FloatArray) -> FloatArray:
    """The slope of softplus: a soft step from 0 to 1."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def _gradient(
    scaled: FloatArray,
    placed: FloatArray,
    pairs: Rows,
    ends: tuple[FloatArray, FloatArray],
    slopes: FloatArray,
    slopes_by_cosines: FloatArray,
) -> FloatArray:
    """How the loss changes with the matrix, from how it changes with each pair's cosine.

    Args:
        scaled: the rows, divided by their lengths after the map.
        placed: the rows after the map, at length 1.
        pairs: (pairs, 2), numbers of rows; `ends` are their placed rows.
        slopes, slopes_by_cosines: one for each pair.
    """
    by_first = scaled[pairs[:, 0]].T @ (slopes[:, None] * ends[1])
    by_second = scaled[pairs[:, 1]].T @ (slopes[:, None] * ends[0])
    # Only what turns a row counts: along itself it is brought back to length 1.
    along = np.zeros(len(scaled), dtype=np.float32)
    for end in (0, 1):
        along += np.bincount(pairs[:, end], slopes_by_cosines, len(scaled)).astype(np.float32)
    gradient = by_first + by_second - scaled.T @ (along[:, None] * placed)
    return np.asarray(gradient, dtype=np.float32)
