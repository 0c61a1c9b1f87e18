"""The normal distribution, and distances as angles.

In and out: float64 arrays of any shape (numbers are arrays of shape ()). numpy has neither
the normal distribution nor its inverse, and scipy would be a large guest for two functions.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Doubles: TypeAlias = NDArray[np.float64]

# Wichura, "Algorithm AS 241", Applied Statistics 37 (1988), PPND16: good to 1e-16.
# One row each for |p - 0.5| <= 0.425, for p from there to exp(-25), and for the far tail;
# numerator and denominator, highest power first.
_CENTRAL = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
_TAIL = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177,
     1.27045825245236838258, 3.64784832476320460504, 5.7694972214606914055,
     4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966,
     0.14810397642748007459, 0.68976733498510000455, 1.6763848301838038494,
     2.05319162663775882187, 1.0),
)  # fmt: skip
_FAR_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386,
     0.026532189526576123093, 0.29656057182850489123, 1.7848265399172913358,
     5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5,
     7.868691311456132591e-4, 0.0148753612908506148525, 0.13692988092273580531,
     0.59983220655588793769, 1.0),
)  # fmt: skip


def share_below(scores: ArrayLike) -> Doubles:
    """The share of a standard normal distribution below each score, in 0..1.

    Exact to rounding in the lower tail, where false match rates live.
    """
    scaled = np.asarray(scores, dtype=np.float64) * -math.sqrt(0.5)
    flat = [0.5 * math.erfc(value) for value in scaled.ravel().tolist()]
    return np.array(flat, dtype=np.float64).reshape(scaled.shape)


def score_of(shares: ArrayLike) -> Doubles:
    """The inverse of `share_below`: minus infinity at 0, infinity at 1, NaN outside 0..1."""
    share = np.asarray(shares, dtype=np.float64)
    with np.errstate(all="ignore"):  # each formula is wanted in its own range only
        off = share - 0.5
        central = off * _ratio(_CENTRAL, 0.180625 - off * off)
        radius = np.sqrt(-np.log(np.minimum(share, 1.0 - share)))
        tail = np.where(radius <= 5.0, _ratio(_TAIL, radius - 1.6), _ratio(_FAR_TAIL, radius - 5.0))
        score = np.where(np.abs(off) <= 0.425, central, np.copysign(tail, off))
    score = np.where(share == 0.0, -np.inf, np.where(share == 1.0, np.inf, score))
    return np.asarray(score, dtype=np.float64)


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], at: Doubles) -> Doubles:
    above, below = (np.polyval(np.array(row), at) for row in coefficients)
    return np.asarray(above / below, dtype=np.float64)


def angle_of(distances: ArrayLike) -> Doubles:
    """The angle between two unit vectors in radians, 0..pi, from their cosine distance, 0..2.

    Distances that rounding has pushed beyond 0..2 count as its ends.
    """
    half = np.clip(np.asarray(distances, dtype=np.float64) / 2.0, 0.0, 1.0)
    return np.asarray(2.0 * np.arcsin(np.sqrt(half)), dtype=np.float64)


def distance_of(angles: ArrayLike) -> Doubles:
    """The inverse of `angle_of`; angles beyond 0..pi count as its ends."""
    half = np.clip(np.asarray(angles, dtype=np.float64), 0.0, math.pi) / 2.0
    return np.asarray(2.0 * np.sin(half) ** 2, dtype=np.float64)
