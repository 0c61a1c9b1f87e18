"""Damaged files: reported as such, or whole; never a picture with a part missing."""

from __future__ import annotations

import io
import random
from collections.abc import Callable

import numpy as np
import PIL.Image as pillow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facesearch.errors import PhotoUnreadable, UnreadableReason
from facesearch.photos import jpeg_check
from facesearch.photos.decode import DecodeLimits, open_photo
from facesearch.photos.jpeg import parse_header
from facesearch.values import ByteArray, Image

Encode = Callable[..., bytes]
LIMITS = DecodeLimits(max_pixels=1_000_000)  # a flipped byte in a header asks for a lot

SAMPLES: dict[str, tuple[str, str, dict[str, object]]] = {
    "JPEG": ("JPEG", "RGB", {}),
    "JPEG progressive": ("JPEG", "RGB", {"progressive": True}),
    "JPEG restart": ("JPEG", "RGB", {"restart_marker_blocks": 2}),
    "JPEG grey": ("JPEG", "L", {}),
    "JPEG CMYK": ("JPEG", "CMYK", {}),
    "PNG": ("PNG", "RGB", {}),
    "PNG palette": ("PNG", "P", {}),
    "WebP": ("WebP", "RGB", {}),
    "WebP lossless": ("WebP", "RGB", {"lossless": True}),
    "GIF": ("GIF", "P", {}),
    "TIFF": ("TIFF", "RGB", {}),
    "TIFF LZW": ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    "TIFF JPEG": ("TIFF", "RGB", {"compression": "jpeg"}),
    "BMP": ("BMP", "RGB", {}),
    "BMP palette": ("BMP", "P", {}),
    "HEIF": ("HEIF", "RGB", {}),
    "AVIF": ("AVIF", "RGB", {}),
}

# Pillow warns of broken TIFF directories before it gives up.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="session")
def samples(portrait: ByteArray, encode: Encode) -> dict[str, bytes]:
    picture = pillow.fromarray(portrait)
    return {
        name: encode(picture.convert(mode), kind, **options)
        for name, (kind, mode, options) in SAMPLES.items()
    }


def decoded(data: bytes, min_longer_px: int | None = None) -> Image:
    return open_photo(data, "photo", LIMITS).decode(min_longer_px=min_longer_px)


