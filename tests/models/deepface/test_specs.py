"""That the specs are those of the deepface that is installed, and light."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import put, recognition

from facesearch.errors import ModelError, WeightsDamaged, WeightsMissing
from facesearch.models import catalogue, templates
from facesearch.models.base import DetectorOptions, Device, Engine
from facesearch.models.deepface import networks, specs
from facesearch.models.deepface.detection import DETECTION_MODELS, Kind
from facesearch.models.deepface.recognition import RECOGNITION_MODELS
from facesearch.models.onnx import Runtime
from facesearch.models.weights import DownloadedFile

_SOURCES = "deepface.models.facial_recognition"
_DETECTORS = {
    "opencv": "OpenCv",
    "ssd": "Ssd",
    "yunet": "YuNet",
    "centerface": "CenterFace",
    **{model.name: "Yolo" for model in DETECTION_MODELS if model.kind is Kind.YOLO},
}
_RETINA_FACE = {
    Engine.ONNX: "retinaface_onnx_model",
    Engine.TENSORFLOW: "retinaface_model",
    Engine.PYTORCH: "retinaface_pth_model",
}


def _source(module: str) -> str:
    """The text of a module, which is not run."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text()


def test_every_model_that_deepface_offers_is_there():
    """On every engine that it has for it."""
    from deepface.modules.modeling import AVAILABLE_MODELS

    offered = AVAILABLE_MODELS["facial_recognition"]
    specified = specs.deepface_embedders()
    assert {spec.name for spec in specified} == {f"deepface:{name}" for name in offered}
    for name, sources in offered.items():
        engines = [spec.engine for spec in specified if spec.name == f"deepface:{name}"]
        if name == "Dlib":
            assert engines == [Engine.NATIVE]
            continue
        wanted = {"onnx"} if "any" in sources else set(sources)
        assert set(engines) == wanted
        assert engines[0] is Engine.ONNX
    # deepface's thresholds stand for no false match rate; models are measured first.
    assert all(spec.max_distance is None for spec in specified)
    detectors = {spec.name for spec in specs.deepface_detectors()}
    assert detectors == {f"deepface:{name}" for name in AVAILABLE_MODELS["face_detector"]}


@pytest.mark.parametrize(
    ("model", "engine"),
    [(model, engine) for model in RECOGNITION_MODELS for engine in model.files],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_recognition_model_is_described_as_in_deepfaces_source(model, engine):
    """Names, addresses, sizes and dimension stand in the module that deepface loads it from."""
    if engine is Engine.ONNX:
        module = networks._PLACES.get(model.name, model.name).partition(".")[0]
        source = _source(f"{_SOURCES}.onnx.{module}")
    else:
        source = _source(networks.place_of(model, engine).rpartition(".")[0])
    file = model.files[engine]
    assert f'"{file.name.rpartition("/")[2]}"' in source
    assert all(f'"{url}"' in source for url in file.urls)
    fed = model.preprocessing
    assert f"self.input_shape = ({fed.width_px}, {fed.height_px})" in source
    assert f"self.output_shape = {model.dimension}" in source


@pytest.mark.parametrize("model", DETECTION_MODELS, ids=lambda m: f"{m.name}-{m.engine}")
def test_a_detector_is_described_as_in_its_source(model):
    files = [file for file in model.files if isinstance(file, DownloadedFile)]
    if not files:
        assert model.name in ("dlib", "mtcnn", "fastmtcnn", "mediapipe")
        return
    if model.kind is Kind.RETINA_FACE:
        source = _source(f"retinaface.model.{_RETINA_FACE[model.engine]}")
    else:
        source = _source(f"deepface.models.face_detection.{_DETECTORS[model.name]}")
    for file in files:
        assert f'"{file.name}"' in source
        for url in file.urls:
            assert f'"{url.replace(file.name, "{file_name}")}"' in source or f'"{url}"' in source


def test_a_space_names_weights_and_template(models_home: Path):
    spec = catalogue.embedder_spec("Facenet512", Engine.TENSORFLOW)
    assert spec.space == "deepface-facenet512@3f76b511:facenet-160"
    assert (spec.input_px, spec.dimension) == ((160, 160), 512)
    file = catalogue.embedder_spec("Facenet512", Engine.ONNX).files[0]
    assert isinstance(file, DownloadedFile)
    before = catalogue.embedder_spec("deepface:Facenet512", Engine.ONNX)
    assert before.space == "deepface-facenet512@unverified:facenet-160"
    put(file, b"whatever the user trusts")
    after = catalogue.embedder_spec("deepface:Facenet512", Engine.ONNX)
    assert after.space == f"deepface-facenet512@{file.digest()[:8]}:facenet-160"


def test_spaces_name_the_template_that_cuts(models_home: Path):
    for model in RECOGNITION_MODELS:
        cut_by = templates.template(model.template, model.preprocessing.side_px)
        for engine in model.files:
            assert specs.space_of(model, engine).endswith(f":{cut_by.name}")


def test_the_key_of_a_detector_changes_with_its_weights(models_home: Path):
    (spec,) = (s for s in specs.deepface_detectors() if s.name == "deepface:yolov12n")
    assert "@unverified+" in spec.key(DetectorOptions())
    (file,) = spec.files
    put(file, b"trusted")
    assert f"@{file.digest()[:8]}+" in spec.key(DetectorOptions())
    assert spec.key(DetectorOptions()) != spec.key(DetectorOptions(smallest_face_px=40))


@pytest.mark.parametrize("engine", [Engine.ONNX, Engine.TENSORFLOW, Engine.PYTORCH])
def test_weights_that_are_not_here_or_not_right_are_never_run(
    models_home: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    """Whatever engine: the check comes before it is imported."""
    monkeypatch.setattr(specs, "_REQUIREMENTS", {engine: ()})
    model = recognition("DeepID")
    with pytest.raises(WeightsMissing, match="facesearch models get deepface:DeepID"):
        specs.load_embedder(model, engine, None)
    path = put(model.files[engine], b"as trusted")
    path.write_bytes(b"another content")
    with pytest.raises(WeightsDamaged, match="deepface:DeepID"):
        specs.load_embedder(model, engine, None)


def test_a_file_that_is_no_network_is_refused(models_home: Path):
    model = recognition("DeepID")
    put(model.files[Engine.ONNX], b"no network")
    with pytest.raises(ModelError, match="deepface:DeepID"):
        specs.load_embedder(model, Engine.ONNX, Runtime.on(Device.CPU))


def test_listing_loads_no_engine_and_no_deepface():
    code = (
        "import sys; from facesearch.models import catalogue as c; "
        "c.embedders(); c.detectors(); "
        "print([m for m in ('deepface', 'onnx', 'onnxruntime', 'tensorflow', 'torch', 'dlib') "
        "if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
