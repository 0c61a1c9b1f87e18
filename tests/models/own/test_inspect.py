"""What ONNX files tell, and files that are refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from own_networks import BYTE, FLOAT, HALF, default_network, saved, tiny

from facesearch.errors import InvalidModelFile
from facesearch.models.own.inspect import OutputFacts, inspect_onnx
from facesearch.models.preprocessing import Layout, Number


def refused(path: Path) -> str:
    with pytest.raises(InvalidModelFile) as caught:
        inspect_onnx("mine", path)
    assert caught.value.model == "mine"
    return str(caught.value)


@pytest.mark.parametrize(
    ("shape", "batch", "size", "layout"),
    [
        ((1, 3, 112, 96), 1, (96, 112), Layout.NCHW),
        (("n", 3, 112, 112), None, (112, 112), Layout.NCHW),
        ((None, 3, "h", "w"), None, (None, None), Layout.NCHW),
        ((8, 160, 160, 3), 8, (160, 160), Layout.NHWC),
        (("n", "h", 160, 3), None, (160, None), Layout.NHWC),
        (("n", "c", "h", "w"), None, (None, None), None),
        ((1, 3, 5, 3), 1, (None, None), None),
    ],
)
def test_size_batch_and_layout(write, shape, batch, size, layout):
    facts = inspect_onnx("mine", write(tiny(shape, output=None)))
    assert facts.batch == batch
    assert (facts.picture.width_px, facts.picture.height_px) == size
    assert facts.picture.layout is layout


@pytest.mark.parametrize(
    ("number", "expected"),
    [(FLOAT, Number.FLOAT32), (HALF, Number.FLOAT16), (BYTE, Number.UINT8)],
)
def test_the_type_of_pixels(write, number, expected):
    facts = inspect_onnx("mine", write(tiny(number=number)))
    assert facts.picture.number is expected


def test_outputs_opset_and_format(write):
    facts = inspect_onnx("mine", write(tiny(output=("n", 512), opset=17)))
    assert facts.outputs == (OutputFacts("embedding", (None, 512)),)
    assert (facts.opset, facts.ir, facts.external) == (17, 8, ())
    facts = inspect_onnx("mine", write(tiny(output=None)))
    assert facts.outputs == (OutputFacts("embedding", None),)


@pytest.mark.parametrize("operator", ["Sub", "Mul", "Div", "Add"])
@pytest.mark.parametrize("first", [None, "Cast", "Transpose", "Identity"])
def test_a_network_that_begins_with_arithmetic_normalises_itself(write, operator, first):
    """As insightface's older exports do: a mean is taken off, then scaled."""
    options = {"Cast": {"to": FLOAT}, "Transpose": {"perm": [0, 1, 3, 2]}}.get(first, {})
    nodes = [] if first is None else [helper.make_node(first, ["pixels"], ["x"], **options)]
    nodes += [
        helper.make_node(operator, ["pixels" if first is None else "x", "number"], ["y"]),
        helper.make_node("GlobalAveragePool", ["y"], ["out"]),
    ]
    constants = {"number": np.array([127.5], np.float32)}
    shapes = {"pixels": ("n", 3, 32, 32)}, {"out": ("n", 3, 1, 1)}
    assert inspect_onnx("mine", write(saved(nodes, *shapes, constants))).picture.normalises


def test_a_network_that_begins_otherwise_does_not(write):
    assert not inspect_onnx("mine", write(tiny())).picture.normalises
    nodes = [
        helper.make_node("Identity", ["pixels"], ["x"]),
        helper.make_node("Add", ["x", "x"], ["y"]),  # not a number that is always the same
        helper.make_node("GlobalAveragePool", ["y"], ["out"]),
    ]
    doubled = saved(nodes, {"pixels": ("n", 3, 32, 32)}, {"out": ("n", 3, 1, 1)})
    assert not inspect_onnx("mine", write(doubled)).picture.normalises


