"""What an evaluation comes to: plain values that reports, plots and programs read.

In: records of the protocols (`measured.py`). Out: `LfwResult` and `FolderResult`, which hold
everything; their `to_json` gives dictionaries of plain JSON types, whose keys are the
attribute names.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any

import numpy as np

from facesearch.evaluation.measured import (
    ClosedSetResult,
    DiscardResult,
    GroupsResult,
    OpenSetResult,
    PairsResult,
    VerificationResult,
)


class Stage(StrEnum):
    """What an evaluation is doing."""

    EMBED = "embed"
    COMPARE = "compare"


@dataclass(frozen=True, slots=True)
class EvaluationProgress:
    """How far an evaluation is: photos of the EMBED stage, rows of pairs of the COMPARE stage."""

    stage: Stage
    done: int
    total: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class PhotoFailure:
    """A photo that gave no face.

    Attributes:
        path: absolute.
        reason: "no-face", or one of `errors.UnreadableReason`.
        detail: a sentence for people.
    """

    path: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class RunInfo:
    """How the figures came about.

    Attributes:
        facesearch: version.
        data: "lfw" or "folder".
        folder: absolute path of the photos.
        detector, embedder: catalogue names.
        detector_key, space: as they are remembered in a library.
        cross_validated: the embedder learned from these people, and everybody was judged by
            a map that was learned without them.
        device: what networks ran on.
        face: which face of a photo counts where it shows several: "central" or "largest".
        max_photos_per_person: photos of one person that take part in comparing all pairs.
        seed: of all random choices.
        bootstrap_samples: resamplings of the people behind each interval.
        photos: photos that were evaluated.
        people: different labels among them.
        photos_with_several_faces: of these, how many show more than one face.
        no_face: photos in which no face was found; they count as misses.
        unreadable: photos that could not be read; they count as misses too.
        failures: both, one by one.
        from_cache: photos whose embeddings were known from an earlier evaluation.
        embed_seconds, seconds: time for the embeddings, and in all.
        warnings: sentences for the user.
    """

    facesearch: str
    data: str
    folder: str
    detector: str
    embedder: str
    detector_key: str
    space: str
    cross_validated: bool
    device: str
    face: str
    max_photos_per_person: int
    seed: int
    bootstrap_samples: int
    photos: int
    people: int
    photos_with_several_faces: int
    no_face: int
    unreadable: int
    failures: tuple[PhotoFailure, ...]
    from_cache: int
    embed_seconds: float
    seconds: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class LfwResult:
    """Labeled Faces in the Wild. What was not asked for is None.

    Attributes:
        view2: pairs.txt: ten folds, the threshold of each chosen on the other nine.
        view1: pairsDevTest.txt, the threshold chosen on pairsDevTrain.txt.
        all_pairs: every photo with every other one.
        closed_set, open_set: identification over all photos; with `all_pairs`.
        discard: error against discarded photos; with `all_pairs`, where qualities are known.
    """

    run: RunInfo
    view2: PairsResult | None
    view1: PairsResult | None
    all_pairs: VerificationResult | None
    closed_set: ClosedSetResult | None
    open_set: OpenSetResult | None
    discard: DiscardResult | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; keys are the attribute names."""
        return _object(self)


@dataclass(frozen=True, slots=True, eq=False)
class FolderResult:
    """A folder of labelled photos. What cannot be measured on it is None, and `notes` say why.

    Attributes:
        verification: every photo with every other one.
        closed_set, open_set: identification.
        groups: per group, where there is a groups.csv.
        discard: error against discarded photos, where qualities are known.
        notes: what could not be measured and why, sentences for the user.
    """

    run: RunInfo
    verification: VerificationResult
    closed_set: ClosedSetResult | None
    open_set: OpenSetResult | None
    groups: GroupsResult | None
    discard: DiscardResult | None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; keys are the attribute names."""
        return _object(self)


def _object(record: Any) -> dict[str, Any]:
    return {
        field.name: to_plain(getattr(record, field.name)) for field in dataclasses.fields(record)
    }


def to_plain(value: Any) -> Any:
    """A value as JSON knows it: records as objects, arrays as lists, what is not finite as null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _object(value)
    if isinstance(value, Enum):
        return to_plain(value.value)
    if isinstance(value, np.ndarray | tuple | list):
        return [to_plain(item) for item in value]
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
