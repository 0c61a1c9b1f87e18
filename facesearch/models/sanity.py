"""Whether a model that somebody brought does its job, on two built-in portraits.

In: a loaded embedder or detector. Out: what was measured, and what speaks against it. Two
people and a few copies of their photos show a network that is not trained, or is fed quite
other numbers than it was trained on. A wrong template or order of colours costs accuracy and
is hardly ever seen here: that takes `facesearch evaluate`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from facesearch.errors import ModelError, NoEmbedding
from facesearch.models.base import Detector, Embedder
from facesearch.models.samples import Sample, sample
from facesearch.opencv import cv2
from facesearch.values import ByteArray, Detection, FloatArray, Image, Landmarks, check_unit_rows

_COPIES = ("as it is", "mirrored", "darker", "smaller", "without colour")
_DARKER, _SMALLER = 0.7, 0.5
_TIMED_FACES = 8
# Less than this between any two faces, and the network does not look at them.
_CONSTANT_DISTANCE = 1e-6
# How far landmarks may be from the default detector's, as a share of the distance of the eyes.
_LANDMARK_TOLERANCE = 0.25
_GREY_PX = 400
_CAUSES = (
    "Likely causes, most likely first: the wrong mean or scale; a network that is not trained; an "
    "output that is not the embedding; the wrong template; red and blue exchanged (channels)"
)


@dataclass(frozen=True, slots=True)
class EmbedderReport:
    """What an embedder said about the built-in portraits.

    Attributes:
        dimension: numbers in an embedding.
        same: cosine distances between copies of one photo (mirrored, darker, smaller,
            without colour), smallest first.
        other: between the photos of the two people, smallest first.
        face_ms: milliseconds for a face on this machine, eight at once.
        silent: copies that it says nothing of; these are in none of the distances.
        causes: a sentence on what may be the matter with one that does badly.
    """

    dimension: int
    same: tuple[float, ...]
    other: tuple[float, ...]
    face_ms: float
    silent: int = 0
    causes: str = _CAUSES

    @property
    def problem(self) -> str | None:
        """What speaks against it; None where copies of a face are nearest."""
        if self.silent:
            return (
                f"it says nothing of {self.silent} of {len(Sample) * len(_COPIES)} copies of two "
                f"portraits: all its numbers are 0. {self.causes}"
            )
        if self.same[-1] < self.other[0]:
            return None
        return (
            "copies of one photo (mirrored, darker, smaller, without colour) lie up to "
            f"{self.same[-1]:.3f} apart, and two different people only {self.other[0]:.3f}. "
            f"{self.causes}"
        )


@dataclass(frozen=True, slots=True)
class DetectorReport:
    """What a detector said about the built-in portraits.

    Attributes:
        faces: how many it found in each, and in a plain grey picture at the end; 1, 1 and 0
            are right.
        landmark_errors: for each portrait with one face, how far the farthest landmark is
            from the default detector's, as a share of the distance of the eyes.
        photo_ms: milliseconds for a portrait on this machine.
    """

    faces: tuple[int, ...]
    landmark_errors: tuple[float, ...]
    photo_ms: float

    @property
    def problem(self) -> str | None:
        """What speaks against it; None where all is found and nothing else."""
        causes = (
            "Likely causes, most likely first: the output decoding of another family, the wrong "
            "mean or scale, red and blue exchanged (channels), a network that is not trained"
        )
        if self.faces[-1]:
            return f"it finds faces in a plain grey picture, where there is none. {causes}"
        if any(number != 1 for number in self.faces[:-1]):
            found = " and ".join(map(str, self.faces[:-1]))
            return f"it finds {found} faces in two portraits of one person each. {causes}"
        if max(self.landmark_errors) > _LANDMARK_TOLERANCE:
            return (
                f"its landmarks lie up to {max(self.landmark_errors):.2f} eye distances from where "
                f"eyes, nose and mouth are. {causes}, points in another order"
            )
        return None


def sample_chips(cut: Callable[[Image, Landmarks], ByteArray]) -> ByteArray:
    """The faces of all copies of the portraits, first those of one person, then of the other.

    Args:
        cut: of an embedder or a template.

    Returns:
        uint8 RGB (10, ...), the rest as `cut` has it.
    """
    return np.stack(
        [
            cut(_copy(person, how), _found(person, how).landmarks)
            for person in Sample
            for how in _COPIES
        ]
    )


def check_embedder(name: str, embedder: Embedder) -> EmbedderReport:
    """Embed the built-in portraits, the whole way from the photo.

    Raises:
        ModelError: it cannot serve at all: it fails, its vectors are not finite, not of
            length 1 or of another dimension, or it says the same of all faces, or nothing.
    """
    chips = sample_chips(embedder.cut)
    people = np.repeat(np.arange(len(Sample)), len(_COPIES))
    silent: tuple[int, ...] = ()
    try:
        vectors = embedder.embed(chips)
    except NoEmbedding as problem:
        silent = problem.rows
        chips, people = np.delete(chips, silent, axis=0), np.delete(people, silent)
        if min(np.count_nonzero(people == person) for person in range(len(Sample))) < 2:
            raise ModelError(
                name,
                f"{name} says nothing of {len(silent)} of {len(silent) + len(chips)} copies of two "
                f"portraits: all its numbers are 0. {_CAUSES}",
            ) from problem
        vectors = embedder.embed(chips)
    if vectors.shape != (len(chips), embedder.dimension):
        raise ModelError(
            name, f"{name} gives {vectors.shape}, expected {(len(chips), embedder.dimension)}"
        )
    check_unit_rows(vectors)
    distances = 1 - vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    if distances.max() < _CONSTANT_DISTANCE:
        raise ModelError(
            name, f"{name} says the same of every face: it is not trained, or cannot see its input"
        )
    same = people[:, None] == people
    later = np.triu(np.ones_like(same), 1)
    return EmbedderReport(
        embedder.dimension,
        _sorted(distances[same & later]),
        _sorted(distances[~same & later]),
        _time_ms(embedder, np.resize(chips, (_TIMED_FACES, *chips.shape[1:]))),
        len(silent),
    )


def check_detector(detector: Detector) -> DetectorReport:
    """Look for the faces of the built-in portraits, and for none in a grey picture.

    Raises:
        ModelError: it fails.
    """
    photos = [sample(person) for person in Sample]
    grey = Image.of(np.full((_GREY_PX, _GREY_PX, 3), 127, np.uint8))
    found = detector.detect([*photos, grey])
    started = time.perf_counter()
    detector.detect(photos)
    elapsed = time.perf_counter() - started
    errors = [
        _landmark_error(faces[0], _found(person, _COPIES[0]))
        for person, faces in zip(Sample, found, strict=False)
        if len(faces) == 1
    ]
    return DetectorReport(tuple(map(len, found)), tuple(errors), elapsed / len(photos) * 1000)


def _landmark_error(found: Detection, right: Detection) -> float:
    off = np.linalg.norm(found.landmarks.points - right.landmarks.points, axis=1)
    return float(off.max() / right.landmarks.eye_distance_px)


def _sorted(distances: FloatArray) -> tuple[float, ...]:
    return tuple(sorted(float(distance) for distance in np.clip(distances, 0, 2)))


def _time_ms(embedder: Embedder, chips: ByteArray) -> float:
    """Milliseconds a face; what was embedded before warmed the network up."""
    started = time.perf_counter()
    embedder.embed(chips)
    return (time.perf_counter() - started) / len(chips) * 1000


@cache
def _copy(person: Sample, how: str) -> Image:
    pixels = sample(person).pixels
    if how == "mirrored":
        return Image.of(np.ascontiguousarray(pixels[:, ::-1]))
    if how == "darker":
        return Image.of((pixels * _DARKER).astype(np.uint8))
    if how == "smaller":
        small = cv2.resize(pixels, None, fx=_SMALLER, fy=_SMALLER, interpolation=cv2.INTER_AREA)
        return Image.of(np.asarray(small, np.uint8))
    if how == "without colour":
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        return Image.of(np.repeat(np.asarray(grey, np.uint8)[:, :, None], 3, axis=2))
    return sample(person)


@cache
def _found(person: Sample, how: str) -> Detection:
    """The largest face, as the default detector sees it."""
    return _default_detector().detect([_copy(person, how)])[0][0]


@cache
def _default_detector() -> Detector:
    from facesearch.models.mtcnn import Mtcnn
    from facesearch.models.onnx import Device, Runtime

    return Mtcnn(Runtime.on(Device.CPU))