def damage(data: bytes) -> str:
    with pytest.raises(PhotoUnreadable) as caught:
        decoded(data)
    assert caught.value.reason is UnreadableReason.DAMAGED
    return caught.value.detail


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_cut_off_anywhere_is_damaged_or_whole(samples: dict[str, bytes], name: str) -> None:
    """Whole where only an end marker is lost; then every pixel is as it was."""
    data = samples[name]
    whole = decoded(data).pixels
    lengths = {*range(26, len(data), max(1, len(data) // 60)), *range(len(data) - 24, len(data))}
    reasons = set()
    for length in sorted(lengths):
        try:
            pixels = decoded(data[:length]).pixels
        except PhotoUnreadable as error:
            reasons.add(error.reason)
        else:
            assert len(data) - length <= 12
            np.testing.assert_array_equal(pixels, whole)
    assert reasons == {UnreadableReason.DAMAGED}


@pytest.mark.parametrize("name", SAMPLES)
def test_bytes_behind_the_picture_do_not_matter(samples: dict[str, bytes], name: str) -> None:
    """Phones put films, further pictures and private data there; zeros come from odd disks."""
    whole = decoded(samples[name]).pixels
    for more in (b"\0" * 5000, b"abc", samples["JPEG"], b"\xff\xd8\xff\xe1"):
        if name not in {"HEIF", "AVIF"} or more[:1] == b"\0":  # these are boxes to the very end
            np.testing.assert_array_equal(decoded(samples[name] + more).pixels, whole)


@pytest.mark.parametrize("name", ["JPEG", "JPEG restart", "JPEG grey", "JPEG CMYK"])
def test_a_jpeg_that_merely_lacks_its_end_marker_is_whole(
    samples: dict[str, bytes], name: str
) -> None:
    whole = samples[name]
    np.testing.assert_array_equal(decoded(whole[:-2]).pixels, decoded(whole).pixels)
    assert decoded(whole[:-1], min_longer_px=64).size.longer == 64


@pytest.mark.parametrize("name", ["JPEG", "JPEG restart", "JPEG grey", "JPEG CMYK"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.97])
@pytest.mark.parametrize("min_longer_px", [None, 64, 16])
def test_missing_picture_data_is_noticed_however_it_is_hidden(
    samples: dict[str, bytes], name: str, share: float, min_longer_px: int | None
) -> None:
    """JPEG libraries fill in grey and report success in each of these cases."""
    data = samples[name]
    scan = parse_header(data, "photo").scan
    cut = scan + int((len(data) - scan) * share)
    for broken in (
        data[:cut] + b"\xff\xd9",  # "repaired"
        data[:cut] + bytes(len(data) - cut),  # a download that was given its space and no data
        data[:cut] + bytes(len(data) - cut - 2) + b"\xff\xd9",
        data[:cut] + b"\xff" * (len(data) - cut),
    ):
        with pytest.raises(PhotoUnreadable) as caught:
            decoded(broken, min_longer_px)
        assert caught.value.reason is UnreadableReason.DAMAGED


@pytest.mark.parametrize("name", ["JPEG", "JPEG restart"])
def test_most_holes_in_the_middle_are_noticed(samples: dict[str, bytes], name: str) -> None:
    """Not all: where the decoder happens to be in step again at the end, nobody can tell."""
    data = samples[name]
    scan = parse_header(data, "photo").scan
    size = (len(data) - scan) // 8
    chance = random.Random(5)
    noticed = 0
    for _ in range(60):
        start = chance.randrange(scan, len(data) - size - 200)
        filling = chance.choice([bytes(size), chance.randbytes(size), b""])
        try:
            decoded(data[:start] + filling + data[start + size :])
        except PhotoUnreadable:
            noticed += 1
    assert noticed >= 48


def test_lost_restart_intervals_are_noticed(samples: dict[str, bytes]) -> None:
    data = samples["JPEG restart"]
    header = parse_header(data, "photo")
    assert header.restart_interval == 2
    first = data.index(b"\xff\xd0", header.scan)
    second = data.index(b"\xff\xd1", header.scan)
    assert "restart" in damage(data[:first] + data[second:])


@pytest.mark.parametrize("colour", [(128, 128, 128), (255, 255, 255), (0, 0, 0)])
@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimize": True},
        {"optimize": True, "quality": 5},
        {"subsampling": 0},
        {"restart_marker_blocks": 3},
        {"restart_marker_blocks": 3, "optimize": True},
        {"progressive": True},
    ],
)
def test_flat_pictures_are_not_taken_for_damaged_ones(
    portrait: ByteArray,
    encode: Encode,
    colour: tuple[int, int, int],
    share: float,
    options: dict[str, object],
) -> None:
    """They look like missing data: in just that grey, or coded as long runs of zeros."""
    pixels = np.tile(portrait, (2, 4, 1))
    pixels[int(len(pixels) * (1 - share)) :] = colour
    for picture in (pixels, pillow.fromarray(pixels).convert("L")):
        data = encode(picture, "JPEG", **options)
        expected = np.asarray(pillow.open(io.BytesIO(data)).convert("RGB"))
        np.testing.assert_array_equal(decoded(data).pixels, expected)
        if not options.get("progressive"):
            np.testing.assert_array_equal(decoded(data[:-2]).pixels, expected)


def test_a_sound_photo_is_checked_once_and_never_decoded_twice(
    samples: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the slow check ran")

    monkeypatch.setattr(jpeg_check, "_rendered", never)
    for name in ("JPEG", "JPEG progressive", "JPEG restart", "JPEG grey", "JPEG CMYK"):
        photo = open_photo(samples[name], "photo", LIMITS)
        photo.decode(min_longer_px=32)
        monkeypatch.setattr(jpeg_check, "structural_damage", never)
        photo.decode()
        monkeypatch.undo()
        monkeypatch.setattr(jpeg_check, "_rendered", never)


def test_damaged_png_chunks(samples: dict[str, bytes], portrait: ByteArray) -> None:
    data = samples["PNG"]
    at = data.index(b"IDAT") + 500
    assert "checksum" in damage(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    assert "cut off in its IDAT chunk" in damage(data[: len(data) // 2])
    # A broken remark beside the pixels is nobody's loss.
    remark = b"\0\0\0\x04zTXtoops\0\0\0\0"
    np.testing.assert_array_equal(decoded(data[:33] + remark + data[33:]).pixels, portrait)


def test_garbage_with_the_right_first_bytes_is_refused() -> None:
    chance = random.Random(3)
    for start in (
        b"\xff\xd8\xff\xe0",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"II*\0",
        b"MM\0*",
        b"II+\0",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"BM" + bytes(12) + b"\x28\0\0\0",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"\0\0\0\x18ftypavif\0\0\0\0mif1avif",
    ):
        for size in (0, 1, 40, 3000):
            with pytest.raises(PhotoUnreadable) as caught:
                decoded(start + chance.randbytes(size))
            # a size of random bytes is large
            assert caught.value.reason in {UnreadableReason.DAMAGED, UnreadableReason.TOO_LARGE}


@pytest.mark.parametrize("name", SAMPLES)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_whatever_is_flipped_only_pictures_and_reasons_come_out(
    samples: dict[str, bytes], name: str, data: st.DataObject
) -> None:
    broken = bytearray(samples[name])
    # Headers are short and decide most, so half of the changes go there.
    place = st.one_of(st.integers(0, 400), st.integers(0, len(broken) - 1))
    for at, value in data.draw(
        st.lists(st.tuples(place, st.integers(0, 255)), min_size=1, max_size=8)
    ):
        broken[min(at, len(broken) - 1)] = value
    del broken[data.draw(st.integers(len(broken) // 2, len(broken))) :]
    min_longer_px = data.draw(st.sampled_from([None, 1, 64]))
    try:
        photo = open_photo(bytes(broken), "photo", LIMITS)
        image = photo.decode(min_longer_px=min_longer_px)
    except PhotoUnreadable as error:
        assert error.photo == "photo"  # noqa: PT017
        assert error.detail  # noqa: PT017
    else:
        assert image.full_size == photo.size
        assert image.pixels.dtype == np.uint8
        assert photo.size.pixels <= LIMITS.max_pixels
        if min_longer_px is None:
            assert image.size == photo.size
