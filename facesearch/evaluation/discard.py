"""Does quality predict errors? FNMR where the poorest photos are left out, step by step.

In: genuine pairs, a quality for each photo, a threshold. Out: `DiscardResult`, the error versus
discard curve (P. Grother and E. Tabassi, "Performance of biometric quality measures", 2007).
A photo without a face has no quality, so nothing leaves it out: its pairs stay errors.
"""

from __future__ import annotations

import numpy as np

from facesearch.errors import InvalidValue
from facesearch.evaluation.labelled import Bools, GenuinePairs, Ints
from facesearch.evaluation.measured import DiscardResult, Floats

DISCARDED = np.linspace(0, 0.5, 26)
"""Shares of photos left out."""


def error_versus_discard(
    pairs: GenuinePairs, quality: Floats, *, threshold: float, discarded: Floats = DISCARDED
) -> DiscardResult:
    """FNMR at a threshold among the pairs that stay when the poorest photos are left out.

    Args:
        pairs: genuine pairs; their rows point into `quality`.
        quality: float (n,), of each photo, larger is better; NaN where it gave no face.
        threshold: pairs at this distance or farther are false non-matches.
        discarded: shares of photos left out, ascending from 0.

    Raises:
        InvalidValue: no pairs, or no photo has a quality.
    """
    taking_part = np.zeros(len(quality), np.bool_)
    taking_part[pairs.first] = taking_part[pairs.second] = True
    graded = taking_part & np.isfinite(quality)
    if not graded.any():
        raise InvalidValue("an error versus discard curve needs genuine pairs with qualities")
    missed: Bools = pairs.distance >= threshold
    order = np.lexsort((np.arange(len(quality)), quality))
    fnmr, left = _curve(pairs, missed, order[graded[order]], discarded)
    errors = np.bincount(pairs.first[missed], minlength=len(quality)) + np.bincount(
        pairs.second[missed], minlength=len(quality)
    )
    guilty = np.lexsort((np.arange(len(quality)), -errors))
    ideal, _ = _curve(pairs, missed, guilty[graded[guilty]], discarded)
    return DiscardResult(
        threshold=threshold,
        discarded=discarded,
        fnmr=fnmr,
        genuine_pairs=left,
        area=_area(discarded, fnmr),
        random_area=float(fnmr[0]),
        ideal_area=_area(discarded, ideal),
    )


def _curve(
    pairs: GenuinePairs, missed: Bools, worst_first: Ints, discarded: Floats
) -> tuple[Floats, Ints]:
    """FNMR and pairs that stay, where shares of the photos in `worst_first` are left out."""
    size = int(max(pairs.first.max(), pairs.second.max(), worst_first.max())) + 1
    place = np.full(size, len(worst_first), np.int64)  # whoever is not listed stays
    place[worst_first] = np.arange(len(worst_first))
    goes = np.minimum(place[pairs.first], place[pairs.second])
    cut = np.floor(discarded * len(worst_first) + 1e-9).astype(np.int64)
    left = (goes[None, :] >= cut[:, None]).sum(axis=1)
    wrong = (goes[missed][None, :] >= cut[:, None]).sum(axis=1)
    return wrong / np.where(left > 0, left, np.nan), left


def _area(discarded: Floats, fnmr: Floats) -> float:
    """The mean of a curve over its width, where it is known."""
    known = np.isfinite(fnmr)
    x, y = discarded[known], fnmr[known]
    if len(x) < 2:
        return float(y[0])
    return float(((y[1:] + y[:-1]) / 2 @ np.diff(x)) / (x[-1] - x[0]))
