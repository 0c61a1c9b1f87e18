"""Photos with labels, sorted and checked, as the metrics take them.

In: vectors (a row of NaN where a photo gave no face) and who is on each photo. Out:
`Labelled`, sorted by person, perhaps with at most so many photos of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidValue
from facesearch.evaluation.measured import FAILED_DISTANCE, PhotoPair
from facesearch.values import UNIT_LENGTH_TOLERANCE, FloatArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Photos sorted by person.

    Attributes:
        vectors: float32 (n, d), rows of unit length; zeros where the photo gave no face.
        failed: bool (n,), True there.
        person: int (n,), index into `names`, ascending.
        names: the labels, sorted.
        paths: of the photos; "" where there are none.
        rows: int (n,), where each photo was in what was given.
    """

    vectors: FloatArray
    failed: Bools
    person: Ints
    names: tuple[str, ...]
    paths: tuple[str, ...]
    rows: Ints

    def __len__(self) -> int:
        return len(self.person)

    @property
    def people(self) -> int:
        """How many people there are."""
        return len(self.names)

    @property
    def photos_of(self) -> Ints:
        """How many photos each person has, int (people,)."""
        return np.bincount(self.person, minlength=self.people)

    def pair(self, first: int, second: int) -> PhotoPair:
        """Two photos by their row here."""
        distance = FAILED_DISTANCE
        if not (self.failed[first] or self.failed[second]):
            both = self.vectors[[first, second]].astype(np.float64)
            distance = float(np.clip(1.0 - both[0] @ both[1], 0.0, FAILED_DISTANCE))
        return PhotoPair(
            self.paths[first],
            self.paths[second],
            self.names[self.person[first]],
            self.names[self.person[second]],
            distance,
        )

    def only(self, keep: Bools) -> Labelled:
        """Some of the photos, and the people who have one."""
        left, person = np.unique(self.person[keep], return_inverse=True)
        chosen = np.flatnonzero(keep)
        return Labelled(
            self.vectors[keep],
            self.failed[keep],
            person.astype(np.int64),
            tuple(self.names[at] for at in left),
            tuple(self.paths[at] for at in chosen),
            self.rows[keep],
        )

    def capped(self, most: int, seed: int) -> Labelled:
        """At most so many photos of each person, chosen at random.

        Raises:
            InvalidValue: fewer than two.
        """
        if most < 2:
            raise InvalidValue(f"at least 2 photos per person are needed for a pair, not {most}")
        luck = np.random.default_rng(seed).random(len(self))
        order = np.lexsort((luck, self.person))
        starts = np.flatnonzero(np.diff(self.person, prepend=-1))
        place = np.empty(len(self), np.int64)
        place[order] = np.arange(len(self)) - np.repeat(starts, self.photos_of)
        return self.only(place < most)

    def genuine_pairs(self) -> GenuinePairs:
        """All pairs of photos of one person."""
        parts = [
            (start + first, start + second, distances)
            for start, first, second, distances in self._pairs_by_person()
        ]
        if not parts:
            none = np.empty(0, np.int64)
            return GenuinePairs(none, none, np.empty(0, np.float32))
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return GenuinePairs(*columns)

    def _pairs_by_person(self) -> Iterator[tuple[int, Ints, Ints, FloatArray]]:
        start = 0
        for count in self.photos_of:
            if count > 1:
                part = slice(start, start + int(count))
                first, second = np.triu_indices(int(count), k=1)
                distances = (1 - self.vectors[part] @ self.vectors[part].T)[first, second]
                lost = self.failed[part][first] | self.failed[part][second]
                distances = np.where(lost, FAILED_DISTANCE, np.clip(distances, 0, FAILED_DISTANCE))
                yield start, first, second, distances.astype(np.float32)
            start += int(count)


@dataclass(frozen=True, slots=True, eq=False)
class GenuinePairs:
    """Pairs of photos of one person: rows in a `Labelled`, and their distances, shape (n,)."""

    first: Ints
    second: Ints
    distance: FloatArray


def labelled(
    vectors: FloatArray, people: Sequence[str], paths: Sequence[str] | None = None
) -> Labelled:
    """Sort photos by person, and within a person by path, so that their order does not matter.

    Args:
        vectors: float32 (n, d), rows of unit length, or NaN where a photo gave no face.
        people: who is on each photo, n labels.
        paths: of the photos; only to name them in results.

    Raises:
        InvalidValue: the lengths differ, or a row has neither length 1 nor NaN.
    """
    if vectors.ndim != 2 or len(vectors) != len(people):
        raise InvalidValue(
            f"vectors of shape {vectors.shape} do not fit {len(people)} labels: "
            "one row a photo is wanted"
        )
    if paths is not None and len(paths) != len(people):
        raise InvalidValue(f"{len(paths)} paths do not fit {len(people)} labels")
    failed = np.asarray(np.isnan(vectors).any(axis=1), np.bool_)
    lengths = np.linalg.norm(vectors[~failed].astype(np.float64), axis=1)
    if not (np.abs(lengths - 1) <= UNIT_LENGTH_TOLERANCE).all():
        raise InvalidValue("vectors have length 1, or are NaN where a photo gave no face")
    named = list(people)
    places = list(paths) if paths is not None else [""] * len(named)
    order = np.array(sorted(range(len(named)), key=lambda at: (named[at], places[at])), np.int64)
    names = sorted(set(named))
    code = {name: at for at, name in enumerate(names)}
    clean = np.where(failed[:, None], 0, vectors).astype(np.float32)
    return Labelled(
        np.ascontiguousarray(clean[order]),
        failed[order],
        np.array([code[named[at]] for at in order], np.int64),
        tuple(names),
        tuple(places[at] for at in order),
        order,
    )
