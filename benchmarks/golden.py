"""Writes what the tests hold fixed: what the original networks say of the same pictures.

``python -m benchmarks.golden [--data DIR] [--envs DIR] [--env NAME=PYTHON]`` from the top
of a checkout, in an environment with facesearch and scikit-image. dlib and the mtcnn
package run in their own environments, as ``python -m benchmarks setup --only dlib mtcnn``
makes them. Goes out:

    tests/models/golden_descriptors.npz   dlib's descriptors of chips
    tests/models/golden_faces.json        mtcnn's boxes, landmarks and scores
    tests/models/golden_photos.json       mtcnn's boxes in photos of --data; only with it
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contenders import ROOT, Contender, Environments
from benchmarks.data import Data
from benchmarks.processes import Worker
from benchmarks.setup import DEFAULT_ENVS
from facesearch.photos.decode import DecodeLimits, open_photo

TESTS = ROOT / "tests" / "models"
LFW_PHOTOS = 100
# Of the full-size photos those that the package looks at within seconds.
LARGEST_PHOTO_PX = 2000


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the golden files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.golden", description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder with lfw/ and albums/")
    parser.add_argument("--envs", type=Path, default=DEFAULT_ENVS, help="what setup has made")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=PYTHON")
    chosen = parser.parse_args(arguments)
    given = dict(setting.split("=", 1) for setting in chosen.env)
    environments = Environments.find(
        chosen.envs.resolve(), {Contender(name): Path(python) for name, python in given.items()}
    )
    inputs = golden_inputs()

    chips = inputs.chips()
    np.savez_compressed(
        TESTS / "golden_descriptors.npz",
        names=np.array(list(chips)),
        digests=np.array([inputs.digest(chip) for chip in chips.values()]),
        descriptors=describe(environments.python(Contender.DLIB), np.stack(list(chips.values()))),
    )
    mtcnn = environments.python(Contender.MTCNN)
    pictures = inputs.pictures()
    faces = {
        name: {"digest": inputs.digest(pictures[name]), "faces": _rounded(found, 4)}
        for name, found in detect(mtcnn, pictures).items()
    }
    _write(TESTS / "golden_faces.json", faces)
    if chosen.data is not None:
        found = detect(mtcnn, _photos(Data(chosen.data)))
        boxes = {name: _rounded([face[:4] for face in of], 1) for name, of in found.items()}
        _write(TESTS / "golden_photos.json", boxes)
    return 0


def golden_inputs() -> ModuleType:
    """The tests' module that makes the pictures."""
    spec = importlib.util.spec_from_file_location("golden_inputs", TESTS / "golden_inputs.py")
    if spec is None or spec.loader is None:
        raise ImportError("tests/models/golden_inputs.py is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def describe(python: Path, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
    """dlib's descriptors (n, 128) of chips (n, 150, 150, 3)."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "chips.npy"), Path(folder, "descriptors.npy")
        np.save(given, chips)
        with Worker(python, Contender.DLIB.folder / "runner.py") as worker:
            worker.call("load_chips", path=str(given))
            worker.call("embed", batch=len(chips), save=str(made))
        return np.asarray(np.load(made), np.float32)


def detect(python: Path, pictures: Mapping[str, NDArray[np.uint8]]) -> dict[str, list[list[float]]]:
    """What the mtcnn package finds in pictures."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder, "pictures.npz")
        # By number, because a name such as "a/b.jpg" makes no member of an archive.
        np.savez(given, *pictures.values())
        with Worker(python, Contender.MTCNN.folder / "golden.py") as worker:
            found = worker.call("detect", path=str(given))
    return dict(zip(pictures, found, strict=True))


def _photos(data: Data) -> dict[str, NDArray[np.uint8]]:
    """Some of LFW, all group photos, and the full-size photos that are not too large."""
    photos = {}
    for path in (*data.lfw_sample(LFW_PHOTOS), *data.groups(), *data.pairs62()):
        photo = open_photo(path.read_bytes(), str(path), DecodeLimits())
        if photo.size.longer <= LARGEST_PHOTO_PX:
            photos[path.relative_to(data.folder).as_posix()] = photo.decode().pixels
    return photos


def _rounded(faces: list[list[float]], digits: int) -> list[list[float]]:
    return [[round(number, digits) for number in face] for face in faces]


def _write(path: Path, answers: Mapping[str, Any]) -> None:
    """JSON with one picture a line."""
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in answers.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"wrote {path.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
