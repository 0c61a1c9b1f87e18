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
BoolArray: TypeAlias = NDArray[np.bool_]

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
            "dlib-resnet34@55533b28:two-scales-l1".

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


class PoorFace(StrEnum):
    """What makes a face hard to recognise. Stable: programs compare these strings."""

    TOO_SMALL = "too-small"
    BLURRED = "blurred"
    TOO_DARK = "too-dark"
    TOO_BRIGHT = "too-bright"
    TURNED_AWAY = "turned-away"
    UNCERTAIN_DETECTION = "uncertain-detection"


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """How well a face can be recognised, and why. Made by `facesearch.quality`.

    Attributes:
        value: in 0..1, larger is better; `facesearch.quality` says what it means.
        problems: what stands out as poor, worst first; empty for most faces.
        size_px: what lies between the eyes of a face seen from the front, or would if it
            were, in pixels of the full-size photo.
        sharpness, brightness, contrast: of the chip; see `facesearch.quality.ChipMeasures`.
        yaw_deg: estimated; positive where the nose points to the right of the picture.
        pitch_deg: estimated; positive where the face looks up.
        roll_deg: positive where the head leans clockwise in the picture, -180..180.
        detection_score: the detector's confidence in 0..1.
    """

    value: float
    problems: tuple[PoorFace, ...]
    size_px: float
    sharpness: float
    brightness: float
    contrast: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    detection_score: float


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
        quality: how well it can be recognised; None where the photo was looked at by a
            facesearch that did not measure it yet.
    """

    id: int
    photo: Photo
    box: Box
    landmarks: Landmarks
    detection_score: float
    quality: FaceQuality | None = None


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
    """A face of the library near the probe.

    Attributes:
        face: which.
        distance: its cosine distance to the probe, in 0..2.
        probability: that both are the same person, in 0..1, by the distance and the
            answer's prior; None where the space has no measured rates.
        identity: whose face it is; None where nobody has named it.
    """

    face: Face
    distance: float
    probability: float | None = None
    identity: Identity | None = None


@dataclass(frozen=True, slots=True, eq=False)
class IdentityMatch:
    """A named person near the probe.

    Attributes:
        identity: who.
        distance: cosine distance of their nearest face that is good enough to decide.
        faces: their faces within the limit's distances, nearest first, never empty.
        probability: that the probe is this person, in 0..1; None where the space has no
            measured rates.
    """

    identity: Identity
    distance: float
    faces: tuple[FaceHit, ...]
    probability: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FaceAnswer:
    """What the library knows about one face of the query photo.

    Attributes:
        detection: the probe face, in pixels of the upright query photo.
        embedding: of the probe face.
        identities: the named people who match, nearest first: by all their faces together,
            so the first has not always the nearest single face.
        unnamed: nearest faces within it that belong to nobody, nearest first.
        nearest: the nearest face of all, however far; None in an empty library.
            Says how far away "nobody" was.
    """

    detection: Detection
    embedding: Embedding
    identities: tuple[IdentityMatch, ...]
    unnamed: tuple[FaceHit, ...]
    nearest: FaceHit | None


@dataclass(frozen=True, slots=True)
class MatchLimit:
    """Up to where a face of the library counts as a match, and what that means.

    Attributes:
        max_distance: largest cosine distance of a match, in 0..2.
        gallery_faces: faces in the library, each of which can match by chance.
        false_matches: expected strangers' faces in the answer to one probe face, as it was
            asked for; None where a distance was asked for instead.
        fmr: share of pairs of different people within the distance, in 0..1; None where
            the space has no measured rates.
        prior: probability that a face of the library is the probe's person before the two
            are compared; what probabilities start from. None as above.
        calibrated: whether the rates were fitted to this library.
        people: people with a name in the library.
        person_max_distance: a person whose faces all together are as near as this is a
            match too, and is listed with all their faces within it; see
            `facesearch.matching`. None where people go by their nearest face.
    """

    max_distance: float
    gallery_faces: int
    false_matches: float | None = None
    fmr: float | None = None
    prior: float | None = None
    calibrated: bool = False
    people: int = 0
    person_max_distance: float | None = None

    @property
    def expected_false_matches(self) -> float | None:
        """Strangers' faces that the answer to one probe face holds on average."""
        return None if self.fmr is None else self.fmr * self.gallery_faces


@dataclass(frozen=True, slots=True, eq=False)
class ProbeFace:
    """A face that was asked about: the photo's path or description, and where it is."""

    photo: str
    detection: Detection


