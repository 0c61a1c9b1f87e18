"""The values that cross module borders: frozen, checked when made, trusted afterwards.

Coordinates are pixels of the *upright, full-size* photo unless a docstring says
otherwise: x grows to the right, y grows down, (0, 0) is the outer corner of the
first pixel. Distances are cosine distances, 1 - cos, in 0..2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidEmbedding, InvalidValue, SpaceMismatch

FloatArray: TypeAlias = NDArray[np.float32]
ByteArray: TypeAlias = NDArray[np.uint8]
IdArray: TypeAlias = NDArray[np.int64]

UNIT_LENGTH_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of a picture in whole pixels, both at least 1."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise InvalidValue(f"a picture has at least 1x1 pixels, not {self.width}x{self.height}")

    @property
    def longer(self) -> int:
        """The longer side in pixels."""
        return max(self.width, self.height)

    @property
    def pixels(self) -> int:
        """How many pixels there are."""
        return self.width * self.height


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """An upright RGB picture in memory, perhaps decoded at reduced scale.

    Attributes:
        pixels: uint8, shape (height, width, 3), RGB, C-contiguous, read-only.
            Taken over, not copied: a 12-megapixel copy costs more than finding a face.
        full_size: the upright photo's size at full resolution; equal to the
            array's own size unless the photo was decoded at reduced scale.

    Raises:
        InvalidValue: wrong shape or dtype, or larger than `full_size`.
    """

    pixels: ByteArray
    full_size: Size

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] != 3 or dtype != np.uint8 or 0 in shape:
            raise InvalidValue(
                f"an image is uint8 of shape (height, width, 3), not {dtype} of shape {shape}"
            )
        if shape[1] > self.full_size.width or shape[0] > self.full_size.height:
            raise InvalidValue(
                f"{shape[1]}x{shape[0]} pixels exceed the full size {self.full_size}"
            )
        pixels = np.ascontiguousarray(self.pixels)
        pixels.flags.writeable = False
        object.__setattr__(self, "pixels", pixels)

    @classmethod
    def of(cls, pixels: ByteArray) -> Image:
        """An image at full resolution from an RGB array of shape (height, width, 3)."""
        if pixels.ndim < 2:
            raise InvalidValue(
                f"an image is uint8 of shape (height, width, 3), not of shape {pixels.shape}"
            )
        return cls(pixels, Size(max(pixels.shape[1], 1), max(pixels.shape[0], 1)))

    @property
    def size(self) -> Size:
        """Size of the array at hand, in its own pixels."""
        return Size(self.pixels.shape[1], self.pixels.shape[0])

    @property
    def scale(self) -> float:
        """Array pixels per full-size pixel, in (0, 1]."""
        height, width = self.pixels.shape[:2]
        return float(max(width / self.full_size.width, height / self.full_size.height))


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle: left, top, width, height, in pixels of the full-size photo.

    It may reach beyond the photo's edges, as faces do.

    Raises:
        InvalidValue: not finite, or no area.
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.x, self.y, self.width, self.height))):
            raise InvalidValue(f"a box needs finite numbers, not {self}")
        if self.width <= 0 or self.height <= 0:
            raise InvalidValue(f"a box needs an area, not {self.width} x {self.height}")

    @property
    def area(self) -> float:
        """Width times height, in square pixels."""
        return self.width * self.height

    def iou(self, other: Box) -> float:
        """Intersection over union with another box, in 0..1."""
        overlap_x = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        overlap_y = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        overlap = max(0.0, overlap_x) * max(0.0, overlap_y)
        return overlap / (self.area + other.area - overlap)


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """Five points of a face: left eye, right eye, nose tip, left and right mouth corner.

    Left and right as the viewer sees them.

    Attributes:
        points: float32, shape (5, 2), x and y in pixels of the full-size photo, read-only.

    Raises:
        InvalidValue: another shape, or not finite.
    """

    points: FloatArray

    def __post_init__(self) -> None:
        points = np.array(self.points, dtype=np.float32)
        if points.shape != (5, 2) or not np.isfinite(points).all():
            raise InvalidValue(f"landmarks are 5 finite points, shape (5, 2), not {points.shape}")
        points.flags.writeable = False
        object.__setattr__(self, "points", points)

    @property
    def eye_distance_px(self) -> float:
        """Distance between the eyes in pixels of the full-size photo."""
        return float(np.hypot(*(self.points[1] - self.points[0])))


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One face as a detector saw it.

    Attributes:
        box: where, in pixels of the full-size photo.
        landmarks: its five points, in the same pixels.
        score: the detector's confidence in 0..1; comparable within one detector only.
    """

    box: Box
    landmarks: Landmarks
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """Where one face lies in one model's space.

    Attributes:
        vector: float32, shape (d,), length 1 within 1e-4, read-only. It has
            no unit; only the angle to another embedding carries meaning.
        space: model, weights and alignment that made it, such as
            "dlib-resnet34@55533b28:five-point-mirror".

    Raises:
        InvalidEmbedding: the vector is not flat, not finite or not length 1.
    """

    vector: FloatArray
    space: str

    def __post_init__(self) -> None:
        vector = np.array(self.vector, dtype=np.float32)
        if vector.ndim != 1 or vector.size == 0:
            raise InvalidEmbedding(f"an embedding is one flat vector, not of shape {vector.shape}")
        check_unit_rows(vector[None, :])
        vector.flags.writeable = False
        object.__setattr__(self, "vector", vector)

    def distance(self, other: Embedding) -> float:
        """Cosine distance, 1 - cos, in 0..2; small is alike.

        Raises:
            SpaceMismatch: the two embeddings come from different spaces.
        """
        if self.space != other.space:
            raise SpaceMismatch(self.space, other.space)
        return float(np.clip(1.0 - float(self.vector @ other.vector), 0.0, 2.0))


