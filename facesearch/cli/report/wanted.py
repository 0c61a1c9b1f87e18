"""Which pictures a page needs: answers in, pictures cut from photos out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

from facesearch.errors import PhotoError
from facesearch.photos.pictures import Picture, face_picture, photo_picture
from facesearch.values import Box, FaceAnswer, FaceHit, ProbeFace, QueryAnswer

# Twice the size on the page, so that they are sharp on dense screens.
_QUERY_PHOTO_PX = 1200
_QUERY_FACE_PX = 480
_MATCH_PX = 400

# Each holds one decoded photo, so more of them cost memory.
_MAX_THREADS = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture the page needs: a face's surroundings, or with no box the whole photo."""

    path: str
    box: Box | None
    side_px: int


Pictures: TypeAlias = Mapping[Wanted, Picture | str]
"""Each picture, or a sentence that says why there is none."""


def take_pictures(answers: Sequence[QueryAnswer], photos_shown: int) -> Pictures:
    """Cut every picture the page needs, on several processors: decoding takes the time."""
    wanted = dict.fromkeys(w for answer in answers for w in _all_wanted(answer, photos_shown))
    with ThreadPoolExecutor(max_workers=min(_MAX_THREADS, os.cpu_count() or 1)) as pool:
        return dict(zip(wanted, pool.map(_take, wanted), strict=True))


def query_photo(answer: QueryAnswer) -> Wanted:
    """The whole query photo."""
    return Wanted(answer.photo, None, _QUERY_PHOTO_PX)


def query_face(answer: QueryAnswer, face: FaceAnswer) -> Wanted:
    """One face of the query photo."""
    return Wanted(answer.photo, face.detection.box, _QUERY_FACE_PX)


def probe_face(probe: ProbeFace) -> Wanted:
    """A face of one of several photos that were asked about as one person."""
    return Wanted(probe.photo, probe.detection.box, _QUERY_FACE_PX)


def matching_face(hit: FaceHit) -> Wanted:
    """A face of the library; its photo must have a path."""
    return Wanted(hit.face.photo.paths[0], hit.face.box, _MATCH_PX)


def _all_wanted(answer: QueryAnswer, photos_shown: int) -> Iterator[Wanted]:
    yield query_photo(answer)
    for probe in answer.same_person[1:]:
        yield probe_face(probe)
    for face in answer.faces:
        yield query_face(answer, face)
        for hit in _hits_shown(face, photos_shown):
            if hit.face.photo.paths:
                yield matching_face(hit)


def _hits_shown(face: FaceAnswer, photos_shown: int) -> list[FaceHit]:
    hits = [hit for match in face.identities for hit in match.faces[:photos_shown]]
    hits += face.unnamed
    if not hits and face.nearest is not None:
        hits.append(face.nearest)
    return hits


def _take(wanted: Wanted) -> Picture | str:
    try:
        if wanted.box is None:
            return photo_picture(wanted.path, side_px=wanted.side_px)
        return face_picture(wanted.path, wanted.box, side_px=wanted.side_px)
    except PhotoError as error:  # moved or damaged since it was indexed; the page says so
        return str(error)
