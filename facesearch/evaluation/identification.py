"""Identification: who is it? One photo against a gallery of many people.

In: vectors with labels. Out: `ClosedSetResult` (the person is in the gallery) and
`OpenSetResult` (perhaps they are not). A person is as near as their nearest photo. Somebody
else at the same distance counts as nearer, so that ties never flatter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidValue
from facesearch.evaluation.counted import LEAST_EVENTS
from facesearch.evaluation.labelled import Bools, Ints, Labelled, labelled
from facesearch.evaluation.measured import (
    FAILED_DISTANCE,
    ClosedSetResult,
    Floats,
    Interval,
    OpenSetPoint,
    OpenSetResult,
)
from facesearch.evaluation.resampling import share_interval
from facesearch.evaluation.verification import (
    BOOTSTRAP_SAMPLES,
    MAX_PHOTOS_PER_PERSON,
)
from facesearch.values import FloatArray

FALSE_POSITIVE_RATES = (0.01, 0.1)
OPEN_SET_SPLITS = 5
_MAX_RANK = 20
_NOWHERE = np.iinfo(np.int64).max
_FAILED_COSINE = 1 - FAILED_DISTANCE
_BLOCK_BYTES = 64 * 2**20
_CURVE_POINTS = 60


def closed_set(
    vectors: FloatArray,
    people: Sequence[str],
    *,
    seed: int = 0,
    bootstrap_samples: int = BOOTSTRAP_SAMPLES,
) -> ClosedSetResult:
    """Search for each photo of a person with at least two among all other photos.

    Args:
        vectors: float32 (n, d), rows of unit length, or NaN where a photo gave no face.
        people: who is on each photo.

    Raises:
        InvalidValue: no two photos of one person, only one person, or shapes do not fit.
    """
    data = Part.whole(labelled(vectors, people))
    return searched([data], seed=seed, bootstrap_samples=bootstrap_samples)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """All photos as one model sees them, and those of them that it may judge.

    Where one model judges everything there is one part. Where each of several models must not
    judge people it learned from, each is a part, with the same photos in the same order.

    Attributes:
        data: all photos.
        judged: bool (n,), which of them are probes of this part.
    """

    data: Labelled
    judged: Bools

    @classmethod
    def whole(cls, data: Labelled) -> Part:
        """The only part."""
        return cls(data, np.ones(len(data), np.bool_))

    def capped(self, most: int, seed: int) -> Part:
        """At most so many photos of each person, the same ones in every part."""
        data = self.data.capped(most, seed)
        kept = np.isin(self.data.rows, data.rows)
        return Part(data, self.judged[kept])


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """Where each probe found its person.

    Attributes:
        people: how many there are.
        owner: int (n,), whose photo each probe is.
        rank: int (n,), the place of that person, from 1.
        failed: probes without a face.
    """

    people: int
    owner: Ints
    rank: Ints
    failed: int

    @property
    def probes_of(self) -> Ints:
        """Probes of each person, int (people,)."""
        return np.bincount(self.owner, minlength=self.people)

    def within(self, rank: int) -> Ints:
        """Those of them that find their person among the first `rank`."""
        return np.bincount(self.owner[self.rank <= rank], minlength=self.people)


def ranked(parts: Sequence[Part]) -> Ranked:
    """Search for each photo of a person with at least two, in the part that may judge it.

    Raises:
        InvalidValue: no two photos of one person, or only one person.
    """
    data = parts[0].data
    several = data.photos_of[data.person] > 1
    if data.people < 2 or not several.any():
        raise InvalidValue(
            "identification needs two people at least, and one of them with two photos"
        )
    rows = [np.flatnonzero(several & part.judged) for part in parts]
    probes = np.concatenate(rows)
    ranks = np.concatenate(
        [
            near.rank
            for part, own in zip(parts, rows, strict=True)
            for near in _nearest(part.data, part.data, own, leave_out=own)
        ]
    )
    return Ranked(data.people, data.person[probes], ranks, int(data.failed[probes].sum()))


def searched(parts: Sequence[Part], *, seed: int, bootstrap_samples: int) -> ClosedSetResult:
    """As `closed_set`, for photos that were put in order before."""
    found = ranked(parts)

    def share_within(rank: int) -> Interval:
        return share_interval(
            found.within(rank), found.probes_of, samples=bootstrap_samples, seed=seed
        )

    most = min(_MAX_RANK, found.people)
    return ClosedSetResult(
        probes=len(found.owner),
        people=found.people,
        rank1=share_within(1),
        rank5=share_within(5),
        cmc=np.array([(found.rank <= rank).mean() for rank in range(1, most + 1)]),
        failed_probes=found.failed,
    )


def open_set(
    vectors: FloatArray,
    people: Sequence[str],
    *,
    max_photos_per_person: int = MAX_PHOTOS_PER_PERSON,
    seed: int = 0,
    splits: int = OPEN_SET_SPLITS,
) -> OpenSetResult:
    """Split the people into a gallery and unknowns, several times, and search for all.

    Half of the people with at least two photos make the gallery, with half of their photos
    (rounded down); their other photos are the mated probes. All photos of all others
    are probes of unknown people.

    Args:
        vectors: float32 (n, d), rows of unit length, or NaN where a photo gave no face.
        people: who is on each photo.
        max_photos_per_person: more are left out, chosen by `seed`.
        seed: split number s is drawn with seed + s.
        splits: how many there are.

    Raises:
        InvalidValue: fewer than two people, none with two photos, or shapes do not fit.
    """
    data = labelled(vectors, people).capped(max_photos_per_person, seed)
    return split([Part.whole(data)], seeds=tuple(seed + number for number in range(splits)))


def split(parts: Sequence[Part], *, seeds: Sequence[int]) -> OpenSetResult:
    """As `open_set`, for photos that were put in order before."""
    data = parts[0].data
    if data.people < 2 or not (data.photos_of > 1).any():
        raise InvalidValue(
            "open-set identification needs two people at least, and one of them with two photos"
        )
    runs = [_one_split(parts, seed) for seed in seeds]
    fewest = min(len(run.unknown) for run in runs)
    fpir = np.logspace(np.log10(1 / fewest), 0, _CURVE_POINTS) if fewest > 1 else np.array([1.0])
    fnir = np.array([[run.fnir_at(rate) for rate in fpir] for run in runs])
    return OpenSetResult(
        seeds=tuple(seeds),
        gallery_people=float(np.mean([run.people for run in runs])),
        gallery_photos=float(np.mean([run.photos for run in runs])),
        mated_probes=float(np.mean([len(run.own) for run in runs])),
        unknown_probes=float(np.mean([len(run.unknown) for run in runs])),
        points=tuple(_point(runs, rate, fewest) for rate in FALSE_POSITIVE_RATES),
        fpir=fpir,
        fnir=fnir.mean(axis=0),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Split:
    """One split: distances of unknown probes to the nearest gallery photo, ascending; of mated
    probes to their own person, infinite where somebody else is as near."""

    people: int
    photos: int
    unknown: Floats
    own: Floats

    def threshold_at(self, fpir: float) -> float:
        """The distance below which at most this share of the unknown probes lie."""
        allowed = int(fpir * len(self.unknown) * (1 + 1e-12))
        return float(self.unknown[allowed]) if allowed < len(self.unknown) else FAILED_DISTANCE

    def fnir_at(self, fpir: float) -> float:
        return float((self.own >= self.threshold_at(fpir)).mean())


def _one_split(parts: Sequence[Part], seed: int) -> _Split:
    data = parts[0].data
    random = np.random.default_rng(seed)
    able = random.permutation(np.flatnonzero(data.photos_of > 1))
    chosen = np.zeros(data.people, np.bool_)
    chosen[able[: max(1, len(able) // 2)]] = True
    order = np.lexsort((random.random(len(data)), data.person))
    starts = np.flatnonzero(np.diff(data.person, prepend=-1))
    place = np.empty(len(data), np.int64)
    place[order] = np.arange(len(data)) - np.repeat(starts, data.photos_of)
    mated: Bools = chosen[data.person]
    enrolled = mated & (place < data.photos_of[data.person] // 2)
    unknown: list[FloatArray] = []
    own: list[FloatArray] = []
    for part in parts:
        gallery = part.data.only(enrolled)
        strangers = np.flatnonzero(~mated & part.judged)
        unknown += [near.any for near in _nearest(part.data, gallery, strangers)]
        known = np.flatnonzero(mated & ~enrolled & part.judged)
        own += [
            np.where(near.rank == 1, near.own, np.float32(np.inf))
            for near in _nearest(part.data, gallery, known)
        ]
    return _Split(
        int(chosen.sum()),
        int(enrolled.sum()),
        np.sort(np.concatenate(unknown)).astype(np.float64),
        np.concatenate(own).astype(np.float64),
    )


def _point(runs: Sequence[_Split], fpir: float, fewest: int) -> OpenSetPoint:
    if fpir * fewest < LEAST_EVENTS * (1 - 1e-9):
        return OpenSetPoint(fpir, False, None, None, None)
    missed = [run.fnir_at(fpir) for run in runs]
    spread = float(np.std(missed, ddof=1)) if len(missed) > 1 else 0.0
    threshold = float(np.mean([run.threshold_at(fpir) for run in runs]))
    return OpenSetPoint(fpir, True, threshold, float(np.mean(missed)), spread)


@dataclass(frozen=True, slots=True, eq=False)
class _Near:
    """For some probes: the distance of the nearest photo of anybody and of their own person, and
    the own person's rank; 2.0 and _NOWHERE where the probe or all there is gave no face."""

    any: FloatArray
    own: FloatArray
    rank: Ints