@dataclass(frozen=True, slots=True, eq=False)
class QueryAnswer:
    """The answer to one query photo, or to several photos of one person.

    Attributes:
        photo: absolute path, or a description such as "<bytes>"; of several photos the
            first.
        space: the space that answered.
        limit: up to where faces are matches, and what that means in this library.
        faces: one answer per face asked about, largest face first.
        same_person: where several photos were asked about together, the face each of them
            gave, in the order of the photos; `faces` then holds one answer for all. Else
            empty.
        without_embedding: faces that were asked about too, of which the model says nothing.
    """

    photo: str
    space: str
    limit: MatchLimit
    faces: tuple[FaceAnswer, ...]
    same_person: tuple[ProbeFace, ...] = ()
    without_embedding: int = 0

    @property
    def max_distance(self) -> float:
        """Faces farther than this cosine distance are not matches."""
        return self.limit.max_distance


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """Whether two photos show the same person.

    Attributes:
        first, second: the two faces that were compared.
        space: the space they were compared in.
        distance: their cosine distance, in 0..2.
        probability: that they are the same person, in 0..1, starting from `prior`.
        prior: probability of that before they were compared.
        fmr: share of comparisons of two different people that come out this close; rates
            below 1e-9 are not known of any space, and not given.
        max_fmr: largest such share that still counts as the same person.
        max_distance: the distance that belongs to it.
        faces: how many faces each of the two photos shows.
        pairs: pairs of faces that were compared; of several, the most alike is given, and
            `probability`, `fmr` and `max_distance` take into account that it was picked.
        calibrated: whether the rates were fitted to a library.
    """

    first: ProbeFace
    second: ProbeFace
    space: str
    distance: float
    probability: float
    prior: float
    fmr: float
    max_fmr: float
    max_distance: float
    faces: tuple[int, int]
    pairs: int
    calibrated: bool

    @property
    def same(self) -> bool:
        """Whether they count as the same person."""
        return self.distance <= self.max_distance


@dataclass(frozen=True, slots=True)
class RateChange:
    """What a false match rate means in distance, before and after calibrating."""

    fmr: float
    distance_before: float
    distance_after: float


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What `calibrate` found, and what it changes.

    Attributes:
        space: whose rates.
        photos: photos with several faces, whose faces are different people.
        faces: faces in them.
        people: named people with several faces.
        impostor_pairs: pairs of different people that were used.
        genuine_pairs: pairs of one person that were used.
        parameters: what was fitted, by name.
        rates: what changes at some false match rates, largest rate first.
        limit_before, limit_after: up to where faces match by default in this library.
        stored: whether the library works with it from now on.
    """

    space: str
    photos: int
    faces: int
    people: int
    impostor_pairs: int
    genuine_pairs: int
    parameters: dict[str, float]
    rates: tuple[RateChange, ...]
    limit_before: MatchLimit
    limit_after: MatchLimit
    stored: bool


@dataclass(frozen=True, slots=True)
class CalibrationStatus:
    """That a library's rates were fitted to it: when, and from how many pairs of faces.

    Attributes:
        fitted_at: date and time in ISO 8601, UTC.
        impostor_pairs, genuine_pairs: pairs of different people and of one person.
    """

    fitted_at: str
    impostor_pairs: int
    genuine_pairs: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A photo that could not be read: where it lies, a stable reason code, a sentence."""

    path: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """How far an `index` or `reindex` run is. Counts files; `total` is None while still walking."""

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
    """What is in a library.

    Attributes:
        photos: different contents, unreadable ones included.
        faces: faces in them.
        identities: people with a name.
        failed: files that could not be read.
        no_face: photos without a face.
        space: the space its faces are compared in; None in a library without faces.
        index: how faces are searched: "none", "exact" or "fast-scan+exact".
        bytes: size on disk.
        schema: revision of the database's tables.
        folder: where it lies.
        accuracy: the setting its faces were looked at with, such as "fast"; None where
            it holds no faces or the model is none of the settings.
        limit: up to where faces match by default; None where the space has no measured
            rates and the model states no distance.
        calibration: None where the rates are those that come with the model.
        poor_references: named faces too poor to decide a name, by reason code.
        outdated: faces without an embedding in that space, which queries do not find until
            the next `index`.
        embedder: the model they are compared with, by its name in the catalogue.
        detector: the model that finds faces, by its name in the catalogue.
        spaces: spaces that hold faces.
    """

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
    accuracy: str | None = None
    limit: MatchLimit | None = None
    calibration: CalibrationStatus | None = None
    poor_references: dict[str, int] = field(default_factory=dict)
    outdated: int = 0
    embedder: str | None = None
    detector: str | None = None
    spaces: int = 0


@dataclass(frozen=True, slots=True)
class SpaceStatus:
    """What one model knows of a library's faces.

    Attributes:
        space: model, weights and alignment.
        model: its name in the catalogue; None where nothing here makes that space.
        dimension: length of a vector.
        faces: faces that have an embedding in it.
        missing: faces that have none.
        active: whether queries are answered in it unless they say otherwise.
        bytes: what its embeddings and its index files take up on disk.
    """

    space: str
    model: str | None
    dimension: int
    faces: int
    missing: int
    active: bool
    bytes: int


@dataclass(frozen=True, slots=True)
class ReindexReport:
    """What a `reindex` run did.

    Attributes:
        space: the space that faces were embedded in.
        embedded: faces that got an embedding in it in this run.
        already: faces that had one before.
        seconds: wall time.
        switched: whether the library works in that space now.
        left_out: faces that could not be embedded, by reason code: "gone" (their photo lies
            nowhere any more), "changed" (other content lies there now), or why it cannot be
            read, such as "no-permission" or "damaged".
        warnings: sentences for the user.
        cancelled: whether the run was stopped before its end; what it embedded stays.
    """

    space: str
    embedded: int
    already: int
    seconds: float
    switched: bool
    left_out: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    cancelled: bool = False


def read_only(values: Sequence[Any] | NDArray[Any], dtype: Any) -> NDArray[Any]:
    """A read-only copy of an array, so that what crosses a module cannot change later."""
    array = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array