def test_a_real_network_is_told(write, face_network):
    facts = inspect_onnx("mine", write(face_network))
    assert facts.batch == 1
    assert (facts.picture.width_px, facts.picture.height_px) == (150, 150)
    assert not facts.picture.normalises


def test_weights_that_older_files_list_as_inputs_are_none(write):
    model = onnx.load_model_from_string(default_network())
    graph = model.graph
    for tensor in graph.initializer[:2]:
        graph.input.append(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        )
    facts = inspect_onnx("mine", write(model.SerializeToString()))
    assert facts.picture.width_px == 150


def test_files_that_are_no_onnx_file(write, tmp_path):
    whole = tiny()
    assert "is empty: download or export it again" in refused(write(b""))
    for content in (b"a few words", whole[: len(whole) // 2], whole[:3], bytes(100)):
        assert "is no ONNX file, or only part of one" in refused(write(content))
    assert "there is no file" in refused(tmp_path / "nowhere.onnx")
    assert "is a folder" in refused(tmp_path)
    assert "as Keras writes it" in refused(write(b"\x89HDF\r\n\x1a\n"))
    assert "is no ONNX file but a picture" in refused(write(b"\xff\xd8\xff\xe0"))
    assert "torch.onnx.export" in refused(write(b"\x80\x02}q\x00"))
    with zipfile.ZipFile(tmp_path / "network.onnx", "w") as archive:
        archive.writestr("data.pkl", b"")
    assert "PyTorch (.pt, .pth) and Keras (.keras)" in refused(tmp_path / "network.onnx")


def test_a_file_that_may_not_be_read(write, unprivileged, public_folder):
    path = public_folder / "network.onnx"
    path.write_bytes(tiny())
    path.chmod(0)
    with unprivileged():
        assert "cannot read" in refused(path)


def test_two_inputs_and_none(write):
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["x"]),
        helper.make_node("Mul", ["x", "strength"], ["out"]),
    ]
    outputs = {"out": ("n", 3, 1, 1)}
    two = saved(nodes, {"pixels": ("n", 3, 32, 32), "strength": (1,)}, outputs)
    assert "takes 2 inputs (pixels, strength)" in refused(write(two))
    none = saved([helper.make_node("Identity", ["c"], ["out"])], {}, outputs, {"c": np.zeros(1)})
    assert "takes no input" in refused(write(none))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 512), "an input of shape (1, 512), which is no picture"),
        ((1, 16, 3, 112, 112), "(1, 16, 3, 112, 112)"),
        (None, "of no stated shape"),
    ],
)
def test_an_input_that_is_no_picture(write, shape, words):
    node = helper.make_node("Identity", ["pixels"], ["out"])
    assert words in refused(write(saved([node], {"pixels": shape}, {"out": shape})))


@pytest.mark.parametrize(
    ("shape", "channels"), [((1, 1, 112, 112), 1), ((1, 4, 112, 112), 4), ((1, 100, 100, 1), 1)]
)
def test_pictures_that_are_not_of_three_colours(write, shape, channels):
    message = refused(write(tiny(shape, output=None)))
    assert f"with {channels} channels" in message
    assert "export it for colour pictures" in message


@pytest.mark.parametrize("number", [TensorProto.DOUBLE, TensorProto.INT8, TensorProto.BFLOAT16])
def test_pixels_of_a_type_that_is_not_given(write, number):
    message = refused(write(tiny(number=number)))
    assert f"takes pixels as {TensorProto.DataType.Name(number).lower()}" in message
    assert "float32, float16 or uint8" in message


def with_external_weights(path: Path) -> None:
    model = onnx.load_model_from_string(default_network())
    onnx.save_model(
        model, str(path), save_as_external_data=True, location="weights.bin", size_threshold=1024
    )


def test_weights_in_another_file(tmp_path):
    path = tmp_path / "network.onnx"
    with_external_weights(path)
    assert inspect_onnx("mine", path).external == ("weights.bin",)
    (tmp_path / "weights.bin").unlink()
    message = refused(path)
    assert "lie in another file, weights.bin, which is not there" in message
    assert "put it beside the model file" in message
