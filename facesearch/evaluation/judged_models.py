"""One model's judgement of photos, and several models' measures beside each other.

In: photos as each model sees them. Out: `JudgedModel`s, and a `ComparedMeasure` for whatever
can be measured of them, with tests of the differences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from facesearch.evaluation.comparison import ComparedMeasure, Figure, Measure, best_of
from facesearch.evaluation.counted import CountedPairs, count_pairs
from facesearch.evaluation.embedding import EmbeddedPhotos
from facesearch.evaluation.identification import Part, Ranked, ranked
from facesearch.evaluation.judged_folds import JudgedFolds, judge_folds
from facesearch.evaluation.labelled import labelled
from facesearch.evaluation.lfw_files import LfwPair
from facesearch.evaluation.measured import Interval
from facesearch.evaluation.paired import (
    Difference,
    accuracy_difference,
    fnmr_difference,
    rank1_difference,
)
from facesearch.evaluation.resampling import fnmr_intervals, share_interval
from facesearch.evaluation.runs import EvaluationOptions
from facesearch.evaluation.unseen import UnseenMaps
from facesearch.evaluation.verification import eer_and_auc


@dataclass(frozen=True, slots=True, eq=False)
class JudgedModel:
    """What one model made of the photos.

    Attributes:
        folds: LFW's View 2; None for other photos.
        pairs: all pairs.
        ranked: each photo searched for among all others.
    """

    folds: JudgedFolds | None
    pairs: CountedPairs
    ranked: Ranked


def judge(
    photos: EmbeddedPhotos,
    unseen: UnseenMaps | None,
    people: Sequence[str],
    folds: Sequence[Sequence[LfwPair]] | None,
    sets: UnseenMaps | None,
    rates: Sequence[float],
    options: EvaluationOptions,
) -> JudgedModel:
    """Let a model judge photos.

    Args:
        photos: as the model sees them.
        unseen: the maps that judge people who were learned from; None where nobody was.
        people: who is on each photo.
        folds: the pairs of View 2; None for other photos.
        sets: whose sets of people all pairs stay within, so that all models judge the same
            pairs where one of them can judge people of one set only; None for all pairs.
        rates: false match rates that are asked for.
        options: cap and seed.
    """
    vectors = photos.vectors if unseen is None else unseen.vectors(photos.vectors, people)
    everything = labelled(vectors, people, photos.paths)
    data = everything.capped(options.max_photos_per_person, options.seed)
    whole = (Part.whole(everything),)
    return JudgedModel(
        None if folds is None else judge_folds(folds, vectors, photos.paths),
        count_pairs([data] if sets is None else sets.apart(data), rates),
        ranked(
            whole if unseen is None else unseen.parts(photos.vectors, people, photos.paths),
        ),
    )


def measures(
    judged: Sequence[JudgedModel],
    speeds: Sequence[float | None],
    rates: Sequence[float],
    options: EvaluationOptions,
) -> list[ComparedMeasure]:
    """Every measure that can be made, the most asked-for first.

    Args:
        judged: the models, by the same photos.
        speeds: of each, milliseconds a face.
        rates: false match rates that were asked for; those that cannot be seen are left out.
        options: resamplings and seed.
    """
    folds = [one.folds for one in judged if one.folds is not None]
    pairs, found = [one.pairs for one in judged], [one.ranked for one in judged]
    rows = []
    if folds:
        accuracies = [Figure(f.accuracy, standard_error=f.standard_error) for f in folds]
        rights = [one.right for one in folds]
        rows.append(
            _row(
                Measure.VIEW2_ACCURACY,
                accuracies,
                lambda a, b: accuracy_difference(rights[a], rights[b]),
            )
        )
    samples, seed = options.bootstrap_samples, options.seed
    missed = [fnmr_intervals(p.counts, p.edges, samples=samples, seed=seed) for p in pairs]

    def fnmr_apart(fmr: float, a: int, b: int) -> Difference | None:
        return fnmr_difference(pairs[a], pairs[b], fmr, samples=samples, seed=seed)

    for fmr in rates:
        if all(fmr in intervals for intervals in missed):
            figures = [_of_interval(intervals[fmr]) for intervals in missed]
            rows.append(_row(Measure.FNMR, figures, partial(fnmr_apart, fmr), fmr))
    if not folds:
        errors = [Figure(eer_and_auc(p.spectrum)[0]) for p in pairs]
        rows.append(_row(Measure.EQUAL_ERROR_RATE, errors))
    first = [share_interval(r.within(1), r.probes_of, samples=samples, seed=seed) for r in found]
    rows.append(
        _row(
            Measure.RANK_1,
            [_of_interval(interval) for interval in first],
            lambda a, b: rank1_difference(found[a], found[b], samples=samples, seed=seed),
        )
    )
    times = [None if ms is None else Figure(ms) for ms in speeds]
    return [*rows, _row(Measure.MS_PER_FACE, times)]


def _of_interval(interval: Interval) -> Figure:
    return Figure(interval.value, interval.low, interval.high)


def _row(
    measure: Measure,
    figures: Sequence[Figure | None],
    difference: Callable[[int, int], Difference | None] = lambda a, b: None,
    fmr: float | None = None,
) -> ComparedMeasure:
    best = best_of(measure, figures)
    differences = [
        None if best is None or at == best else difference(at, best) for at in range(len(figures))
    ]
    return ComparedMeasure(measure, fmr, tuple(figures), best, tuple(differences))
