"""What programs read: values in, one JSON document per line out.

The keys are a contract (docs/reference/json.md); add to it, never change it. Text is
pure ASCII: bytes of a file name that are no text travel as lone surrogates
(``\\udcff``), which Python's `os.fsencode` turns back into the file's real name.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from facesearch.catalog.records import PoorReference
    from facesearch.values import (
        Box,
        CalibrationReport,
        Face,
        FaceAnswer,
        FaceHit,
        Failure,
        Identity,
        IndexProgress,
        IndexReport,
        LibraryStatus,
        MatchLimit,
        ProbeFace,
        QueryAnswer,
        ReindexReport,
        SpaceStatus,
        Verification,
    )

Document: TypeAlias = dict[str, Any]


def write(document: Mapping[str, Any]) -> None:
    """Print one document as one line, at once: the reader may be waiting for it."""
    sys.stdout.write(json.dumps(document, ensure_ascii=True, allow_nan=False) + "\n")
    sys.stdout.flush()


def query_document(answer: QueryAnswer) -> Document:
    """The answer to one query photo, or to several photos of one person."""
    return {
        "photo": answer.photo,
        "same_person": [_probe(face) for face in answer.same_person],
        "space": answer.space,
        **_limit(answer.limit),
        "faces": [_face(face) for face in answer.faces],
        "without_embedding": answer.without_embedding,
    }


def verification_document(found: Verification) -> Document:
    """Whether two photos show the same person."""
    return {
        "same": found.same,
        "distance": _distance(found.distance),
        "probability": _probability(found.probability),
        "prior": found.prior,
        "fmr": _rate(found.fmr),
        "max_fmr": found.max_fmr,
        "max_distance": _distance(found.max_distance),
        "space": found.space,
        "calibrated": found.calibrated,
        "pairs": found.pairs,
        "first": _probe(found.first),
        "second": _probe(found.second),
    }


def calibration_document(report: CalibrationReport) -> Document:
    """What `calibrate` found."""
    return {
        "space": report.space,
        "stored": report.stored,
        "photos": report.photos,
        "faces": report.faces,
        "people": report.people,
        "impostor_pairs": report.impostor_pairs,
        "genuine_pairs": report.genuine_pairs,
        "parameters": {name: round(value, 6) for name, value in report.parameters.items()},
        "rates": [
            {
                "fmr": change.fmr,
                "distance_before": _distance(change.distance_before),
                "distance_after": _distance(change.distance_after),
            }
            for change in report.rates
        ],
        "limit_before": _limit(report.limit_before),
        "limit_after": _limit(report.limit_after),
    }


def reset_document(space: str, was_calibrated: bool) -> Document:
    """What `calibrate --reset` did."""
    return {"space": space, "reset": was_calibrated}


def status_document(status: LibraryStatus) -> Document:
    """What is in a library."""
    calibration = status.calibration
    return {
        "photos": status.photos,
        "faces": status.faces,
        "identities": status.identities,
        "failed": status.failed,
        "space": status.space,
        "index": status.index,
        "bytes": status.bytes,
        "schema": status.schema,
        "accuracy": status.accuracy,
        "limit": None if status.limit is None else _limit(status.limit),
        "calibration": None
        if calibration is None
        else {
            "fitted_at": calibration.fitted_at,
            "impostor_pairs": calibration.impostor_pairs,
            "genuine_pairs": calibration.genuine_pairs,
        },
        "poor_references": status.poor_references,
        "outdated": status.outdated,
        "embedder": status.embedder,
        "detector": status.detector,
        "spaces": status.spaces,
    }


def failure_document(failure: Failure) -> Document:
    """A photo that could not be read."""
    return {
        "kind": "photo",
        "path": failure.path,
        "reason": failure.reason,
        "detail": failure.detail,
    }


def poor_reference_document(poor: PoorReference) -> Document:
    """A named face that is too poor to decide who another one is."""
    reasons = [problem.value for problem in poor.quality.problems]
    return {
        "kind": "reference",
        "path": poor.path,
        "reason": reasons[0],
        "reasons": reasons,
        "face": poor.face_id,
        "name": poor.identity.name,
        "quality": round(poor.quality.value, 3),
    }


def unsearchable_document(face: Face) -> Document:
    """A face that queries do not find: the model in use gave it no embedding."""
    return {
        "kind": "face",
        "path": face.photo.paths[0] if face.photo.paths else None,
        "reason": "no-embedding",
        "face": face.id,
    }


def identity_document(identity: Identity, faces: int) -> Document:
    """A named person and how many of their faces are known."""
    return {"id": identity.id, "name": identity.name, "faces": faces}


def start_event(library: str, device: str, paths: Sequence[str] | None) -> Document:
    """An `index` run begins; `paths` is null where all earlier ones are indexed again."""
    return {
        "event": "start",
        "library": library,
        "device": device,
        "paths": None if paths is None else list(paths),
    }


def waiting_event(process: int | None) -> Document:
    """Another process writes to the library; `process` is its id, null where unknown."""
    return {"event": "waiting", "process": process}


def progress_event(progress: IndexProgress) -> Document:
    """How far an `index` run is; `total` is null while folders are still being walked."""
    return {
        "event": "progress",
        "done": progress.done,
        "total": progress.total,
        "faces": progress.faces,
        "failed": progress.failed,
        "seconds": round(progress.seconds, 3),
    }


def warning_event(message: str) -> Document:
    """Something the user should know that stopped nothing."""
    return {"event": "warning", "message": message}


def done_event(report: IndexReport) -> Document:
    """The last event of an `index` run, a cancelled one included."""
    return {
        "event": "done",
        "photos": report.photos,
        "faces": report.faces,
        "new": report.new,
        "unchanged": report.unchanged,
        "moved": report.moved,
        "removed": report.removed,
        "no_face": report.no_face,
        "failed": report.failed,
        "seconds": round(report.seconds, 3),
    }


def reindexed_event(report: ReindexReport) -> Document:
    """The last event of a `reindex` run, a cancelled one included."""
    return {
        "event": "done",
        "space": report.space,
        "embedded": report.embedded,
        "already": report.already,
        "left_out": dict(sorted(report.left_out.items())),
        "switched": report.switched,
        "cancelled": report.cancelled,
        "seconds": round(report.seconds, 3),
    }


def space_document(space: SpaceStatus) -> Document:
    """What one model knows of the library's faces."""
    return {
        "space": space.space,
        "model": space.model,
        "active": space.active,
        "dimension": space.dimension,
        "faces": space.faces,
        "missing": space.missing,
        "bytes": space.bytes,
    }


