"""The worst errors of a network, side by side.

In: what was measured. Out: galleries, and the chips they show.
"""

from __future__ import annotations

from collections.abc import Iterator

from facesearch.evaluation.report.contents import Exhibit, Gallery, Shot
from facesearch.evaluation.report.tables import distance, share
from facesearch.training.report.measured import Measured, ShownChip
from facesearch.training.report.naming import WORST, Naming, readable
from facesearch.training.report.telling import Pair, Telling


class Errors:
    """What went wrong.

    Attributes:
        chips: what the galleries that were given so far show.
    """

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        self._shown = {chip.position: chip for chip in measured.shown}
        self.chips: dict[Shot, ShownChip] = {}

    def galleries(self) -> Iterator[Gallery]:
        """Wrong names, then pairs on the wrong side of the distance; kinds without any left out."""
        naming, telling = self._measured.naming, self._measured.telling
        if naming is not None and (wrong := naming.wrong()[:WORST]):
            yield Gallery(
                "Named wrongly, the surest first",
                "To the left the chip with its label; to the right, for comparison, the chip that "
                "the network takes most surely, and rightly, for the person it named. Look for "
                "wrong labels before blaming the network.",
                tuple(self._misnamed(naming, at) for at in wrong),
            )
        for each in telling[:1]:
            yield from self._pairs(each)

    def _misnamed(self, naming: Naming, at: int) -> Exhibit:
        truth = readable(naming.people[naming.truth[at]])
        named = readable(naming.people[naming.named[at]])
        shots = [self._shot(naming.positions[at], f"Labelled {truth}")]
        typical = naming.typical(naming.named[at])
        if typical is not None:
            shots.append(self._shot(naming.positions[typical], named))
        sure = share(naming.confidence[at], 1)
        place = f"; the label came {ordinal(naming.rank[at])}" if len(naming.people) > 2 else ""
        return Exhibit(tuple(shots), f"Named {named}, {sure} sure{place}")

    def _pairs(self, telling: Telling) -> Iterator[Gallery]:
        at = f"{telling.distance} distance {distance(telling.separation.threshold)}"
        if telling.false_matches:
            yield Gallery(
                "False matches, the nearest first",
                f"Different people, by their labels, within {at}. Look for one person under two "
                "names before blaming the network.",
                tuple(map(self._pair, telling.false_matches)),
            )
        if telling.false_non_matches:
            yield Gallery(
                "False non-matches, the farthest first",
                f"One person, by the label, beyond {at}. Wrong labels and faces hard to see gather "
                "here.",
                tuple(map(self._pair, telling.false_non_matches)),
            )

    def _pair(self, pair: Pair) -> Exhibit:
        people = self._measured.people
        both = (pair.first, pair.second)
        shots = tuple(self._shot(each, readable(people[each])) for each in both)
        return Exhibit(shots, f"Distance {distance(pair.distance)}")

    def _shot(self, position: int, label: str) -> Shot:
        chip = self._shown[position]
        shot = Shot(chip.photo, label, None)
        # A photo of several people may have given chips of one label: no two look the same.
        while self.chips.get(shot, chip) is not chip:
            shot = Shot(f"{shot.path} ", label, None)
        self.chips[shot] = chip
        return shot


def ordinal(place: int) -> str:
    """``2nd``, ``13th``."""
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10)
    return f"{place}{ending or 'th'}"
