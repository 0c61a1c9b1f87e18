"""Measures which distances strangers' faces have, and one person's: tables of rates.

In: embedded photos and who is on them. Out: a table, as `tables.read_table` reads it. Loads
numpy only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import TooFewFaces
from facesearch.rates.normal import angle_of, distance_of, score_of, share_below
from facesearch.rates.tables import FORMAT

PHOTOS_PER_PERSON = 10
# Probes fused of this many photos have tables of their own; this many probes per person.
REFERENCES = (1, 2, 3, 5, 8)
DRAWS = 10
SEED = 20_261_122

# Below 1 in 100,000 the nearest "strangers" of LFW are in part one person under two names;
# docs/decisions/thresholds-from-rates.md shows them. The line is drawn on from there.
SMALLEST_FMR = 1e-5
# The first quantile lies where so many impostor pairs are nearer. Small samples, which would
# lose all of their near end that way, do with a hundredth of their pairs.
IMPOSTORS_PER_QUANTILE = 200
GENUINE_PER_QUANTILE = 20
# Quantiles are this far apart, in standard deviations.
STEP = 0.15
HIGHEST_SCORE = 3.0
# What rates are not measured with less than. People count most: 1,000 pairs of 5 people are
# 10 pairs of people seen over and over. `table_of` says what tables of so few are worth.
LEAST_PEOPLE = 7
LEAST_IMPOSTOR_PAIRS = 1_000
LEAST_GENUINE_PAIRS = 100
_BINS = 500_000
_BIN_RAD = np.pi / _BINS
_ROWS = 512
_PAIRS_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Embedded photos to compare.

    Attributes:
        vectors: float32, shape (n, d), unit rows.
        people: shape (n,), a number per person.
        fold: shape (n,); photos are compared within a fold only.
    """

    vectors: NDArray[np.float32]
    people: NDArray[np.int64]
    fold: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        vectors: NDArray[np.float32],
        names: Sequence[str],
        fold: NDArray[np.int64] | None = None,
        *,
        photos_per_person: int = PHOTOS_PER_PERSON,
    ) -> Sample:
        """The first photos of each person; photos without a vector (NaN) are passed over."""
        found = np.flatnonzero(np.isfinite(vectors).all(axis=1))
        people = np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)
        taken: dict[int, int] = {}
        kept = []
        for row in found.tolist():
            who = int(people[row])
            taken[who] = taken.get(who, 0) + 1
            if taken[who] <= photos_per_person:
                kept.append(row)
        folds = np.zeros(len(people), np.int64) if fold is None else np.asarray(fold, np.int64)
        return cls(vectors[kept].astype(np.float32), people[kept], folds[kept])

    def of_people(self, chosen: NDArray[np.int64]) -> Sample:
        """The photos of some people only."""
        rows = np.isin(self.people, chosen)
        return Sample(self.vectors[rows], self.people[rows], self.fold[rows])

    def pairs(
        self, references: int = 1, *, seed: int = SEED
    ) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
        """Comparisons by and by: cosine distances, and whether both sides show one person.

        A probe of one reference is each photo in turn, and every pair appears once. A probe
        of several is the mean of that many photos of one person, drawn `DRAWS` times per
        person who has them, against everybody's photos that are not in it.
        """
        return self._single() if references == 1 else self._fused(references, seed)

    def _fused(
        self, references: int, seed: int
    ) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
        random = np.random.default_rng(seed)
        for who in np.unique(self.people):
            own = np.flatnonzero(self.people == who)
            if len(own) < references:
                continue
            gallery = np.flatnonzero(self.fold == self.fold[own[0]])
            draws = min(DRAWS, comb(len(own), references))
            chosen = np.array([random.permutation(own)[:references] for _ in range(draws)])
            probes = self.vectors[chosen].sum(axis=1)
            probes /= np.linalg.norm(probes, axis=1, keepdims=True)
            cosines = probes @ self.vectors[gallery].T
            new = (gallery[None, None, :] != chosen[:, :, None]).all(axis=1)
            same = np.broadcast_to(self.people[gallery] == who, new.shape)
            yield 1.0 - cosines[new].astype(np.float64), same[new]

    def _single(self) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
        for fold in np.unique(self.fold):
            rows = np.flatnonzero(self.fold == fold)
            vectors, people = self.vectors[rows], self.people[rows]
            for start in range(0, len(rows), _ROWS):
                cosines = vectors[start : start + _ROWS] @ vectors[start:].T
                same = people[start : start + _ROWS, None] == people[None, start:]
                once = np.triu(np.ones(cosines.shape, dtype=bool), 1)
                yield 1.0 - cosines[once].astype(np.float64), same[once]


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """How many pairs have which angle, in bins so narrow that sorting them is not missed."""

    impostors: NDArray[np.int64]
    genuine: NDArray[np.int64]

    @classmethod
    def of(cls, sample: Sample, references: int = 1) -> Counts:
        """Compare all photos of a sample, or probes of several photos with all others."""
        counts = np.zeros(2 * _BINS, dtype=np.int64)
        waiting: list[NDArray[np.int64]] = []
        for distances, same in sample.pairs(references):
            bins = np.minimum((angle_of(distances) / _BIN_RAD).astype(np.int64), _BINS - 1)
            waiting.append(bins + _BINS * same)
            if sum(map(len, waiting)) > _PAIRS_AT_ONCE:
                counts += np.bincount(np.concatenate(waiting), minlength=2 * _BINS)
                waiting.clear()
        if waiting:
            counts += np.bincount(np.concatenate(waiting), minlength=2 * _BINS)
        return cls(counts[:_BINS], counts[_BINS:])

    @property
    def are_enough(self) -> bool:
        """Whether they make a table."""
        enough = self.impostors.sum() >= LEAST_IMPOSTOR_PAIRS
        return bool(enough and self.genuine.sum() >= LEAST_GENUINE_PAIRS)

    def table(self, references: int = 1, *, smallest_fmr: float = SMALLEST_FMR) -> dict[str, Any]:
        """One part of a table of rates; see `facesearch.rates.tables.read_table`."""
        pairs, own = int(self.impostors.sum()), int(self.genuine.sum())
        per_quantile = min(IMPOSTORS_PER_QUANTILE, pairs // 100)
        lowest = max(smallest_fmr, per_quantile / pairs)
        impostors = _quantiles(self.impostors, float(score_of(lowest)), HIGHEST_SCORE)
        edge = float(score_of(GENUINE_PER_QUANTILE / own))
        genuine = _quantiles(self.genuine, edge, -edge)
        return {
            "references": references,
            "impostor_pairs": pairs,
            "genuine_pairs": own,
            "impostors": _columns(*impostors),
            "genuine": _columns(1.0 - genuine[0], genuine[1]),
        }


def _quantiles(
    counts: NDArray[np.int64], low: float, high: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of pairs at equal steps of their probit, and the distances they lie within."""
    shares = share_below(np.linspace(low, high, round((high - low) / STEP) + 1))
    within = np.cumsum(counts) / counts.sum()
    filled = np.flatnonzero(counts)
    angles = np.interp(shares, within[filled], (filled + 1) * _BIN_RAD)
    return shares, distance_of(angles)


def _columns(rates: NDArray[np.float64], distances: NDArray[np.float64]) -> dict[str, list[float]]:
    return {
        "rates": [float(f"{rate:.8g}") for rate in rates],
        "distances": [float(f"{distance:.6g}") for distance in distances],
    }


def table_of(sample: Sample, space: str, *, source: str, made_by: str) -> dict[str, Any]:
    """The table of a space, ready to be written.

    Probes fused of several photos have a part of their own as far as people have enough
    photos. What few people's photos are worth was tried out on LFW with the default space: of
    60 tables from a few people drawn at random, the middle nine in ten realised, where 1 in
    1,000 was asked for, between

    =======  ==============  =======================
    people   impostor pairs  times the rate asked for
    =======  ==============  =======================
    5         1,000          0.02 to 51
    7         2,100          0.05 to 11
    10        4,500          0.02 to 5
    20       19,000          0.1 to 1.6
    =======  ==============  =======================

    Fewer than `LEAST_PEOPLE` are refused for that. Rates below those measured are drawn on
    along a straight line (`curve.Curve`), from 1 in 100 where there are few pairs.

    Args:
        sample: the photos to compare.
        space: of their vectors.
        source: where the photos come from, in words.
        made_by: the program, its date and its rules, in words.

    Raises:
        TooFewFaces: too few people or pairs; says how many there are and how many it takes.
    """
    parts = [(count, Counts.of(sample, count)) for count in REFERENCES]
    people = len(np.unique(sample.people))
    _check_enough(people, parts[0][1])
    return {
        "format": FORMAT,
        "space": space,
        "provenance": {
            "source": source,
            "photos": len(sample.vectors),
            "people": people,
            "made_by": made_by,
        },
        "tables": [counts.table(number) for number, counts in parts if counts.are_enough],
    }


def _check_enough(people: int, counts: Counts) -> None:
    words = (
        (people, LEAST_PEOPLE, "people"),
        (int(counts.impostors.sum()), LEAST_IMPOSTOR_PAIRS, "pairs of two people"),
        (int(counts.genuine.sum()), LEAST_GENUINE_PAIRS, "pairs of one person"),
    )
    for found, needed, what in words:
        if found < needed:
            raise TooFewFaces(
                found,
                needed,
                f"too few photos to measure rates with: they make {found:,} {what}, and it takes "
                f"{needed:,}; of each person at most {PHOTOS_PER_PERSON} photos count. Add people, "
                "and photos of each",
            )
