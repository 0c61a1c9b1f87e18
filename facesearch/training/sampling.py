"""Which pairs of chips a siamese network is shown in an epoch. Loads no TensorFlow.

In: the person on each chip. Out: pairs, half of them of one person, half of two, decided by
seed and epoch alone, so that an epoch can be made again after a crash.

Every chip that has another one of its person is an anchor. Its set S is those others, its set D
all chips of other people; one of each makes its two pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidValue
from facesearch.values import FloatArray

# Rows of distances computed together in `semi_hard_pairs`: 64 MB for 60,000 chips.
_AT_ONCE = 256


@dataclass(frozen=True, slots=True, eq=False)
class PairSet:
    """Pairs of chips, in the order in which they are shown.

    Attributes:
        left, right: positions of the two chips among the labels; int64, shape (n,).
        different: 0 where both show one person, 1 where they show two; uint8, shape (n,).
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    different: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.left)

    def of_one_person(self) -> PairSet:
        """Those that show one person, in the same order."""
        one = self.different == 0
        return PairSet(self.left[one], self.right[one], self.different[one])


class People:
    """The sets S and D of every chip.

    Args:
        labels: the person on each chip, any integers.

    Raises:
        InvalidValue: nobody has two chips, or there is only one person, so no pairs of both
            kinds can be drawn.
    """

    def __init__(self, labels: Sequence[int] | NDArray[np.integer]) -> None:
        found = np.asarray(labels, np.int64)
        people, person, counts = np.unique(found, return_inverse=True, return_counts=True)
        if len(people) < 2 or counts.max() < 2:
            raise InvalidValue(
                "pairs are drawn from at least two people, one of whom has at least two photos; "
                f"these are {len(people)} people with {counts.max(initial=0)} at most"
            )
        # Chips sorted by person, so that each person's lie side by side from `start` on.
        self._order: NDArray[np.int64] = np.argsort(person, kind="stable")
        self._place: NDArray[np.int64] = np.argsort(self._order, kind="stable")
        self._person: NDArray[np.int64] = person
        self._start: NDArray[np.int64] = (np.cumsum(counts) - counts)[person]
        self._count: NDArray[np.int64] = counts[person]

    def anchors(self) -> NDArray[np.int64]:
        """The chips whose set S is not empty."""
        return np.flatnonzero(self._count > 1)

    def same(self, chip: int) -> NDArray[np.int64]:
        """The set S of a chip: the other chips of its person."""
        start, count = self._start[chip], self._count[chip]
        block = self._order[start : start + count]
        others: NDArray[np.int64] = block[block != chip]
        return others

    def others(self, chip: int) -> NDArray[np.int64]:
        """The set D of a chip: all chips of other people."""
        return np.flatnonzero(self._person != self._person[chip])

    def draw_same(
        self, anchors: NDArray[np.int64], random: np.random.Generator
    ) -> NDArray[np.int64]:
        """One of S for each anchor, all of S equally likely."""
        drawn = random.integers(0, self._count[anchors] - 1) + self._start[anchors]
        chips: NDArray[np.int64] = self._order[drawn + (drawn >= self._place[anchors])]
        return chips

    def draw_other(
        self, anchors: NDArray[np.int64], random: np.random.Generator
    ) -> NDArray[np.int64]:
        """One of D for each anchor, all of D equally likely."""
        drawn = random.integers(0, len(self._order) - self._count[anchors])
        after = drawn >= self._start[anchors]
        chips: NDArray[np.int64] = self._order[drawn + after * self._count[anchors]]
        return chips

    def capped(
        self, anchors: NDArray[np.int64], most: int, random: np.random.Generator
    ) -> NDArray[np.int64]:
        """At most so many of the anchors of each person, drawn at random."""
        shuffled = random.permutation(anchors)
        by_person = shuffled[np.argsort(self._person[shuffled], kind="stable")]
        person = self._person[by_person]
        first = np.flatnonzero(np.r_[True, person[1:] != person[:-1]])
        rank = np.arange(len(person)) - np.repeat(first, np.diff(np.r_[first, len(person)]))
        return np.sort(by_person[rank < most])


