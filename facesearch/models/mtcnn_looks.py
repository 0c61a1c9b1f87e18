"""How closely MTCNN looks at a photo, the first time and where that found nothing.

In: what counts as a face. Out: the steps and thresholds of each look.
docs/decisions/second-look.md has the measurements behind the second one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from facesearch.models.base import DetectorOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One way of going through a photo.

    Attributes:
        step: each scale of the photo is this share of the one before.
        border_px: how far beyond the photo's edges proposals may reach, in pixels of each
            scale, of which a face fills 12; even, so that cells stay where they are.
        logits: least logit of a face after each of the three stages.
        settled_logit: least mean logit of the found face and its mirror image, judged once
            more; None where the third stage decides.
    """

    step: float
    border_px: int
    logits: tuple[float, float, float]
    settled_logit: float | None


# As the package goes through scales.
_PACKAGE_STEP = 0.709
# Twice as many scales, half a face of border, and thresholds that only sort out what is
# hopeless: the decision is left to the last, calmer judgement.
_FINE_STEP, _HALF_A_FACE_PX = 0.842, 6
_LENIENT = (0.4, 0.5, 0.5)


def first_look(options: DetectorOptions) -> Look:
    """As the package looks."""
    propose, refine, output = map(_logit, options.thresholds)
    return Look(
        step=_PACKAGE_STEP, border_px=0, logits=(propose, refine, output), settled_logit=None
    )


def second_look(options: DetectorOptions) -> Look:
    """Where the first look finds nothing: more candidates, the same least confidence."""
    propose, refine, output = (
        _logit(min(asked, lenient))
        for asked, lenient in zip(options.thresholds, _LENIENT, strict=True)
    )
    return Look(
        step=_FINE_STEP,
        border_px=_HALF_A_FACE_PX,
        logits=(propose, refine, output),
        settled_logit=_logit(options.thresholds[2]),
    )


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))
