"""The catalogue says beforehand what the loaded models are, and toys come in the same way."""

from __future__ import annotations

import numpy as np
import pytest
import toy_models
from golden_inputs import Picture

from facesearch.errors import EngineUnavailable, InvalidValue, ModelError, UnknownModel
from facesearch.models import mtcnn_stages
from facesearch.models.base import DetectorOptions, Engine
from facesearch.models.catalogue import (
    DEFAULT_DETECTOR,
    DEFAULT_EMBEDDER,
    Accuracy,
    detector_spec,
    embedder_for,
    embedder_spec,
)
from facesearch.models.dlib_resnet import DlibResNet
from facesearch.models.onnx import Runtime
from facesearch.values import Image, Size

OPTIONS = [
    DetectorOptions(),
    DetectorOptions(smallest_face_fraction=0.05),
    DetectorOptions(smallest_face_px=40),
    DetectorOptions(thresholds=(0.5, 0.7, 0.9)),
    DetectorOptions(second_look=False),
    DetectorOptions(settle_landmarks=False),
]


def test_the_defaults_are_in_the_catalogue():
    assert detector_spec().name == DEFAULT_DETECTOR == "mtcnn"
    assert embedder_spec().name == DEFAULT_EMBEDDER == "dlib-resnet34"


@pytest.mark.parametrize("find", [detector_spec, embedder_spec])
@pytest.mark.parametrize("name", ["", "nobody", "MTCNN"])
def test_an_unknown_model_is_an_error_that_lists_those_there_are(find, name: str):
    with pytest.raises(UnknownModel) as caught:
        find(name)
    assert caught.value.model == name
    assert isinstance(caught.value, ModelError)
    assert repr(name) in str(caught.value)
    assert find().name in str(caught.value)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: options.key)
def test_a_detector_has_the_key_its_spec_says(runtime: Runtime, options: DetectorOptions):
    """Photos are remembered under the spec's key and looked at by the loaded detector."""
    spec = detector_spec()
    assert spec.key(options) == spec.load(runtime, options).key


def test_keys_differ_where_results_may_differ():
    keys = [detector_spec().key(options) for options in OPTIONS]
    assert len(set(keys)) == len(OPTIONS)
    assert all(key.startswith("mtcnn@") for key in keys)
    weights = mtcnn_stages.WEIGHTS[mtcnn_stages.Stage.OUTPUT].sha256[:8]
    assert f"@{weights}:" in keys[0]


@pytest.mark.parametrize("accuracy", Accuracy)
def test_an_embedder_is_what_its_spec_says(
    runtime: Runtime, chips: dict[str, Picture], accuracy: Accuracy
):
    spec = embedder_spec(embedder_for(accuracy))
    embedder = spec.load(runtime)
    assert embedder.space == spec.space
    assert embedder.dimension == spec.dimension
    views = np.stack([chips["aligned"]] * embedder.views)
    assert embedder.embed(views[None]).shape == (1, spec.dimension)


def test_the_default_is_the_fast_setting_with_at_most_two_passes(embedder: DlibResNet):
    assert embedder_for(Accuracy.FAST) == DEFAULT_EMBEDDER
    assert embedder.views <= 2
    assert len({embedder_spec(embedder_for(each)).space for each in Accuracy}) == len(Accuracy)


@pytest.mark.parametrize("spec", [detector_spec(), embedder_spec()], ids=lambda spec: spec.name)
def test_licence_and_source_are_told(spec):
    assert spec.licence
    assert spec.source.startswith("package ")


@pytest.mark.parametrize(
    "wrong",
    [
        {"smallest_face_fraction": 0.0},
        {"smallest_face_fraction": -0.1},
        {"smallest_face_fraction": 1.01},
        {"smallest_face_fraction": float("nan")},
        {"smallest_face_px": 0.5},
        {"smallest_face_px": float("nan")},
        {"thresholds": (0.6, 0.7)},
        {"thresholds": (0.6, 0.7, 1.0)},
        {"thresholds": (0.0, 0.7, 0.8)},
        {"thresholds": (0.6, float("nan"), 0.8)},
    ],
    ids=str,
)
def test_detector_options_out_of_range_are_refused(wrong):
    with pytest.raises(InvalidValue):
        DetectorOptions(**wrong)


@pytest.mark.parametrize(
    ("size", "expected"),
    [(Size(100, 80), 20), (Size(1000, 3), 20), (Size(800, 4000), 80), (Size(6000, 4000), 120)],
)
def test_the_smallest_face_is_a_share_of_the_longer_side(size: Size, expected: float):
    assert DetectorOptions().smallest_face_in(size) == pytest.approx(expected)


def test_toys_enter_through_the_same_door(runtime: Runtime):
    """mypy holds them to the protocols: `make types` checks their module too."""
    detector = toy_models.DETECTOR.load(runtime, DetectorOptions())
    embedder = toy_models.EMBEDDER.load(runtime)
    photo = Image.of(np.full((60, 80, 3), (200, 10, 90), np.uint8))
    ((face,),) = detector.detect([photo])
    chips = embedder.cut(photo, face.landmarks)
    assert chips.shape == (embedder.views, 8, 8, 3)
    (row,) = embedder.embed(chips[None])
    assert row.shape == (toy_models.EMBEDDER.dimension,)
    assert np.linalg.norm(row) == pytest.approx(1, abs=1e-5)
    assert detector.key == toy_models.DETECTOR.key(DetectorOptions())
    assert embedder.space == toy_models.EMBEDDER.space


def test_a_name_is_enough_without_where_it_comes_from():
    assert embedder_spec("Facenet512").name == "deepface:Facenet512"
    assert detector_spec("dlib").name == "deepface:dlib"
    assert detector_spec("mtcnn").name == "mtcnn", "ours comes before deepface's"
    assert embedder_spec("deepface:Dlib").space == embedder_spec().space, "one space, two engines"


def test_a_slip_is_answered_with_what_is_spelt_alike():
    with pytest.raises(UnknownModel, match="did you mean deepface:Facenet512"):
        embedder_spec("facenet-512")
    with pytest.raises(UnknownModel, match="deepface:retinaface"):
        detector_spec("retinface")


def test_an_engine_is_kept_to():
    spec = embedder_spec("Facenet512", Engine.TENSORFLOW)
    assert (spec.name, spec.engine) == ("deepface:Facenet512", Engine.TENSORFLOW)
    with pytest.raises(EngineUnavailable, match="does not run on pytorch; it runs on: onnx"):
        embedder_spec("SFace", Engine.PYTORCH)
    with pytest.raises(EngineUnavailable, match="dlib-resnet34 does not run on tensorflow"):
        embedder_spec("dlib-resnet34", Engine.TENSORFLOW)


def test_where_no_engine_is_asked_for_the_one_that_is_ready_is_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path))
    assert embedder_spec("DeepID").engine is Engine.ONNX
    (weights,) = embedder_spec("DeepID", Engine.TENSORFLOW).files
    weights.path().parent.mkdir(parents=True)
    weights.path().write_bytes(b"there, but not opened")
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    assert embedder_spec("DeepID").engine is Engine.TENSORFLOW
