"""What each protocol measures, as plain values; `results.py` puts them together.

In: numbers. Out: frozen records. Distances are cosine distances, 1 - cos, in 0..2; two
photos are called one person where their distance is below the threshold. FMR is the share of
pairs of different people called one person, FNMR the share of pairs of one person called two.
A photo that could not be read, or in which no face was found, lies at distance 2.0 from every
other one: its genuine pairs are false non-matches, and as a probe it is a miss. It never
drops out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FAILED_DISTANCE = 2.0
"""Distance of a photo without a usable face to every other photo."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A measured share with its 95 % confidence interval, from resampling the people."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PhotoPair:
    """Two photos and how far apart they are. Paths are absolute; `*_person` are the labels.

    `*_box` is the face that was compared, as (left, top, width, height) in pixels of the upright
    full-size photo; None where it is not known.
    """

    first: str
    second: str
    first_person: str
    second_person: str
    distance: float
    first_box: tuple[float, float, float, float] | None = None
    second_box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """How distances are spread. `edges` has one more entry than `counts`, both ascending.

    Attributes:
        failed: pairs with a photo without a face; they are in no bin.
    """

    edges: Floats
    counts: NDArray[np.int64]
    failed: int


@dataclass(frozen=True, slots=True, eq=False)
class ErrorCurve:
    """FMR and FNMR at thresholds that ascend; the points of a ROC or DET curve."""

    threshold: Floats
    fmr: Floats
    fnmr: Floats


@dataclass(frozen=True, slots=True)
class RatePoint:
    """What a false match rate costs.

    Attributes:
        fmr: the rate that is asked for, such as 1e-3.
        measurable: False where there are too few impostor pairs to see such a rate (fewer
            than ten false matches would be expected); the rest is None then.
        threshold: largest distance at which the rate is kept.
        fnmr: the share of genuine pairs above that threshold.
    """

    fmr: float
    measurable: bool
    threshold: float | None
    fnmr: Interval | None


@dataclass(frozen=True, slots=True)
class RealisedRate:
    """Whether the rates that facesearch ships hold here.

    Attributes:
        asked: the false match rate that was asked for.
        threshold: the distance that the space's shipped rates give for it.
        fmr: the false match rate that this distance has on these photos.
        fnmr: the false non-match rate there.
    """

    asked: float
    threshold: float
    fmr: Interval
    fnmr: Interval


@dataclass(frozen=True, slots=True, eq=False)
class VerificationResult:
    """All pairs of labelled photos.

    Attributes:
        photos, people: that took part, after the cap on photos per person.
        genuine_pairs, impostor_pairs: how many.
        points: FNMR at FMR 1e-1 to 1e-6.
        eer: equal error rate: where FMR and FNMR meet.
        auc: probability that a genuine pair is nearer than an impostor pair.
        curve: for ROC and DET plots.
        genuine, impostor: how distances are spread.
        worst_false_matches: impostor pairs with faces, nearest first.
        worst_false_non_matches: genuine pairs with faces, farthest first.
        realised: what the space's shipped rates come to here; empty where it has none.
        rates_source: where those rates were measured; None where it has none.
    """

    photos: int
    people: int
    genuine_pairs: int
    impostor_pairs: int
    points: tuple[RatePoint, ...]
    eer: float
    auc: float
    curve: ErrorCurve
    genuine: Histogram
    impostor: Histogram
    worst_false_matches: tuple[PhotoPair, ...]
    worst_false_non_matches: tuple[PhotoPair, ...]
    realised: tuple[RealisedRate, ...] = ()
    rates_source: str | None = None

    def at(self, fmr: float) -> RatePoint:
        """The point of a false match rate.

        Raises:
            KeyError: it is none of those in `points`.
        """
        for point in self.points:
            if math.isclose(point.fmr, fmr):
                return point
        raise KeyError(f"no point at a false match rate of {fmr:g}")


@dataclass(frozen=True, slots=True)
class GroupRates:
    """Error rates within one group of people, all groups at the same threshold.

    Attributes:
        group: as named in groups.csv.
        fmr: of pairs of different people of this group; None without such pairs.
        fnmr: of pairs of one person of this group; None without such pairs.
    """

    group: str
    people: int
    photos: int
    genuine_pairs: int
    impostor_pairs: int
    fmr: Interval | None
    fnmr: Interval | None


