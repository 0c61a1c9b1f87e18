"""What a distance means in one space: rates and probabilities.

In: cosine distances of one space. Out: the share of strangers within them (FMR), the share
of one person's pairs beyond them (FNMR), and the probability that it is one person. All
conversions between the three happen here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facesearch.errors import InvalidValue
from facesearch.rates.curve import Curve
from facesearch.rates.isotonic import falling
from facesearch.rates.normal import Doubles, angle_of, score_of, share_below

# No distance proves more than this, one way or the other: rates smaller than one in a
# billion are not known of any space, twins and wrong labels see to that.
LARGEST_LIKELIHOOD_RATIO = 1e9
# Evidence is worked out on this grid; 0.005 rad is a third of what separates two quantiles.
_GRID_RAD = np.linspace(0.0, math.pi, 629)


@dataclass(frozen=True, slots=True)
class RatesProvenance:
    """Where measured rates come from.

    Attributes:
        source: the photos, in words.
        photos, people: how many were compared.
        impostor_pairs, genuine_pairs: pairs of two people, and of one.
        made_by: the script, its date and its rules, in words.
    """

    source: str
    photos: int
    people: int
    impostor_pairs: int
    genuine_pairs: int
    made_by: str


@dataclass(frozen=True, eq=False)
class SpaceRates:
    """Distances, rates and probabilities of one space; each turns into the others.

    Every method takes one number and gives one, or takes an array and gives an array of
    its shape.

    Attributes:
        space: whose distances these are.
        provenance: what was measured.
        references: faces fused into the probe; 1 where a single face is compared.
        calibrated: True where the rates were fitted to a library's own faces.
        impostors: share of pairs of two people within a distance.
        genuine: share of pairs of one person within a distance.
    """

    space: str
    provenance: RatesProvenance
    references: int
    calibrated: bool
    impostors: Curve
    genuine: Curve

    @overload
    def fmr(self, distance: float) -> float: ...
    @overload
    def fmr(self, distance: NDArray[np.floating]) -> Doubles: ...
    def fmr(self, distance: ArrayLike) -> float | Doubles:
        """False match rate: the share of pairs of two people within the distance. Rises."""
        return _as_given(self.impostors.share_within(distance))

    @overload
    def distance_at(self, fmr: float) -> float: ...
    @overload
    def distance_at(self, fmr: NDArray[np.floating]) -> Doubles: ...
    def distance_at(self, fmr: ArrayLike) -> float | Doubles:
        """The cosine distance (0..2) with that false match rate: the inverse of `fmr`.

        Rates too small for any distance above 0 give 0.

        Raises:
            InvalidValue: the rate is not in 0..1.
        """
        rates = np.asarray(fmr, dtype=np.float64)
        _check_within(rates, "a false match rate")
        return _as_given(self.impostors.distance_at_score(score_of(rates)))

    @overload
    def fnmr(self, distance: float) -> float: ...
    @overload
    def fnmr(self, distance: NDArray[np.floating]) -> Doubles: ...
    def fnmr(self, distance: ArrayLike) -> float | Doubles:
        """False non-match rate: the share of one person's pairs beyond the distance. Falls."""
        return _as_given(share_below(-self.genuine.score(distance)))

    @overload
    def probability(self, distance: float, prior: float) -> float: ...
    @overload
    def probability(self, distance: NDArray[np.floating], prior: float) -> Doubles: ...
    def probability(self, distance: ArrayLike, prior: float) -> float | Doubles:
        """The probability that two faces at this distance show one person. Falls.

        Args:
            distance: cosine distance between them.
            prior: the probability before looking, above 0 and below 1; see
                `prior_for_gallery` and `VERIFY_PRIOR`.

        Returns:
            Above 0 and below 1.

        Raises:
            InvalidValue: the prior is not above 0 and below 1.
        """
        if not 0.0 < prior < 1.0:
            raise InvalidValue(f"a prior lies above 0 and below 1, not at {prior}")
        log_odds = math.log(prior) - math.log1p(-prior) + self.log_likelihood_ratio(distance)
        # 30 is a probability of 1 - 1e-13: still below 1 as a float
        return _as_given(1.0 / (1.0 + np.exp(-np.clip(log_odds, -30.0, 30.0))))

    def log_likelihood_ratio(self, distance: ArrayLike) -> Doubles:
        """Natural logarithm of how many times likelier a distance is between faces of one
        person than of two. Falls; within +-log(`LARGEST_LIKELIHOOD_RATIO`)."""
        return np.asarray(np.interp(angle_of(distance), _GRID_RAD, self._evidence))

    @cached_property
    def _evidence(self) -> Doubles:
        """Log likelihood ratio on the grid, made to fall as the angle grows."""
        raw = self.genuine.log_density(_GRID_RAD) - self.impostors.log_density(_GRID_RAD)
        # Beyond most strangers hardly any genuine pair was seen: the ratio of two guesses may
        # do anything there, such as rise again, so the last known one is held.
        last = int(np.searchsorted(_GRID_RAD, angle_of(self.impostors.distance_at_score(0.0))))
        raw[last:] = raw[last]
        limit = math.log(LARGEST_LIKELIHOOD_RATIO)
        return np.clip(falling(raw), -limit, limit)


def _check_within(rates: Doubles, what: str) -> None:
    if not ((rates >= 0.0) & (rates <= 1.0)).all():
        raise InvalidValue(f"{what} lies in 0..1, not at {rates.ravel().tolist()[:3]}")


def _as_given(values: Doubles) -> float | Doubles:
    return float(values) if np.ndim(values) == 0 else values
