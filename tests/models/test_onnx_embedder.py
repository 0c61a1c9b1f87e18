"""Embedders from ONNX files: what goes in, what comes out, and files of every kind."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from onnx import helper
from own_networks import BYTE, FLOAT, HALF, default_network, saved, tiny

from facesearch.errors import InvalidValue, ModelError
from facesearch.models.chip_embedder import unit_rows
from facesearch.models.dlib_resnet import DlibResNet
from facesearch.models.onnx import Runtime
from facesearch.models.onnx_embedder import OnnxEmbedder
from facesearch.models.preprocessing import Number, Preprocessing
from facesearch.models.templates import TemplateFamily, template
from facesearch.values import Image, Landmarks

TRAINED = {"mean": (127.5,) * 3, "scale": (1 / 127.5,) * 3}


def embedder(
    runtime: Runtime,
    model: bytes,
    *,
    side: int = 32,
    dimension: int | None = None,
    output: str | None = None,
    **fed: object,
) -> OnnxEmbedder:
    return OnnxEmbedder(
        runtime,
        model,
        name="own",
        preprocessing=Preprocessing(width_px=side, height_px=side, **fed),
        template=template(TemplateFamily.ARCFACE, side),
        space="own@1",
        dimension=dimension,
        output=output,
    )


def coloured(*colours: tuple[int, int, int], side: int = 32) -> np.ndarray:
    """Chips of one colour each: (n, 1, side, side, 3)."""
    chips = np.empty((len(colours), 1, side, side, 3), np.uint8)
    chips[:] = np.array(colours, np.uint8).reshape(-1, 1, 1, 1, 3)
    return chips


COLOURS = [(200, 10, 10), (10, 200, 10), (10, 10, 200), (90, 80, 70), (255, 255, 255)]


def units(colours: list[tuple[int, int, int]]) -> np.ndarray:
    values = np.array(colours, float)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


@pytest.mark.parametrize("batch", ["n", 1, 2, 4, 5, 7])
def test_any_number_of_faces_whatever_batch_the_file_states(runtime: Runtime, batch: int | str):
    own = embedder(runtime, tiny((batch, 3, 32, 32), output=(batch, 3)))
    assert (own.dimension, own.views) == (3, 1)
    for count in (1, 2, 5):
        found = own.embed(coloured(*COLOURS[:count]))
        np.testing.assert_allclose(found, units(COLOURS[:count]), atol=1e-6)
        assert found.dtype == np.float32
    assert own.embed(coloured()).shape == (0, 3)


@pytest.mark.parametrize(
    ("number", "kind", "output"),
    [(FLOAT, Number.FLOAT32, FLOAT), (HALF, Number.FLOAT16, HALF), (BYTE, Number.UINT8, FLOAT)],
)
def test_pixels_of_every_type(runtime: Runtime, number: int, kind: Number, output: int):
    own = embedder(runtime, tiny(number=number, output_number=output), number=kind)
    found = own.embed(coloured(*COLOURS))
    np.testing.assert_allclose(found, units(COLOURS), atol=2e-3 if number == HALF else 1e-6)
    assert found.dtype == np.float32


def test_a_vector_may_have_further_dimensions_of_one(runtime: Runtime):
    node = helper.make_node("GlobalAveragePool", ["pixels"], ["out"])
    model = saved([node], {"pixels": ("n", 3, 32, 32)}, {"out": ("n", 3, 1, 1)})
    found = embedder(runtime, model).embed(coloured(*COLOURS))
    np.testing.assert_allclose(found, units(COLOURS), atol=1e-6)


def test_an_output_of_several_is_taken_by_name(runtime: Runtime):
    nodes = [
        helper.make_node("GlobalMaxPool", ["pixels"], ["other"]),
        helper.make_node("GlobalAveragePool", ["pixels"], ["mean"]),
    ]
    shapes = {"other": ("n", 3, 1, 1), "mean": ("n", 3, 1, 1)}
    model = saved(nodes, {"pixels": ("n", 3, 32, 32)}, shapes)
    found = embedder(runtime, model, output="mean").embed(coloured(*COLOURS))
    np.testing.assert_allclose(found, units(COLOURS), atol=1e-6)
    with pytest.raises(ModelError, match="one vector for each of 1 faces"):
        embedder(runtime, model)


def test_the_default_network_as_a_file_says_what_it_says_at_home(
    runtime: Runtime, embedder_chips: np.ndarray
):
    """dlib's network brought along as an ONNX file that takes (pixel - 127.5) / 127.5."""
    brought = OnnxEmbedder(
        runtime,
        default_network(batch=1),
        name="brought",
        preprocessing=Preprocessing(width_px=150, height_px=150, **TRAINED),
        template=template(TemplateFamily.DLIB),
        space="brought@1",
        dimension=128,
    )
    at_home = DlibResNet(runtime).describe(embedder_chips)
    np.testing.assert_allclose(brought.describe(embedder_chips), at_home, atol=2e-5)
    lengths = np.linalg.norm(at_home, axis=1, keepdims=True)
    np.testing.assert_allclose(brought.embed(embedder_chips[:, None]), at_home / lengths, atol=2e-5)


