"""One line of the report: a figure, what it was measured against, and its floor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a figure counts, and how it is written."""

    TIMES = "times as fast"
    PERCENT = "%"
    SECONDS = "s"
    GIGABYTES = "GB"
    DIFFERENCE = "difference"
    FACTOR = "off by a factor of"
    COUNT = "in number"

    def write(self, value: float) -> str:
        """The value with its unit, as it stands in a table."""
        match self:
            case Unit.TIMES:
                return f"{value:.1f}x"
            case Unit.PERCENT:
                return f"{value * 100:.2f} %"
            case Unit.SECONDS:
                return f"{value:.3f} s"
            case Unit.GIGABYTES:
                return f"{value / 1e9:.2f} GB"
            case Unit.DIFFERENCE:
                return f"{value:.1e}"
            case Unit.FACTOR:
                return f"a factor of {value:.2f}"
            case Unit.COUNT:
                return f"{value:.0f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measured figure beside the floor (or ceiling) that the project set for it.

    Attributes:
        what: what was measured, such as "embedding, batches of 32".
        ours: facesearch's own measurement, written out.
        against: what it is compared with; "" where nothing.
        theirs: the other side's measurement, written out.
        value: the figure itself; percentages as shares (1.0 is 100 %), memory in bytes.
        unit: how to write it.
        limit: the floor, or the ceiling where `at_most`; None where none was set.
        at_most: the limit is a ceiling.
        spread: smallest and largest value over repetitions, where they were paired.
        note: what a reader must know to judge the figure; a sentence.
    """

    what: str
    ours: str
    against: str = ""
    theirs: str = ""
    value: float
    unit: Unit
    limit: float | None = None
    at_most: bool = False
    spread: tuple[float, float] | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the limit is kept; None without one."""
        if self.limit is None:
            return None
        return self.value <= self.limit if self.at_most else self.value >= self.limit