def balanced_pairs(
    labels: Sequence[int] | NDArray[np.integer],
    *,
    seed: int,
    epoch: int,
    anchors_per_person: int = 0,
) -> PairSet:
    """One pair of each kind for every anchor, in random order.

    Args:
        labels: the person on each chip, shape (n,).
        seed, epoch: the same two give the same pairs, on any machine.
        anchors_per_person: at most so many of a person's chips are anchors in an epoch, so
            that people with hundreds of photos do not outweigh all others; 0 for all.

    Returns:
        Twice as many pairs as anchors: as many of one person as of two.

    Raises:
        InvalidValue: nobody has two chips, or there is only one person.
    """
    people = People(labels)
    random = np.random.default_rng([seed, epoch])
    anchors = _anchors(people, anchors_per_person, random)
    return _paired(
        anchors, people.draw_same(anchors, random), people.draw_other(anchors, random), random
    )


def semi_hard_pairs(
    labels: Sequence[int] | NDArray[np.integer],
    embeddings: FloatArray,
    *,
    margin: float,
    seed: int,
    epoch: int,
    anchors_per_person: int = 0,
) -> PairSet:
    """As `balanced_pairs`, but with people who are nearly mistaken for each other.

    The second chip of a pair of two people is drawn from the semi-hard ones (Schroff et al.,
    "FaceNet", 2015): farther from the anchor than the chip of the same person, and nearer than
    the margin, beyond which the loss has nothing to teach. Where there is none it is any of D.

    Args:
        labels: the person on each chip, shape (n,).
        embeddings: of the chips as the network gives them now, shape (n, d).
        margin: of the contrastive loss, in units of these embeddings.
        seed, epoch, anchors_per_person: as in `balanced_pairs`.

    Raises:
        InvalidValue: as `balanced_pairs`, or labels and embeddings are not equally many.
    """
    if len(labels) != len(embeddings):
        raise InvalidValue(
            f"each chip has a label and an embedding, not {len(labels)} and {len(embeddings)}"
        )
    people = People(labels)
    person = np.asarray(labels)
    random = np.random.default_rng([seed, epoch])
    anchors = _anchors(people, anchors_per_person, random)
    same = people.draw_same(anchors, random)
    other = people.draw_other(anchors, random)
    for at in range(0, len(anchors), _AT_ONCE):
        part = slice(at, at + _AT_ONCE)
        distances = _distances(embeddings[anchors[part]], embeddings)
        of_same = np.take_along_axis(distances, same[part, None], axis=1)
        fits = (distances > of_same) & (distances < margin)
        fits &= person[None] != person[anchors[part], None]
        # The largest of equally distributed numbers is any of those that fit.
        drawn = np.where(fits, random.random(fits.shape, np.float32), -1).argmax(axis=1)
        other[part] = np.where(fits.any(axis=1), drawn, other[part])
    return _paired(anchors, same, other, random)


def _anchors(people: People, most: int, random: np.random.Generator) -> NDArray[np.int64]:
    if most < 0:
        raise InvalidValue(f"anchors_per_person is at least 1, or 0 for all, not {most}")
    anchors = people.anchors()
    return people.capped(anchors, most, random) if most else anchors


def _paired(
    anchors: NDArray[np.int64],
    same: NDArray[np.int64],
    other: NDArray[np.int64],
    random: np.random.Generator,
) -> PairSet:
    order = random.permutation(2 * len(anchors))
    return PairSet(
        np.concatenate([anchors, anchors])[order],
        np.concatenate([same, other])[order],
        np.repeat(np.array([0, 1], np.uint8), len(anchors))[order],
    )


def _distances(rows: FloatArray, columns: FloatArray) -> FloatArray:
    squares = (rows**2).sum(axis=1)[:, None] + (columns**2).sum(axis=1)[None] - 2 * rows @ columns.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)), np.float32)
