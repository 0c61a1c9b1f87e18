"""Confidence intervals: what would other people, drawn at random from the same kind, have given?

In: counts per person. Out: 95 % intervals from resampling the people with replacement (the
bootstrap). Pairs are not resampled: pairs of one person stand and fall together, so that an
interval over pairs would be far too narrow.

An impostor pair belongs to two people; a person drawn w times and another drawn v times make
w * v such pairs. To first order that is w + v - 1, and then counts per person suffice for every
threshold at once. The rest is noise of the resampling itself, which would only widen intervals
where a handful of pairs decide.

Where nothing went wrong, every resampling says so too. Then the upper end is 3 / n for n people
(the rule of three: with a higher rate, one error among n would be seen 95 times in 100), or n
pairs for false matches, and likewise the lower end where everything went wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from facesearch.evaluation.labelled import Ints
from facesearch.evaluation.measured import Floats, Interval
from facesearch.evaluation.spectrum import TailCounts

_CHUNK_NUMBERS = 8_000_000
_LOW, _HIGH = 2.5, 97.5
_RULE_OF_THREE = 3


def _draws(people: int, samples: int, seed: int) -> Iterator[Floats]:
    """How often each person is drawn, float64 (some, people), `samples` rows in all."""
    random = np.random.default_rng(seed)
    step = max(1, _CHUNK_NUMBERS // max(people, 1))
    even = np.full(people, 1 / people)
    for start in range(0, samples, step):
        size = min(step, samples - start)
        yield random.multinomial(people, even, size=size).astype(np.float64)


def share_interval(hits: Ints, of: Ints, *, samples: int, seed: int) -> Interval:
    """The interval of a share whose numerator and denominator are sums over people.

    Args:
        hits, of: int (people,), what each person adds to both.
    """
    drawn = resampled_shares(hits, of, samples=samples, seed=seed)
    return _interval(float(hits.sum() / of.sum()), drawn, int((of > 0).sum()))


def resampled_shares(hits: Ints, of: Ints, *, samples: int, seed: int) -> Floats:
    """The share in each resampling, float64 (samples,), NaN where nobody who counts was drawn.

    One seed and number of people, one choice of people: differences of two models' shares are
    those of the same people.
    """
    columns = np.stack([hits, of], axis=1).astype(np.float64)
    sums = np.concatenate([drawn @ columns for drawn in _draws(len(of), samples, seed)])
    return np.asarray(sums[:, 0] / np.where(sums[:, 1] > 0, sums[:, 1], np.nan))


def fnmr_intervals(
    counts: TailCounts, at: dict[float, int], *, samples: int, seed: int
) -> dict[float, Interval]:
    """FNMR where a false match rate is kept; the threshold moves with the resampled people.

    Args:
        counts: with edges that reach beyond the largest rate.
        at: false match rates, and the edge of each, one of `counts.edges`.
    """
    if not at:
        return {}
    found: dict[float, list[Floats]] = {rate: [] for rate in at}
    for fmr, fnmr in _resampled(counts, samples, seed):
        for rate, parts in found.items():
            parts.append(_at_rate(fmr, fnmr, rate))
    genuine = int(counts.genuine_pairs.sum())
    intervals = {}
    for rate, edge in at.items():
        column = int(np.searchsorted(counts.edges, edge))
        value = 1 - int(counts.genuine[:, column].sum()) / genuine
        intervals[rate] = _interval(value, np.concatenate(found[rate]), _with_pairs(counts))
    return intervals


def resampled_fnmr(counts: TailCounts, fmr: float, *, samples: int, seed: int) -> Floats:
    """FNMR where a false match rate is kept in each resampling, float64 (samples,).

    The people drawn are those of `resampled_shares`.
    """
    drawn = [_at_rate(*rates, fmr) for rates in _resampled(counts, samples, seed)]
    return np.concatenate(drawn)


def rate_intervals(
    counts: TailCounts, edge: int, *, samples: int, seed: int
) -> tuple[Interval | None, Interval | None]:
    """FMR and FNMR at a fixed edge, one of `counts.edges`; None where there are no such pairs."""
    column = int(np.searchsorted(counts.edges, edge))
    # Each impostor pair was counted for both of its people.
    pairs = int(counts.impostor_pairs.sum()) // 2
    genuine = int(counts.genuine_pairs.sum())
    both = [(fmr[:, column], fnmr[:, column]) for fmr, fnmr in _resampled(counts, samples, seed)]
    fmr_drawn, fnmr_drawn = (np.concatenate(part) for part in zip(*both, strict=True))
    fmr = fnmr = None
    if pairs:
        fmr = _interval(int(counts.impostor[:, column].sum()) / 2 / pairs, fmr_drawn, pairs)
    if genuine:
        value = 1 - int(counts.genuine[:, column].sum()) / genuine
        fnmr = _interval(value, fnmr_drawn, _with_pairs(counts))
    return fmr, fnmr


def _with_pairs(counts: TailCounts) -> int:
    """People with a genuine pair."""
    return int((counts.genuine_pairs > 0).sum())


def _resampled(counts: TailCounts, samples: int, seed: int) -> Iterator[tuple[Floats, Floats]]:
    """FMR and FNMR at every edge, float64 (some, g) each, NaN where no pair was drawn."""
    people = len(counts.impostor_pairs)
    matches = np.column_stack([counts.impostor, counts.impostor_pairs]).astype(np.float64)
    mated = np.column_stack([counts.genuine, counts.genuine_pairs]).astype(np.float64)
    all_pairs = matches.sum(axis=0) / 2
    for drawn in _draws(people, samples, seed):
        impostor = np.maximum(drawn @ matches - all_pairs, 0)
        genuine = drawn @ mated
        with np.errstate(invalid="ignore", divide="ignore"):
            fmr = impostor[:, :-1] / np.where(impostor[:, -1:] > 0, impostor[:, -1:], np.nan)
            fnmr = 1 - genuine[:, :-1] / np.where(genuine[:, -1:] > 0, genuine[:, -1:], np.nan)
        yield np.maximum.accumulate(fmr, axis=1), fnmr


def _at_rate(fmr: Floats, fnmr: Floats, rate: float) -> Floats:
    """FNMR where the false match rate is `rate`, between the two nearest edges on a line."""
    rows = np.arange(len(fmr))
    below = np.clip((fmr <= rate).sum(axis=1) - 1, 0, fmr.shape[1] - 2)
    low, high = fmr[rows, below], fmr[rows, below + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.clip(np.where(high > low, (rate - low) / (high - low), 0.0), 0.0, 1.0)
    return np.asarray(fnmr[rows, below] * (1 - part) + fnmr[rows, below + 1] * part)


def _interval(value: float, drawn: Floats, units: int) -> Interval:
    usable = drawn[np.isfinite(drawn)]
    low, high = np.percentile(usable, [_LOW, _HIGH]) if len(usable) else (value, value)
    unseen = min(1.0, _RULE_OF_THREE / units)
    low = min(float(low), value if value < 1 else 1 - unseen)
    high = max(float(high), value if value > 0 else unseen)
    return Interval(value, low, high)
