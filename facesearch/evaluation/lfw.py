"""Labeled Faces in the Wild, by its published protocol.

In: the folder with LFW's photos and lists of pairs. Out: `LfwResult`. All figures come from
the same embeddings.

View 2 (pairs.txt) is the protocol's figure: ten folds of 600 pairs, each judged at the
threshold that suits the other nine. View 1 is for development: pairsDevTest.txt, 1,000 pairs,
judged at the threshold that suits pairsDevTrain.txt. Tables that choose the threshold on
the very pairs they judge, as DeepFace's does for pairsDevTest, compare with `best_accuracy`.

Source: G. B. Huang, M. Ramesh, T. Berg and E. Learned-Miller, "Labeled Faces in the Wild"
(2007); no training on other labelled faces is done here, the networks come trained. Where
part of an embedder was learned from LFW's people, everybody is judged by a copy of that part
that was learned without them (`unseen.py`).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facesearch.errors import InvalidValue
from facesearch.evaluation.embedding import EmbeddedPhotos, OnProgress
from facesearch.evaluation.identification import Part, searched, split
from facesearch.evaluation.labelled import Bools, labelled
from facesearch.evaluation.lfw_files import LfwFiles, LfwPair, find_lfw
from facesearch.evaluation.measured import (
    ClosedSetResult,
    DiscardResult,
    OpenSetResult,
    PairsResult,
    VerificationResult,
)
from facesearch.evaluation.pair_lists import judged, pairs_result
from facesearch.evaluation.results import LfwResult
from facesearch.evaluation.runs import EvaluationOptions, Run, boxed, discarded, fixed_threshold
from facesearch.evaluation.unseen import UnseenMaps, find_unseen
from facesearch.models.catalogue import embedder_spec
from facesearch.photos.walk import AnyPath
from facesearch.values import FloatArray

_VIEW1 = "View 1: pairsDevTest.txt, threshold chosen on pairsDevTrain.txt"
VIEW2 = "View 2: pairs.txt, {folds} folds, threshold of each chosen on the others"


def evaluate_lfw(
    folder: AnyPath,
    *,
    view1: bool = False,
    view2: bool = True,
    all_pairs: bool = False,
    leave_out_missing: bool = False,
    options: EvaluationOptions | None = None,
    on_progress: OnProgress | None = None,
) -> LfwResult:
    """Measure on LFW.

    Args:
        folder: holds the lists of pairs, and the photos as NAME/NAME_0001.jpg, in itself or
            in images/, lfw/, lfw_funneled/ or lfw-deepfunneled/.
        view1: judge pairsDevTest.txt.
        view2: judge pairs.txt.
        all_pairs: compare all photos with each other, and search for each.
        leave_out_missing: leave out pairs that name a photo which is not there, with a warning
            that names the line; without it that is an error.
        options: models, seeds, numbers.
        on_progress: told how far it is.

    Raises:
        PhotoNotFound: no such folder.
        InvalidDataset: there are no such photos, or a list is wrong; it names the line.
        InvalidValue: nothing was asked for.
        UnknownModel, ModelError: the models are unknown or cannot be loaded.
    """
    if not (view1 or view2 or all_pairs):
        raise InvalidValue("choose what to measure: view1, view2 or all_pairs")
    run = Run(options or EvaluationOptions(), on_progress)
    files = find_lfw(folder, leave_out_missing=leave_out_missing)
    folds = files.folds() if view2 else None
    development = (files.development("Train"), files.development("Test")) if view1 else None
    wanted = files.paths
    if not all_pairs:
        named = {
            path
            for pair in itertools.chain(*(folds or ()), *(development or ()))
            for path in (pair.first, pair.second)
        }
        wanted = tuple(path for path in wanted if path in named)
    unseen = find_unseen(run.options.embedder, files, folds)
    photos = run.embed(wanted)
    name_of = files.name_of()
    people = [name_of[path] for path in wanted]
    judged_by = photos.vectors if unseen is None else unseen.vectors(photos.vectors, people)
    view2_result = None if folds is None else _view2(folds, files, photos, judged_by, run.options)
    view1_result = None if development is None else _view1(*development, files, photos, run.options)
    among_all = _AmongAll()
    if all_pairs:
        among_all = _among_all(run, photos, judged_by, people, unseen)
    return LfwResult(
        run=run.info(
            "lfw",
            files.folder,
            photos,
            len(set(people)),
            [*files.warnings, *flattering(run.options.embedder, unseen, view1)],
            cross_validated=unseen is not None,
        ),
        view2=view2_result,
        view1=view1_result,
        all_pairs=among_all.all_pairs,
        closed_set=among_all.closed_set,
        open_set=among_all.open_set,
        discard=among_all.discard,
    )


def flattering(embedder: str, unseen: UnseenMaps | None, view1: bool) -> list[str]:
    """A warning where people are judged by a model that has seen them."""
    if embedder_spec(embedder).learned_from != "LFW" or (unseen is not None and not view1):
        return []
    if unseen is not None:
        # Pairs of View 1 are of people of two sets: one map has seen the one, one the other.
        return [f"{embedder} learned from LFW's people: the figures of View 1 flatter somewhat"]
    return [
        f"{embedder} learned from LFW's people, so these figures flatter somewhat; to be judged "
        "without that, put LFW's own people.txt beside pairs.txt"
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _AmongAll:
    """What is measured with all photos at once; nothing where that was not asked for."""

    all_pairs: VerificationResult | None = None
    closed_set: ClosedSetResult | None = None
    open_set: OpenSetResult | None = None
    discard: DiscardResult | None = None


def _among_all(
    run: Run,
    photos: EmbeddedPhotos,
    judged_by: FloatArray,
    people: Sequence[str],
    unseen: UnseenMaps | None,
) -> _AmongAll:
    options = run.options
    most, seed = options.max_photos_per_person, options.seed
    everything = labelled(judged_by, people, photos.paths)
    data = everything.capped(most, seed)
    compared = run.compare([data] if unseen is None else unseen.apart(data), photos)
    parts = (
        (Part.whole(everything),)
        if unseen is None
        else unseen.parts(photos.vectors, people, photos.paths)
    )
    capped = [part.capped(most, seed) for part in parts]
    seeds = tuple(seed + number for number in range(options.open_set_splits))
    at = fixed_threshold(compared)
    return _AmongAll(
        all_pairs=compared,
        closed_set=searched(parts, seed=seed, bootstrap_samples=options.bootstrap_samples),
        open_set=split(capped, seeds=seeds),
        discard=None if at is None else discarded(data, photos, at[1]),
    )


def _view2(
    folds: Sequence[Sequence[LfwPair]],
    files: LfwFiles,
    photos: EmbeddedPhotos,
    judged_by: FloatArray,
    options: EvaluationOptions,
) -> PairsResult:
    fold = np.repeat(np.arange(len(folds)), [len(pairs) for pairs in folds])
    parts = [(fold == number, fold != number) for number in range(len(folds))]
    pairs = list(itertools.chain.from_iterable(folds))
    return _judge(pairs, parts, VIEW2.format(folds=len(folds)), files, photos, judged_by, options)


def _view1(
    train: Sequence[LfwPair],
    test: Sequence[LfwPair],
    files: LfwFiles,
    photos: EmbeddedPhotos,
    options: EvaluationOptions,
) -> PairsResult:
    is_test = np.arange(len(train) + len(test)) >= len(train)
    return _judge(
        [*train, *test], [(is_test, ~is_test)], _VIEW1, files, photos, photos.vectors, options
    )


def _judge(
    pairs: Sequence[LfwPair],
    parts: Sequence[tuple[Bools, Bools]],
    protocol: str,
    files: LfwFiles,
    photos: EmbeddedPhotos,
    vectors: FloatArray,
    options: EvaluationOptions,
) -> PairsResult:
    row_of = {path: row for row, path in enumerate(photos.paths)}
    listed = [(pair.first, pair.second, pair.same) for pair in pairs]
    result = pairs_result(
        judged(listed, vectors, row_of),
        parts,
        protocol=protocol,
        name_of=files.name_of(),
        worst_pairs=options.worst_pairs,
    )
    return dataclasses.replace(
        result,
        worst_false_matches=boxed(result.worst_false_matches, photos),
        worst_false_non_matches=boxed(result.worst_false_non_matches, photos),
    )
