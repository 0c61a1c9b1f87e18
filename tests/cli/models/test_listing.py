"""`facesearch models` and `models show`: every model, and what it takes to run it."""

from __future__ import annotations

import json
import subprocess
import sys

from facesearch.models.catalogue import detectors, embedders

HEAVY = (
    *("deepface", "tensorflow", "tf_keras", "torch", "onnxruntime", "onnx", "dlib", "requests"),
    *("cv2", "faiss", "sqlalchemy"),
)


def documents(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_every_model_is_listed(facesearch, models_folder):
    result = facesearch("models", "--json")
    assert result.exit_code == 0, result.output
    listed = documents(result)
    assert {d["name"] for d in listed if d["kind"] == "embedder"} == {e.name for e in embedders()}
    assert {d["name"] for d in listed if d["kind"] == "detector"} == {d.name for d in detectors()}
    assert not models_folder.exists(), "looking makes nothing"


def test_deepface_has_all_its_models(facesearch):
    names = {document["name"] for document in documents(facesearch("models", "--json"))}
    recognition = "VGG-Face Facenet Facenet512 OpenFace DeepFace DeepID ArcFace Dlib SFace"
    detection = "opencv ssd dlib mtcnn fastmtcnn retinaface mediapipe yunet centerface"
    yolo = "yolov8n yolov8m yolov8l yolov11n yolov11s yolov11m yolov11l yolov12n yolov12s yolov12m"
    wanted = f"{recognition} GhostFaceNet Buffalo_L {detection} {yolo} yolov12l".split()
    assert {f"deepface:{name}" for name in wanted} <= names


def test_a_table_says_what_is_needed(facesearch):
    lines = facesearch("models").stdout.splitlines()
    default = next(line for line in lines if line.startswith("dlib-resnet34 "))
    assert "packaged" in default
    assert "99.27 %" in default
    vgg = next(line for line in lines if line.startswith("deepface:VGG-Face"))
    assert "to get" in vgg
    assert "non-commercial" in vgg


def test_one_model_is_shown_whole(facesearch):
    result = facesearch("models", "show", "SFace")
    assert result.exit_code == 0, result.output
    assert "face_recognition_sface_2021dec.onnx" in result.stdout
    assert "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79" in result.stdout


def test_a_slip_is_answered_with_names_that_are_near(facesearch):
    result = facesearch("models", "show", "facenet521")
    assert result.exit_code == 5
    assert "deepface:Facenet512" in result.stderr


def test_listing_loads_nothing_heavy():
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom facesearch.cli.app import app\n"
        "assert CliRunner().invoke(app, ['models', '--json']).exit_code == 0\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
