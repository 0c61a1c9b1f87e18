"""Fitting a model's rates to one library.

In: the faces of a library. Out: what was fitted to them, and a report of what that
changes. Faces that appear together in one photo are different people, near enough, and
named faces say who is one person: nobody has to label anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facesearch.errors import TooFewFaces
from facesearch.rates import Calibration, SpaceRates, fit_to_library, library_pairs
from facesearch.thresholds import limit_by
from facesearch.values import CalibrationReport, RateChange

if TYPE_CHECKING:
    from facesearch.catalog.records import LabelledVectors

_SHOWN_RATES = (1e-2, 1e-3, 1e-4, 1e-5)


def fitted(
    labelled: LabelledVectors,
    shipped: SpaceRates,
    before: SpaceRates,
    gallery_faces: int,
    people: int = 0,
) -> tuple[Calibration, CalibrationReport]:
    """Fit rates to the faces of a library.

    Args:
        labelled: its faces; poor ones are passed over.
        shipped: the rates to start from.
        before: the rates the library works with now.
        gallery_faces: faces a probe is compared with.
        people: how many people have names in the library.

    Returns:
        What was fitted, and the report, in which nothing is stored yet.

    Raises:
        TooFewFaces: too few pairs of different people; says how many there are.
    """
    usable = labelled.usable
    photo_ids, identity_ids = labelled.photo_ids[usable], labelled.identity_ids[usable]
    pairs = library_pairs(labelled.vectors[usable], photo_ids, identity_ids)
    _, faces_each = np.unique(photo_ids, return_counts=True)
    together = faces_each[faces_each > 1]
    _, named_each = np.unique(identity_ids[identity_ids != 0], return_counts=True)
    try:
        calibration = fit_to_library(shipped, pairs.impostors, pairs.genuine)
    except TooFewFaces as error:
        raise TooFewFaces(
            error.found,
            error.needed,
            f"this library is too small to calibrate: {together.sum():,} of its faces appear "
            f"together in {len(together):,} photos, which with the names makes {error.found:,} "
            f"pairs of different people, and it takes {error.needed:,}. Index photos that show "
            "several people, or name more people. Until then the rates that come with the "
            "model are used",
        ) from error
    after = calibration.apply(shipped)
    report = CalibrationReport(
        space=shipped.space,
        photos=len(together),
        faces=int(together.sum()),
        people=int((named_each > 1).sum()),
        impostor_pairs=calibration.impostor_pairs,
        genuine_pairs=calibration.genuine_pairs,
        parameters={
            "impostor_mean": calibration.impostors.mean,
            "impostor_spread": calibration.impostors.spread,
            "genuine_mean": calibration.genuine.mean,
            "genuine_spread": calibration.genuine.spread,
            "contamination": calibration.contamination,
        },
        rates=tuple(
            RateChange(fmr, before.distance_at(fmr), after.distance_at(fmr)) for fmr in _SHOWN_RATES
        ),
        limit_before=limit_by(before, gallery_faces, people=people),
        limit_after=limit_by(after, gallery_faces, people=people),
        stored=False,
    )
    return calibration, report
