"""Catalogs on real disks, and photo results without any photo."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

import facesearch.catalog
from facesearch.catalog import Catalog, EmbeddedFace, FileStamp, PhotoResult
from facesearch.errors import UnreadableReason
from facesearch.values import Box, Detection, Embedding, Landmarks, PhotoState, Size

SPACE = "toy@1"
DIMENSION = 8
DETECTOR = "detector@1"
SIZE = Size(640, 480)

ResultMaker = Callable[..., PhotoResult]
PythonRunner = Callable[..., "subprocess.Popen[str]"]


def content_hash(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def stamp(path: str, size: int = 1000, mtime_ns: int = 1) -> FileStamp:
    return FileStamp(path, size, mtime_ns)


def vector(seed: str, dimension: int = DIMENSION) -> np.ndarray:
    number = int(hashlib.sha256(seed.encode()).hexdigest()[:8], 16)
    drawn = np.random.default_rng(number).standard_normal(dimension)
    return (drawn / np.linalg.norm(drawn)).astype(np.float32)


def make_result(
    content: str,
    *paths: str,
    boxes: Sequence[Box] = (Box(10, 20, 100, 120),),
    detector: str = DETECTOR,
    space: str = SPACE,
    dimension: int = DIMENSION,
    unreadable: UnreadableReason | None = None,
    detail: str = "",
    vectors: Sequence[np.ndarray] | None = None,
    size: Size = SIZE,
) -> PhotoResult:
    """What looking at a photo of some content came to; each box becomes a face.

    Without vectors, each face of each content looks different.
    """
    if unreadable is not None:
        boxes = ()
    if vectors is None:
        vectors = [vector(f"{content}/{n}/{space}", dimension) for n in range(len(boxes))]
    faces = tuple(
        EmbeddedFace(
            Detection(box, Landmarks(np.full((5, 2), box.x + 5.0)), 0.75), Embedding(look, space)
        )
        for box, look in zip(boxes, vectors, strict=True)
    )
    state = PhotoState.FACES if faces else PhotoState.NO_FACE
    return PhotoResult(
        content_hash=content_hash(content),
        size=None if unreadable else size,
        state=PhotoState.UNREADABLE if unreadable else state,
        detector=detector,
        files=tuple(stamp(path) for path in paths or (f"/photos/{content}.jpg",)),
        faces=faces,
        reason=unreadable,
        detail=detail,
    )


@pytest.fixture
def result() -> ResultMaker:
    return make_result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the test's library lies, or will."""
    return tmp_path / "family.faces"


@pytest.fixture(scope="session")
def empty_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library to copy: making one means running the migrations, which takes its time."""
    library = tmp_path_factory.mktemp("empty") / "library"
    Catalog.open(library, create=True, read_only=False).close()
    return library


@pytest.fixture
def catalog(folder: Path, empty_library: Path) -> Iterator[Catalog]:
    shutil.copytree(empty_library, folder)
    with Catalog.open(folder, create=False, read_only=False, busy_timeout_s=20) as opened:
        yield opened


@pytest.fixture
def run_python(tmp_path: Path) -> Iterator[PythonRunner]:
    """Start a program of its own that can import facesearch and, as `toy`, this file."""
    source = Path(facesearch.catalog.__file__).parents[2]
    (tmp_path / "toy.py").write_bytes(Path(__file__).read_bytes())
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(source), str(tmp_path)])}
    started: list[subprocess.Popen[str]] = []

    def run(program: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _mount(place: Path, options: str) -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a disk for this test")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True
    )
    if done.returncode != 0:
        pytest.skip(f"this machine does not let root mount: {done.stderr.decode().strip()}")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    _mount(place, "size=3m")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Move a closed library to a place where nobody can write, and say where."""
    place = tmp_path / "frozen"
    place.mkdir()
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:  # permissions do not stop root; a disk mounted read-only does
        _mount(place, "size=16m")

    def freeze(library: Path) -> Path:
        moved = place / library.name
        moved.mkdir()
        for file in library.iterdir():
            (moved / file.name).write_bytes(file.read_bytes())
            if not root:
                (moved / file.name).chmod(0o400)
        if root:
            subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        else:
            moved.chmod(0o500)
        return moved

    yield freeze
    if root:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
    else:
        for inner in place.iterdir():
            inner.chmod(0o700)
