"""Every kind of picture comes out upright, RGB and whole, or not at all."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from zlib import compress, crc32

import cv2
import numpy as np
import PIL.Image as pillow
import pytest
import tifffile
from PIL import ImageFile, ImageOps

from facesearch.errors import InvalidValue, PhotoUnreadable, UnreadableReason
from facesearch.photos.decode import DecodeLimits, open_photo
from facesearch.photos.orientation import exif_orientation
from facesearch.values import ByteArray, Image, Size

Encode = Callable[..., bytes]
LIMITS = DecodeLimits()

# How a picture that is upright is stored, per EXIF orientation (EXIF 2.32, 4.6.4 A).
STORED_AS: dict[int, Callable[[ByteArray], ByteArray]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda upright: np.rot90(upright, -1),
}


def decoded(data: bytes, min_longer_px: int | None = None) -> Image:
    photo = open_photo(data, "photo", LIMITS)
    image = photo.decode(min_longer_px=min_longer_px)
    assert image.full_size == photo.size
    assert not image.pixels.flags.writeable
    return image


def difference(left: ByteArray, right: ByteArray) -> float:
    """Mean absolute difference in grey levels."""
    assert left.shape == right.shape
    return float(np.abs(left.astype(np.int16) - right).mean())


def refusal(data: bytes, limits: DecodeLimits = LIMITS) -> PhotoUnreadable:
    with pytest.raises(PhotoUnreadable) as caught:
        open_photo(data, "photo", limits).decode()
    assert caught.value.photo == "photo"
    return caught.value


# Formats


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("JPEG", {"quality": 95, "subsampling": 2}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("JPEG", {"quality": 95, "restart_marker_rows": 1}),
        ("JPEG", {"quality": 95, "optimize": True}),
        ("PNG", {}),
        ("WebP", {"quality": 95}),
        ("WebP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_deflate"}),
        ("TIFF", {"compression": "packbits"}),
        ("TIFF", {"compression": "jpeg", "quality": 95}),
        ("BMP", {}),
        ("DIB", {}),
        ("GIF", {}),
        ("HEIF", {}),
        ("AVIF", {"quality": 95}),
    ],
)
def test_every_format(
    portrait: ByteArray, encode: Encode, kind: str, options: dict[str, object]
) -> None:
    data = encode(portrait, kind, **options)
    photo = open_photo(data, "photo", LIMITS)
    assert photo.size == Size(96, 128)
    assert photo.format == kind
    # GIF has 256 colours only
    assert difference(photo.decode().pixels, portrait) < (9 if kind == "GIF" else 3.5)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WebP", "HEIF", "AVIF"])
@pytest.mark.parametrize("orientation", STORED_AS)
def test_every_orientation_in_every_format(
    portrait: ByteArray, encode: Encode, kind: str, orientation: int
) -> None:
    stored = np.ascontiguousarray(STORED_AS[orientation](portrait))
    data = encode(stored, kind, orientation=orientation)
    photo = open_photo(data, "photo", LIMITS)
    assert photo.size == Size(96, 128)
    assert difference(photo.decode().pixels, portrait) < 6


@pytest.mark.parametrize("orientation", STORED_AS)
def test_orientation_agrees_with_pillow(
    portrait: ByteArray, encode: Encode, orientation: int
) -> None:
    """A second opinion on the table above; and reduced decoding turns the same way."""
    picture = pillow.fromarray(np.ascontiguousarray(STORED_AS[orientation](portrait)))
    picture.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(np.asarray(ImageOps.exif_transpose(picture)), portrait)
    data = encode(picture, "JPEG", quality=95, exif=picture.getexif())
    half = decoded(data, min_longer_px=64)
    assert half.pixels.shape == (64, 48, 3)
    assert half.full_size == Size(96, 128)
    small = pillow.fromarray(portrait).resize((48, 64), pillow.Resampling.BOX)
    assert difference(half.pixels, np.asarray(small)) < 4


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_is_upright(
    portrait: ByteArray, encode: Encode, orientation: int
) -> None:
    for kind in ("JPEG", "PNG", "TIFF", "WebP"):
        image = decoded(encode(portrait, kind, orientation=orientation))
        assert difference(image.pixels, portrait) < 6


def test_a_broken_exif_block_does_not_fail_the_photo(portrait: ByteArray, encode: Encode) -> None:
    whole = pillow.Exif()
    whole[0x0112] = 6
    block = whole.tobytes()
    for cut in range(len(block)):
        assert exif_orientation(block[:cut]) in {1, 6}
        for kind in ("JPEG", "PNG", "WebP"):
            decoded(encode(portrait, kind, exif=block[:cut] or b"\0"))
    assert exif_orientation(b"Exif\0\0II*\0\xff\xff\xff\xff") == 1
    assert exif_orientation(b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0") == 6
    assert exif_orientation(b"II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x01\0\0\0\x06\0\0\0") == 1


def test_exif_behind_the_pixels_of_a_png_counts(portrait: ByteArray, encode: Encode) -> None:
    data = encode(np.ascontiguousarray(STORED_AS[6](portrait)), "PNG", orientation=6)
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    moved = data[:start] + data[end:-12] + data[start:end] + data[-12:]
    assert difference(decoded(moved).pixels, portrait) == 0


# Depths, colours, transparency


def ramp(dtype: type[np.generic], top: float) -> np.ndarray:
    """A grey wedge from 0 to `top`, 256 wide, 16 high."""
    return np.tile(np.linspace(0, top, 256), (16, 1)).astype(dtype)


WEDGE = np.repeat(ramp(np.uint8, 255)[:, :, None], 3, axis=2)


def tiff(array: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def png(array: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", array)[1])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: png(ramp(np.uint16, 65535)), id="PNG grey 16"),
        pytest.param(
            lambda: png(np.repeat(ramp(np.uint16, 65535)[:, :, None], 3, axis=2)), id="PNG RGB 16"
        ),
        pytest.param(lambda: tiff(ramp(np.uint16, 65535)), id="TIFF grey 16"),
        pytest.param(
            lambda: tiff(ramp(np.uint16, 65535), byteorder=">"), id="TIFF grey 16 Motorola"
        ),
        pytest.param(
            lambda: tiff(ramp(np.uint16, 65535)[:, ::-1].copy(), photometric="miniswhite"),
            id="TIFF grey 16 white is zero",
        ),
        pytest.param(
            lambda: tiff(
                np.repeat(ramp(np.uint16, 65535)[:, :, None], 3, axis=2), photometric="rgb"
            ),
            id="TIFF RGB 16",
        ),
        pytest.param(lambda: tiff(ramp(np.uint16, 65535), bigtiff=True), id="BigTIFF"),
        pytest.param(lambda: tiff(ramp(np.float32, 1)), id="TIFF float 0..1"),
        pytest.param(lambda: tiff(ramp(np.float32, 255)), id="TIFF float 0..255"),
        pytest.param(lambda: tiff(ramp(np.float32, 65535)), id="TIFF float 0..65535"),
        pytest.param(lambda: tiff(ramp(np.float32, 2) - 1), id="TIFF float -1..1"),
        pytest.param(lambda: tiff(ramp(np.int32, 65535)), id="TIFF int 0..65535"),
        pytest.param(lambda: tiff(ramp(np.int32, 255)), id="TIFF int 0..255"),
        pytest.param(
            lambda: tiff((ramp(np.int32, 65535) - 32768).astype(np.int16)), id="TIFF signed 16"
        ),
        pytest.param(lambda: tiff(ramp(np.uint8, 255)), id="TIFF grey 8"),
    ],
)
def test_deep_pictures_are_scaled_not_clipped(data: Callable[[], bytes]) -> None:
    image = decoded(data())
    assert np.abs(image.pixels.astype(int) - WEDGE).max() <= 1


def test_twelve_bits_in_tiff() -> None:
    wedge = ramp(np.uint16, 4095)
    packed = bytearray()
    for first, second in wedge.reshape(-1, 2).tolist():
        packed += bytes([first >> 4, (first & 15) << 4 | second >> 8, second & 255])
    data = bytearray(tiff(np.zeros((16, 256), np.uint8)))
    page = tifffile.TiffFile(io.BytesIO(bytes(data))).pages[0]
    for name, value in (
        ("BitsPerSample", 12),
        ("StripByteCounts", len(packed)),
        ("StripOffsets", len(data)),
    ):
        tag = page.tags[name]
        width = 2 if tag.dtype == 3 else 4
        data[tag.valueoffset : tag.valueoffset + width] = value.to_bytes(width, "little")
    assert np.abs(decoded(bytes(data + packed)).pixels.astype(int) - WEDGE).max() <= 1


def test_nothing_finite_in_a_float_picture_is_black() -> None:
    values = np.full((4, 4), np.nan, np.float32)
    assert not decoded(tiff(values)).pixels.any()
    values[0, 0] = np.inf
    values[1, 1] = 1
    assert decoded(tiff(values)).pixels[1, 1, 0] == 255


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "TIFF", "BMP", "GIF", "HEIF", "AVIF"])
def test_grey(portrait: ByteArray, encode: Encode, kind: str) -> None:
    grey = pillow.fromarray(portrait).convert("L")
    picture = grey.convert("RGB") if kind == "WebP" else grey
    expected = np.asarray(grey.convert("RGB"))
    assert difference(decoded(encode(picture, kind)).pixels, expected) < 4


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF"])
def test_one_bit(portrait: ByteArray, encode: Encode, kind: str) -> None:
    lines = pillow.fromarray(portrait).convert("1")
    expected = np.asarray(lines.convert("RGB"))
    np.testing.assert_array_equal(decoded(encode(lines, kind)).pixels, expected)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF"])
def test_palette(portrait: ByteArray, encode: Encode, kind: str) -> None:
    palette = pillow.fromarray(portrait).quantize(64)
    expected = np.asarray(palette.convert("RGB"))
    np.testing.assert_array_equal(decoded(encode(palette, kind)).pixels, expected)


@pytest.mark.parametrize("kind", ["PNG", "WebP", "TIFF", "HEIF", "AVIF"])
def test_transparency_is_laid_on_white(portrait: ByteArray, encode: Encode, kind: str) -> None:
    alpha = np.zeros((128, 96, 1), np.uint8)
    alpha[:64], alpha[64:96] = 255, 128
    data = encode(np.concatenate([portrait, alpha], axis=2), kind)
    share = alpha / 255
    expected = np.rint(portrait * share + 255 * (1 - share)).astype(np.uint8)
    assert difference(decoded(data).pixels, expected) < (0.01 if kind in {"PNG", "TIFF"} else 6)


def test_transparency_of_grey_and_palette_pictures(portrait: ByteArray, encode: Encode) -> None:
    grey = pillow.fromarray(portrait).convert("LA")
    grey.putalpha(0)
    assert (decoded(encode(grey, "PNG")).pixels == 255).all()
    palette = pillow.fromarray(portrait).quantize(16)
    first = int(np.asarray(palette)[0, 0])
    for kind in ("PNG", "GIF"):
        pixels = decoded(encode(palette, kind, transparency=first)).pixels
        assert (pixels[0, 0] == 255).all()
    partly = encode(palette, "PNG", transparency=bytes([255, 0] + [255] * 14))
    assert (decoded(partly).pixels[np.asarray(palette) == 1] == 255).all()
    keyed = pillow.fromarray(portrait)
    data = encode(keyed, "PNG", transparency=tuple(int(value) for value in portrait[0, 0]))
    assert (decoded(data).pixels[0, 0] == 255).all()


def test_cmyk_looks_right(encode: Encode) -> None:
    """Adobe stores CMYK in JPEG inverted; a picture that is not turned back is a negative."""
    inks = {(255, 0, 0, 0): (0, 255, 255), (0, 255, 0, 0): (255, 0, 255), (0, 0, 0, 0): (255,) * 3,
            (0, 0, 0, 255): (0, 0, 0), (0, 0, 255, 0): (255, 255, 0)}  # fmt: skip
    for ink, colour in inks.items():
        picture = pillow.new("CMYK", (32, 24), ink)
        for kind, options in (("JPEG", {"quality": 95}), ("TIFF", {})):
            pixels = decoded(encode(picture, kind, **options)).pixels
            assert np.abs(pixels.astype(int) - colour).max() <= 3
    reduced = decoded(encode(pillow.new("CMYK", (320, 240)), "JPEG"), min_longer_px=80)
    assert reduced.pixels.shape == (60, 80, 3)
    assert (reduced.pixels == 255).all()


def test_rgb_jpeg_without_colour_transform(portrait: ByteArray, encode: Encode) -> None:
    data = encode(portrait, "JPEG", quality=95, keep_rgb=True)
    assert b"Adobe" in data[:200] or data[:200].count(b"R\x11") == 1
    assert difference(decoded(data).pixels, portrait) < 3.5


@pytest.mark.parametrize("kind", ["GIF", "WebP", "PNG", "AVIF", "TIFF"])
def test_the_first_picture_of_several_counts(
    portrait: ByteArray, encode: Encode, kind: str
) -> None:
    others = [pillow.new("RGB", (96, 128), colour) for colour in ("red", "blue")]
    options = {} if kind == "TIFF" else {"duration": 100}
    data = encode(portrait, kind, save_all=True, append_images=others, **options)
    assert difference(decoded(data).pixels, portrait) < 9


# Reduced scale


@pytest.mark.parametrize("width", [1, 7, 8, 9, 255, 256, 257, 1001])
@pytest.mark.parametrize("minimum", [None, 0, 1, 32, 128, 129, 250, 5000])
def test_reduced_jpegs_keep_enough_and_never_too_much(
    encode: Encode, width: int, minimum: int | None
) -> None:
    data = encode(np.zeros((max(1, width // 2), width, 3), np.uint8))
    image = decoded(data, minimum)
    assert image.full_size == Size(width, max(1, width // 2))
    if minimum is None:
        assert image.size == image.full_size
    else:
        assert image.size.longer >= min(minimum, width)
        assert image.size.longer <= 2 * max(minimum, 1) or image.size.longer == max(
            1, (width + 4) // 8
        )
    assert any(
        abs(image.size.width * by - width) <= by / 2 or image.size.width == 1 for by in (1, 2, 4, 8)
    )


@pytest.mark.parametrize("orientation", STORED_AS)
@pytest.mark.parametrize("extra", range(8))
def test_a_reduced_picture_covers_the_photo_to_half_a_pixel(
    encode: Encode, orientation: int, extra: int
) -> None:
    """So a place found in it, scaled by the sides' ratios, is the place in the full photo."""
    height, width = 400 + extra, 300 + (3 * extra) % 8
    pixels = np.zeros((height, width, 3), np.uint8)
    column, row = width - 40, height - 56
    pixels[row : row + 16, column : column + 16] = 255
    stored = np.ascontiguousarray(STORED_AS[orientation](pixels))
    image = decoded(encode(stored, quality=95, orientation=orientation), 48)
    assert image.size.longer in {50, 51}
    bright = image.pixels[:, :, 0].astype(float)
    for axis, (first, side) in enumerate(((row, height), (column, width))):
        profile = bright.sum(axis=1 - axis)
        centre = ((np.arange(len(profile)) + 0.5) * profile).sum() / profile.sum()
        assert abs(centre * side / len(profile) - (first + 8)) <= 4.5


