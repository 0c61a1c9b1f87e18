"""How many faces a detector finds, and how much that is no face.

In: photos with their true boxes, and what a detector found in them. Out: recall and
precision at every score, as data.

Matching is greedy and per photo: the surest detection first, each takes the true box it
overlaps most among those still free. A detection on a face that is marked as ignored
counts neither way. A photo that could not be read counts as all its faces missed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facesearch.errors import InvalidValue, PhotoUnreadable
from facesearch.evaluation.imglab import LabelledPhoto, reaches_into, read_boxes
from facesearch.models.base import Detector
from facesearch.photos.decode import DecodeLimits, open_photo
from facesearch.photos.files import printable
from facesearch.photos.read import read_photo
from facesearch.values import Box, Detection, Failure

__all__ = [
    "CurvePoint",
    "DetectionResult",
    "FoundFaces",
    "LabelledPhoto",
    "PlacedBox",
    "evaluate_detection",
    "find_faces",
    "read_boxes",
]


@dataclass(frozen=True, slots=True, eq=False)
class FoundFaces:
    """What a detector found in photos.

    Attributes:
        detections: one tuple a photo, in the order of the photos; None where the photo
            could not be read.
        failures: the photos that could not be read, and why.
    """

    detections: tuple[tuple[Detection, ...] | None, ...]
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Recall and precision where only detections with at least this score count."""

    score: float
    recall: float
    precision: float


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """A box in a photo, worth looking at: a face that was missed, or something that is none.

    Attributes:
        path: the photo.
        box: in pixels of the upright full-size photo.
        score: of the detection; None for a missed face.
    """

    path: Path
    box: Box
    score: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class DetectionResult:
    """How well faces were found.

    Attributes:
        photos: how many were looked at, unreadable ones included.
        unreadable: of these, how many could not be read.
        faces: true faces in all of them, without ignored ones.
        detections: what was found, without what lies on ignored faces.
        matched: detections that are true faces.
        min_iou: intersection over union from which on a detection is the true face.
        curve: from the surest detection down, one point for each score there is.
        missed: true faces that no detection matched.
        wrong: detections that matched no true face, the surest first.
        failures: the unreadable photos.
    """

    photos: int
    unreadable: int
    faces: int
    detections: int
    matched: int
    min_iou: float
    curve: tuple[CurvePoint, ...]
    missed: tuple[PlacedBox, ...]
    wrong: tuple[PlacedBox, ...]
    failures: tuple[Failure, ...] = ()

    @property
    def recall(self) -> float:
        """Share of true faces that were found, counting every detection."""
        return self.matched / self.faces

    @property
    def precision(self) -> float:
        """Share of detections that are true faces; 1 where nothing was found."""
        return self.matched / self.detections if self.detections else 1.0

    @property
    def average_precision(self) -> float:
        """Area under the curve of precision over recall, every point interpolated (PASCAL VOC
        since 2010): at each recall the best precision that this or a higher recall has."""
        recalls = np.array([0.0, *(point.recall for point in self.curve)])
        precisions = np.array([point.precision for point in self.curve])
        best_from_here = np.maximum.accumulate(precisions[::-1])[::-1]
        return min(1.0, float(np.diff(recalls) @ best_from_here))  # rounding may lie above 1

    def at_precision(self, precision: float) -> CurvePoint | None:
        """The point of highest recall whose precision is at least this; None if there is none.

        Raises:
            InvalidValue: not in (0, 1].
        """
        if not 0 < precision <= 1:
            raise InvalidValue(f"a precision to reach is a share in (0, 1], not {precision}")
        reached = [point for point in self.curve if point.precision >= precision]
        return max(reached, key=lambda p: (p.recall, p.precision), default=None)

    def recall_at(self, precision: float) -> float:
        """Highest recall at which the precision is at least this; 0 if it is never reached."""
        point = self.at_precision(precision)
        return point.recall if point is not None else 0.0

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON's types; boxes as [left, top, width, height]."""
        return {
            "photos": self.photos,
            "unreadable": self.unreadable,
            "faces": self.faces,
            "detections": self.detections,
            "matched": self.matched,
            "min_iou": self.min_iou,
            "recall": self.recall,
            "precision": self.precision,
            "average_precision": self.average_precision,
            "recall_at_precision_0.95": self.recall_at(0.95),
            "curve": [
                {"score": p.score, "recall": p.recall, "precision": p.precision} for p in self.curve
            ],
            "missed": [_placed_json(placed) for placed in self.missed],
            "wrong": [_placed_json(placed) for placed in self.wrong],
            "failures": [
                {"path": f.path, "reason": f.reason, "detail": f.detail} for f in self.failures
            ],
        }


