"""Packages that only some models need.

In: the name a package is imported by. Out: whether it is there, or an error with the exact
command that installs it. Looking never imports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from facesearch.errors import PackageMissing


@dataclass(frozen=True, slots=True)
class Requirement:
    """An optional package.

    Attributes:
        module: what it is imported by, such as "dlib".
        package: what people call it.
        install: the command that installs it, beside what facesearch has.
    """

    module: str
    package: str
    install: str

    def is_installed(self) -> bool:
        """Whether it can be imported; it is not."""
        try:
            return find_spec(self.module) is not None
        except (ImportError, ValueError):  # a half-removed package
            return False

    def check(self, model: str) -> None:
        """Check that it is there.

        Raises:
            PackageMissing: with the command that installs it.
        """
        if not self.is_installed():
            raise PackageMissing(model, self.package, self.install)


def check_all(model: str, requirements: Sequence[Requirement]) -> None:
    """Check that every package a model needs is there.

    Raises:
        PackageMissing: naming all that are not, with the commands that install them.
    """
    missing = [one for one in requirements if not one.is_installed()]
    if missing:
        names = " and ".join(one.package for one in missing)
        commands = " && ".join(dict.fromkeys(one.install for one in missing))
        raise PackageMissing(model, names, commands)


TENSORFLOW = Requirement("tensorflow", "TensorFlow", "pip install 'facesearch[train]'")
TF_KERAS = Requirement("tf_keras", "tf-keras", "pip install 'facesearch[train]'")
TORCH = Requirement("torch", "PyTorch", "pip install torch")
DLIB = Requirement("dlib", "dlib", "pip install dlib-bin")
