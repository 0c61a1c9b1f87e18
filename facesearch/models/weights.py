"""Where weight files lie and whether they are the right ones.

In: a `PackagedFile`, the name of a file that a PyPI package carries, with its
pinned SHA-256, or a `DownloadedFile`, which `facesearch models get` brings. Out: its
verified bytes or place. The packages themselves are never imported: one needs TensorFlow,
another pkg_resources.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from facesearch.errors import WeightsDamaged, WeightsMissing


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
            self.locate("")
        except WeightsMissing:
            return False
        return True

    def locate(self, model: str) -> Path:
        """The file's path.

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

    def read(self, model: str) -> bytes:
        """The file's bytes, after checking their SHA-256.

        Raises:
            WeightsMissing: not installed or not readable.
            WeightsDamaged: the digest differs from the pinned one.
        """
        path = self.locate(model)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise WeightsMissing(
                model, f"cannot read the weights of {model} at {path}: {error.strerror or error}"
            ) from error
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256:
            raise WeightsDamaged(
                model,
                f"{path} is not the weight file of {model}: its SHA-256 is {found}, expected "
                f"{self.sha256}. Nothing was run with it. Restore it with "
                f"`pip install --force-reinstall --no-deps {self.requirement}`",
            )
        return data


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
    """

    name: str
    urls: tuple[str, ...]
    sha256: str | None
    size_bytes: int | None = None
    archive: Archive | None = None

    def digest(self) -> str | None:
        """The SHA-256 that counts on this machine: pinned, or stated by the user."""
        raise NotImplementedError

    def is_present(self) -> bool:
        """Whether it lies in the folder of weights; it is not opened."""
        raise NotImplementedError

    def locate(self, model: str) -> Path:
        """Its path, after checking its SHA-256.

        Raises:
            WeightsMissing: not there; says how to get it, or where to put it by hand.
            WeightsDamaged: the digest differs from the one that counts.
        """
        raise NotImplementedError


WeightFile: TypeAlias = PackagedFile | DownloadedFile