def _face(answer: FaceAnswer) -> Document:
    return {
        "box": _box(answer.detection.box),
        "detection_score": round(answer.detection.score, 4),
        "identities": [
            {
                "id": match.identity.id,
                "name": match.identity.name,
                "distance": _distance(match.distance),
                "probability": _probability(match.probability),
                "faces": [_hit(hit) for hit in match.faces],
            }
            for match in answer.identities
        ],
        "unnamed": [_hit(hit) for hit in answer.unnamed],
    }


def _hit(hit: FaceHit) -> Document:
    paths = hit.face.photo.paths
    return {
        "face": hit.face.id,
        "photo": paths[0] if paths else None,
        "box": _box(hit.face.box),
        "distance": _distance(hit.distance),
        "probability": _probability(hit.probability),
    }


def _probe(face: ProbeFace) -> Document:
    return {"photo": face.photo, "box": _box(face.detection.box)}


def _limit(limit: MatchLimit) -> Document:
    return {
        "max_distance": _distance(limit.max_distance),
        "gallery_faces": limit.gallery_faces,
        "false_matches": limit.false_matches,
        "fmr": _rate(limit.fmr),
        "prior": _rate(limit.prior),
        "calibrated": limit.calibrated,
        "people": limit.people,
        "person_max_distance": None
        if limit.person_max_distance is None
        else _distance(limit.person_max_distance),
    }


def _box(box: Box) -> list[float]:
    # float() because a detector may hand over NumPy's own numbers, which json refuses.
    return [round(float(side), 2) for side in (box.x, box.y, box.width, box.height)]


def _probability(value: float | None) -> float | None:
    return None if value is None else round(float(value), 6)


def _rate(value: float | None) -> float | None:
    # Rates are small: four digits, wherever they begin.
    return None if value is None else float(f"{value:.4g}")


def _distance(distance: float) -> float:
    return round(float(distance), 6)