def check_unit_rows(vectors: FloatArray) -> None:
    """Check that every row of a (n, d) array is finite and has length 1 within 1e-4.

    Raises:
        InvalidEmbedding: naming the first row that breaks the rule.
    """
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    bad = ~(np.abs(lengths - 1.0) <= UNIT_LENGTH_TOLERANCE)  # also true for NaN
    if bad.any():
        row = int(np.argmax(bad))
        raise InvalidEmbedding(
            f"embedding {row} has length {lengths[row]:.6g}, expected 1: "
            "normalise vectors to unit length before storing or searching them"
        )


class PhotoState(StrEnum):
    """What looking at a photo's content came to."""

    FACES = "faces"
    NO_FACE = "no-face"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo in the library: its content, wherever it lies.

    Attributes:
        id: the catalog's key.
        content_hash: SHA-256 of the file's bytes, 64 hexadecimal digits.
        paths: every place it lies at, absolute, sorted; undecodable bytes as
            surrogates (`os.fsdecode`), so `open(path)` works on each.
        size: upright full size; None where the photo is unreadable.
    """

    id: int
    content_hash: str
    paths: tuple[str, ...]
    size: Size | None


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face in the library.

    Attributes:
        id: the catalog's key, never used twice.
        photo: the photo it is in.
        box, landmarks: in pixels of the upright full-size photo.
        detection_score: the detector's confidence in 0..1.
    """

    id: int
    photo: Photo
    box: Box
    landmarks: Landmarks
    detection_score: float


@dataclass(frozen=True, slots=True)
class Identity:
    """A person the user has named.

    Attributes:
        id: the catalog's key, never used twice.
        name: as the user wrote it, unique within the library.
    """

    id: int
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class FaceHit:
    """A face of the library near the probe, and its cosine distance to it (0..2)."""

    face: Face
    distance: float


@dataclass(frozen=True, slots=True, eq=False)
class IdentityMatch:
    """A named person near the probe.

    Attributes:
        identity: who.
        distance: cosine distance of their nearest face.
        faces: their faces within the maximum distance, nearest first, never empty.
    """

    identity: Identity
    distance: float
    faces: tuple[FaceHit, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FaceAnswer:
    """What the library knows about one face of the query photo.

    Attributes:
        detection: the probe face, in pixels of the upright query photo.
        embedding: of the probe face.
        identities: nearest named people within the maximum distance, nearest first.
        unnamed: nearest faces within it that belong to nobody, nearest first.
        nearest: the nearest face of all, however far; None in an empty library.
            Says how far away "nobody" was.
    """

    detection: Detection
    embedding: Embedding
    identities: tuple[IdentityMatch, ...]
    unnamed: tuple[FaceHit, ...]
    nearest: FaceHit | None


@dataclass(frozen=True, slots=True, eq=False)
class QueryAnswer:
    """The answer to one query photo.

    Attributes:
        photo: absolute path, or a description such as "<bytes>".
        space: the space that answered.
        max_distance: faces farther than this cosine distance are not matches.
        faces: one answer per face asked about, largest face first.
    """

    photo: str
    space: str
    max_distance: float
    faces: tuple[FaceAnswer, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A photo that could not be read: where it lies, a stable reason code, a sentence."""

    path: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """How far an `index` run is. Counts files; `total` is None while still walking."""

    done: int
    total: int | None
    faces: int
    failed: int
    seconds: float
    path: str | None = None


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What an `index` run did.

    Attributes:
        photos: files of the given folders that are in the library now, failures included.
        faces: faces in those photos.
        new: photos whose content was looked at for the first time.
        unchanged: files that were as the library knew them.
        moved: known content at a new path (moved, renamed or copied).
        removed: files that left the library.
        no_face: photos of this run's folders that show no face.
        failed: photos of this run's folders that could not be read.
        failed_by_reason: the same by reason code.
        warnings: sentences for the user, such as a root that seems unplugged.
        seconds: wall time.
        cancelled: True where the run was stopped before its end; what was
            committed stays, and nothing was removed.
    """

    photos: int
    faces: int
    new: int
    unchanged: int
    moved: int
    removed: int
    no_face: int
    failed: int
    seconds: float
    failed_by_reason: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class LibraryStatus:
    """What is in a library. `bytes` is its size on disk, `index` the kind of vector index."""

    photos: int
    faces: int
    identities: int
    failed: int
    no_face: int
    space: str | None
    index: str
    bytes: int
    schema: str
    folder: str


def read_only(values: Sequence[Any] | NDArray[Any], dtype: Any) -> NDArray[Any]:
    """A read-only copy of an array, so that what crosses a module cannot change later."""
    array = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array
