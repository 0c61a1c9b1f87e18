"""Adding models from files, and using them as any other."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from own_networks import BYTE, HALF, default_network, portrait_finder, square_finder, tiny

from facesearch.errors import InvalidModelFile, ModelError
from facesearch.models.base import DetectorOptions
from facesearch.models.catalogue import detector_spec, embedder_of_space, embedder_spec
from facesearch.models.dlib_resnet import DlibResNet
from facesearch.models.heads import Head
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.onnx import Runtime
from facesearch.models.own.adding import add_detector, add_embedder, parse_number
from facesearch.models.own.model import Detects, Embeds, OwnKind
from facesearch.models.own.records import own_models
from facesearch.models.preprocessing import Channels
from facesearch.models.samples import Sample, sample
from facesearch.models.sanity import DetectorReport, EmbedderReport
from facesearch.models.templates import TemplateFamily

TRAINED = {"mean": parse_number("127.5"), "scale": parse_number("1/127.5")}
DLIB = TemplateFamily.DLIB


def test_an_embedder_is_added_and_used(write, face_network, runtime: Runtime, embedder: DlibResNet):
    """dlib's network from somebody's file, beside the same network of ours."""
    path = write(face_network)
    added = add_embedder("my-dlib", path, template=DLIB, licence="CC0-1.0", **TRAINED)
    assert (added.name, added.kind) == ("my-dlib", OwnKind.EMBEDDER)
    assert isinstance(added.report, EmbedderReport)
    assert added.report.problem is None
    assert added.model.given_sha256 == hashlib.sha256(face_network).hexdigest()
    path.unlink()  # what was added is a copy

    spec = embedder_spec("my-dlib")
    assert (spec.dimension, spec.input_px, spec.licence) == (128, (150, 150), "CC0-1.0")
    assert spec.max_distance is None
    assert embedder_of_space(spec.space).name == "my-dlib"
    mine = spec.load(runtime)
    assert (mine.space, mine.dimension, mine.template.name) == (spec.space, 128, "dlib-150")
    chips = np.random.default_rng(1).integers(0, 256, (3, 1, 150, 150, 3), dtype=np.uint8)
    ours = embedder.describe(chips[:, 0])
    ours /= np.linalg.norm(ours, axis=1, keepdims=True)
    np.testing.assert_allclose(mine.embed(chips), ours, atol=2e-5)


def test_a_fixed_batch_is_let_go_where_that_is_safe(write, face_network):
    added = add_embedder("mine", write(face_network), template=DLIB, **TRAINED)
    stored = onnx.load_model_from_string(added.model.checked_bytes())
    assert stored.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    assert added.model.sha256 != added.model.given_sha256
    again = add_embedder("mine", write(face_network), template=DLIB, replace=True, **TRAINED)
    assert again.model.sha256 == added.model.sha256


def test_what_was_found_is_described(write, face_network):
    added = add_embedder("mine", write(face_network), template=DLIB, **TRAINED)
    described = dict(added.described())
    assert described["Input"] == "150 x 150 px, rgb, float32"
    assert described["Dimension"] == "128"
    assert described["Space"] == embedder_spec("mine").space
    assert described["Speed here"].endswith(" ms a face")
    assert "Problem" not in described


@pytest.mark.parametrize("number", [HALF, BYTE])
def test_float16_and_bytes(write, number: int):
    bytes_in = number == BYTE
    network = default_network(
        number=number, **({"mean": 0, "scale": 1} if bytes_in else {}), side="s"
    )
    said = {} if bytes_in else TRAINED
    added = add_embedder("mine", write(network), template=DLIB, input_px=150, **said)
    assert added.report.problem is None
    assert added.model.sha256 == added.model.given_sha256


def test_weights_in_another_file_are_stored_inside(tmp_path: Path, runtime: Runtime):
    path = tmp_path / "network.onnx"
    onnx.save_model(
        onnx.load_model_from_string(default_network()),
        str(path),
        save_as_external_data=True,
        location="weights.bin",
    )
    add_embedder("mine", path, template=DLIB, **TRAINED)
    (tmp_path / "weights.bin").unlink()
    assert embedder_spec("mine").load(runtime).dimension == 128


def test_a_file_that_lacks_something_is_asked_about(write, face_network):
    with pytest.raises(InvalidModelFile, match=r"--mean.*--scale"):
        add_embedder("mine", write(face_network), template=DLIB)
    with pytest.raises(InvalidModelFile, match="--input 112"):
        add_embedder("mine", write(tiny(("n", 3, "h", "w"))), template=DLIB, **TRAINED)
    assert own_models() == []


def test_a_network_that_is_not_trained_is_refused_unless_forced(write, models_folder: Path):
    """Mean colours: without colour, everybody is the same to it."""
    path = write(tiny(("n", 3, 112, 112)))
    said = {"template": TemplateFamily.ARCFACE, "mean": 0.0, "scale": 1 / 255}
    with pytest.raises(InvalidModelFile, match=r"was not added: copies of one photo .*--force"):
        add_embedder("mine", path, **said, channels=Channels.BGR)
    assert not (models_folder / "own").exists()
    added = add_embedder("mine", path, **said, force=True)
    assert "Problem" in dict(added.described())
    assert own_models() == [added.model]


def test_a_network_that_cannot_serve_is_refused_even_if_forced(write):
    path = write(tiny(("n", 3, 112, 112)))
    with pytest.raises(InvalidModelFile, match="was not added: mine gives numbers that are not"):
        add_embedder(
            "mine", path, template=TemplateFamily.ARCFACE, mean=0.0, scale=1e36, force=True
        )
    assert own_models() == []


def test_a_name_that_is_taken_is_told_before_anything_is_read(tmp_path: Path):
    with pytest.raises(ModelError, match="is the name of a model of the catalogue"):
        add_embedder("mtcnn", tmp_path / "nowhere.onnx", template=DLIB)
    with pytest.raises(ModelError, match="is the name of a model of the catalogue"):
        add_detector("mtcnn", tmp_path / "nowhere.onnx", head=Head.SCRFD)


def test_a_detector_is_added_and_used(write, face_finder, runtime: Runtime, detector: Mtcnn):
    added = add_detector("my-finder", write(face_finder), head=Head.RETINAFACE, licence="MIT")
    assert (added.kind, added.model.use) == (OwnKind.DETECTOR, Detects(Head.RETINAFACE))
    assert isinstance(added.report, DetectorReport)
    assert added.report.faces == (1, 1, 0)
    described = dict(added.described())
    assert described["Output decoding"] == "retinaface"
    assert described["Faces found"] == "1 and 1 in two portraits"

    spec, options = detector_spec("my-finder"), DetectorOptions(smallest_face_px=25)
    mine = spec.load(runtime, options)
    assert mine.key == spec.key(options)
    assert mine.key != spec.key(DetectorOptions())
    for person in Sample:
        ((face,),), ((expected,),) = (
            mine.detect([sample(person)]),
            detector.detect([sample(person)]),
        )
        assert face.box.iou(expected.box) > 0.99
        np.testing.assert_allclose(face.landmarks.points, expected.landmarks.points, atol=0.1)


def test_a_detector_of_open_size_takes_the_family_s(write, portraits_remembered):
    content = portrait_finder(portraits_remembered, side="side")
    added = add_detector("mine", write(content), head=Head.RETINAFACE)
    assert added.model.preprocessing.width_px == 640


def test_a_detector_with_another_decoding_is_refused(write, face_finder):
    with pytest.raises(InvalidModelFile, match="those of retinaface: add it with --detector"):
        add_detector("mine", write(face_finder), head=Head.SCRFD)


def test_a_detector_that_finds_the_wrong_faces_is_refused_unless_forced(write):
    path = write(square_finder(Head.YUNET))
    with pytest.raises(InvalidModelFile, match=r"was not added: it finds .*--force"):
        add_detector("mine", path, head=Head.YUNET)
    added = add_detector("mine", path, head=Head.YUNET, force=True)
    assert "Problem" in dict(added.described())
    assert own_models() == [added.model]


def test_embedders_and_detectors_given_as_each_other(write, face_network, face_finder):
    with pytest.raises(InvalidModelFile, match=r"one output, \(1, 128\), as embedders have it"):
        add_detector("mine", write(face_network), head=Head.RETINAFACE)
    with pytest.raises(InvalidModelFile, match=r"those of a detector \(retinaface\)"):
        add_embedder("mine", write(face_finder), template=DLIB, **TRAINED)
    assert own_models() == []


def test_a_keras_network_is_no_detector(write):
    with pytest.raises(InvalidModelFile, match="detectors are added as ONNX files"):
        add_detector("mine", write(b"", "network.keras"), head=Head.SCRFD)


def test_one_name_one_model(write, face_network, face_finder):
    add_embedder("mine", write(face_network), template=DLIB, **TRAINED)
    with pytest.raises(ModelError, match="there is a model 'mine' already"):
        add_detector("mine", write(face_finder), head=Head.RETINAFACE)
    add_detector("mine", write(face_finder), head=Head.RETINAFACE, replace=True)
    (model,) = own_models()
    assert not isinstance(model.use, Embeds)
