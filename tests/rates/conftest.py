"""Rates of a made-up space, so that tests depend on no measurement."""

from __future__ import annotations

import numpy as np
import pytest

from facesearch.rates import RatesProvenance, SpaceRates
from facesearch.rates.curve import Curve


@pytest.fixture
def rates() -> SpaceRates:
    """Impostors around 0.57 rad, genuine pairs around 0.29 rad, both 0.06 rad wide."""
    scores = np.linspace(-4.2, 3.0, 49)
    return SpaceRates(
        space="toy@1",
        provenance=RatesProvenance("made up", 2, 2, 1, 1, "tests"),
        references=1,
        calibrated=False,
        impostors=Curve(0.57 + 0.06 * scores, scores),
        genuine=Curve(0.29 + 0.06 * scores, scores),
    )
