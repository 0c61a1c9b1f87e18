"""Where to draw the line for a library of this size.

In: the rates of a space, how many faces the library holds, and how many wrong faces an
answer may be expected to hold. Out: the false match rate that this asks for, and the
distance. A probe meets every face of the gallery, so the expected wrong faces are the
false match rate times the faces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from facesearch.errors import InvalidValue
from facesearch.rates.space import SpaceRates

# Expected wrong faces in the answer to one probe face, and so at most as many wrong people.
DEFAULT_FALSE_MATCHES = 0.1

# A library of ten faces would be allowed a rate of 1 in 100. Beyond 1 in 1,000 little more is
# found (FNMR is 4 % there), and every hundredth guest would be somebody of the family.
LARGEST_FMR = 1e-3
# Rates are measured down to about 1 in 30,000, and the straight line that goes on from there
# foretells 1 in a million well; a thousandth of that is the most one can ask of it.
SMALLEST_FMR = 1e-9

# Whether two given photos show one person: nothing is known before looking.
VERIFY_PRIOR = 0.5


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The line between match and no match, and what it stands for.

    Attributes:
        false_matches: expected wrong faces per probe face that were asked for.
        gallery_faces: faces the probe is compared with.
        fmr: the false match rate of one comparison; `false_matches / gallery_faces`
            within `SMALLEST_FMR..LARGEST_FMR`.
        max_distance: the cosine distance with that rate.
    """

    false_matches: float
    gallery_faces: int
    fmr: float
    max_distance: float

    @property
    def expected_false_matches(self) -> float:
        """Wrong faces to expect at this point; differs from what was asked where clamped."""
        return self.fmr * self.gallery_faces


def operating_point(
    rates: SpaceRates, *, gallery_faces: int, false_matches: float = DEFAULT_FALSE_MATCHES
) -> OperatingPoint:
    """The operating point of a gallery.

    Args:
        rates: of the gallery's space.
        gallery_faces: how many faces a probe is compared with; 0 counts as 1.
        false_matches: expected wrong faces in the answer to one probe face, above 0.

    Raises:
        InvalidValue: a negative number of faces, or `false_matches` not above 0 and finite.
    """
    if gallery_faces < 0:
        raise InvalidValue(f"a gallery holds 0 faces or more, not {gallery_faces}")
    if not (false_matches > 0 and math.isfinite(false_matches)):
        raise InvalidValue(
            f"expected false matches are above 0, not {false_matches}: "
            f"{DEFAULT_FALSE_MATCHES} is the default, 0.01 is strict"
        )
    fmr = min(max(false_matches / max(gallery_faces, 1), SMALLEST_FMR), LARGEST_FMR)
    return OperatingPoint(false_matches, gallery_faces, fmr, rates.distance_at(fmr))


def prior_for_gallery(gallery_faces: int) -> float:
    """The prior of one hit in a gallery: one of its faces is theirs, and any of them may be."""
    return 1.0 / max(2, gallery_faces)