def _nearest(
    probes: Labelled, gallery: Labelled, rows: Ints, leave_out: Ints | None = None
) -> Iterator[_Near]:
    """Search for photos of `probes`, block by block.

    Args:
        rows: of the probes.
        leave_out: for each probe, the row of the gallery that it must not be compared with.
    """
    code = {name: at for at, name in enumerate(gallery.names)}
    own_of = np.array([code.get(name, -1) for name in probes.names], np.int64)
    starts = np.flatnonzero(np.diff(gallery.person, prepend=-1))
    step = max(1, min(1024, _BLOCK_BYTES // (4 * max(len(gallery), 1))))
    for begin in range(0, len(rows), step):
        some = rows[begin : begin + step]
        cosines: NDArray[np.float32] = probes.vectors[some] @ gallery.vectors.T
        np.clip(cosines, _FAILED_COSINE, 1, out=cosines)
        cosines[probes.failed[some]] = _FAILED_COSINE
        cosines[:, gallery.failed] = _FAILED_COSINE
        at = np.arange(len(some))
        if leave_out is not None:
            cosines[at, leave_out[begin : begin + step]] = -np.inf
        by_person = np.maximum.reduceat(cosines, starts, axis=1)
        own_person = own_of[probes.person[some]]
        own = np.where(own_person >= 0, by_person[at, own_person], -np.inf)
        rank = (by_person >= own[:, None]).sum(axis=1)  # one of them is the person
        found = own > _FAILED_COSINE
        yield _Near(
            1 - np.maximum(by_person.max(axis=1), _FAILED_COSINE),
            1 - np.maximum(own, _FAILED_COSINE).astype(np.float32),
            np.where(found, rank, _NOWHERE),
        )
