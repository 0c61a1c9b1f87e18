"""Fit measured rates to one library's own faces.

In: distances between faces that are known to show two people, and perhaps between faces of
one person. Out: a `Calibration` that turns shipped rates into this library's.

The model: on the library's faces the scores (probits of the shipped curve) of impostor
pairs are normal again, with a mean and spread of their own. That is two numbers, so a few
hundred pairs tell about rates far smaller than one in a few hundred. Two kinds of doubt are
built in. A share of the pairs may show one person after all (collages, mirrors, a portrait
on the wall), so the likelihood is that of a mixture with the genuine curve. And few pairs
say little, so both numbers start from the shipped curve and move as far as the pairs
outweigh that.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidValue, SpaceMismatch, TooFewFaces
from facesearch.rates.normal import Doubles
from facesearch.rates.space import SpaceRates

FORMAT = 1
MIN_IMPOSTOR_PAIRS = 200
MIN_GENUINE_PAIRS = 100

# What libraries are like before looking: their impostors' mean score is off the shipped one
# by about 0.5 standard deviations, their spread by about 15 %.
_MEAN_DOUBT = 0.5
_LOG_SPREAD_DOUBT = 0.15
# Beyond these a spread says that something is wrong with the pairs, not with the curve.
_SPREADS = (0.5, 2.0)
# Pairs share faces, so a thousand of them say less than a thousand independent ones would.
_PAIRS_PER_INDEPENDENT_PAIR = 4.0
# More than this share of one-person pairs among "two people" is another problem.
_MOST_CONTAMINATION = 0.2
_ROUNDS = 200
_SETTLED = 1e-6


@dataclass(frozen=True, slots=True)
class Shift:
    """How scores of a library's pairs differ from those of the measured pairs.

    Attributes:
        mean: mean of their scores on the shipped curve; 0 there.
        spread: their standard deviation, above 0; 1 there.

    Raises:
        InvalidValue: not finite, or a spread that is not above 0.
    """

    mean: float = 0.0
    spread: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and math.isfinite(self.spread) and self.spread > 0):
            raise InvalidValue(f"a shift has a finite mean and a spread above 0, not {self}")


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a library's own faces say about the rates of its space.

    Attributes:
        space: the space it was fitted in.
        impostors: how its impostor pairs differ from the shipped ones.
        genuine: the same of its genuine pairs; nothing is moved where there were too few.
        contamination: share of the impostor pairs that look like one person, in 0..0.2.
        impostor_pairs, genuine_pairs: how many it was fitted to.
        fitted_at: when, ISO 8601 in UTC.
    """

    space: str
    impostors: Shift
    genuine: Shift
    contamination: float
    impostor_pairs: int
    genuine_pairs: int
    fitted_at: str

    def apply(self, rates: SpaceRates) -> SpaceRates:
        """Shipped rates as this library's.

        Raises:
            SpaceMismatch: the rates are of another space.
        """
        if rates.space != self.space:
            raise SpaceMismatch(self.space, rates.space)
        return replace(
            rates,
            calibrated=True,
            impostors=rates.impostors.moved(mean=self.impostors.mean, spread=self.impostors.spread),
            genuine=rates.genuine.moved(mean=self.genuine.mean, spread=self.genuine.spread),
        )

    def to_json(self) -> str:
        """As text to store; `from_json` reads it."""
        return json.dumps(
            {
                "format": FORMAT,
                "space": self.space,
                "impostors": {"mean": self.impostors.mean, "spread": self.impostors.spread},
                "genuine": {"mean": self.genuine.mean, "spread": self.genuine.spread},
                "contamination": self.contamination,
                "impostor_pairs": self.impostor_pairs,
                "genuine_pairs": self.genuine_pairs,
                "fitted_at": self.fitted_at,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """What `to_json` wrote.

        Raises:
            InvalidValue: the text is damaged, or of a later facesearch.
        """
        try:
            stored = json.loads(text)
            if stored["format"] != FORMAT:
                raise InvalidValue(f"it has format {stored['format']}, not {FORMAT}")
            return cls(
                space=str(stored["space"]),
                impostors=Shift(stored["impostors"]["mean"], stored["impostors"]["spread"]),
                genuine=Shift(stored["genuine"]["mean"], stored["genuine"]["spread"]),
                contamination=float(stored["contamination"]),
                impostor_pairs=int(stored["impostor_pairs"]),
                genuine_pairs=int(stored["genuine_pairs"]),
                fitted_at=str(stored["fitted_at"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidValue(
                f"the stored calibration cannot be read ({error}): "
                "run facesearch calibrate to make a new one"
            ) from error


def fit_to_library(
    rates: SpaceRates,
    impostors: NDArray[np.floating],
    genuine: NDArray[np.floating],
) -> Calibration:
    """Fit shipped rates to a library.

    `library_pairs` chooses the pairs so that no photo and no person dominates.

    Args:
        rates: of the library's space, not calibrated.
        impostors: cosine distances between faces of two people, shape (n,). Some may show
            one person after all.
        genuine: cosine distances between faces of one person, shape (m,); may be empty.
            Fewer than `MIN_GENUINE_PAIRS` leave the genuine curve as it is.

    Raises:
        TooFewFaces: fewer than `MIN_IMPOSTOR_PAIRS` impostor pairs.
        InvalidValue: rates that are calibrated already, or distances that are not finite.
    """
    if rates.calibrated:
        raise InvalidValue("calibrations start from the shipped rates, not from calibrated ones")
    for distances in (impostors, genuine):
        if distances.ndim != 1 or not np.isfinite(distances).all():
            raise InvalidValue("distances are finite numbers in one row")
    if impostors.size < MIN_IMPOSTOR_PAIRS:
        raise TooFewFaces(
            impostors.size,
            MIN_IMPOSTOR_PAIRS,
            f"calibrating takes {MIN_IMPOSTOR_PAIRS} pairs of faces that show two people, and "
            f"this library has {impostors.size}: index photos that show several people, or name "
            "more people; until then the shipped rates are used",
        )
    strangers, contamination = _fitted_impostors(rates, impostors)
    known = Shift()
    if genuine.size >= MIN_GENUINE_PAIRS:
        scores = rates.genuine.score(genuine)
        known = _shrunk(scores, np.ones_like(scores))
    return Calibration(
        space=rates.space,
        impostors=strangers,
        genuine=known,
        contamination=contamination,
        impostor_pairs=int(impostors.size),
        genuine_pairs=int(genuine.size),
        fitted_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _fitted_impostors(rates: SpaceRates, distances: NDArray[np.floating]) -> tuple[Shift, float]:
    """Expectation maximisation: which pairs are impostors, and how those are distributed."""
    scores = rates.impostors.score(distances)
    # Densities per unit of score; the genuine one through the likelihood ratio.
    genuine = rates.log_likelihood_ratio(distances) - 0.5 * scores * scores
    shift, share = Shift(), 0.02
    for _ in range(_ROUNDS):
        deviations = (scores - shift.mean) / shift.spread
        impostor = -0.5 * deviations * deviations - math.log(shift.spread)
        odds = np.exp(np.clip(genuine - impostor, -60.0, 60.0)) * (share / (1.0 - share))
        weights = 1.0 / (1.0 + odds)
        before, shift = shift, _shrunk(scores, weights)
        share = min(max(1.0 - float(weights.mean()), 1e-6), _MOST_CONTAMINATION)
        if abs(shift.mean - before.mean) + abs(shift.spread - before.spread) < _SETTLED:
            break
    return shift, share


def _shrunk(scores: Doubles, weights: Doubles) -> Shift:
    """Weighted mean and spread, drawn towards 0 and 1 as far as the pairs are few."""
    total = float(weights.sum())
    worth = total / _PAIRS_PER_INDEPENDENT_PAIR
    mean = float(weights @ scores) / total
    spread = math.sqrt(float(weights @ (scores - mean) ** 2) / total)
    spread = min(max(spread, _SPREADS[0]), _SPREADS[1])
    doubt = spread * spread / worth  # variance of the mean
    kept = _MEAN_DOUBT**2 / (_MEAN_DOUBT**2 + doubt)
    log_kept = _LOG_SPREAD_DOUBT**2 / (_LOG_SPREAD_DOUBT**2 + 0.5 / worth)
    return Shift(mean * kept, math.exp(math.log(spread) * log_kept))
