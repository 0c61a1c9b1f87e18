"""The faces of LFW as the ablations need them: found once, looked at in any way.

Comes in: the data folder and a work folder. Goes out: paths, people, landmarks, and the
raw descriptors of chips cut in some way. What took networks is kept in the work folder, so
that a second run takes seconds.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import Data
from facesearch.models.cpus import available_cpus
from facesearch.models.dlib_resnet import DlibResNet
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.onnx import Runtime
from facesearch.photos.decode import DecodeLimits, open_photo
from facesearch.values import Detection, Image, Landmarks

Cut = Callable[[Image, Landmarks], NDArray[np.uint8]]

MOST_PHOTOS = 10
_BATCH = 32
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """The face nearest the middle of each photo of LFW; photos without one are left out.

    Attributes:
        paths: of the n photos, as "NAME/NAME_0001.jpg", sorted.
        people: int64 (n,), who each shows; equal numbers are one person.
        folds: int64 (n,), the one of View 2's ten sets of people each belongs to.
        capped: bool (n,), the first ten photos of each person.
        landmarks: float32 (n, 5, 2), pixels.
    """

    paths: tuple[str, ...]
    people: NDArray[np.int64]
    folds: NDArray[np.int64]
    capped: NDArray[np.bool_]
    landmarks: NDArray[np.float32]

    @property
    def shared(self) -> NDArray[np.bool_]:
        """bool (n,): the person has at least two photos."""
        return np.asarray(np.bincount(self.people)[self.people] > 1)

    def part(self, which: int, of: int) -> NDArray[np.bool_]:
        """bool (n,): the photos of one of several parts of all people, drawn by their names."""
        names = [path.partition("/")[0].encode() for path in self.paths]
        return np.array([zlib.crc32(name) % of == which for name in names])


class Laboratory:
    """Finds the faces once and describes chips of them.

    Args:
        data: where LFW is.
        work: where results are kept.
    """

    def __init__(self, data: Data, work: Path) -> None:
        self._data = data
        self._work = work
        self._runtime = Runtime.on()
        self._network: DlibResNet | None = None
        work.mkdir(parents=True, exist_ok=True)
        self.faces = self._find()

    def descriptors(
        self, name: str, cut: Cut, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Raw descriptors (len(rows), 128) of chips and of their mirror images.

        Args:
            name: what is kept under; says how `cut` cuts.
            cut: makes a chip of a photo and landmarks.
            rows: which faces.
        """
        kept = self._work / f"{name}-{zlib.crc32(rows.tobytes()):08x}.npz"
        if not kept.exists():
            network = self._network = self._network or DlibResNet(self._runtime)

            def describe(part: NDArray[np.int64]) -> NDArray[np.float32]:
                photos = [self._opened(self.faces.paths[row]) for row in part]
                marks = [Landmarks(self.faces.landmarks[row]) for row in part]
                chips = np.stack([cut(*each) for each in zip(photos, marks, strict=True)])
                return network.describe(np.concatenate([chips, chips[:, :, ::-1]]))

            batches = [rows[at : at + _BATCH] for at in range(0, len(rows), _BATCH)]
            both = [np.split(part, 2) for part in _on_all_cores(describe, batches)]
            np.savez(
                kept,
                chip=np.concatenate([part[0] for part in both]),
                mirror=np.concatenate([part[1] for part in both]),
            )
        with np.load(kept) as found:
            return found["chip"], found["mirror"]

    def _find(self) -> Faces:
        kept = self._work / "faces.npz"
        if not kept.exists():
            detector = Mtcnn(self._runtime)
            photos = [f"{path.parent.name}/{path.name}" for path in self._data.lfw()]

            def find(path: str) -> NDArray[np.float32] | None:
                image = self._opened(path)
                (found,) = detector.detect([image])
                if not found:
                    return None
                return min(found, key=lambda face: _off_centre(face, image)).landmarks.points

            found = dict(zip(photos, _on_all_cores(find, photos), strict=True))
            seen = {path: points for path, points in found.items() if points is not None}
            np.savez(kept, paths=np.array(list(seen)), landmarks=np.stack(list(seen.values())))
        with np.load(kept) as file:
            paths, landmarks = tuple(map(str, file["paths"])), file["landmarks"]
        names = [path.partition("/")[0] for path in paths]
        _, people = np.unique(names, return_inverse=True)
        fold_of = self._data.lfw_fold_of_people()
        return Faces(
            paths,
            people.astype(np.int64),
            np.array([fold_of[name] for name in names], dtype=np.int64),
            _first_of_each(people, MOST_PHOTOS),
            landmarks,
        )

    def _opened(self, path: str) -> Image:
        file = self._data.lfw_folder / path
        return open_photo(file.read_bytes(), str(file), DecodeLimits()).decode()


def _off_centre(face: Detection, image: Image) -> float:
    """How far the middle of a face is from that of its photo, in pixels."""
    x, y = face.box.x + face.box.width / 2, face.box.y + face.box.height / 2
    return float(np.hypot(x - image.full_size.width / 2, y - image.full_size.height / 2))


def _first_of_each(people: NDArray[np.int64], most: int) -> NDArray[np.bool_]:
    """bool (n,): whether fewer than `most` rows before this one are of the same person."""
    seen: dict[int, int] = {}
    kept = np.zeros(len(people), dtype=bool)
    for row, person in enumerate(people.tolist()):
        seen[person] = seen.get(person, 0) + 1
        kept[row] = seen[person] <= most
    return kept


def _on_all_cores(work: Callable[..., _Answer], parts: Sequence[object]) -> list[_Answer]:
    with ThreadPoolExecutor(available_cpus()) as pool:
        return list(pool.map(work, parts))
