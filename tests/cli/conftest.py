"""A library that answers whatever a test tells it to, behind the real command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import pytest
from typer.testing import CliRunner

from facesearch.cli.app import app
from facesearch.values import (
    Box,
    Detection,
    Embedding,
    Face,
    FaceAnswer,
    FaceHit,
    Identity,
    IdentityMatch,
    IndexProgress,
    IndexReport,
    Landmarks,
    LibraryStatus,
    MatchLimit,
    Photo,
    ProbeFace,
    QueryAnswer,
    ReindexReport,
    Size,
    Verification,
)

SPACE = "toy@00000000:five-point"
_LANDMARKS = Landmarks(np.arange(10, dtype=np.float32).reshape(5, 2))
_EMBEDDING = Embedding(np.eye(1, 4, dtype=np.float32)[0], SPACE)
# Of a model that was measured, and of one that nobody measured.
LIMIT = MatchLimit(0.07, 1000, 0.1, 1e-4, 0.001, False)
BARE_LIMIT = MatchLimit(0.07, 1000)


def make_face(number: int, *paths: str, box: Box | None = None) -> Face:
    """A face whose id is `number`, in a photo that lies at `paths`."""
    photo = Photo(number + 1000, "0" * 64, paths, Size(512, 512))
    return Face(number, photo, box or Box(10, 20, 30.25, 40), _LANDMARKS, 0.999)


def make_answer(
    photo: str = "/photos/selfie.jpg",
    *,
    identities: tuple[IdentityMatch, ...] = (),
    unnamed: tuple[FaceHit, ...] = (),
    nearest: FaceHit | None = None,
    faces: int = 1,
    box: Box | None = None,
    limit: MatchLimit = BARE_LIMIT,
    same_person: tuple[str, ...] = (),
) -> QueryAnswer:
    """An answer with the same matches for each of its faces."""
    detection = Detection(box or Box(100, 50, 80, 90), _LANDMARKS, 0.98765)
    face = FaceAnswer(detection, _EMBEDDING, identities, unnamed, nearest)
    probes = tuple(ProbeFace(path, detection) for path in same_person)
    return QueryAnswer(photo, SPACE, limit, (face,) * faces, probes)


def make_match(
    number: int, name: str, *hits: tuple[float, str], probability: float | None = None
) -> IdentityMatch:
    """A person, with (distance, path) of each of their faces."""
    faces = tuple(
        FaceHit(make_face(100 * number + row, path), distance, probability)
        for row, (distance, path) in enumerate(hits)
    )
    return IdentityMatch(Identity(number, name), faces[0].distance, faces, probability)


def make_verification(distance: float = 0.03, probability: float = 0.9996) -> Verification:
    """Two photos compared at a false match rate of 1 in 1,000, which is 0.07 here."""
    detection = Detection(Box(100, 50, 80, 90), _LANDMARKS, 0.98765)
    return Verification(
        first=ProbeFace("/photos/a.jpg", detection),
        second=ProbeFace("/photos/b.jpg", detection),
        space=SPACE,
        distance=distance,
        probability=probability,
        prior=0.5,
        fmr=1.2345e-6,
        max_fmr=0.001,
        max_distance=0.07,
        faces=(1, 3),
        pairs=1,
        calibrated=False,
    )


@dataclass
class FakeLibrary:
    """Stands in for FaceLibrary: remembers how it was called, answers from attributes.

    An attribute that is an exception is raised instead.
    """

    answers: Any = field(default_factory=make_answer)
    report: Any = field(default_factory=lambda: IndexReport(3, 4, 2, 1, 0, 0, 1, 0, 1.5))
    progress: tuple[IndexProgress, ...] = ()
    waits: tuple[int | None, ...] = ()
    found: Any = None
    named: Any = None
    verified: Any = field(default_factory=make_verification)
    calibrated: Any = None
    poor: Any = ()
    unfound: Any = ()
    held: Any = ()
    dropped: Any = 0
    reindexed: Any = None
    space: str = SPACE
    embedder: str = "a-model"
    opening: BaseException | None = None
    opened: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    folder: Path = Path("/libraries/toy.faces")
    device: str = "CPU"
    closed: int = 0

    def __call__(self, folder: Path | None, **how: Any) -> Self:
        self.opened = {"folder": folder, **how}
        if self.opening is not None:
            raise self.opening
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.closed += 1

    def _answer(self, call: str, value: Any, *args: Any, **options: Any) -> Any:
        self.calls.append((call, args, options))
        if isinstance(value, BaseException):
            raise value
        return value

    def query(self, photo: Any, **options: Any) -> QueryAnswer:
        answers = self.answers
        value = answers[Path(photo).name] if isinstance(answers, dict) else answers
        return self._answer("query", value, photo, **options)

    def query_person(self, photos: Any, **options: Any) -> QueryAnswer:
        return self._answer("query_person", self.answers, photos, **options)

    def verify(self, first: Any, second: Any, **options: Any) -> Verification:
        return self._answer("verify", self.verified, first, second, **options)

    def calibrate(self, **options: Any) -> Any:
        return self._answer("calibrate", self.calibrated, **options)

    def forget_calibration(self) -> bool:
        return self._answer("forget_calibration", self.calibrated)

    def poor_references(self) -> Any:
        return self.poor

    def unsearchable(self) -> Any:
        return iter(self.unfound)

    def index(
        self, paths: Any, *, on_progress: Any, on_wait: Any, cancelled: Any, **options: Any
    ) -> IndexReport:
        for process in self.waits:
            on_wait(process)
        for progress in self.progress:
            on_progress(progress)
        return self._answer("index", self.report, paths, cancelled=cancelled, **options)

    def status(self) -> LibraryStatus:
        return self._answer("status", self.found)

    def spaces(self) -> Any:
        return self.held

    def count_spaces(self) -> int:
        return len(self.held)

    def use_space(self, name: str) -> None:
        self._answer("use_space", None, name)

    def drop_space(self, name: str) -> int:
        return self._answer("drop_space", self.dropped, name)

    def reindex(
        self, model: str, *, on_progress: Any, cancelled: Any, **options: Any
    ) -> ReindexReport:
        for progress in self.progress:
            on_progress(progress)
        return self._answer("reindex", self.reindexed, model, **options)

    def failures(self) -> Any:
        return self._answer("failures", self.found)

    def identities(self) -> Any:
        return self._answer("identities", self.found)

    def name(self, target: Any, name: str) -> Any:
        return self._answer("name", self.named, target, name)


@pytest.fixture
def library():
    """What the commands will find when they open their library."""
    return FakeLibrary()


@pytest.fixture
def make():
    """Makers of values: make.face, make.answer, make.match, make.verification; make.limit."""
    return SimpleNamespace(
        face=make_face,
        answer=make_answer,
        match=make_match,
        verification=make_verification,
        limit=LIMIT,
    )


@pytest.fixture
def run(library, monkeypatch):
    """Run the command line on the fake library: run("query", "x.jpg") -> result."""
    monkeypatch.delenv("FACESEARCH_LIBRARY", raising=False)
    return lambda *args: CliRunner().invoke(app, [str(arg) for arg in args], obj=library)


@pytest.fixture
def selfie(tmp_path):
    """A file to name as query photo; the fake library never looks into it."""
    path = tmp_path / "selfie.jpg"
    path.write_bytes(b"not looked at")
    return path
