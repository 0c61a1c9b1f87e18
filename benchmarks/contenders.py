"""Who is measured, and how their programs are started.

Comes in: where each contender's interpreter is. Goes out: commands, and a check that
the facesearch they run is the one of this checkout.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from benchmarks.processes import HERE, BenchmarkError, run_process

ROOT = HERE.parent


class Contender(StrEnum):
    """A folder of benchmarks/ with its own requirements and its own environment."""

    FACESEARCH = "facesearch"
    FACE_RECOGNITION = "face_recognition"
    DEEPFACE = "deepface"
    MTCNN = "mtcnn"
    DLIB = "dlib"
    SCIKIT_LEARN = "scikit-learn"

    @property
    def folder(self) -> Path:
        """Where its requirements and runner scripts are."""
        return HERE / self.value


@dataclass(frozen=True)
class Environments:
    """Which interpreter runs each contender.

    Attributes:
        pythons: absolute paths of interpreters; a contender that is absent is not measured.
    """

    pythons: Mapping[Contender, Path]

    @classmethod
    def find(cls, folder: Path, given: Mapping[Contender, Path]) -> Environments:
        """The environments below a folder, as setup makes them; `given` ones come first."""
        pythons = {}
        for contender in Contender:
            python = given.get(contender, python_of(folder / contender.value))
            if python.exists():
                pythons[contender] = python.absolute()  # not resolved: a venv's link matters
        return cls(pythons)

    def python(self, contender: Contender) -> Path:
        """A contender's interpreter.

        Raises:
            BenchmarkError: it has no environment.
        """
        if contender not in self.pythons:
            raise BenchmarkError(
                f"{contender} has no environment: run `python -m benchmarks setup --only "
                f"{contender}` or give one with --env {contender}=PYTHON"
            )
        return self.pythons[contender]


def python_of(environment: Path) -> Path:
    """The interpreter inside a virtual environment's folder."""
    if sys.platform == "win32":
        return environment / "Scripts" / "python.exe"
    return environment / "bin" / "python"


def check_is_checkout(python: Path) -> None:
    """Check that the facesearch of an environment is the one of this checkout.

    Raises:
        BenchmarkError: another one is installed, or none.
    """
    finished = run_process([str(python), "-c", "import facesearch; print(*facesearch.__path__)"])
    installed = Path(finished.output.strip())
    if _sources(installed) != _sources(ROOT / "facesearch"):
        raise BenchmarkError(
            "the facesearch that would be measured differs from this checkout: run "
            "`python -m benchmarks setup --only facesearch` again"
        )


def _sources(package: Path) -> dict[str, bytes]:
    """The digests of a package's modules; migrations have another place in a checkout."""
    return {
        path.relative_to(package).as_posix(): hashlib.sha256(path.read_bytes()).digest()
        for path in package.rglob("*.py")
        if "_migrations" not in path.parts
    }


def facesearch_command(python: Path) -> list[str]:
    """How to start the facesearch program of an environment."""
    program = python.with_name("facesearch.exe" if sys.platform == "win32" else "facesearch")
    if program.exists():
        return [str(program)]
    return [str(python), "-m", "facesearch.cli"]