def find_faces(
    photos: Sequence[LabelledPhoto],
    detector: Detector,
    *,
    limits: DecodeLimits | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> FoundFaces:
    """Look for faces in labelled photos, as indexing does.

    Args:
        on_progress: called with how many photos are done and how many there are.

    Raises:
        InvalidValue: a true box lies outside of its photo: it was labelled on another one.
        ModelError: a network failed.
    """
    limits = limits if limits is not None else DecodeLimits()
    found: list[tuple[Detection, ...] | None] = []
    failures = []
    for done, photo in enumerate(photos, start=1):
        name = str(photo.path)
        try:
            data = read_photo(name, max_bytes=limits.max_bytes).data
            opened = open_photo(data, name, limits)
            image = opened.decode(min_longer_px=detector.wanted_longer_px)
        except PhotoUnreadable as error:
            failures.append(Failure(printable(name), str(error.reason), error.detail))
            found.append(None)
        else:
            for box in (*photo.boxes, *photo.ignored):
                if not reaches_into(box, opened.size):
                    raise InvalidValue(
                        f"{printable(name)}: the true box at ({box.x:g}, {box.y:g}) lies outside "
                        f"of its {opened.size.width} x {opened.size.height} pixels; were the boxes "
                        "drawn on a larger version or before it was turned upright?"
                    )
            found.extend(detector.detect([image]))
        if on_progress is not None:
            on_progress(done, len(photos))
    return FoundFaces(tuple(found), tuple(failures))


def evaluate_detection(
    photos: Sequence[LabelledPhoto],
    detections: Sequence[Sequence[Detection] | None] | FoundFaces,
    *,
    min_iou: float = 0.5,
) -> DetectionResult:
    """Compare detections with the true boxes.

    Args:
        photos: with their true boxes.
        detections: one sequence a photo, in the same order; None where it could not be read.
        min_iou: intersection over union from which on a detection is the true face, in (0, 1].

    Raises:
        InvalidValue: `min_iou` out of range, not one answer a photo, or no true face at all.
    """
    failures = detections.failures if isinstance(detections, FoundFaces) else ()
    answers = detections.detections if isinstance(detections, FoundFaces) else detections
    if not 0 < min_iou <= 1:
        raise InvalidValue(f"the least overlap is an IoU in (0, 1], not {min_iou}")
    if len(answers) != len(photos):
        raise InvalidValue(f"{len(photos)} photos need as many answers, not {len(answers)}")
    faces = sum(len(photo.boxes) for photo in photos)
    if faces == 0:
        raise InvalidValue("no photo has a true face: recall needs at least one labelled box")
    hits: list[float] = []
    wrong: list[PlacedBox] = []
    missed: list[PlacedBox] = []
    for photo, found in zip(photos, answers, strict=True):
        free = list(photo.boxes)
        for detection in sorted(found or (), key=lambda d: -d.score):
            best = max(free, key=detection.box.iou, default=None)
            if best is not None and detection.box.iou(best) >= min_iou:
                free.remove(best)
                hits.append(detection.score)
            elif not any(detection.box.iou(box) >= min_iou for box in photo.ignored):
                wrong.append(PlacedBox(photo.path, detection.box, detection.score))
        missed.extend(PlacedBox(photo.path, box) for box in free)
    wrong.sort(key=lambda placed: -(placed.score or 0.0))
    return DetectionResult(
        photos=len(photos),
        unreadable=sum(found is None for found in answers),
        faces=faces,
        detections=len(hits) + len(wrong),
        matched=len(hits),
        min_iou=min_iou,
        curve=_curve(hits, [placed.score or 0.0 for placed in wrong], faces),
        missed=tuple(missed),
        wrong=tuple(wrong),
        failures=failures,
    )


def _curve(hits: Sequence[float], wrong: Sequence[float], faces: int) -> tuple[CurvePoint, ...]:
    """A point for each different score, the highest first."""
    scores = np.array([*hits, *wrong], np.float64)
    is_face = np.repeat([1, 0], [len(hits), len(wrong)])
    order = np.argsort(-scores, kind="stable")
    scores, right = scores[order], np.cumsum(is_face[order])
    # Detections of one score come in together: no threshold separates them.
    last = np.flatnonzero(np.diff(scores, append=-np.inf))
    return tuple(
        CurvePoint(float(scores[at]), float(right[at] / faces), float(right[at] / (at + 1)))
        for at in last.tolist()
    )


def _placed_json(placed: PlacedBox) -> dict[str, Any]:
    box = placed.box
    entry: dict[str, Any] = {
        "path": printable(str(placed.path)),
        "box": [box.x, box.y, box.width, box.height],
    }
    if placed.score is not None:
        entry["score"] = placed.score
    return entry
