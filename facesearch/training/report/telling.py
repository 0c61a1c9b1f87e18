"""How well distances between embeddings tell people apart.

In: embeddings of chips, and who is on them. Out: ROC and AUC, how distances of genuine and
impostor pairs are spread, the one distance that separates them best, the worst pairs. Two
distances are looked at: cosine distance, which a search compares, and the Euclidean one, which
networks for pairs are trained by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facesearch.evaluation.labelled import Labelled
from facesearch.evaluation.verification import all_pairs, eer_and_auc, error_curve, histogram
from facesearch.training.report.comparing import (
    WORST,
    Compared,
    ComparedPairs,
    Distance,
    Separation,
)
from facesearch.values import FloatArray


@dataclass(frozen=True, slots=True)
class Pair:
    """Two chips, as positions among those that were measured, and how far apart they are."""

    first: int
    second: int
    distance: float


@dataclass(frozen=True, slots=True)
class Rate:
    """The false non-match rate at a false match rate, with its 95 % interval."""

    fmr: float
    fnmr: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How well one kind of distance tells people apart.

    Attributes:
        distance: which.
        chips, people, genuine_pairs, impostor_pairs: how many were compared.
        auc: the probability that a genuine pair is nearer than an impostor pair.
        eer: the error rate where both errors are equal.
        best: the distance that suits these very pairs best, which flatters.
        chosen: the one that suited the validation chips best, on these; None where these are
            the validation chips.
        fmr, fnmr: points of the error curve, from strict to lenient.
        rates: FNMR at false match rates that can be measured; only for cosine distance.
        edges, genuine, impostor: of the histogram; one edge more than counts.
        false_matches: impostor pairs within the threshold, nearest first.
        false_non_matches: genuine pairs beyond it, farthest first.
    """

    distance: str
    chips: int
    people: int
    genuine_pairs: int
    impostor_pairs: int
    auc: float
    eer: float
    best: Separation
    chosen: Separation | None
    fmr: tuple[float, ...]
    fnmr: tuple[float, ...]
    rates: tuple[Rate, ...]
    edges: tuple[float, ...]
    genuine: tuple[int, ...]
    impostor: tuple[int, ...]
    false_matches: tuple[Pair, ...]
    false_non_matches: tuple[Pair, ...]

    @property
    def separation(self) -> Separation:
        """The fairer one: that of the validation chips, where these are others."""
        return self.best if self.chosen is None else self.chosen


def tell(
    vectors: FloatArray,
    people: Sequence[str],
    distance: Distance,
    *,
    seed: int,
    validated: Compared | None = None,
) -> Telling:
    """How well a distance tells the people on chips apart.

    Args:
        vectors: as the network gives them, float32 (n, d).
        people: who is on each chip.
        distance: which.
        seed: of what is chosen at random.
        validated: the pairs of the validation chips, where these are others.

    Raises:
        InvalidValue: no two chips of one person, or only one person.
    """
    found = Compared.of(vectors, people, distance, seed=seed)
    chosen = None if validated is None else found.at(validated.best().threshold)
    best = found.best()
    eer, auc = eer_and_auc(found.pairs)
    curve = error_curve(found.pairs)
    spread = [histogram(part, found.pairs) for part in (found.pairs.genuine, found.pairs.impostor)]
    threshold = (chosen or best).threshold
    return Telling(
        distance=distance.value,
        chips=len(found.data),
        people=found.data.people,
        genuine_pairs=found.pairs.genuine_pairs,
        impostor_pairs=found.pairs.impostor_pairs,
        auc=auc,
        eer=eer,
        best=best,
        chosen=chosen,
        fmr=tuple(curve.fmr.tolist()),
        fnmr=tuple(curve.fnmr.tolist()),
        rates=_rates(found, people, seed) if distance is Distance.COSINE else (),
        edges=tuple((spread[0].edges / found.scale).tolist()),
        genuine=tuple(spread[0].counts.tolist()),
        impostor=tuple(spread[1].counts.tolist()),
        false_matches=_named(found.nearest.only(found.nearest.distance < threshold), found.data),
        false_non_matches=_named(
            found.genuine.only(found.genuine.distance >= threshold).last(WORST), found.data
        ),
    )


def _rates(found: Compared, people: Sequence[str], seed: int) -> tuple[Rate, ...]:
    rows = found.data.rows
    result = all_pairs(found.data.vectors, [people[row] for row in rows], seed=seed, worst_pairs=1)
    return tuple(
        Rate(point.fmr, point.fnmr.value, point.fnmr.low, point.fnmr.high)
        for point in result.points
        if point.measurable and point.fnmr is not None
    )


def _named(pairs: ComparedPairs, data: Labelled) -> tuple[Pair, ...]:
    """Pairs by the positions of their chips, the nearer to the front first."""
    positions = data.rows[pairs.rows]
    return tuple(
        Pair(int(first), int(second), float(distance))
        for (first, second), distance in zip(positions, pairs.distance, strict=True)
    )
