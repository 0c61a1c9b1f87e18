"""Everything facesearch raises on purpose. Imports nothing, so anybody may import it.

::

    FaceSearchError
    ├── InvalidValue          a value that breaks its own rules (also a ValueError)
    │   ├── InvalidEmbedding  not flat, not finite or not of length 1
    │   └── InvalidDataset    photos or lists that cannot be evaluated; carries .path and .line
    ├── SpaceMismatch         embeddings of two spaces were brought together
    ├── PhotoError            about one photo; carries .photo
    │   ├── PhotoUnreadable   carries .reason, one of UnreadableReason
    │   ├── PhotoNotFound     the path names nothing
    │   ├── NoFaceFound       asked for a face where there is none
    │   └── DifferentPeople   photos said to show one person plainly do not; carries .other
    ├── ModelError            about a model; carries .model
    │   ├── UnknownModel
    │   ├── WeightsMissing
    │   ├── WeightsDamaged    the file is not the one whose digest is pinned
    │   ├── DownloadFailed    no source gave the file; what arrived is kept to go on from
    │   ├── LicenceNotAccepted
    │   ├── PackageMissing    an optional package is not installed; carries .install
    │   ├── InvalidModelFile  a file that cannot serve as the model it was given as
    │   ├── EngineUnavailable
    │   ├── DeviceUnavailable
    │   ├── Diverged          a training's loss is no number any more
    │   ├── NoEmbedding       the network says nothing of some faces; carries .rows
    │   └── RatesMissing      nobody measured false match rates of this space
    ├── LibraryError          about a library folder; carries .library
    │   ├── LibraryNotFound
    │   ├── LibraryBusy       another process is writing
    │   ├── LibraryReadOnly
    │   ├── LibraryFull       no space left where the library lies
    │   ├── LibraryDamaged    the database fails its integrity check
    │   ├── LibraryTooNew     written by a later facesearch
    │   ├── LibraryOtherModel its faces were looked at with another model
    │   ├── LibraryOutdated   its faces must be looked at again, by `index`
    │   ├── UnknownSpace      the library holds no such space
    │   └── UnknownIdentity   no such face, photo or name in the library
    ├── TooFewFaces           not enough to calibrate from; carries .found and .needed
    ├── VectorIndexError
    │   └── IndexDamaged      an index file that cannot be trusted; rebuild it
    └── Cancelled             the caller asked to stop

Each message says what is wrong with what, and what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
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


class InvalidDataset(InvalidValue):
    """A folder of photos, or a list that goes with it, that cannot be evaluated.

    Attributes:
        path: of the folder or list, printable.
        line: of the list, counted from 1; None where it is not about a line.
    """

    def __init__(self, path: str, message: str, *, line: int | None = None) -> None:
        where = path if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {message}")
        self.path = path
        self.line = line


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


class DifferentPeople(PhotoError):
    """Photos that were said to show one person plainly show two.

    Attributes:
        other: the photo that shows somebody else than `photo` does.
    """

    def __init__(self, photo: str, other: str, message: str) -> None:
        super().__init__(photo, message)
        self.other = other


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


class DownloadFailed(ModelError):
    """No source gave a weight file. What arrived is kept, and the next try goes on from there."""


class LicenceNotAccepted(ModelError):
    """The weights' licence forbids commercial use, and nobody agreed to it on this machine."""


class PackageMissing(ModelError):
    """A model needs a package that is not installed.

    Attributes:
        install: the command that installs it.
    """

    def __init__(self, model: str, package: str, install: str) -> None:
        super().__init__(
            model, f"{model} needs the package {package}, which is not installed: run `{install}`"
        )
        self.install = install


class InvalidModelFile(ModelError):
    """A file that cannot serve as the model it was given as; says what it takes."""


class EngineUnavailable(ModelError):
    """The model does not run on the asked-for engine, or the engine is not installed."""


class DeviceUnavailable(ModelError):
    """The asked-for device has no execution provider on this machine."""


class Diverged(ModelError):
    """The loss of a training is no number any more; the weights before that are kept."""


class NoEmbedding(ModelError):
    """The network says nothing of some faces: all its numbers are 0, as after layers that cut off.

    Attributes:
        rows: which of the faces it was given.
    """

    def __init__(self, model: str, rows: Sequence[int], faces: int) -> None:
        which = "the face" if faces == 1 else f"{len(rows):,} of {faces:,} faces"
        super().__init__(
            model,
            f"{model} says nothing of {which} (all its numbers are 0), so nothing can be compared "
            "with that: take another photo, or another model",
        )
        self.rows = tuple(rows)


class RatesMissing(ModelError):
    """Nobody measured which false match rates the distances of this space have."""

    def __init__(self, space: str) -> None:
        super().__init__(
            space,
            f"space {space!r} has no measured rates, so distances mean nothing in it yet: choose "
            "a distance yourself (--max-distance), or measure its rates on a folder of people you "
            "know (NAME/*.jpg) with facesearch models calibrate NAME FOLDER",
        )


class TooFewFaces(FaceSearchError):
    """Too few pairs of faces to learn from.

    Attributes:
        found: pairs there are.
        needed: pairs it takes.
    """

    def __init__(self, found: int, needed: int, message: str) -> None:
        super().__init__(message)
        self.found = found
        self.needed = needed


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


class LibraryOtherModel(LibraryError):
    """Another model was asked for than the library's faces were looked at with.

    Attributes:
        expected: the library's own, in words.
        found: the one that was asked for.
        reindex: the options that `facesearch reindex` goes over to it with.
    """

    def __init__(self, library: str, expected: str, found: str, reindex: str) -> None:
        super().__init__(
            library,
            f"the faces in {library} were looked at with {expected}, and {found} was asked for: "
            f"leave that out, run facesearch reindex {reindex}, which goes over to it, or make "
            "another library with --library PATH",
        )
        self.expected = expected
        self.found = found
        self.reindex = reindex


class LibraryOutdated(LibraryError):
    """An earlier facesearch looked at all of its faces with a model that is no longer there."""

    def __init__(self, library: str) -> None:
        super().__init__(
            library,
            f"the faces in {library} were looked at by an earlier version, and cannot be compared "
            "with those of this one: run facesearch index, which looks at the photos again and "
            "keeps the names",
        )


class UnknownSpace(LibraryError):
    """The library holds no embeddings of that space."""


class UnknownIdentity(LibraryError):
    """No such face, photo or name in the library."""


class VectorIndexError(FaceSearchError):
    """About a vector index."""


class IndexDamaged(VectorIndexError):
    """An index file that is missing parts or fails its checksums. Rebuild it from SQLite."""


class Cancelled(FaceSearchError):
    """The caller asked to stop; what was committed stays."""
