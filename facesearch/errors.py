"""Everything facesearch raises on purpose. Imports nothing, so anybody may import it.

::

    FaceSearchError
    ├── InvalidValue          a value that breaks its own rules (also a ValueError)
    │   └── InvalidEmbedding  not flat, not finite or not of length 1
    ├── SpaceMismatch         embeddings of two spaces were brought together
    ├── PhotoError            about one photo; carries .photo
    │   ├── PhotoUnreadable   carries .reason, one of UnreadableReason
    │   ├── PhotoNotFound     the path names nothing
    │   └── NoFaceFound       asked for a face where there is none
    ├── ModelError            about a model; carries .model
    │   ├── UnknownModel
    │   ├── WeightsMissing
    │   ├── WeightsDamaged    the file is not the one whose digest is pinned
    │   └── DeviceUnavailable
    ├── LibraryError          about a library folder; carries .library
    │   ├── LibraryNotFound
    │   ├── LibraryBusy       another process is writing
    │   ├── LibraryReadOnly
    │   ├── LibraryFull       no space left where the library lies
    │   ├── LibraryDamaged    the database fails its integrity check
    │   ├── LibraryTooNew     written by a later facesearch
    │   └── UnknownIdentity   no such face, photo or name in the library
    ├── VectorIndexError
    │   └── IndexDamaged      an index file that cannot be trusted; rebuild it
    └── Cancelled             the caller asked to stop

Each message says what is wrong with what, and what to do next.
"""

from __future__ import annotations

from enum import StrEnum


class FaceSearchError(Exception):
    """The root of everything facesearch raises on purpose."""

    def __reduce__(self) -> tuple[object, ...]:
        """How to pickle it: pools of processes hand errors on, whatever their arguments."""
        return _arrived, (type(self), self.args, self.__dict__)


def _arrived(
    kind: type[FaceSearchError], args: tuple[object, ...], about: dict[str, object]
) -> FaceSearchError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(about)
    return error


class InvalidValue(FaceSearchError, ValueError):
    """A value that breaks the rules its type states."""


class InvalidEmbedding(InvalidValue):
    """A vector that is not flat, not finite or not of unit length."""


class SpaceMismatch(FaceSearchError):
    """Embeddings of two spaces were brought together; the message names both."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(
            f"cannot compare embeddings of space {found!r} with those of {expected!r}: "
            "index the photos with one model and query with the same one"
        )
        self.expected = expected
        self.found = found


class UnreadableReason(StrEnum):
    """Why a photo could not be read. Stable: programs compare these strings."""

    EMPTY = "empty"
    NOT_AN_IMAGE = "not-an-image"
    DAMAGED = "damaged"
    TOO_LARGE = "too-large"
    NO_PERMISSION = "no-permission"
    VANISHED = "vanished"
    UNSUPPORTED = "unsupported"
    IO_ERROR = "io-error"

    @property
    def is_about_content(self) -> bool:
        """True where the same bytes will fail again, so the result is worth remembering."""
        return self not in (
            UnreadableReason.NO_PERMISSION,
            UnreadableReason.VANISHED,
            UnreadableReason.IO_ERROR,
        )


class PhotoError(FaceSearchError):
    """About one photo.

    Attributes:
        photo: its path or a description such as "<bytes>", printable as it is.
    """

    def __init__(self, photo: str, message: str) -> None:
        super().__init__(message)
        self.photo = photo


class PhotoUnreadable(PhotoError):
    """A photo that cannot be decoded, with a stable reason and a sentence for people."""

    def __init__(self, photo: str, reason: UnreadableReason, detail: str) -> None:
        super().__init__(photo, f"cannot read {photo}: {detail}")
        self.reason = reason
        self.detail = detail


class PhotoNotFound(PhotoError):
    """A path that names nothing."""


class NoFaceFound(PhotoError):
    """A face was asked for in a photo that shows none."""


class ModelError(FaceSearchError):
    """About one model.

    Attributes:
        model: the catalogue name.
    """

    def __init__(self, model: str, message: str) -> None:
        super().__init__(message)
        self.model = model


class UnknownModel(ModelError):
    """No model of that name in the catalogue."""


class WeightsMissing(ModelError):
    """The weight file is nowhere to be found."""


class WeightsDamaged(ModelError):
    """The weight file differs from the one whose SHA-256 is pinned; it is never run."""


class DeviceUnavailable(ModelError):
    """The asked-for device has no execution provider on this machine."""


class LibraryError(FaceSearchError):
    """About one library folder.

    Attributes:
        library: the folder's path, printable.
    """

    def __init__(self, library: str, message: str) -> None:
        super().__init__(message)
        self.library = library


class LibraryNotFound(LibraryError):
    """There is no library at that path and it was not to be created."""


class LibraryBusy(LibraryError):
    """Another process is writing and did not finish within the waiting time."""


class LibraryReadOnly(LibraryError):
    """The library cannot be written to."""


class LibraryFull(LibraryError):
    """No space is left on the disk the library lies on; nothing committed was lost."""


class LibraryDamaged(LibraryError):
    """The database fails its integrity check; nothing was overwritten."""


class LibraryTooNew(LibraryError):
    """Written by a later facesearch than this one."""


class UnknownIdentity(LibraryError):
    """No such face, photo or name in the library."""


class VectorIndexError(FaceSearchError):
    """About a vector index."""


class IndexDamaged(VectorIndexError):
    """An index file that is missing parts or fails its checksums. Rebuild it from SQLite."""


class Cancelled(FaceSearchError):
    """The caller asked to stop; what was committed stays."""
