"""A folder of models of its own for each test, and weights made from fresh architectures."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

# pytest's importlib mode leaves the tests' own folders out of the search path
sys.path.insert(0, str(Path(__file__).parent))

from facesearch.models import store
from facesearch.models.base import Engine
from facesearch.models.deepface import environment, networks
from facesearch.models.deepface.recognition import RECOGNITION_MODELS, RecognitionModel
from facesearch.models.weights import DownloadedFile


@pytest.fixture
def models_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of models, empty."""
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def recognition(name: str) -> RecognitionModel:
    """The model, with files that count as soon as their digest is trusted."""
    (model,) = (model for model in RECOGNITION_MODELS if model.name == name)
    files = {engine: replace(file, sha256=None) for engine, file in model.files.items()}
    return replace(model, files=files)


def put(file: DownloadedFile, data: bytes) -> Path:
    """The file in the folder of weights, its content trusted."""
    file.path().parent.mkdir(parents=True, exist_ok=True)
    file.path().write_bytes(data)
    store.trust(file.name, hashlib.sha256(data).hexdigest(), store.Trust.STATED)
    return file.path()


@pytest.fixture
def fresh_weights(
    models_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[RecognitionModel, Engine], Any]:
    """Saves the weights of a freshly built network where deepface looks for its own."""

    def save(model: RecognitionModel, engine: Engine) -> Any:
        place = networks.place_of(model, engine)
        loader = {
            Engine.TENSORFLOW: "deepface.commons.weight_utils.load_model_weights",
            Engine.PYTORCH: f"{place.rpartition('.')[0]}.load_model_weights",
        }[engine]
        kept: list[Any] = []

        def keep(model: Any, weight_file: str) -> Any:
            kept.append(model)
            return model

        path = put(model.files[engine], b"not yet")
        environment.imported(model.spec_name, place, engine)
        with monkeypatch.context() as patch:
            patch.setattr(loader, keep)
            environment.made(model.spec_name, place, engine)
        (network,) = kept
        if engine is Engine.TENSORFLOW:
            network.save_weights(str(path))
        else:
            import torch

            torch.save(network.state_dict(), path)
        put(model.files[engine], path.read_bytes())
        return network

    return save
