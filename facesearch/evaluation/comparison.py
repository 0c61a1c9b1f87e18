"""What comparing models comes to: plain values that the command line and programs read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from facesearch.evaluation.paired import Difference
from facesearch.evaluation.results import to_plain


class Measure(StrEnum):
    """What models are compared by."""

    VIEW2_ACCURACY = "view2_accuracy"
    FNMR = "fnmr"
    EQUAL_ERROR_RATE = "eer"
    RANK_1 = "rank1"
    MS_PER_FACE = "ms_per_face"

    @property
    def lower_is_better(self) -> bool:
        """Whether errors or times are told, and not what went right."""
        return self not in (Measure.VIEW2_ACCURACY, Measure.RANK_1)


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure of one model, and how sure it is.

    Attributes:
        value: a share in 0..1, or milliseconds.
        low, high: its 95 % interval, where one is known.
        standard_error: of the mean over folds, where it is one.
    """

    value: float
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None


@dataclass(frozen=True, slots=True)
class ComparedMeasure:
    """One measure of all models, in their order.

    Attributes:
        measure: which one.
        fmr: the false match rate at which FNMR was measured; None for other measures.
        figures: of each model; None where it could not be measured.
        best: which model is best; None where none was measured.
        differences: each model's figure less that of the best; None for the best itself, and
            where nothing says whether a difference is luck.
    """

    measure: Measure
    fmr: float | None
    figures: tuple[Figure | None, ...]
    best: int | None
    differences: tuple[Difference | None, ...]

    def is_told_apart(self, model: int) -> bool | None:
        """Whether a model is surely worse than the best; None where nothing says."""
        difference = self.differences[model]
        return None if difference is None else difference.is_significant


@dataclass(frozen=True, slots=True)
class ComparedModel:
    """A model that was compared.

    Attributes:
        name, space, dimension, licence: as in the catalogue of models.
        engine, device: what it ran on.
        cross_validated: it learned from these people, and everybody was judged by a map that
            was learned without them.
    """

    name: str
    space: str
    dimension: int
    licence: str
    engine: str
    device: str
    cross_validated: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Models on the same photos, found by the same detector.

    Attributes:
        data: "lfw" or "folder".
        folder: absolute path of the photos.
        detector: its name.
        photos, people: how many.
        no_face, unreadable: photos without a face; they count as errors of every model.
        genuine_pairs, impostor_pairs: that were compared for FNMR; the same for all models.
        by_sets: whether these were pairs within each of View 2's ten sets of people only.
        max_photos_per_person: in these pairs.
        models: in the order they were named.
        measures: what was measured.
        machine: the processor's name.
        facesearch: version.
        warnings: sentences for the user.
    """

    data: str
    folder: str
    detector: str
    photos: int
    people: int
    no_face: int
    unreadable: int
    genuine_pairs: int
    impostor_pairs: int
    by_sets: bool
    max_photos_per_person: int
    models: tuple[ComparedModel, ...]
    measures: tuple[ComparedMeasure, ...]
    machine: str
    facesearch: str
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; keys are the attribute names."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    def figures(self, measure: Measure, fmr: float | None = None) -> tuple[Figure | None, ...]:
        """The figures of a measure, by model; all None where it was not measured."""
        for row in self.measures:
            if row.measure is measure and row.fmr == fmr:
                return row.figures
        return (None,) * len(self.models)


def best_of(measure: Measure, figures: Sequence[Figure | None]) -> int | None:
    """Which figure is best, the first of several; None where there is none."""
    known = [(figure.value, at) for at, figure in enumerate(figures) if figure is not None]
    if not known:
        return None
    if measure.lower_is_better:
        return min(known)[1]
    return max(known, key=lambda one: (one[0], -one[1]))[1]
