"""What a distance means in one library: its rates, and up to where faces match.

In: the catalog and a space. Out: rates (those that ship with the model, fitted to the
library where it was calibrated) and the limit of a query in a library of this size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facesearch.errors import InvalidValue, RatesMissing
from facesearch.matching import person_rule
from facesearch.rates import (
    DEFAULT_FALSE_MATCHES,
    Calibration,
    SpaceRates,
    measured_rates,
    operating_point,
    prior_for_gallery,
)
from facesearch.values import MatchLimit

if TYPE_CHECKING:
    from facesearch.catalog.catalog import Catalog
    from facesearch.models.catalogue import EmbedderSpec


class LibraryRates:
    """The rates of the faces of one library.

    Read anew each time they are asked for: another process may calibrate the library.

    Args:
        catalog: of the library.
        embedder: whose space.
    """

    def __init__(self, catalog: Catalog, embedder: EmbedderSpec) -> None:
        self._catalog = catalog
        self._embedder = embedder

    @property
    def gallery_faces(self) -> int:
        """How many faces a probe is compared with."""
        space = self._embedder.space
        return sum(info.count for info in self._catalog.spaces() if info.name == space)

    def calibration(self) -> Calibration | None:
        """What was fitted to the library, if anything.

        Raises:
            InvalidValue: what is stored cannot be read.
        """
        text = self._catalog.calibration(self._embedder.space)
        return None if text is None else Calibration.from_json(text)

    def rates(self, *, references: int = 1) -> SpaceRates:
        """The rates to go by.

        Args:
            references: faces fused into the probe.

        Raises:
            RatesMissing: nobody measured the space.
            InvalidValue: the stored calibration cannot be read.
        """
        shipped = measured_rates(self._embedder.space, references=references)
        calibration = self.calibration()
        return shipped if calibration is None else calibration.apply(shipped)

    def rates_if_any(self, *, references: int = 1) -> SpaceRates | None:
        """The same; None where nobody measured the space."""
        try:
            return self.rates(references=references)
        except RatesMissing:
            return None

    def limit(
        self, *, max_distance: float | None, false_matches: float | None, references: int = 1
    ) -> tuple[MatchLimit, SpaceRates | None]:
        """Up to where faces match in this library, and the rates that say so.

        Args:
            max_distance: a distance chosen by the user; None to go by rates.
            false_matches: expected strangers' faces per probe face; None for the default.
            references: faces fused into the probe.

        Raises:
            InvalidValue: both are given, or one is out of range.
            RatesMissing: there are no rates, and no distance to go by instead.
        """
        if max_distance is not None and false_matches is not None:
            raise InvalidValue(
                "give a largest distance or the false matches to expect, not both: "
                "each of them decides the other"
            )
        if max_distance is not None and not 0 <= max_distance <= 2:
            raise InvalidValue(f"a cosine distance is in 0..2, not {max_distance}")
        rates = self.rates_if_any(references=references)
        if rates is None and false_matches is None and max_distance is None:
            max_distance = self._embedder.max_distance
        if rates is None and max_distance is None:
            raise RatesMissing(self._embedder.space)
        people = self._catalog.people_count()
        return limit_by(rates, self.gallery_faces, max_distance, false_matches, people), rates


def limit_by(
    rates: SpaceRates | None,
    gallery_faces: int,
    max_distance: float | None = None,
    false_matches: float | None = None,
    people: int = 0,
) -> MatchLimit:
    """The limit for a gallery of so many faces.

    Args:
        rates: of its space; None only where `max_distance` is given.
        gallery_faces: how many faces a probe is compared with.
        max_distance: a distance chosen by the user, in 0..2; None to go by rates.
        false_matches: expected strangers' faces per probe face; None for the default.
        people: how many people have names in the library.

    Raises:
        InvalidValue: `false_matches` is not above 0.
    """
    if rates is None:
        assert max_distance is not None, "without rates only a distance can be a limit"
        return MatchLimit(max_distance, gallery_faces)
    wanted = rule = None
    if max_distance is None:
        wanted = DEFAULT_FALSE_MATCHES if false_matches is None else false_matches
        point = operating_point(rates, gallery_faces=gallery_faces, false_matches=wanted)
        max_distance, fmr = point.max_distance, point.fmr
        rule = person_rule(rates, gallery_faces=gallery_faces, people=people, false_matches=wanted)
    else:
        fmr = rates.fmr(max_distance)
    return MatchLimit(
        max_distance=max_distance,
        gallery_faces=gallery_faces,
        false_matches=wanted,
        fmr=fmr,
        prior=prior_for_gallery(gallery_faces),
        calibrated=rates.calibrated,
        people=people,
        person_max_distance=None if rule is None or people == 0 else rule.max_distance,
    )
