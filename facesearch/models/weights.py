"""Where weight files lie and whether they are the right ones.

In: a `PackagedFile`, the name of a file that a PyPI package carries, with its
pinned SHA-256, or a `DownloadedFile`, which `facesearch models get` brings. Out: its
verified bytes or place. The packages themselves are never imported: one needs TensorFlow,
another pkg_resources. Nothing is downloaded here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from facesearch.errors import InvalidValue, WeightsDamaged, WeightsMissing
from facesearch.models import store
from facesearch.models.files import checked_digest, checked_name, file_digest, inside


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """A weight file inside an installed package.

    Attributes:
        package: the import name of the package, such as "mtcnn".
        requirement: what pip installs it by, such as "mtcnn==1.0.0".
        path: the file's place inside the package folder, with forward slashes.
        sha256: 64 hexadecimal digits; any other content is refused.
    """

    package: str
    requirement: str
    path: str
    sha256: str

    def is_present(self) -> bool:
        """Whether the package is installed and holds the file; it is not opened."""
        try:
            self.find("")
        except WeightsMissing:
            return False
        return True

    def find(self, model: str) -> Path:
        """The file's path, whatever it holds.

        Raises:
            WeightsMissing: the package, or the file in it, is not installed.
        """
        spec = find_spec(self.package)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            candidate = Path(folder, *self.path.split("/"))
            if candidate.is_file():
                return candidate
        raise WeightsMissing(
            model,
            f"the weights of {model} ({self.path}) come with the package {self.requirement}, "
            f"which is not installed: run `pip install {self.requirement}`",
        )

    def locate(self, model: str) -> Path:
        """The file's path, after checking its SHA-256.

        Raises:
            WeightsMissing: not installed or not readable.
            WeightsDamaged: the digest differs from the pinned one.
        """
        path = self.find(model)
        self._check(model, path, _known_digest(path, model))
        return path

    def read(self, model: str) -> bytes:
        """The file's bytes, after checking their SHA-256.

        Raises:
            WeightsMissing: not installed or not readable.
            WeightsDamaged: the digest differs from the pinned one.
        """
        path = self.find(model)
        data = _bytes_of(path, model)
        self._check(model, path, hashlib.sha256(data).hexdigest())
        return data

    def _check(self, model: str, path: Path, found: str) -> None:
        if found != self.sha256:
            raise WeightsDamaged(
                model,
                f"{path} is not the weight file of {model}: its SHA-256 is {found}, expected "
                f"{self.sha256}. Nothing was run with it. Restore it with "
                f"`pip install --force-reinstall --no-deps {self.requirement}`",
            )


class Archive(StrEnum):
    """How a source packs a file."""

    ZIP = "zip"
    BZ2 = "bz2"


@dataclass(frozen=True, slots=True)
class DownloadedFile:
    """A weight file that is downloaded once, when the user asks for it.

    Attributes:
        name: its place in the folder of weights, with forward slashes.
        urls: where it can be had, tried in this order.
        sha256: 64 hexadecimal digits; any other content is refused. None where no digest is
            published: then the user states or trusts one (`facesearch models get`), and that
            is recorded.
        size_bytes: how large it is, unpacked; None where nobody says.
        archive: how the sources pack it; the digest is of the unpacked file.

    Raises:
        InvalidValue: the name leads out of the folder, or the digest is none.
    """

    name: str
    urls: tuple[str, ...]
    sha256: str | None
    size_bytes: int | None = None
    archive: Archive | None = None

    def __post_init__(self) -> None:
        checked_name(self.name)
        if self.sha256 is not None and checked_digest(self.sha256) != self.sha256:
            raise InvalidValue(f"digests are pinned in lower case, not as {self.sha256!r}")

    def digest(self) -> str | None:
        """The SHA-256 that counts on this machine: pinned, or stated or trusted by the user.

        Raises:
            ModelError: the user's records cannot be read.
        """
        if self.sha256 is not None:
            return self.sha256
        record = store.trusted_digest(self.name)
        return None if record is None else record.sha256

    def path(self) -> Path:
        """Where it belongs, whether it is there or not."""
        return inside(store.weights_folder(), self.name)

    def is_present(self) -> bool:
        """Whether it lies in the folder of weights; it is not opened."""
        return self.path().is_file()

    def locate(self, model: str) -> Path:
        """Its path, after checking its SHA-256.

        Raises:
            WeightsMissing: not there, and says how to get it or where to put it by hand; or
                there, but no digest says that it is the right one.
            WeightsDamaged: the digest differs from the one that counts.
        """
        path, expected = self._expected(model)
        self._check(model, path, _known_digest(path, model), expected)
        return path

    def read(self, model: str) -> bytes:
        """Its bytes, after checking their SHA-256.

        Raises:
            WeightsMissing, WeightsDamaged: as `locate`.
        """
        path, expected = self._expected(model)
        data = _bytes_of(path, model)
        self._check(model, path, hashlib.sha256(data).hexdigest(), expected)
        return data

    def by_hand(self, model: str) -> str:
        """How to bring it onto a machine without network, in a sentence."""
        expected = self.digest()
        digest = "no SHA-256 is published" if expected is None else f"SHA-256 {expected}"
        urls = " or ".join(self.urls) or "whoever has it"
        command = f"facesearch models get {model} --from FILE"
        if expected is None:
            return (
                f"get {self.name} ({digest}) from {urls} on another machine, then run "
                f"`{command} --sha256 DIGEST`, or with --trust where you cannot know the digest"
            )
        packed = "" if self.archive is None else " unpacked"
        return (
            f"get {self.name} ({digest}) from {urls} on another machine, then run `{command}` or "
            f"put it{packed} at {self.path()}"
        )

    def _expected(self, model: str) -> tuple[Path, str]:
        path, expected = self.path(), self.digest()
        if not path.is_file():
            raise WeightsMissing(
                model,
                f"the weights of {model} ({self.name}) are not on this machine: run "
                f"`facesearch models get {model}`. Without network: {self.by_hand(model)}",
            )
        if expected is None:
            raise WeightsMissing(model, f"{path} is there, but {self.undigested(model)}")
        return path, expected

    def undigested(self, model: str) -> str:
        """What to do where no digest says which content is the right one."""
        return (
            f"no SHA-256 is published for {self.name}, and weights are never run unverified: run "
            f"`facesearch models get {model} --sha256 DIGEST` with a digest from somebody you "
            "trust, or `--trust` to take what comes and have that checked from then on"
        )

    def _check(self, model: str, path: Path, found: str, expected: str) -> None:
        if found != expected:
            raise WeightsDamaged(
                model,
                f"{path} is not the weight file of {model}: its SHA-256 is {found}, expected "
                f"{expected}. Nothing was run with it. Get it anew with "
                f"`facesearch models get {model}`",
            )


@dataclass(frozen=True, slots=True)
class AddedFile:
    """The file of a model that the user added; `facesearch.models.own` keeps and checks it.

    Attributes:
        place: where it lies.
        sha256: of its content, or of the list of its files where it is a folder.
        size_bytes: how large it is.
    """

    place: Path
    sha256: str
    size_bytes: int

    @property
    def name(self) -> str:
        """What it is called on disk."""
        return self.place.name

    def is_present(self) -> bool:
        """Whether it is still there; it is not opened."""
        return self.place.exists()


CatalogueFile: TypeAlias = PackagedFile | DownloadedFile
WeightFile: TypeAlias = CatalogueFile | AddedFile


def _bytes_of(path: Path, model: str) -> bytes:
    with _reading(path, model):
        return path.read_bytes()


# Files are checked whenever they are loaded, but hashed once per process: large ones take a second.
_digests: dict[tuple[Path, int, int, int], str] = {}


def _known_digest(path: Path, model: str) -> str:
    with _reading(path, model):
        seen = path.stat()
        key = (path, seen.st_size, seen.st_mtime_ns, seen.st_ino)
        if key not in _digests:
            _digests[key] = file_digest(path)
        return _digests[key]


@contextmanager
def _reading(path: Path, model: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WeightsMissing(
            model,
            f"cannot read the weights of {model} at {path}: {error.strerror or error}; allow "
            "reading it, or get it anew",
        ) from error
