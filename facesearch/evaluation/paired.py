"""Does one model do better than another, or was it luck? Both judged the same photos.

In: what each of two models got right, pair by pair or person by person. Out: `Difference`:
how much better the first is, and an interval or a probability that says whether to believe it.
Two intervals that overlap prove nothing here: errors of two models on the same photos go
together, so the difference is known far better than either figure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from facesearch.evaluation.counted import CountedPairs
from facesearch.evaluation.identification import Ranked
from facesearch.evaluation.labelled import Bools, Ints
from facesearch.evaluation.measured import Floats
from facesearch.evaluation.resampling import resampled_fnmr, resampled_shares
from facesearch.evaluation.spectrum import TailCounts

SIGNIFICANT = 0.05
_LOW, _HIGH = 2.5, 97.5


@dataclass(frozen=True, slots=True)
class Difference:
    """The figure of one model less that of another, on the same photos.

    Attributes:
        value: the difference of the two shares.
        low, high: its 95 % interval from resampling the people; None where `p_value` is told.
        p_value: the probability of a difference as large, were both models equally good; None
            where the interval is told.
    """

    value: float
    low: float | None
    high: float | None
    p_value: float | None

    @property
    def is_significant(self) -> bool:
        """Whether chance alone would hardly make such a difference: one time in 20 at most."""
        if self.p_value is not None:
            return self.p_value < SIGNIFICANT
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def accuracy_difference(first: Bools, second: Bools) -> Difference:
    """Of pairs, bool (n,): which of them each model judged rightly. McNemar's exact test.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12 (1947).
    """
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    return Difference(
        (only_first - only_second) / len(first), None, None, _two_sided(only_first, only_second)
    )


def fnmr_difference(
    first: CountedPairs, second: CountedPairs, fmr: float, *, samples: int, seed: int
) -> Difference | None:
    """Of FNMR at a false match rate, each model at its own threshold, which moves with the
    resampled people as in `resampling.fnmr_intervals`. None where the rate cannot be seen."""
    if fmr not in first.edges or fmr not in second.edges:
        return None
    drawn = []
    for pairs in (first, second):
        # Whatever parts people are in: each draw must take the same ones for both.
        order = np.argsort(np.array(pairs.people))
        drawn.append(resampled_fnmr(_ordered(pairs.counts, order), fmr, samples=samples, seed=seed))
    return _by_interval(fnmr_at(first, fmr) - fnmr_at(second, fmr), drawn[0] - drawn[1])


def fnmr_at(pairs: CountedPairs, fmr: float) -> float:
    """FNMR at a false match rate that can be seen."""
    return float(pairs.spectrum.fnmr[pairs.edges[fmr]])


def rank1_difference(first: Ranked, second: Ranked, *, samples: int, seed: int) -> Difference:
    """Of the share of probes that find their person first."""
    hits = [ranked.within(1) for ranked in (first, second)]
    of = first.probes_of
    one, other = (resampled_shares(own, of, samples=samples, seed=seed) for own in hits)
    return _by_interval(float((hits[0] - hits[1]).sum() / of.sum()), one - other)


def _by_interval(value: float, drawn: Floats) -> Difference:
    usable = drawn[np.isfinite(drawn)]
    if not len(usable):
        return Difference(value, min(value, 0.0), max(value, 0.0), None)
    low, high = np.percentile(usable, [_LOW, _HIGH])
    return Difference(value, float(low), float(high), None)


def _ordered(counts: TailCounts, order: Ints) -> TailCounts:
    return TailCounts(
        counts.edges,
        counts.impostor[order],
        counts.genuine[order],
        counts.impostor_pairs[order],
        counts.genuine_pairs[order],
        counts.nearest,
    )


def _two_sided(one: int, other: int) -> float:
    """The probability of a split at least as uneven as this, by tosses of a fair coin."""
    tosses, fewer = one + other, min(one, other)
    if tosses == 0:
        return 1.0
    logs = [
        math.lgamma(tosses + 1)
        - math.lgamma(count + 1)
        - math.lgamma(tosses - count + 1)
        - tosses * math.log(2)
        for count in range(fewer + 1)
    ]
    return min(1.0, 2 * sum(map(math.exp, logs)))
