"""Models are loaded once, when first needed, and say what is wrong to whoever needs them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from facesearch.errors import DeviceUnavailable, ModelError, WeightsMissing
from facesearch.model_loading import LoadedModels
from facesearch.models.base import DetectorOptions
from facesearch.models.catalogue import DetectorSpec, EmbedderSpec, detector_spec, embedder_spec
from facesearch.models.cpus import available_cpus


class Counted:
    """Specs whose models take a moment to load, and a note of each loading."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.loads: list[tuple[Any, ...]] = []
        self.detector: DetectorSpec = replace(detector_spec(), load=self._load)
        self.embedder: EmbedderSpec = replace(embedder_spec(), load=self._load)

    def models(self, device: str = "cpu") -> LoadedModels:
        return LoadedModels(self.detector, self.embedder, device, DetectorOptions())

    def _load(self, *arguments: Any) -> Any:
        self.loads.append(arguments)
        time.sleep(0.02)
        if self.error is not None:
            raise self.error
        return object()


def test_the_default_models_are_loaded():
    models = LoadedModels(detector_spec(), embedder_spec(), "cpu", DetectorOptions())
    detector, embedder = models.both()
    assert detector.key == detector_spec().key(DetectorOptions())
    assert embedder.space == embedder_spec().space
    assert models.device == "cpu"
    assert models.embed_batch == 32
    assert models.cpus == available_cpus()


def test_options_and_device_reach_the_models():
    counted = Counted()
    options = DetectorOptions(smallest_face_px=33)
    LoadedModels(counted.detector, counted.embedder, "cpu", options).both()
    (runtime, given), (same_runtime,) = counted.loads
    assert given is options
    assert runtime is same_runtime
    assert runtime.device == "cpu"


def test_models_are_loaded_once_from_many_threads():
    counted = Counted()
    models = counted.models()
    models.start_loading()
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: models.both(), range(16)))
    assert len(counted.loads) == 2
    assert all(both is loaded[0] for both in loaded)


def test_nothing_is_loaded_before_it_is_needed():
    counted = Counted()
    models = counted.models()
    assert models.device == "cpu"
    assert counted.loads == []


def test_loading_in_the_background_is_not_repeated(no_thread_left: None):
    counted = Counted()
    models = counted.models()
    models.start_loading()
    models.both()
    models.start_loading()
    models.start_loading()
    models.both()
    assert len(counted.loads) == 2


def test_what_goes_wrong_in_the_background_is_told_to_whoever_asks(
    capfd: pytest.CaptureFixture[str], no_thread_left: None
):
    models = Counted(WeightsMissing("mtcnn", "not installed")).models()
    models.start_loading()
    for thread in threading.enumerate():
        if thread.name == "facesearch-load":
            thread.join()
    with pytest.raises(WeightsMissing, match="not installed"):
        models.both()
    assert capfd.readouterr().err == ""


def test_loading_is_tried_again_after_an_error():
    """As after `pip install` of the missing package, in a program that goes on running."""
    counted = Counted(WeightsMissing("mtcnn", "not installed"))
    models = counted.models()
    with pytest.raises(WeightsMissing):
        models.both()
    counted.error = None
    assert models.both() is models.both()


def test_the_embedder_alone_needs_no_detector():
    counted = Counted()
    models = counted.models()
    embedder = models.embedder()
    assert models.embedder() is embedder
    assert len(counted.loads) == 1
    assert models.both()[1] is embedder
    assert len(counted.loads) == 2
    assert counted.models().both() is not None
    counted.error = WeightsMissing("dlib-resnet34", "not installed")
    with pytest.raises(WeightsMissing):
        counted.models().embedder()


@pytest.mark.parametrize("name", ["", "gpu", "CPU", "cuda:0"])
def test_an_unknown_device_is_an_error_that_lists_those_there_are(name: str):
    models = Counted().models(name)
    for ask in (models.both, lambda: models.device, lambda: models.embed_batch):
        with pytest.raises(ModelError, match="choose from auto, cpu, cuda") as caught:
            ask()
        assert repr(name) in str(caught.value)


def test_a_device_that_is_not_there_is_an_error():
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime supports CUDA")
    counted = Counted()
    with pytest.raises(DeviceUnavailable, match="cuda"):
        counted.models("cuda").both()
    assert counted.loads == []


ENDING = """
import sys, time
from facesearch.model_loading import LoadedModels
from facesearch.models.base import DetectorOptions
from facesearch.models.catalogue import detector_spec, embedder_spec
LoadedModels(detector_spec(), embedder_spec(), "cpu", DetectorOptions()).start_loading()
time.sleep(float(sys.argv[1]))
sys.exit(7)
"""


@pytest.mark.parametrize("seconds", [0, 0.1, 0.25, 0.4])
def test_a_program_may_end_while_models_are_loading(seconds: float):
    """As after a query for a photo that does not exist: no abort, and its own exit code."""
    done = subprocess.run(
        [sys.executable, "-c", ENDING, str(seconds)], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (7, "")
