"""A folder of models of the test's own, and files to add."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from own_networks import Remembered, default_network, portrait_finder

from facesearch.models.heads import Head, head_spec
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.onnx_detector import _fitted
from facesearch.models.preprocessing import Preprocessing
from facesearch.models.samples import Sample, sample

Write = Callable[[bytes], Path]


@pytest.fixture(autouse=True)
def models_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where models are kept while the test runs; it does not exist yet."""
    folder = tmp_path / "models"
    monkeypatch.setenv("FACESEARCH_MODELS", str(folder))
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file for a model to be added from."""

    def written(content: bytes, name: str = "network.onnx") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return written


@pytest.fixture(scope="session")
def face_network(own_home: Path) -> bytes:
    """dlib's network as anybody might bring it: float32, 150 px, one face in each run."""
    return default_network(batch=1)


@pytest.fixture(scope="session")
def portraits_remembered(detector: Mtcnn) -> list[Remembered]:
    """What a RetinaFace is fed for the built-in portraits, and what it should say."""
    spec = head_spec(Head.RETINAFACE)
    fed = Preprocessing(
        width_px=640, height_px=640, channels=spec.channels, mean=spec.mean, scale=spec.scale
    )
    known = []
    for person in Sample:
        ((face,),) = detector.detect([sample(person)])
        picture, size = _fitted(sample(person).pixels, 640, 640)
        factor = size / np.array([sample(person).size.width, sample(person).size.height])
        box = face.box
        corners = np.array([box.x, box.y, box.x + box.width, box.y + box.height])
        known.append(
            Remembered(
                mean=float(fed.feed(picture[None]).mean(dtype=np.float64)),
                corners=corners * np.tile(factor, 2),
                points=(face.landmarks.points + 0.5) * factor - 0.5,
            )
        )
    return known


@pytest.fixture(scope="session")
def face_finder(portraits_remembered: list[Remembered]) -> bytes:
    """A RetinaFace that finds the faces of the built-in portraits and no others."""
    return portrait_finder(portraits_remembered)
