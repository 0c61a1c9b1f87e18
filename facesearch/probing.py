"""The faces that are asked about: photos in, chosen faces with their embeddings out.

Queries, verification and `embed` all look at photos through here, in the way that
indexing does (`facesearch.extraction`). Nothing is stored.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, SupportsIndex

from facesearch.errors import InvalidValue, NoFaceFound
from facesearch.values import Detection, Embedding, FaceQuality, ProbeFace

if TYPE_CHECKING:
    from facesearch.model_loading import LoadedModels
    from facesearch.photos.decode import DecodeLimits
    from facesearch.photos.source import PhotoSource


class FaceChoice(StrEnum):
    """Which faces of a photo are asked about."""

    ALL = "all"
    LARGEST = "largest"


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A face that is asked about.

    Attributes:
        detection: where it is, in pixels of the upright photo.
        embedding: in the embedder's space.
        quality: of its picture.
    """

    detection: Detection
    embedding: Embedding
    quality: FaceQuality


@dataclass(frozen=True, slots=True, eq=False)
class ProbePhoto:
    """A photo that is asked about.

    Attributes:
        name: its path or description.
        probes: the chosen faces, largest first, at least one.
        faces: how many faces it shows.
        silent: chosen faces that the embedder says nothing of; not among the probes.
    """

    name: str
    probes: tuple[Probe, ...]
    faces: int
    silent: int = 0

    def face(self, number: int) -> ProbeFace:
        """One of its faces, counted from 0, with the photo it is in."""
        return ProbeFace(self.name, self.probes[number].detection)


def look_at(
    photo: PhotoSource, models: LoadedModels, limits: DecodeLimits, face: FaceChoice | int
) -> ProbePhoto:
    """Find and embed the chosen faces of a photo.

    Args:
        photo: in any form that `FaceLibrary.query` takes.
        models: to look with; loaded where they are not yet.
        limits: what is refused.
        face: a choice that `checked_choice` let pass.

    Raises:
        NoFaceFound: the photo shows no face, not as many, or none that the embedder says
            something of.
        PhotoNotFound, PhotoUnreadable: the photo cannot be had.
        ModelError: weights are missing or damaged, or the device is not there.
    """
    from facesearch.extraction import extract_faces
    from facesearch.models.embedding import embed_faces
    from facesearch.photos.source import open_source

    opened, name = open_source(photo, limits)
    detector, embedder = models.both()
    found = extract_faces(opened, detector, embedder)
    chosen = range(len(found.detections))
    if not chosen:
        raise NoFaceFound(name, f"no face found in {name}")
    if isinstance(face, int):
        if not 1 <= face <= len(chosen):
            raise NoFaceFound(name, f"{name} shows {len(chosen)} faces, so there is no face {face}")
        chosen = range(face - 1, face)
    elif face is FaceChoice.LARGEST:
        chosen = range(1)
    embedded = embed_faces(found.chips[chosen.start : chosen.stop], embedder)
    probes = tuple(
        Probe(found.detections[row], embedding, found.qualities[row])
        for row, embedding in zip(chosen, embedded, strict=True)
        if embedding is not None
    )
    if not probes:
        which = "the face" if len(chosen) == 1 else f"all {len(chosen)} faces"
        raise NoFaceFound(
            name,
            f"the model says nothing of {which} in {name} (all its numbers are 0), so there is "
            "nothing to compare: take another photo, or another model",
        )
    return ProbePhoto(name, probes, len(found.detections), len(chosen) - len(probes))


def checked_choice(face: FaceChoice | int) -> FaceChoice | int:
    """A choice of faces, given as one or as its name, or a number from 1.

    Raises:
        InvalidValue: neither.
    """
    if isinstance(face, str) and face in set(FaceChoice):
        return FaceChoice(face)
    number = whole_number(face)
    if number < 1:
        raise InvalidValue(
            f"a face is chosen by {', '.join(FaceChoice)} or a number from 1, not {face!r}"
        )
    return number


def whole_number(value: object) -> int:
    """A whole number of any type, such as numpy's; 0 for what is none."""
    return operator.index(value) if isinstance(value, SupportsIndex) else 0