@pytest.mark.parametrize("reduction", [2, 4, 8])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_reduced_jpeg_shows_the_same(
    portrait: ByteArray, encode: Encode, reduction: int, mode: str
) -> None:
    picture = pillow.fromarray(portrait).convert(mode)
    image = decoded(encode(picture, quality=95), 128 // reduction)
    size = (96 // reduction, 128 // reduction)
    small = picture.convert("RGB").resize(size, pillow.Resampling.BOX)
    assert image.scale == 1 / reduction
    assert difference(image.pixels, np.asarray(small)) < 6


def test_other_formats_come_out_full(portrait: ByteArray, encode: Encode) -> None:
    assert decoded(encode(portrait, "PNG"), 10).size == Size(96, 128)


# Limits


def test_limits_are_checked() -> None:
    with pytest.raises(InvalidValue):
        DecodeLimits(max_pixels=0)
    with pytest.raises(InvalidValue):
        DecodeLimits(max_bytes=0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "TIFF", "BMP", "GIF", "HEIF", "AVIF"])
def test_too_many_pixels_are_refused_by_the_header(
    portrait: ByteArray, encode: Encode, kind: str
) -> None:
    data = encode(portrait, kind)
    limits = DecodeLimits(max_pixels=96 * 128 - 1)
    with pytest.raises(PhotoUnreadable, match=r"96x128.*limit.*--max-megapixels") as caught:
        open_photo(data, "photo", limits)
    assert caught.value.reason is UnreadableReason.TOO_LARGE
    open_photo(data, "photo", DecodeLimits(max_pixels=96 * 128)).decode()


def test_a_decompression_bomb_is_refused_at_once() -> None:
    """20,000 x 20,000 black pixels: 250 kB of file, 1.2 GB of picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc32(kind + body))

    rows = compress(bytes(20_000 * 2_501), 1)  # one bit a pixel, and a byte before each row
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows)
    data += chunk(b"IEND", b"")
    assert len(data) < 300_000
    error = refusal(data)
    assert error.reason is UnreadableReason.TOO_LARGE
    assert "20000x20000 are 400.0 megapixels, more than the limit of 250.0" in error.detail
    photo = open_photo(data, "photo", DecodeLimits(max_pixels=400_000_000))
    assert photo.size == Size(20_000, 20_000)


def test_too_many_bytes_are_refused(portrait: ByteArray, encode: Encode) -> None:
    data = encode(portrait)
    error = refusal(data, DecodeLimits(max_bytes=len(data) - 1))
    assert error.reason is UnreadableReason.TOO_LARGE
    assert "--max-megabytes" in error.detail


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "TIFF", "BMP", "GIF", "AVIF"])
@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1)])
def test_absurdly_small_pictures_are_pictures(
    encode: Encode, kind: str, size: tuple[int, int]
) -> None:
    pixels = np.full((size[1], size[0], 3), 200, np.uint8)
    assert difference(decoded(encode(pixels, kind)).pixels, pixels) < 3


def test_a_size_of_zero_is_damage(portrait: ByteArray, encode: Encode) -> None:
    jpeg = bytearray(encode(portrait))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 2] = b"\0\0"
    assert refusal(bytes(jpeg)).reason is UnreadableReason.DAMAGED


# What is no photo


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (b"", UnreadableReason.EMPTY, "empty"),
        (b"These are only words.\n" * 9, UnreadableReason.NOT_AN_IMAGE, "text"),
        ("Größe und Maße: ".encode() * 9, UnreadableReason.NOT_AN_IMAGE, "text"),
        (b"<!DOCTYPE html><html>", UnreadableReason.NOT_AN_IMAGE, "text"),
        (bytes(5000), UnreadableReason.NOT_AN_IMAGE, "zeros"),
        (b"\x7fELF\x02\x01" + bytes(99), UnreadableReason.NOT_AN_IMAGE, "no kind of picture"),
        (b"x", UnreadableReason.NOT_AN_IMAGE, "text"),
        (b"BM", UnreadableReason.NOT_AN_IMAGE, ""),
        (b"%PDF-1.7\n%\xe2\xe3", UnreadableReason.UNSUPPORTED, "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnreadableReason.UNSUPPORTED, "SVG"),
        (b"\xef\xbb\xbf <?xml version='1.0'?><svg>", UnreadableReason.UNSUPPORTED, "SVG"),
        (b"II\x2a\0\x10\0\0\0CR\x02\0" + bytes(99), UnreadableReason.UNSUPPORTED, "CR2"),
        (b"FUJIFILMCCD-RAW 0201", UnreadableReason.UNSUPPORTED, "Fuji"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", UnreadableReason.UNSUPPORTED, "CR3"),
        (b"\0\0\0\x18ftypmp42\0\0\0\x01isommp42", UnreadableReason.UNSUPPORTED, "video"),
        (b"RIFF\0\0\0\0AVI LIST", UnreadableReason.UNSUPPORTED, "video"),
        (b"8BPS\0\x01" + bytes(20), UnreadableReason.UNSUPPORTED, "Photoshop"),
        (b"\xff\x0a\x01\x02", UnreadableReason.UNSUPPORTED, "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(9), UnreadableReason.UNSUPPORTED, "JPEG 2000"),
    ],
)
def test_what_is_no_photo_is_called_what_it_is(
    data: bytes, reason: UnreadableReason, words: str
) -> None:
    error = refusal(data)
    assert error.reason is reason
    assert words in error.detail


def test_raw_files_that_look_like_tiff_are_not_taken_for_photos() -> None:
    """Their first picture is a thumbnail; faces found in that would be lost for good."""
    thumbnail = np.zeros((60, 80, 3), np.uint8)
    dng = tiff(thumbnail, photometric="rgb", extratags=[(50706, "B", 4, b"\x01\x04\0\0", True)])
    assert refusal(dng).reason is UnreadableReason.UNSUPPORTED
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(thumbnail, photometric="rgb", subfiletype=1, subifds=1)
        writer.write(thumbnail, photometric="rgb", subfiletype=0)
    assert refusal(file.getvalue()).reason is UnreadableReason.UNSUPPORTED


def test_tiff_of_a_strange_kind_is_unsupported() -> None:
    assert refusal(tiff(np.zeros((9, 9), np.float64))).reason is UnreadableReason.UNSUPPORTED


def test_jpeg_of_twelve_bits_is_unsupported(portrait: ByteArray, encode: Encode) -> None:
    data = bytearray(encode(portrait))
    at = data.index(b"\xff\xc0") + 4
    assert data[at] == 8
    data[at] = 12
    error = refusal(bytes(data))
    assert error.reason is UnreadableReason.UNSUPPORTED
    assert "12 bits" in error.detail


def test_apples_private_png_is_unsupported(portrait: ByteArray, encode: Encode) -> None:
    data = encode(portrait, "PNG")
    chunk = b"\0\0\0\x04CgBI\x50\0\x20\x02\x2b\xd5\xb3\x7f"
    assert refusal(data[:8] + chunk + data[8:]).reason is UnreadableReason.UNSUPPORTED


def test_names_in_messages_can_be_printed() -> None:
    with pytest.raises(PhotoUnreadable) as caught:
        open_photo(b"words", "a\nb\udcff.jpg", LIMITS)
    assert caught.value.photo == "a\\nb\\xff.jpg"
    str(caught.value).encode()


# Manners


def test_pillows_global_limits_neither_matter_nor_change(
    portrait: ByteArray, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pillow, "MAX_IMAGE_PIXELS", 10)
    before = dict(pillow.OPEN)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in ("JPEG", "PNG", "TIFF", "BMP", "HEIF"):
            decoded(encode(portrait, kind))
    assert pillow.MAX_IMAGE_PIXELS == 10
    assert before == pillow.OPEN


def test_pillow_refusing_a_size_itself_is_said_plainly(
    portrait: ByteArray, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its classes for WebP and GIF check its global limit themselves."""
    data = encode(portrait, "PNG")

    def load(_: object) -> None:
        raise pillow.DecompressionBombError("Image size exceeds limit")

    photo = open_photo(data, "photo", LIMITS)
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(PhotoUnreadable, match=r"PIL\.Image\.MAX_IMAGE_PIXELS") as caught:
        photo.decode()
    assert caught.value.reason is UnreadableReason.TOO_LARGE


def test_too_little_memory_is_not_the_photos_fault(
    portrait: ByteArray, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reason that is tried again, unlike damage."""
    photo = open_photo(encode(portrait, "PNG"), "photo", LIMITS)

    def load(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(PhotoUnreadable, match="memory") as caught:
        photo.decode()
    assert not caught.value.reason.is_about_content


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "TIFF", "GIF", "HEIF", "AVIF"])
def test_one_photo_in_many_threads(portrait: ByteArray, encode: Encode, kind: str) -> None:
    photo = open_photo(encode(portrait, kind), "photo", LIMITS)
    expected = photo.decode().pixels
    with ThreadPoolExecutor(8) as threads:
        for image in threads.map(lambda _: photo.decode(), range(40)):
            np.testing.assert_array_equal(image.pixels, expected)


def test_decoders_are_loaded_when_needed() -> None:
    """`import` stays quick, and a JPEG needs neither Pillow nor pillow-heif."""
    script = """
import sys
from facesearch.photos import decode, read, source, walk
heavy = {"cv2", "PIL", "pillow_heif"}
assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()
import cv2, numpy
data = cv2.imencode(".jpg", numpy.zeros((20, 20, 3), numpy.uint8))[1].tobytes()
decode.open_photo(data, "photo", decode.DecodeLimits()).decode()
assert not {"PIL", "pillow_heif"} & sys.modules.keys()
data = cv2.imencode(".png", numpy.zeros((20, 20, 3), numpy.uint8))[1].tobytes()
decode.open_photo(data, "photo", decode.DecodeLimits()).decode()
assert "pillow_heif" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
