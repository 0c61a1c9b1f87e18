"""The values the catalog takes and gives beside those of `facesearch.values`.

In: nothing. Out: frozen records without any database in them. Paths are absolute
`str` as `os.fsdecode` makes them, so any name the file system allows fits; content
hashes are SHA-256 as 64 hexadecimal digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from facesearch.errors import InvalidValue, UnreadableReason
from facesearch.values import (
    BoolArray,
    Detection,
    Embedding,
    FaceQuality,
    FloatArray,
    IdArray,
    Identity,
    Landmarks,
    PhotoState,
    Size,
)


@dataclass(frozen=True, slots=True)
class FileStamp:
    """Where a file lies and how it looked when it was read.

    A file whose path, size and modification time are unchanged is taken to be unchanged.

    Attributes:
        path: absolute.
        size: bytes.
        mtime_ns: modification time, nanoseconds since 1970. The catalog keeps 64 signed
            bits (the years 1678 to 2262) and clamps what lies beyond.
    """

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the catalog knows about the file at one path.

    Attributes:
        photo_id: the photo whose content lies there.
        size, mtime_ns: as in `FileStamp`, when it was last looked at.
        state: what looking at its content came to.
        detector: the detector and options key that this result came from.
    """

    photo_id: int
    size: int
    mtime_ns: int
    state: PhotoState
    detector: str


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """A photo the catalog has a result for.

    Attributes:
        id: the catalog's key.
        state: what looking at it came to.
        detector: the detector and options key that this result came from.
    """

    id: int
    state: PhotoState
    detector: str


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedFace:
    """One face of a photo with its embedding, not yet in the catalog.

    Attributes:
        embedding: None where the embedder says nothing of it.
        quality: None where nobody measured it.
    """

    detection: Detection
    embedding: Embedding | None
    quality: FaceQuality | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PhotoResult:
    """What looking at one photo's content came to, ready to be stored.

    Attributes:
        content_hash: SHA-256 of the file's bytes, 64 hexadecimal digits.
        size: upright full size; None where it could not be read.
        state: faces, no face, or unreadable.
        reason: why it could not be read, only for unreadable photos.
        detail: the same as a sentence for people, or "".
        detector: key of the detector and its options; another key means another result.
        faces: largest first; empty unless the state is `PhotoState.FACES`.
        files: every place this content was found at, at least one.

    Raises:
        InvalidValue: the parts contradict each other.
    """

    content_hash: str
    size: Size | None
    state: PhotoState
    detector: str
    files: tuple[FileStamp, ...]
    faces: tuple[EmbeddedFace, ...] = ()
    reason: UnreadableReason | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        hash_bytes(self.content_hash)
        if not self.files:
            raise InvalidValue("a photo result names at least one file it was found in")
        if (self.state is PhotoState.FACES) != bool(self.faces):
            raise InvalidValue(f"a photo of state {self.state} cannot have {len(self.faces)} faces")
        if (self.state is PhotoState.UNREADABLE) != (self.reason is not None):
            raise InvalidValue(f"a photo of state {self.state} cannot have reason {self.reason}")
        if self.size is None and self.state is not PhotoState.UNREADABLE:
            raise InvalidValue(f"a photo of state {self.state} needs its size")


@dataclass(frozen=True, slots=True)
class Stored:
    """What storing a batch of results did.

    Attributes:
        new: photos the catalog had not seen.
        replaced: photos whose earlier result came from another detector key, or that
            could not be read before.
        attached: photos that were there already with this result; only their files were noted.
        faces: faces added.
        dropped: photos that lie nowhere any more, since their files now hold other content.
    """

    new: int = 0
    replaced: int = 0
    attached: int = 0
    faces: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is in the catalog, or below some roots of it.

    Attributes:
        files: paths known, those that could not be read included.
        photos: different contents among them that were looked at, unreadable ones included.
        faces: faces in these photos.
        identities: named people with at least one of these faces.
        no_face: photos that show no face.
        failed: files that could not be read; as many as `Catalog.failures` lists.
    """

    files: int
    photos: int
    faces: int
    identities: int
    no_face: int
    failed: int


@dataclass(frozen=True, slots=True)
class SpaceInfo:
    """A space, the length of its vectors and how many embeddings it holds, perhaps none."""

    name: str
    dimension: int
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingBatch:
    """Some embeddings of one space.

    Attributes:
        ids: int64, shape (n,), the face each row belongs to.
        vectors: float32, shape (n, d), rows of length 1, C-contiguous.
    """

    ids: IdArray
    vectors: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class BareFace:
    """A face that lacks an embedding in some space.

    Attributes:
        id: the catalog's key.
        landmarks: in pixels of the upright full-size photo; what its chip is cut by.
    """

    id: int
    landmarks: Landmarks


@dataclass(frozen=True, slots=True, eq=False)
class BarePhoto:
    """A photo with faces that lack an embedding in some space.

    Attributes:
        id: the catalog's key.
        content_hash: SHA-256 of the file's bytes, 64 hexadecimal digits.
        paths: every place it lies at, absolute, in byte order.
        size: upright full size.
        faces: those that lack one, at least one.
    """

    id: int
    content_hash: str
    paths: tuple[str, ...]
    size: Size
    faces: tuple[BareFace, ...]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledVectors:
    """Embeddings of one space with the photos and people they belong to.

    Attributes:
        face_ids: int64, shape (n,), ascending.
        photo_ids: int64, shape (n,), the photo of each face.
        identity_ids: int64, shape (n,), who each face is; 0 for nobody in particular.
        vectors: float32, shape (n, d), rows of length 1, C-contiguous.
        usable: bool, shape (n,), whether the face is good enough to be a reference.
    """

    face_ids: IdArray
    photo_ids: IdArray
    identity_ids: IdArray
    vectors: FloatArray
    usable: BoolArray


@dataclass(frozen=True, slots=True)
class PoorReference:
    """A named face that does not serve as reference for its name.

    Attributes:
        face_id: which.
        identity: who it is, by decision.
        path: where its photo lies, the first in byte order.
        quality: says why: `quality.problems` are stable codes.
    """

    face_id: int
    identity: Identity
    path: str
    quality: FaceQuality


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What happened to a space since an index last looked.

    Apply `removed_ids` first, then every batch of `batches`; the index then stands at
    generation (`added`, `removed`). A removed id that the index never had is no error:
    the face came and went in between.

    Attributes:
        added, removed: the generation reached.
        removed_ids: int64, shape (n,), face ids, ascending by time of removal.
        batches: embeddings added and still there, read from the database as it is
            consumed; holds no lock and no transaction in between.
    """

    added: int
    removed: int
    removed_ids: IdArray
    batches: Iterator[EmbeddingBatch]


class DecisionOrigin(StrEnum):
    """Where a name came from. What a user said always beats what a folder is called."""

    USER = "user"
    FOLDER = "folder"


class DecisionKind(StrEnum):
    """What was decided. One kind so far: this face is that person."""

    CONFIRM = "confirm"


def hash_bytes(content_hash: str) -> bytes:
    """The 32 bytes of a content hash.

    Raises:
        InvalidValue: not 64 hexadecimal digits.
    """
    try:
        raw = bytes.fromhex(content_hash)
    except ValueError:
        raw = b""
    if len(raw) != 32 or len(content_hash) != 64:
        raise InvalidValue(f"a content hash is 64 hexadecimal digits, not {content_hash!r}")
    return raw
