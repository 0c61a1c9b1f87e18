"""Several embedders on the same photos, one table.

In: names of models and a folder of known people. Out: a `Comparison`. The faces are found once
for all models (`shared_detections.py`), every model judges the same pairs, and differences come
with a test of whether they are more than luck (`paired.py`). What is learned about a model as a
whole is remembered for the list of models (`measured_records.py`).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import facesearch
from facesearch.errors import InvalidValue
from facesearch.evaluation.comparison import ComparedModel, Comparison, Figure, Measure
from facesearch.evaluation.embed_speed import ms_per_face
from facesearch.evaluation.embedding import NO_FACE, EmbeddedPhotos
from facesearch.evaluation.judged_models import JudgedModel, judge, measures
from facesearch.evaluation.lfw import flattering
from facesearch.evaluation.lfw_files import LfwPair
from facesearch.evaluation.measured_records import (
    AllPairsFigures,
    MeasuredModel,
    SpeedFigures,
    View2Figures,
    all_pairs_protocol,
    is_all_of_lfw,
    is_all_of_view2,
    machine_name,
    remember_measured,
    today,
)
from facesearch.evaluation.people_folder import PeopleFolder, find_people
from facesearch.evaluation.results import EvaluationProgress
from facesearch.evaluation.runs import EvaluationOptions, Run
from facesearch.evaluation.shared_detections import SharedDetections, SharingModels
from facesearch.evaluation.unseen import UnseenMaps, find_unseen
from facesearch.models.catalogue import EmbedderSpec, detector_spec, embedder_spec
from facesearch.options import engine_named
from facesearch.photos.walk import AnyPath

LFW_RATES = (1e-3, 1e-4)
FOLDER_RATES = (1e-1, 1e-2, 1e-3, 1e-4)

OnModelProgress: TypeAlias = Callable[[str, EvaluationProgress], None]
"""Told which model is at work, and how far it is."""


def compare_models(
    embedders: Sequence[str],
    folder: AnyPath,
    *,
    leave_out_missing: bool = False,
    options: EvaluationOptions | None = None,
    on_progress: OnModelProgress | None = None,
) -> Comparison:
    """Compare embedders on a folder of known people.

    Args:
        embedders: two names or more in the catalogue of models.
        folder: LFW with its pairs.txt, or NAME/*.jpg.
        leave_out_missing: as for `evaluate_lfw`.
        options: engine, detector, seeds, numbers; its embedder is not looked at.
        on_progress: told how far it is.

    Raises:
        InvalidValue: fewer than two models, or one of them twice.
        PhotoNotFound, InvalidDataset: as for `evaluate_lfw` and `evaluate_folder`.
        UnknownModel, ModelError: a model is unknown or cannot be loaded; before any photo is
            looked at.
    """
    given = options or EvaluationOptions()
    specs = _chosen(embedders, given)
    detector = detector_spec(given.detector)
    files = find_people(folder, leave_out_missing=leave_out_missing)
    folds = None if files.lfw is None else files.lfw.folds()
    rates = FOLDER_RATES if files.lfw is None else LFW_RATES
    shared = SharedDetections()
    loaded = [
        SharingModels(detector, spec, given.device, given.detector_options, shared)
        for spec in specs
    ]
    for models in loaded:
        models.both()
    seen = [
        _look(files, folds, spec, models, given, on_progress)
        for spec, models in zip(specs, loaded, strict=True)
    ]
    sets = next((one.unseen for one in seen if one.unseen is not None), None)
    judged = [
        judge(one.photos, one.unseen, files.people, folds, sets, rates, given) for one in seen
    ]
    speeds = ms_per_face(loaded, seen[0].photos, given.limits)
    photos, pairs = seen[0].photos, judged[0].pairs
    no_face = sum(failure.reason == NO_FACE for failure in photos.failures)
    result = Comparison(
        data="folder" if files.lfw is None else "lfw",
        folder=files.folder,
        detector=detector.name,
        photos=len(photos.paths),
        people=len(set(files.people)),
        no_face=no_face,
        unreadable=len(photos.failures) - no_face,
        genuine_pairs=pairs.spectrum.genuine_pairs,
        impostor_pairs=pairs.spectrum.impostor_pairs,
        by_sets=sets is not None,
        max_photos_per_person=given.max_photos_per_person,
        models=tuple(one.described() for one in seen),
        measures=tuple(measures(judged, speeds, rates, given)),
        machine=machine_name(),
        facesearch=facesearch.__version__,
        warnings=(),
    )
    warnings = [*files.warnings, *itertools.chain.from_iterable(one.warnings for one in seen)]
    warnings += filter(None, map(remember_measured, _records(result, seen, judged)))
    return dataclasses.replace(result, warnings=tuple(dict.fromkeys(warnings)))


def _chosen(names: Sequence[str], options: EvaluationOptions) -> list[EmbedderSpec]:
    specs = [embedder_spec(name, engine_named(options.engine)) for name in names]
    if len(specs) < 2:
        raise InvalidValue("name two models at least to compare; facesearch models lists all")
    for first, second in itertools.combinations(specs, 2):
        if first.name == second.name:
            raise InvalidValue(f"{first.name} is named twice: name different models to compare")
    return specs


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The photos as one model sees them, the maps that judge them, if it has any, and whether
    it learned from their people without having such maps."""

    spec: EmbedderSpec
    photos: EmbeddedPhotos
    unseen: UnseenMaps | None
    flatters: bool
    warnings: tuple[str, ...]

    def described(self) -> ComparedModel:
        return ComparedModel(
            name=self.spec.name,
            space=self.photos.space,
            dimension=self.spec.dimension,
            licence=self.spec.licence,
            engine=self.spec.engine.value,
            device=self.photos.device,
            cross_validated=self.unseen is not None,
        )


def _look(
    files: PeopleFolder,
    folds: Sequence[Sequence[LfwPair]] | None,
    spec: EmbedderSpec,
    models: SharingModels,
    options: EvaluationOptions,
    on_progress: OnModelProgress | None,
) -> _Seen:
    def tell(progress: EvaluationProgress) -> None:
        if on_progress is not None:
            on_progress(spec.name, progress)

    unseen, flattered = None, []
    if files.lfw is not None:
        unseen = find_unseen(spec.name, files.lfw, folds)
        flattered = flattering(spec.name, unseen, view1=False)
    run = Run(dataclasses.replace(options, embedder=spec.name), tell)
    photos = run.embed(files.paths, models)
    return _Seen(spec, photos, unseen, bool(flattered), (*flattered, *photos.warnings))


def _records(
    result: Comparison, seen: Sequence[_Seen], judged: Sequence[JudgedModel]
) -> Iterator[MeasuredModel]:
    """What is worth remembering of each model: LFW as a whole only, speed always."""
    is_lfw = result.data == "lfw" and is_all_of_lfw(result.photos)
    accuracy = result.figures(Measure.VIEW2_ACCURACY)
    few, fewer = (result.figures(Measure.FNMR, rate) for rate in LFW_RATES)
    speed = result.figures(Measure.MS_PER_FACE)
    version, date = result.facesearch, today()
    protocol = all_pairs_protocol(result.max_photos_per_person, by_sets=result.by_sets)
    for at, model in enumerate(result.models):
        folds, figure, ms = judged[at].folds, accuracy[at], speed[at]
        view2 = all_pairs = timed = None
        if not seen[at].flatters:
            if (
                figure is not None
                and folds is not None
                and is_all_of_view2(folds.folds, len(folds.right))
            ):
                view2 = View2Figures(figure.value, figure.standard_error, version, date)
            if is_lfw:
                all_pairs = AllPairsFigures(
                    _value(few[at]), _value(fewer[at]), protocol, version, date
                )
        if ms is not None:
            timed = SpeedFigures(
                ms.value, model.device, model.engine, result.machine, version, date
            )
        yield MeasuredModel(space=model.space, view2=view2, all_pairs=all_pairs, speed=timed)


def _value(figure: Figure | None) -> float | None:
    return None if figure is None else figure.value
