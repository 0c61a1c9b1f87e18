"""How many pairs lie within a distance: a measured curve that goes on beyond its ends.

In: quantiles, as distances and the share of pairs within each. Out: shares at any
distance, distances at any share, and densities.

Why angle and score: drawn as the score of a normal distribution (the probit of the share)
over the angle between two embeddings, the distances of a space's impostors are a straight
line, nearly; so are those of genuine pairs. Straight pieces between measured points lose
nothing then, and a straight line beyond the last point is the best guess there is.
docs/decisions/thresholds-from-rates.md holds the check.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from facesearch.errors import InvalidValue
from facesearch.rates.normal import Doubles, angle_of, distance_of, score_of, share_below

# The line beyond an end has the slope of the last stretch of this many standard deviations.
TAIL_SCORES = 1.0
# Slopes are taken over this many radians on both sides: less follows the noise of single
# quantiles, more washes out the bend of the genuine curve.
_HALF_WINDOW_RAD = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The share of pairs within a distance, as a rising line through measured points.

    Attributes:
        angles: float64, shape (n,), n >= 2, radians in 0..pi, strictly rising, read-only.
        scores: float64, shape (n,), the probit of the share of pairs within each angle,
            strictly rising, read-only.

    Raises:
        InvalidValue: other shapes, not finite, or not rising.
    """

    angles: Doubles
    scores: Doubles

    def __post_init__(self) -> None:
        for name in ("angles", "scores"):
            values = np.array(getattr(self, name), dtype=np.float64)
            if values.ndim != 1 or values.size < 2 or not np.isfinite(values).all():
                raise InvalidValue(f"a curve needs at least 2 finite {name} in one row")
            if (np.diff(values) <= 0).any():
                raise InvalidValue(f"the {name} of a curve rise strictly, and these do not")
            values.flags.writeable = False
            object.__setattr__(self, name, values)
        if self.angles.size != self.scores.size:
            raise InvalidValue(
                f"a curve has as many angles as scores, not {self.angles.size} "
                f"and {self.scores.size}"
            )

    @classmethod
    def through(cls, distances: ArrayLike, shares: ArrayLike) -> Curve:
        """The curve through measured points: cosine distances, and the share of pairs within."""
        return cls(angle_of(distances), score_of(shares))

    def score(self, distances: ArrayLike) -> Doubles:
        """The probit of the share of pairs within each cosine distance."""
        return self._score_at(angle_of(distances))

    def share_within(self, distances: ArrayLike) -> Doubles:
        """The share of pairs within each cosine distance, in 0..1."""
        return share_below(self.score(distances))

    def distance_at_score(self, scores: ArrayLike) -> Doubles:
        """The inverse of `score`, in 0..2."""
        score = np.asarray(scores, dtype=np.float64)
        low, high = self._slopes()
        angle = np.interp(score, self.scores, self.angles)
        below, above = score - self.scores[0], score - self.scores[-1]
        angle = np.where(below < 0, self.angles[0] + below / low, angle)
        return distance_of(np.where(above > 0, self.angles[-1] + above / high, angle))

    def log_density(self, angles: Doubles) -> Doubles:
        """The logarithm of pairs per radian at each angle, smoothed over the window."""
        low = np.maximum(angles - _HALF_WINDOW_RAD, 0.0)
        high = angles + _HALF_WINDOW_RAD
        slope = (self._score_at(high) - self._score_at(low)) / (high - low)
        score = self._score_at(angles)
        return np.asarray(np.log(slope) - 0.5 * (score * score + np.log(2 * np.pi)))

    def moved(self, *, mean: float, spread: float) -> Curve:
        """The curve of pairs whose scores on this one have another mean and spread than 0, 1."""
        return Curve(self.angles, (self.scores - mean) / spread)

    def _score_at(self, angle: Doubles) -> Doubles:
        low, high = self._slopes()
        score = np.interp(angle, self.angles, self.scores)
        below, above = angle - self.angles[0], angle - self.angles[-1]
        score = np.where(below < 0, self.scores[0] + below * low, score)
        return np.asarray(np.where(above > 0, self.scores[-1] + above * high, score))

    def _slopes(self) -> tuple[float, float]:
        """Standard deviations per radian below the first and above the last point."""
        first = max(2, int(np.searchsorted(self.scores, self.scores[0] + TAIL_SCORES, "right")))
        last = max(
            2, self.scores.size - int(np.searchsorted(self.scores, self.scores[-1] - TAIL_SCORES))
        )
        return _slope(self.angles[:first], self.scores[:first]), _slope(
            self.angles[-last:], self.scores[-last:]
        )


def _slope(angles: Doubles, scores: Doubles) -> float:
    """Of the straight line through rising points (least squares), so it is above 0."""
    away = angles - angles.mean()
    return float((away @ scores) / (away @ away))
