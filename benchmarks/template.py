"""Derives the chip template: where the default detector's landmarks lie in dlib's chips.

``python -m benchmarks.template --data DIR [--envs DIR] [--env dlib=PYTHON]`` from the top
of a checkout, in an environment with facesearch; dlib runs in its own, as ``python -m
benchmarks setup --only dlib`` makes it. The embedder was trained on chips that dlib cut
by its own five points; MTCNN's are others. So both look at the training photos of LFW's
View 1, which no reported accuracy uses, and the median of MTCNN's points in dlib's chips
is the template. Prints the table of docs/decisions/chip-template.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contenders import Contender, Environments
from benchmarks.data import Data
from benchmarks.processes import Worker
from benchmarks.setup import DEFAULT_ENVS
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.onnx import Runtime
from facesearch.photos.decode import DecodeLimits, open_photo
from facesearch.values import Detection, Image

POINTS = ("left eye", "right eye", "nose tip", "left mouth corner", "right mouth corner")
# Every second photo is plenty: medians move by less than a tenth of a pixel.
EVERY = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the template."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.template", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with lfw/")
    parser.add_argument("--envs", type=Path, default=DEFAULT_ENVS, help="what setup has made")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=PYTHON")
    chosen = parser.parse_args(arguments)
    given = dict(setting.split("=", 1) for setting in chosen.env)
    environments = Environments.find(
        chosen.envs.resolve(), {Contender(name): Path(python) for name, python in given.items()}
    )
    photos = [_opened(path) for path in training_photos(Data(chosen.data))[::EVERY]]
    detector = Mtcnn(Runtime.on())
    found = [detector.detect([photo])[0] for photo in photos]
    chips = dlib_chips(environments.python(Contender.DLIB), photos)
    positions = positions_in_chips(found, chips)
    print(f"{len(positions)} of {len(photos)} photos\n")
    print("| landmark | median x | median y | spread x | spread y |\n|---|---|---|---|---|")
    middle, spread = np.median(positions, axis=0), positions.std(axis=0)
    for name, at, by in zip(POINTS, middle, spread, strict=True):
        print(f"| {name} | {at[0]:.2f} | {at[1]:.2f} | {by[0]:.2f} | {by[1]:.2f} |")
    return 0


def training_photos(data: Data) -> list[Path]:
    """The photos of View 1's training pairs, sorted by name."""
    lines = (data.folder / "lfw" / "pairsDevTrain.txt").read_text(encoding="utf-8").splitlines()
    stems = set()
    for fields in (line.split("\t") for line in lines[1:]):
        if len(fields) == 3:
            stems |= {f"{fields[0]}_{int(number):04d}" for number in fields[1:]}
        elif len(fields) == 4:
            stems |= {f"{fields[at]}_{int(fields[at + 1]):04d}" for at in (0, 2)}
    return [path for path in map(data.lfw_photo, sorted(stems)) if path.exists()]


def dlib_chips(python: Path, photos: Sequence[Image]) -> list[dict[str, Any] | None]:
    """How dlib cuts the chip of each photo's only face; None where it has not one face."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder, "photos.npz")
        np.savez(given, *(photo.pixels for photo in photos))
        with Worker(python, Contender.DLIB.folder / "chips.py") as worker:
            return list(worker.call("chips", path=str(given)))


def positions_in_chips(
    found: Sequence[Sequence[Detection]], chips: Sequence[dict[str, Any] | None]
) -> NDArray[np.float64]:
    """MTCNN's landmarks in chip pixels, (n, 5, 2), of the photos where both see the face."""
    positions = []
    for faces, chip in zip(found, chips, strict=True):
        if not faces or chip is None:
            continue
        x, y = chip["centre"]
        face = min(
            faces,
            key=lambda f: abs(f.box.x + f.box.width / 2 - x) + abs(f.box.y + f.box.height / 2 - y),
        )
        to_chip = np.array(chip["to_chip"])
        positions.append(face.landmarks.points @ to_chip[:, :2].T + to_chip[:, 2])
    return np.array(positions)


def _opened(path: Path) -> Image:
    return open_photo(path.read_bytes(), str(path), DecodeLimits()).decode()


if __name__ == "__main__":
    sys.exit(main())
