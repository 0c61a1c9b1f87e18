"""What distances mean: measured false match rates, probabilities, and where to draw the line.

In: the name of a space, cosine distances, how many faces a library holds. Out: rates,
operating points, and calibrations fitted to a library. Loads numpy only.
"""

from facesearch.rates.calibration import (
    MIN_GENUINE_PAIRS,
    MIN_IMPOSTOR_PAIRS,
    Calibration,
    Shift,
    fit_to_library,
)
from facesearch.rates.operating import (
    DEFAULT_FALSE_MATCHES,
    LARGEST_FMR,
    SMALLEST_FMR,
    VERIFY_PRIOR,
    OperatingPoint,
    operating_point,
    prior_for_gallery,
)
from facesearch.rates.pairs import LibraryPairs, library_pairs
from facesearch.rates.space import RatesProvenance, SpaceRates
from facesearch.rates.tables import measured_rates

__all__ = [
    "DEFAULT_FALSE_MATCHES",
    "LARGEST_FMR",
    "MIN_GENUINE_PAIRS",
    "MIN_IMPOSTOR_PAIRS",
    "SMALLEST_FMR",
    "VERIFY_PRIOR",
    "Calibration",
    "LibraryPairs",
    "OperatingPoint",
    "RatesProvenance",
    "Shift",
    "SpaceRates",
    "fit_to_library",
    "library_pairs",
    "measured_rates",
    "operating_point",
    "prior_for_gallery",
]
