"""ONNX files as they are stored: one file, any number of faces where that is safe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from own_networks import default_network, saved, tiny

from facesearch.errors import InvalidModelFile
from facesearch.models.onnx import Device, Network, Runtime
from facesearch.models.onnx_embedder import OnnxEmbedder
from facesearch.models.own.inspect import OnnxFacts, inspect_onnx
from facesearch.models.own.onnx_files import check_runs, one_file, with_free_batch
from facesearch.models.preprocessing import Preprocessing
from facesearch.models.templates import TemplateFamily, template

CHIPS = np.random.default_rng(5).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)


def load(content: bytes) -> OnnxEmbedder:
    return OnnxEmbedder(
        Runtime.on(Device.CPU),
        content,
        name="mine",
        preprocessing=Preprocessing(width_px=32, height_px=32),
        template=template(TemplateFamily.ARCFACE, 32),
        space="mine@1",
        dimension=None,
    )


def facts_of(path: Path) -> OnnxFacts:
    return inspect_onnx("mine", path)


def network(content: bytes) -> Network:
    return Runtime.on(Device.CPU).load("mine", content)


def test_a_file_of_its_own_is_stored_as_it_is(write):
    path = write(tiny())
    assert one_file("mine", path, facts_of(path)) == tiny()


@pytest.fixture
def in_two_files(tmp_path: Path) -> Path:
    model = onnx.load_model_from_string(default_network())
    path = tmp_path / "network.onnx"
    onnx.save_model(
        model, str(path), save_as_external_data=True, location="weights.bin", size_threshold=1024
    )
    return path


def test_weights_in_another_file_come_inside(in_two_files: Path):
    facts = facts_of(in_two_files)
    content = one_file("mine", in_two_files, facts)
    assert content == one_file("mine", in_two_files, facts)
    assert len(in_two_files.read_bytes()) < 100_000 < len(content)
    picture = np.random.default_rng(0).normal(0, 1, (1, 3, 150, 150)).astype(np.float32)
    (found,) = network(content).run(picture)
    (expected,) = network(default_network()).run(picture)
    np.testing.assert_array_equal(found, expected)


def test_weights_in_another_file_that_is_cut_off(in_two_files: Path):
    weights = in_two_files.with_name("weights.bin")
    weights.write_bytes(weights.read_bytes()[:5000])
    facts = facts_of(in_two_files)
    with pytest.raises(InvalidModelFile, match=r"lie in weights\.bin, which cannot be read"):
        one_file("mine", in_two_files, facts)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_batch_that_is_only_stated_is_let_go(batch: int):
    given = tiny((batch, 3, 32, 32), output=(batch, 3))
    free = with_free_batch(given, load, CHIPS)
    assert network(given).fixed_batch == batch
    assert network(free).fixed_batch is None
    np.testing.assert_allclose(load(free).describe(CHIPS), load(given).describe(CHIPS), rtol=1e-6)
    assert free == with_free_batch(given, load, CHIPS)


def pooled(*after: object, constants: dict[str, np.ndarray]) -> bytes:
    nodes = [helper.make_node("GlobalAveragePool", ["pixels"], ["means"]), *after]
    return saved(nodes, {"pixels": (1, 3, 32, 32)}, {"out": (1, 3)}, constants)


def test_a_batch_that_is_inside_the_network_stays():
    """As in an export that reshapes to one row: more faces fail, or come out as one."""
    for shape in ([1, 3], [1, -1]):
        node = helper.make_node("Reshape", ["means", "shape"], ["out"])
        given = pooled(node, constants={"shape": np.array(shape, np.int64)})
        assert with_free_batch(given, load, CHIPS) == given
        assert load(given).describe(CHIPS).shape == (5, 3)


def test_a_network_that_mixes_the_faces_of_a_batch_stays():
    """It runs with any number, and says something else then."""
    nodes = [
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("ReduceMax", ["flat"], ["largest"], axes=[0], keepdims=1),
        helper.make_node("Div", ["flat", "largest"], ["out"]),
    ]
    given = pooled(*nodes, constants={})
    assert with_free_batch(given, load, CHIPS) == given


def test_operators_newer_than_onnx_runtime_are_told(write):
    for change in ("opset", "ir"):
        model = onnx.load_model_from_string(tiny())
        if change == "opset":
            model.opset_import[0].version = 9999
        else:
            model.ir_version = 9999
        path = write(model.SerializeToString())
        with pytest.raises(InvalidModelFile) as caught:
            check_runs("mine", path, facts_of(path), path.read_bytes())
        assert "newer than ONNX Runtime" in str(caught.value)
        assert "pip install --upgrade onnxruntime" in str(caught.value)


def test_other_things_that_do_not_load_are_told(write):
    model = onnx.load_model_from_string(tiny())
    model.graph.node[0].op_type = "FoldProteins"
    path = write(model.SerializeToString())
    with pytest.raises(InvalidModelFile, match=r"ONNX Runtime cannot run network\.onnx: .*Fold"):
        check_runs("mine", path, facts_of(path), path.read_bytes())
    check_runs("mine", path, facts_of(write(tiny())), tiny())
