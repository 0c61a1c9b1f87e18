"""The default models, loaded once, and the pictures that golden answers were made from."""

from __future__ import annotations

import sys
from pathlib import Path

import hypothesis
import pytest

# pytest's importlib mode leaves the tests' own folders out of the search path
sys.path.insert(0, str(Path(__file__).parent))

import golden_inputs

from facesearch.models.base import DetectorOptions
from facesearch.models.dlib_resnet import DlibResNet
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.onnx import Device, Runtime

# A busy machine is no failure: tests assert no times.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session")
def runtime(own_home: Path) -> Runtime:
    """Networks on the CPU, built into the tests' own cache."""
    return Runtime.on(Device.CPU)


@pytest.fixture(scope="session")
def detector(runtime: Runtime) -> Mtcnn:
    """The default detector with its default options."""
    return Mtcnn(runtime)


@pytest.fixture(scope="session")
def packages_detector(runtime: Runtime) -> Mtcnn:
    """The default detector without what it does beyond the package `mtcnn`."""
    return Mtcnn(runtime, DetectorOptions(second_look=False, settle_landmarks=False))


@pytest.fixture(scope="session")
def embedder(runtime: Runtime) -> DlibResNet:
    """The default embedder."""
    return DlibResNet(runtime)


@pytest.fixture(scope="session")
def chips() -> dict[str, golden_inputs.Picture]:
    """Chips by name, see golden_inputs."""
    return golden_inputs.chips()


@pytest.fixture(scope="session")
def pictures() -> dict[str, golden_inputs.Picture]:
    """Pictures by name, see golden_inputs."""
    return golden_inputs.pictures()
