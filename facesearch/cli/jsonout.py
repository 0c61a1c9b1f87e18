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
    from facesearch.values import (
        Box,
        FaceAnswer,
        FaceHit,
        Failure,
        Identity,
        IndexProgress,
        IndexReport,
        LibraryStatus,
        QueryAnswer,
    )

Document: TypeAlias = dict[str, Any]


def write(document: Mapping[str, Any]) -> None:
    """Print one document as one line, at once: the reader may be waiting for it."""
    sys.stdout.write(json.dumps(document, ensure_ascii=True, allow_nan=False) + "\n")
    sys.stdout.flush()


def query_document(answer: QueryAnswer) -> Document:
    """The answer to one query photo."""
    return {
        "photo": answer.photo,
        "space": answer.space,
        "max_distance": _distance(answer.max_distance),
        "faces": [_face(face) for face in answer.faces],
    }


def status_document(status: LibraryStatus) -> Document:
    """What is in a library."""
    return {
        "photos": status.photos,
        "faces": status.faces,
        "identities": status.identities,
        "failed": status.failed,
        "space": status.space,
        "index": status.index,
        "bytes": status.bytes,
        "schema": status.schema,
    }


def failure_document(failure: Failure) -> Document:
    """A photo that could not be read."""
    return {"path": failure.path, "reason": failure.reason, "detail": failure.detail}


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


def _face(answer: FaceAnswer) -> Document:
    return {
        "box": _box(answer.detection.box),
        "detection_score": round(answer.detection.score, 4),
        "identities": [
            {
                "id": match.identity.id,
                "name": match.identity.name,
                "distance": _distance(match.distance),
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
    }


def _box(box: Box) -> list[float]:
    # float() because a detector may hand over NumPy's own numbers, which json refuses.
    return [round(float(side), 2) for side in (box.x, box.y, box.width, box.height)]


def _distance(distance: float) -> float:
    return round(float(distance), 6)