@dataclass(frozen=True, slots=True)
class GroupsResult:
    """Error rates per group.

    Attributes:
        threshold: of all groups: that of `fmr` over all pairs.
        fmr: the false match rate over all pairs of all people, at that threshold.
        groups: by name.
        people_without_group: that groups.csv does not name; they are in no group.
    """

    threshold: float
    fmr: float
    groups: tuple[GroupRates, ...]
    people_without_group: int


@dataclass(frozen=True, slots=True, eq=False)
class DiscardResult:
    """FNMR at a fixed threshold where the poorest photos are left out: does quality predict?

    Attributes:
        threshold: that of FMR 1e-3 over all photos.
        discarded: share of photos left out, ascending from 0.
        fnmr: false non-match rate of the pairs that stay; NaN where none do.
        genuine_pairs: how many stay.
        area: area under the curve, divided by the width of `discarded`: the mean FNMR.
        random_area: the same where photos are left out at random: the FNMR of all pairs.
        ideal_area: the same where the photos that cause most errors are left out first.
    """

    threshold: float
    discarded: Floats
    fnmr: Floats
    genuine_pairs: NDArray[np.int64]
    area: float
    random_area: float
    ideal_area: float


@dataclass(frozen=True, slots=True)
class FoldResult:
    """One fold of a list of pairs: accuracy in 0..1 at a threshold chosen on other pairs."""

    pairs: int
    threshold: float
    accuracy: float


@dataclass(frozen=True, slots=True, eq=False)
class PairsResult:
    """A published list of pairs, judged as its protocol says.

    Attributes:
        protocol: which list, and where thresholds come from, in words.
        genuine_pairs, impostor_pairs: how many.
        pairs_with_failures: of these, how many contain a photo without a face.
        accuracy: share of pairs judged rightly, in 0..1: the mean over the folds.
        standard_error: of that mean; None with a single fold.
        best_accuracy: with the one threshold that suits these very pairs best. It flatters:
            here only because published tables are made so.
        folds: one by one; View 1 has a single one.
        eer, auc, curve: as in `VerificationResult`, over all pairs of the list.
        genuine, impostor: how distances are spread.
        worst_false_matches: impostor pairs with faces, nearest first.
        worst_false_non_matches: genuine pairs with faces, farthest first.
    """

    protocol: str
    genuine_pairs: int
    impostor_pairs: int
    pairs_with_failures: int
    accuracy: float
    standard_error: float | None
    best_accuracy: float
    folds: tuple[FoldResult, ...]
    eer: float
    auc: float
    curve: ErrorCurve
    genuine: Histogram
    impostor: Histogram
    worst_false_matches: tuple[PhotoPair, ...]
    worst_false_non_matches: tuple[PhotoPair, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ClosedSetResult:
    """Who is it, given that they are in the gallery? Leave one out: each photo of a person with
    at least two is searched for among all other photos.

    Attributes:
        probes: photos searched for.
        people: of the gallery, whoever has a photo.
        rank1, rank5: share of probes whose person comes first, or among the first five.
        cmc: the same for rank 1, 2, ...: the cumulative match characteristic.
        failed_probes: probes without a face; they are misses.
    """

    probes: int
    people: int
    rank1: Interval
    rank5: Interval
    cmc: Floats
    failed_probes: int


@dataclass(frozen=True, slots=True)
class OpenSetPoint:
    """What a false positive identification rate costs; means over the seeds.

    Attributes:
        fpir: share of probes of unknown people for whom somebody is named.
        measurable: False where the probes are too few (fewer than ten such cases would be
            expected); the rest is None then.
        threshold: distance at which the rate is kept.
        fnir: share of probes of gallery people who are not named first within the threshold.
        fnir_spread: standard deviation of `fnir` over the seeds.
    """

    fpir: float
    measurable: bool
    threshold: float | None
    fnir: float | None
    fnir_spread: float | None


@dataclass(frozen=True, slots=True, eq=False)
class OpenSetResult:
    """Who is it, if anybody? People are split at random into a gallery and unknowns.

    Attributes:
        seeds: of the splits, each a repetition.
        gallery_people, gallery_photos, mated_probes, unknown_probes: of one repetition, on average.
        points: FNIR at FPIR 0.01 and 0.1.
        fpir, fnir: the curve, means over the seeds.
    """

    seeds: tuple[int, ...]
    gallery_people: float
    gallery_photos: float
    mated_probes: float
    unknown_probes: float
    points: tuple[OpenSetPoint, ...]
    fpir: Floats
    fnir: Floats