@pytest.fixture(scope="module")
def embedder_chips(chips: dict[str, np.ndarray]) -> np.ndarray:
    return np.stack([chip for chip in chips.values() if chip.shape == (150, 150, 3)][:4])


def test_faces_are_cut_by_the_template(runtime: Runtime):
    own = embedder(runtime, tiny())
    pixels = np.random.default_rng(0).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    landmarks = Landmarks(own.template.points * 1.5 + 10)
    chip = own.cut(Image.of(pixels), landmarks)
    assert chip.shape == (1, 32, 32, 3)
    np.testing.assert_array_equal(chip[0], own.template.cut(Image.of(pixels), landmarks))


def with_rows(runtime: Runtime, factor: float) -> OnnxEmbedder:
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Mul", ["flat", "factor"], ["out"]),
    ]
    constants = {"factor": np.array([factor], np.float32)}
    model = saved(nodes, {"pixels": ("n", 3, 32, 32)}, {"out": ("n", 3)}, constants)
    return embedder(runtime, model)


@pytest.mark.parametrize(
    ("factor", "what"), [(np.nan, "not finite"), (np.inf, "not finite"), (0.0, "says nothing")]
)
def test_vectors_without_a_direction_are_a_model_error(runtime: Runtime, factor: float, what: str):
    with pytest.raises(ModelError, match=rf"own .*{what} (for|of) 2 of 2 faces") as caught:
        with_rows(runtime, factor).embed(coloured(*COLOURS[:2]))
    assert caught.value.model == "own"


def test_unit_rows_of_very_long_and_very_short_vectors():
    found = unit_rows("own", np.array([[3e30, 4e30], [3e-30, 4e-30]], np.float32))
    np.testing.assert_allclose(found, [[0.6, 0.8]] * 2, rtol=1e-6)
    with pytest.raises(ModelError, match="for 1 of 3 faces"):
        unit_rows("own", np.array([[1, 0], [np.nan, 1], [0, 1]], np.float32))


@pytest.mark.parametrize(
    "chips",
    [
        np.zeros((2, 32, 32, 3), np.uint8),
        np.zeros((2, 2, 32, 32, 3), np.uint8),
        np.zeros((2, 1, 32, 31, 3), np.uint8),
    ],
)
def test_chips_of_another_shape_are_refused(runtime: Runtime, chips: np.ndarray):
    with pytest.raises(ModelError, match=r"takes chips of shape \(n, 1, 32, 32, 3\)"):
        embedder(runtime, tiny()).embed(chips)


def test_chips_of_another_type_are_refused(runtime: Runtime):
    with pytest.raises(InvalidValue, match="expected uint8 chips"):
        embedder(runtime, tiny()).embed(np.zeros((1, 1, 32, 32, 3), np.float32))


def test_another_dimension_than_when_it_was_added_is_an_error(runtime: Runtime):
    with pytest.raises(ModelError, match="gives 3 numbers a face, not 512"):
        embedder(runtime, tiny(), dimension=512).embed(coloured(*COLOURS))


def test_a_template_of_another_size_is_an_error(runtime: Runtime):
    with pytest.raises(ModelError, match="takes chips of 32 px, and the template arcface-112"):
        OnnxEmbedder(
            runtime,
            tiny(),
            name="own",
            preprocessing=Preprocessing(width_px=32, height_px=32),
            template=template(TemplateFamily.ARCFACE),
            space="own@1",
            dimension=3,
        )


def test_a_file_that_is_no_network_is_a_model_error(runtime: Runtime):
    with pytest.raises(ModelError, match="cannot load own"):
        embedder(runtime, b"nothing")


def test_an_input_of_another_size_than_stated_is_a_model_error(runtime: Runtime):
    with pytest.raises(ModelError, match="running own failed"):
        embedder(runtime, tiny((1, 3, 48, 48)), dimension=3).embed(coloured(*COLOURS))


def test_several_threads_get_the_same_answers(runtime: Runtime):
    own = embedder(runtime, tiny((2, 3, 32, 32), output=(2, 3)))
    found: dict[int, np.ndarray] = {}

    def work(number: int) -> None:
        found[number] = np.stack([own.embed(coloured(*COLOURS)) for _ in range(20)])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        np.testing.assert_allclose(found[number], [units(COLOURS)] * 20, atol=1e-6)
