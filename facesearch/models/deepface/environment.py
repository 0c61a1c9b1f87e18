"""deepface imported, and told to use our files: the only place where that happens.

In: the place of a class in deepface, verified weight files. Out: an instance of it. deepface,
and the packages that it runs, read their settings from environment variables, and download
what they do not find. So these are set while it is imported and while a network is loaded, and put
back afterwards: a host program that uses deepface itself keeps its own, and nothing is ever
downloaded or written into the user's home.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from facesearch.errors import EngineUnavailable, InvalidModelFile, ModelError, PackageMissing
from facesearch.folders import models_folder
from facesearch.models.base import Engine
from facesearch.models.requirements import Requirement
from facesearch.models.weights import CatalogueFile, DownloadedFile
from facesearch.opencv import cv2

DEEPFACE = Requirement("deepface", "deepface", "pip install deepface")

# deepface logs with print; 40 is logging.ERROR.
_LOG_LEVEL = "40"
_lock = threading.RLock()


def check_requirements(model: str, requirements: Sequence[Requirement]) -> None:
    """Check that the packages of a model are there; none is imported.

    Raises:
        PackageMissing: one is not, with the command that installs it.
    """
    for requirement in requirements:
        requirement.check(model)


def verified(model: str, files: Sequence[CatalogueFile]) -> list[Path]:
    """Where the files are, after checking the SHA-256 of each.

    Raises:
        WeightsMissing, WeightsDamaged: a file is absent or not the right one.
    """
    paths = []
    for file in files:
        if not isinstance(file, DownloadedFile):
            file.read(model)
        paths.append(file.locate(model))
    return paths


def made(model: str, place: str, engine: Engine, *arguments: Any) -> Any:
    """What a class or function of deepface returns when it is called.

    Args:
        model: its name in the catalogue, for messages.
        place: module and name, such as "deepface.models.face_detection.YuNet.YuNetClient".
        engine: what it runs on.

    Raises:
        PackageMissing: something that it imports is not installed.
        EngineUnavailable: the host program has loaded it for another engine.
        InvalidModelFile: it does not take the weight file.
        ModelError: it failed otherwise.
    """
    with _settings(engine):
        made_by = imported(model, place, engine)
        try:
            return made_by(*arguments)
        except ImportError as error:
            raise _missing(model, error) from error
        # The kinds of deepface, PyTorch and OpenCV for weights that do not fit.
        except (ValueError, RuntimeError, cv2.error) as error:
            raise InvalidModelFile(model, f"deepface cannot load {model}: {error}") from error
        except Exception as error:  # Keras raises many unrelated types
            raise ModelError(model, f"deepface cannot make {model}: {error}") from error


def imported(model: str, place: str, engine: Engine) -> Any:
    """A class or function of deepface, or of a package that it runs.

    Raises:
        PackageMissing: something that it imports is not installed.
        EngineUnavailable: the host program has loaded it for another engine.
    """
    module, _, name = place.rpartition(".")
    with _settings(engine):
        try:
            if engine is Engine.TENSORFLOW:
                _check_keras(model)
            return getattr(importlib.import_module(module), name)
        except ImportError as error:
            raise _missing(model, error) from error
        # deepface's kind for packages of a wrong version, and what a wrong deepface lacks.
        except (ValueError, AttributeError) as error:
            raise ModelError(model, f"{model} cannot be imported: {error}") from error


@contextmanager
def _settings(engine: Engine) -> Iterator[None]:
    """The environment that deepface sees; one model at a time is made in it."""
    wanted = {
        "DEEPFACE_HOME": str(models_folder()),
        "DEEPFACE_LOG_LEVEL": _LOG_LEVEL,
        # Detectors that need no engine of deepface's are told the one that is always there.
        "DEEPFACE_BACKEND_ENGINE": (Engine.ONNX if engine is Engine.NATIVE else engine).value,
        # ultralytics, behind yolo: quiet, reports no use, installs nothing, writes into our folder.
        "YOLO_VERBOSE": "false",
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
        "YOLO_CONFIG_DIR": str(models_folder() / "ultralytics"),
    }
    with _lock, _environment(wanted):
        if engine is Engine.TENSORFLOW:
            # These stay: TensorFlow looks at them when it is first used, by whomever.
            os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        yield


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _check_keras(model: str) -> None:
    """Check that `tensorflow.keras` is the Keras 2 that deepface is written for."""
    # What deepface imports from is this module, whatever the attribute of that name says.
    version = getattr(importlib.import_module("tensorflow.keras"), "__version__", "2")
    if not version.startswith("3"):
        return
    raise EngineUnavailable(
        model,
        f"{model} runs on Keras 2, and TensorFlow in this program has Keras {version}: set "
        "TF_USE_LEGACY_KERAS=1 before it starts, or use --engine onnx where the model has it",
    )


def _missing(model: str, error: ImportError) -> PackageMissing:
    package = (error.name or "").partition(".")[0]
    if not package or package in ("deepface", "retinaface"):
        # deepface raises anew, with a sentence instead of a name.
        cause = error.__cause__
        package = getattr(cause, "name", None) or package or str(error)
    return PackageMissing(model, package, f"pip install --no-deps {package}")
