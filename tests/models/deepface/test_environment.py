"""That deepface sees our folder while it is used, and nobody else notices."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from facesearch.errors import InvalidModelFile, ModelError, PackageMissing
from facesearch.models.base import Engine
from facesearch.models.deepface import environment
from facesearch.models.deepface.detection import MEDIAPIPE, ULTRALYTICS
from facesearch.models.requirements import Requirement

_FOLDERS = "deepface.commons.folder_utils"


def test_deepface_is_told_our_folder_and_the_host_keeps_its_own(
    models_home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DEEPFACE_HOME", "/the/host's")
    monkeypatch.delenv("DEEPFACE_BACKEND_ENGINE", raising=False)
    home = environment.made("deepface:x", f"{_FOLDERS}.get_deepface_home", Engine.ONNX)
    assert home == str(models_home)
    assert os.environ["DEEPFACE_HOME"] == "/the/host's"
    assert "DEEPFACE_BACKEND_ENGINE" not in os.environ


def test_a_host_that_uses_deepface_itself_does_not_change_ours(
    models_home: Path, monkeypatch: pytest.MonkeyPatch
):
    from deepface.commons import folder_utils

    monkeypatch.setenv("DEEPFACE_HOME", "/the/host's")
    assert folder_utils.get_deepface_home() == "/the/host's"
    home = environment.made("deepface:x", f"{_FOLDERS}.get_deepface_home", Engine.ONNX)
    assert home == str(models_home)


def test_the_users_home_stays_as_it_is(tmp_path: Path):
    """A detector of deepface's is made and used, in a process of its own."""
    home, models = tmp_path / "home", tmp_path / "models"
    home.mkdir()
    code = (
        "import cv2\n"
        "from facesearch.models.base import Engine\n"
        "from facesearch.models.deepface import environment as e\n"
        "from facesearch.errors import ModelError\n"
        "e.imported('x', 'deepface.modules.modeling.build_model', Engine.ONNX)\n"
        "e.imported('x', 'deepface.models.face_detection.YuNet.YuNetClient', Engine.NATIVE)\n"
        "print(e.made('x', 'deepface.commons.folder_utils.get_deepface_home', Engine.ONNX))\n"
    )
    env = {**os.environ, "HOME": str(home), "FACESEARCH_MODELS": str(models)}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    assert run.stdout == f"{models}\n"  # and nothing logged
    assert list(home.iterdir()) == []


def test_a_missing_package_is_named_with_the_command():
    missing = Requirement("no_such_package", "no-such", "pip install --no-deps no-such")
    with pytest.raises(PackageMissing, match=r"`pip install --no-deps no-such`") as caught:
        environment.check_requirements("deepface:x", [missing])
    assert caught.value.install == missing.install
    assert "--no-deps mediapipe==0.10.21" in MEDIAPIPE.install
    assert "--no-deps ultralytics" in ULTRALYTICS.install


@pytest.mark.parametrize(
    ("place", "arguments", "kind", "message"),
    [
        ("deepface.no_such.Thing", (), PackageMissing, "deepface"),
        ("no_such_package.Thing", (), PackageMissing, "no_such_package"),
        (
            "deepface.commons.onnx_utils.resolve_providers",
            (["CPUExecutionProvider"],),
            InvalidModelFile,
            "DEEPFACE_ONNX_PROVIDERS must list",
        ),
        ("deepface.commons.onnx_utils.run_session", (None, None), ModelError, "cannot make"),
    ],
)
def test_errors_of_deepface_become_ours(
    place: str, arguments: tuple[object, ...], kind: type, message: str, monkeypatch
):
    monkeypatch.setenv("DEEPFACE_ONNX_PROVIDERS", "abacus")
    with pytest.raises(kind, match=message) as caught:
        environment.made("deepface:x", place, Engine.ONNX, *arguments)
    assert caught.value.model == "deepface:x"
    assert caught.value.__cause__ is not None
