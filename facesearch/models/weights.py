"""Where weight files lie and whether they are the right ones.

In: a `PackagedFile`, the name of a file that a PyPI package carries, with its
pinned SHA-256. Out: its verified bytes. The packages themselves are never
imported: one needs TensorFlow, another pkg_resources.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

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
