"""How well a network names the people on chips.

In: what it said of each chip, and who is on it. Out: accuracy with its interval, the confusion
matrix, precision and recall of each person, the wrong ones, surest first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidValue
from facesearch.evaluation.measured import Interval
from facesearch.values import FloatArray, IdArray

# The point of the normal distribution beyond which 2.5 % lie.
_SIGMAS = 1.959963984540054
_TOP = 5

WORST = 24
"""Chips named wrongly that are shown: as many as one looks at."""


@dataclass(frozen=True, slots=True)
class PersonFigures:
    """How well one person is named.

    Attributes:
        chips: of this person.
        precision: share of this person among the chips that were given the name; None where
            none was.
        recall: share of the person's chips that were given the name; None without any.
    """

    person: str
    chips: int
    precision: float | None
    recall: float | None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both; 0 where one of them is missing, None where both are."""
        if self.precision is None and self.recall is None:
            return None
        precision, recall = self.precision or 0.0, self.recall or 0.0
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What a network said of chips, by people it was trained on.

    Attributes:
        people: those it can name, in the order of their labels.
        positions: of the chips among those that were measured.
        truth, named: labels of who is on each chip, and of who it said is.
        confidence: the probability it gave to whom it named, in 0..1.
        rank: at which place the right person came; 1 is the first.
        strangers: chips of people it cannot name, which are left out.

    Raises:
        InvalidValue: there is no chip, or the tuples are not of one length.
    """

    people: tuple[str, ...]
    positions: tuple[int, ...]
    truth: tuple[int, ...]
    named: tuple[int, ...]
    confidence: tuple[float, ...]
    rank: tuple[int, ...]
    strangers: int

    def __post_init__(self) -> None:
        parts = (self.positions, self.truth, self.named, self.confidence, self.rank)
        if not self.truth or len({len(part) for part in parts}) != 1:
            raise InvalidValue(f"naming takes chips; given {[len(part) for part in parts]}")

    @classmethod
    def of(cls, shares: FloatArray, labels: IdArray, people: tuple[str, ...]) -> Self:
        """What probabilities say.

        Args:
            shares: float32 (n, p), rows that add up to 1.
            labels: int64 (n,); those of p and above are strangers.
            people: p names.

        Raises:
            InvalidValue: all are strangers.
        """
        known = np.flatnonzero(labels < len(people))
        found, truth = shares[known], labels[known]
        of_truth = found[np.arange(len(known)), truth]
        return cls(
            people=people,
            positions=tuple(known.tolist()),
            truth=tuple(truth.tolist()),
            named=tuple(found.argmax(axis=1).tolist()),
            confidence=tuple(found.max(axis=1).astype(np.float64).round(6).tolist()),
            rank=tuple(((found > of_truth[:, None]).sum(axis=1) + 1).tolist()),
            strangers=len(labels) - len(known),
        )

    @property
    def accuracy(self) -> Interval:
        """The share of chips that are named rightly."""
        return wilson(sum(map(int.__eq__, self.truth, self.named)), len(self.truth))

    @property
    def among_five(self) -> Interval | None:
        """The share of chips whose person is among the first five; None for up to ten people."""
        if len(self.people) <= 2 * _TOP:
            return None
        return wilson(sum(rank <= _TOP for rank in self.rank), len(self.rank))

    @property
    def by_guessing(self) -> float:
        """The accuracy of naming the same person always, whoever is on most chips."""
        return float(np.bincount(self.truth).max() / len(self.truth))

    @property
    def beats_guessing(self) -> bool:
        """Whether the accuracy is above `by_guessing` by more than luck."""
        return self.accuracy.low > self.by_guessing

    def confusion(self) -> NDArray[np.int64]:
        """Chips by who is on them (rows) and who they are said to show, int64 (p, p)."""
        size = len(self.people)
        flat = np.asarray(self.truth, np.int64) * size + np.asarray(self.named, np.int64)
        return np.bincount(flat, minlength=size * size).reshape(size, size).astype(np.int64)

    def by_person(self) -> tuple[PersonFigures, ...]:
        """Precision and recall of each person, in the order of labels."""
        counts = self.confusion()
        right, of_truth, of_name = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
        return tuple(
            PersonFigures(
                person,
                int(of_truth[at]),
                float(right[at] / of_name[at]) if of_name[at] else None,
                float(right[at] / of_truth[at]) if of_truth[at] else None,
            )
            for at, person in enumerate(self.people)
        )

    def wrong(self) -> list[int]:
        """Which chips are named wrongly, as places in these tuples, surest first."""
        places = [at for at, truth in enumerate(self.truth) if truth != self.named[at]]
        return sorted(places, key=lambda at: -self.confidence[at])

    def typical(self, person: int) -> int | None:
        """The place of the chip that is named as this person most surely, and rightly."""
        right = [
            at
            for at, truth in enumerate(self.truth)
            if truth == person and self.named[at] == person
        ]
        return max(right, key=lambda at: self.confidence[at], default=None)


def readable(person: str) -> str:
    """A person's name as one reads it: folders often have underscores in place of spaces."""
    return person.replace("_", " ").strip() or person


def wilson(hits: int, of: int) -> Interval:
    """A share with Wilson's 95 % interval: what other chips of the same people may give.

    Raises:
        InvalidValue: nothing was counted.
    """
    if of < 1:
        raise InvalidValue("a share of nothing has no value")
    share, squared = hits / of, _SIGMAS**2
    middle = (share + squared / (2 * of)) / (1 + squared / of)
    spread = share * (1 - share) / of + squared / (4 * of**2)
    half = _SIGMAS / (1 + squared / of) * math.sqrt(spread)
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))
