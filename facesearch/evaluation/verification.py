"""Verification: is it the same person? Over all pairs of labelled photos.

In: vectors with labels. Out: `VerificationResult`: FNMR at false match rates from 1e-1 to 1e-6
with intervals, curves, histograms and the worst pairs. 87 million pairs take seconds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facesearch.errors import RatesMissing
from facesearch.evaluation.counted import count_pairs, edges_by_fmr
from facesearch.evaluation.labelled import GenuinePairs, Ints, Labelled, labelled
from facesearch.evaluation.measured import (
    FAILED_DISTANCE,
    ErrorCurve,
    Histogram,
    PhotoPair,
    RatePoint,
    RealisedRate,
    VerificationResult,
)
from facesearch.evaluation.resampling import fnmr_intervals, rate_intervals
from facesearch.evaluation.spectrum import (
    BIN_WIDTH,
    BINS,
    FAILED_BIN,
    OnRows,
    Spectrum,
    edge_of,
)
from facesearch.values import FloatArray

FALSE_MATCH_RATES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
REALISED_RATES = (1e-3, 1e-4)
MAX_PHOTOS_PER_PERSON = 10
BOOTSTRAP_SAMPLES = 1000
WORST_PAIRS = 50
_POINTS_PER_DECADE = 24
_HISTOGRAM_BINS = 100


def all_pairs(
    vectors: FloatArray,
    people: Sequence[str],
    *,
    paths: Sequence[str] | None = None,
    folds: Sequence[int] | None = None,
    space: str | None = None,
    max_photos_per_person: int = MAX_PHOTOS_PER_PERSON,
    seed: int = 0,
    bootstrap_samples: int = BOOTSTRAP_SAMPLES,
    worst_pairs: int = WORST_PAIRS,
    on_rows: OnRows | None = None,
) -> VerificationResult:
    """Compare every photo with every other one.

    Args:
        vectors: float32 (n, d), rows of unit length, or NaN where a photo gave no face.
        people: who is on each photo.
        paths: of the photos, to name the worst pairs by.
        folds: where given, only photos of one fold are compared with each other: vectors of a
            model that learned, for each fold, from the people of the others.
        space: of the vectors; where given, the rates measured for it are put to the test.
        max_photos_per_person: more are left out, chosen by `seed`, so that nobody dominates.
        bootstrap_samples: resamplings of the people behind each interval.
        worst_pairs: how many of the worst false matches and false non-matches are named.
        on_rows: told how many rows of how many are compared; they are compared twice.

    Raises:
        InvalidValue: no two photos of one person, only one person, or shapes do not fit.
    """
    data = labelled(vectors, people, paths).capped(max_photos_per_person, seed)
    parts = [data]
    if folds is not None:
        fold = np.asarray(folds)[data.rows]
        parts = [data.only(fold == number) for number in np.unique(fold)]
    return compared(
        parts,
        space=space,
        seed=seed,
        bootstrap_samples=bootstrap_samples,
        worst_pairs=worst_pairs,
        on_rows=on_rows,
    )


def compared(
    parts: Sequence[Labelled],
    *,
    space: str | None,
    seed: int,
    bootstrap_samples: int,
    worst_pairs: int,
    on_rows: OnRows | None,
) -> VerificationResult:
    """As `all_pairs`, for photos that were put in order before; each part by itself."""
    asked = _shipped_distances(space)
    pairs = count_pairs(
        parts,
        FALSE_MATCH_RATES,
        distances=[distance for _, distance in asked],
        nearest=worst_pairs,
        on_rows=on_rows,
    )
    found, edges, counts = pairs.spectrum, pairs.edges, pairs.counts
    intervals = fnmr_intervals(counts, edges, samples=bootstrap_samples, seed=seed)
    realised = []
    for rate, distance in asked:
        fmr, fnmr = rate_intervals(counts, edge_of(distance), samples=bootstrap_samples, seed=seed)
        if fmr is not None and fnmr is not None:
            realised.append(RealisedRate(rate, distance, fmr, fnmr))
    eer, auc = eer_and_auc(found)
    return VerificationResult(
        photos=sum(len(data) for data in parts),
        people=sum(data.people for data in parts),
        genuine_pairs=found.genuine_pairs,
        impostor_pairs=found.impostor_pairs,
        points=tuple(
            RatePoint(fmr, True, edges[fmr] * BIN_WIDTH, intervals[fmr])
            if fmr in edges
            else RatePoint(fmr, False, None, None)
            for fmr in FALSE_MATCH_RATES
        ),
        eer=eer,
        auc=auc,
        curve=error_curve(found),
        genuine=histogram(found.genuine, found),
        impostor=histogram(found.impostor, found),
        worst_false_matches=_worst(
            [
                data.pair(int(a), int(b))
                for data, near in zip(parts, pairs.nearest, strict=True)
                for a, b in near
            ],
            worst_pairs,
        ),
        worst_false_non_matches=_worst(
            [
                pair
                for data, genuine in zip(parts, pairs.genuine, strict=True)
                for pair in _farthest(data, genuine, worst_pairs)
            ],
            worst_pairs,
            sign=-1,
        ),
        realised=tuple(realised),
        rates_source=_rates_source(space),
    )


def _worst(pairs: list[PhotoPair], count: int, sign: int = 1) -> tuple[PhotoPair, ...]:
    return tuple(sorted(pairs, key=lambda pair: sign * pair.distance)[:count])


def _farthest(data: Labelled, genuine: GenuinePairs, count: int) -> tuple[PhotoPair, ...]:
    seen = np.flatnonzero(genuine.distance < FAILED_DISTANCE)
    order = np.lexsort((genuine.second[seen], genuine.first[seen], -genuine.distance[seen]))
    chosen = seen[order[:count]]
    return tuple(data.pair(int(genuine.first[at]), int(genuine.second[at])) for at in chosen)


def eer_and_auc(found: Spectrum) -> tuple[float, float]:
    """Equal error rate, and the probability that a genuine pair is nearer than an impostor."""
    gap = found.fnmr - found.fmr  # falls from 1
    at = int(np.argmax(gap <= 0)) if (gap <= 0).any() else BINS
    before = max(at - 1, 0)
    near = min((at, before), key=lambda edge: abs(gap[edge]))
    eer = float(found.fmr[near] + found.fnmr[near]) / 2
    impostor = found.impostor.astype(np.float64)
    farther = found.impostor_pairs - np.cumsum(impostor) + impostor / 2
    auc = float(found.genuine @ farther) / (found.genuine_pairs * found.impostor_pairs)
    return eer, auc


def error_curve(found: Spectrum) -> ErrorCurve:
    """FMR and FNMR at some hundred thresholds, dense where either is small."""
    missed = found.fnmr
    lowest = max(0.5 / found.genuine_pairs, 1e-9)
    rates = np.logspace(np.log10(lowest), 0, int(_POINTS_PER_DECADE * -np.log10(lowest)) + 2)
    # FNMR falls with the threshold, so look for its rates from the far end.
    by_fnmr = BINS - np.searchsorted(missed[::-1], rates, side="left")
    edges = np.unique(np.clip([0, *edges_by_fmr(found, 1.0), *by_fnmr, _last_used(found)], 0, BINS))
    return ErrorCurve(edges * BIN_WIDTH, found.fmr[edges], missed[edges])


def _last_used(found: Spectrum) -> int:
    """The first edge beyond all pairs but the failed ones."""
    used = np.flatnonzero((found.genuine + found.impostor)[:FAILED_BIN])
    return int(used[-1]) + 1 if len(used) else BINS


def histogram(counts: Ints, found: Spectrum) -> Histogram:
    """Counts in about a hundred bins that cover genuine and impostor pairs alike."""
    step = -(-_last_used(found) // _HISTOGRAM_BINS)
    edges = np.arange(0, _last_used(found) + step, step, dtype=np.int64)
    below = np.concatenate([[0], np.cumsum(counts[:FAILED_BIN])])
    inside = np.diff(below[np.minimum(edges, BINS)])
    return Histogram((edges * BIN_WIDTH).astype(np.float64), inside, int(counts[FAILED_BIN]))


def _shipped_distances(space: str | None) -> tuple[tuple[float, float], ...]:
    """For each of `REALISED_RATES` the distance that the space's shipped rates give."""
    if space is None:
        return ()
    from facesearch.rates import measured_rates

    try:
        rates = measured_rates(space)
    except RatesMissing:
        return ()
    return tuple((rate, float(rates.distance_at(rate))) for rate in REALISED_RATES)


def _rates_source(space: str | None) -> str | None:
    if space is None:
        return None
    from facesearch.rates import measured_rates

    try:
        return measured_rates(space).provenance.source
    except RatesMissing:
        return None
