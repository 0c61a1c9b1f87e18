"""dlib's stream of layers: the real file, and whatever else a file may hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facesearch.models import dlib_resnet
from facesearch.models.dlib_format import DlibLayer, FormatError, read_layers

KINDS = ("con_4", "affine_", "fc_2")


def integer(value: int) -> bytes:
    size = max(1, (abs(value).bit_length() + 7) // 8)
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


def encoded(layers: list[DlibLayer], filler: bytes = b"\x01\x05junk_") -> bytes:
    """A stream as dlib writes it, with other matter between the layers."""
    stream = b"\x01\x01" + filler
    for layer in layers:
        stream += integer(len(layer.kind)) + layer.kind.encode()
        if layer.kind == "fc_2":
            stream += integer(128) + integer(1)
        stream += integer(2) + b"".join(map(integer, (layer.parameters.size, 1, 1, 1)))
        stream += layer.parameters.astype("<f4").tobytes() + filler
    return stream


LAYERS = st.lists(
    st.builds(
        DlibLayer,
        st.sampled_from(KINDS),
        st.lists(st.floats(width=32), min_size=1, max_size=300).map(
            lambda numbers: np.array(numbers, np.float32)
        ),
    ),
    max_size=5,
)


@pytest.fixture(scope="module")
def real() -> bytes:
    return dlib_resnet.WEIGHTS.read("dlib-resnet34")


def test_the_real_file_has_the_published_architecture(real: bytes):
    """29 convolutions, each with its scale and shift, and one matrix."""
    layers = list(read_layers(real))
    assert [layer.kind for layer in layers] == ["con_4", "affine_"] * 29 + ["fc_2"]
    assert layers[-1].parameters.size == 256 * 128
    stages = [(32, 32)] * 3 + [(32, 64)] + [(64, 64)] * 3 + [(64, 128)] + [(128, 128)] * 2
    stages += [(128, 256)] + [(256, 256)] * 3
    convolutions = [(3, 32, 7)]
    for channels, out in stages:
        convolutions += [(channels, out, 3), (out, out, 3)]
    for (channels, out, width), at in zip(convolutions, range(0, 58, 2), strict=True):
        assert layers[at].parameters.size == out * channels * width**2 + out
        assert layers[at + 1].parameters.size == 2 * out
    for layer in layers:
        assert layer.parameters.dtype == np.float32
        assert layer.parameters.ndim == 1
        assert np.isfinite(layer.parameters).all()


@given(layers=LAYERS)
def test_a_stream_is_read_as_it_was_written(layers: list[DlibLayer]):
    found = list(read_layers(encoded(layers)))
    assert [layer.kind for layer in found] == [layer.kind for layer in layers]
    for read, written in zip(found, layers, strict=True):
        np.testing.assert_array_equal(read.parameters, written.parameters)


def assert_no_other_error(data: bytes) -> int:
    """How many layers were read, whether or not the stream was found wrong afterwards."""
    count = 0
    try:
        for layer in read_layers(data):
            assert layer.kind in KINDS
            count += 1
    except FormatError:
        pass
    return count


@given(layers=LAYERS, data=st.data())
def test_a_cut_stream_gives_the_first_layers_or_a_format_error(layers: list[DlibLayer], data):
    stream = encoded(layers)
    end = data.draw(st.integers(0, len(stream)))
    assert assert_no_other_error(stream[:end]) <= len(layers)


@given(layers=LAYERS, data=st.data())
def test_a_garbled_stream_raises_nothing_but_format_errors(layers: list[DlibLayer], data):
    stream = bytearray(encoded(layers))
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(stream) - 1), st.integers(0, 255)), max_size=6)
    ):
        stream[at] = value
    assert_no_other_error(bytes(stream))


@given(before=st.binary(max_size=20), kind=st.sampled_from(KINDS), after=st.binary(max_size=60))
def test_noise_after_a_name_raises_nothing_but_format_errors(
    before: bytes, kind: str, after: bytes
):
    assert_no_other_error(before + integer(len(kind)) + kind.encode() + after)


@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(data=st.data())
def test_a_cut_real_file_raises_nothing_but_format_errors(real: bytes, data):
    end = data.draw(st.integers(0, 400_000))
    assert assert_no_other_error(real[:end]) < 59


@pytest.mark.parametrize(
    ("extents", "complaint"),
    [
        ((10**6, 10**6, 1, 1), "exceeds the file"),
        ((-3, 1, 1, 1), "tensor"),
        ((-3, -3, 1, 1), "tensor"),
        ((255, 1, 1, 1), "exceeds the file"),
    ],
)
def test_absurd_sizes_are_format_errors(extents: tuple[int, ...], complaint: str):
    stream = integer(5) + b"con_4" + integer(2) + b"".join(map(integer, extents)) + bytes(36)
    with pytest.raises(FormatError, match=complaint):
        list(read_layers(stream))


def test_another_tensor_version_is_named():
    with pytest.raises(FormatError, match="version 3"):
        list(read_layers(integer(5) + b"con_4" + integer(3) + bytes(40)))
