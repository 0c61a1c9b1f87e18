"""What the graph builder writes differently computes what the plain operators compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facesearch.models.graph import GraphBuilder
from facesearch.models.onnx import Device, Runtime

SLOPES = {
    "between 0 and 1": [0.0, 0.25, 0.5, 0.9, 1.0],
    "negative": [-0.1, -1.0, -0.7, -2.5, -0.01],
    "above 1": [1.1, 2.0, 1.5, 30.0, 1.01],
    "mixed": [-0.5, 0.0, 0.3, 1.0, 1.7],
    "all zero": [0.0, 0.0, 0.0, 0.0, 0.0],
}
POOLS: dict[str, dict[str, Any]] = {
    "2x2": {"kernel_shape": [2, 2], "strides": [2, 2]},
    "2x2 filled up": {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
    "3x3 overlapping": {"kernel_shape": [3, 3], "strides": [2, 2]},
    "3x3 filled up": {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
}


def run(build: Callable[[GraphBuilder, str], str], pictures: np.ndarray) -> np.ndarray:
    """The output of a graph whose input are pictures, in float32 planes."""
    graph = GraphBuilder("test")
    output = build(graph, graph.pictures("pictures"))
    model = graph.finish(
        "pictures", ["n", "h", "w", 3], {"out": (output, ["n", "channels", "rows", "columns"])}
    )
    return Runtime.on(Device.CPU).load("test", model).run(pictures)[0]


def weights_for(channels: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A 3x3 convolution of pictures whose outputs are about as often below 0 as above."""
    rng = np.random.default_rng(seed)
    kernel = rng.normal(0, 0.02, (channels, 3, 3, 3)).astype(np.float32)
    kernel -= kernel.mean(axis=(1, 2, 3), keepdims=True)
    return kernel, rng.normal(0, 0.2, channels).astype(np.float32)


def plain(slopes: np.ndarray, pool: dict[str, Any] | None = None) -> Callable[..., str]:
    """Convolution, `PRelu` and `MaxPool` as ONNX has them, nothing filled up."""
    kernel, bias = weights_for(len(slopes))

    def build(graph: GraphBuilder, x: str) -> str:
        x = graph.conv(x, kernel, bias, fill=False)
        x = graph.node("PRelu", [x, graph.constant(slopes.reshape(-1, 1, 1))])
        return x if pool is None else graph.node("MaxPool", [x], **pool)

    return build


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal up to rounding, and nothing in the channels that fill up a block."""
    channels = expected.shape[1]
    assert found.shape[1] % 16 == 0
    assert found.shape[2:] == expected.shape[2:]
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found[:, :channels], expected, atol=2e-6 * max(scale, 1))
    assert not found[:, channels:].any()


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 19, 22, 3), dtype=np.uint8)


def test_pictures_become_planes(noise: np.ndarray):
    planes = run(lambda graph, x: x, noise)
    assert planes.dtype == np.float32
    np.testing.assert_array_equal(planes, noise.transpose(0, 3, 1, 2))


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 0), (1, 1), (2, 1)])
@pytest.mark.parametrize("channels", [1, 15, 16, 17])
def test_convolution_is_that_of_its_definition(
    noise: np.ndarray, channels: int, stride: int, padding: int
):
    kernel, bias = weights_for(channels)
    found = run(lambda graph, x: graph.conv(x, kernel, bias, stride=stride, padding=padding), noise)
    framed = np.pad(
        noise.transpose(0, 3, 1, 2).astype(np.float64),
        [(0, 0), (0, 0), (padding, padding), (padding, padding)],
    )
    windows = np.lib.stride_tricks.sliding_window_view(framed, (3, 3), axis=(2, 3))
    expected = np.einsum("ncyxij,ocij->noyx", windows[:, :, ::stride, ::stride], kernel)
    assert_same(found, (expected + bias[:, None, None]).astype(np.float32))


def test_convolutions_follow_each_other_through_filled_channels(noise: np.ndarray):
    first, second = weights_for(10), np.random.default_rng(2).normal(0, 0.3, (7, 10, 1, 1))
    zeros = np.zeros(7, np.float32)

    def build(graph: GraphBuilder, x: str, fill: bool) -> str:
        x = graph.conv(x, *first)
        return graph.conv(x, second.astype(np.float32), zeros, fill=fill)

    outputs = run(lambda graph, x: build(graph, x, False), noise)
    assert outputs.shape[1] == 7
    assert_same(run(lambda graph, x: build(graph, x, True), noise), outputs)
    ten = run(lambda graph, x: graph.conv(x, *first, fill=False), noise)
    np.testing.assert_allclose(
        outputs, np.einsum("ncyx,oc->noyx", ten, second[:, :, 0, 0]), atol=1e-4
    )


@pytest.mark.parametrize("kind", SLOPES)
@pytest.mark.parametrize("channels", [5, 16, 21])
def test_prelu_is_the_operator_of_that_name(noise: np.ndarray, kind: str, channels: int):
    slopes = np.resize(np.array(SLOPES[kind], np.float32), channels)
    kernel, bias = weights_for(channels)
    found = run(lambda graph, x: graph.prelu(graph.conv(x, kernel, bias), slopes), noise)
    expected = run(plain(slopes), noise)
    assert (expected < 0).any() or kind in ("negative", "all zero")
    assert_same(found, expected)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("kind", SLOPES)
@pytest.mark.parametrize("channels", [5, 10, 16, 28])
def test_pooling_before_rectifying_changes_nothing(
    noise: np.ndarray, channels: int, kind: str, pool: str
):
    """With room for falling channels in the last block (5, 10, 28) and without (16)."""
    slopes = np.resize(np.array(SLOPES[kind], np.float32), channels)
    kernel, bias = weights_for(channels)
    found = run(
        lambda graph, x: graph.conv_prelu_pool(x, kernel, bias, slopes, **POOLS[pool]), noise
    )
    assert_same(found, run(plain(slopes, POOLS[pool]), noise))


@pytest.mark.parametrize("falling", range(8))
def test_falling_channels_may_overflow_the_block(noise: np.ndarray, falling: int):
    """Ten channels and six falling ones fill a block; the seventh needs another way."""
    slopes = np.array([-0.5] * falling + [0.5] * (10 - falling), np.float32)
    kernel, bias = weights_for(10)
    pool = POOLS["3x3 filled up"]
    found = run(lambda graph, x: graph.conv_prelu_pool(x, kernel, bias, slopes, **pool), noise)
    assert_same(found, run(plain(slopes, pool), noise))


@settings(max_examples=25, deadline=None)
@given(
    slopes=st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=34),
    pool=st.sampled_from(sorted(POOLS)),
    seed=st.integers(0, 2**20),
)
def test_any_slopes(slopes: list[float], pool: str, seed: int):
    values = np.array(slopes, np.float32)
    pictures = np.random.default_rng(seed).integers(0, 256, (1, 13, 12, 3), dtype=np.uint8)
    kernel, bias = weights_for(len(slopes))
    found = run(
        lambda graph, x: graph.conv_prelu_pool(x, kernel, bias, values, **POOLS[pool]), pictures
    )
    assert_same(found, run(plain(values, POOLS[pool]), pictures))
