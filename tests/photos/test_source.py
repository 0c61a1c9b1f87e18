"""A photo may be handed over in any form an application has it in."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image as pillow
import pytest

from facesearch.errors import InvalidValue, PhotoNotFound, PhotoUnreadable, UnreadableReason
from facesearch.photos.decode import DecodeLimits
from facesearch.photos.source import from_array, open_source
from facesearch.values import ByteArray, Size

Encode = Callable[..., bytes]
LIMITS = DecodeLimits()


def pixels_of(source: Any) -> tuple[ByteArray, str]:
    photo, description = open_source(source, LIMITS)
    image = photo.decode()
    assert image.size == image.full_size == photo.size
    assert photo.decode(min_longer_px=1).full_size == photo.size
    return image.pixels, description


def test_every_form_gives_the_same_pixels(
    portrait: ByteArray, encode: Encode, tmp_path: Path
) -> None:
    data = encode(portrait, "PNG")
    path = tmp_path / "größe.png"
    path.write_bytes(data)
    with open(path, "rb") as file, pillow.open(path) as opened:
        sources: list[tuple[Any, str]] = [
            (path, str(path)),
            (str(path), str(path)),
            (data, "<bytes>"),
            (bytearray(data), "<bytes>"),
            (memoryview(data), "<bytes>"),
            (io.BytesIO(data), "<file>"),
            (file, f"<file {path}>"),
            (opened, str(path)),
            (pillow.fromarray(portrait), "<Pillow image>"),
            (portrait, "<array>"),
            (portrait[::-1][::-1], "<array>"),
            (np.asfortranarray(portrait), "<array>"),
        ]
        for source, expected in sources:
            pixels, description = pixels_of(source)
            np.testing.assert_array_equal(pixels, portrait)
            assert description == expected
        assert not file.closed


def test_a_relative_path_is_described_as_absolute(
    portrait: ByteArray, encode: Encode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(encode(portrait, "PNG"))
    monkeypatch.chdir(tmp_path)
    assert pixels_of("a.png")[1] == str(tmp_path / "a.png")


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX systems only")
def test_a_name_that_is_no_text(portrait: ByteArray, encode: Encode, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff\n.png"
    with open(path, "wb") as file:
        file.write(encode(portrait, "PNG"))
    pixels, description = pixels_of(os.fsdecode(path))
    np.testing.assert_array_equal(pixels, portrait)
    assert description == f"{tmp_path}/\\xff\\n.png"


def test_a_file_object_is_read_from_where_it_stands(portrait: ByteArray, encode: Encode) -> None:
    file = io.BytesIO(b"a header of another kind" + encode(portrait, "PNG"))
    file.seek(24)
    np.testing.assert_array_equal(pixels_of(file)[0], portrait)
    assert not file.closed


def test_a_file_object_that_gives_a_little_at_a_time(portrait: ByteArray, encode: Encode) -> None:
    class Dripping(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self._data = io.BytesIO(data)

        def read(self, size: int = -1) -> bytes:
            return self._data.read(min(size, 1000) if size >= 0 else 1000)

    np.testing.assert_array_equal(pixels_of(Dripping(encode(portrait, "PNG")))[0], portrait)


def test_file_objects_that_cannot_be_photos() -> None:
    with pytest.raises(InvalidValue, match="'rb'"):
        open_source(io.StringIO("text"), LIMITS)  # type: ignore[arg-type]

    class Wordy:
        name = 7

        def read(self, size: int = -1) -> str:
            return "words"

    with pytest.raises(InvalidValue, match="str"):
        open_source(Wordy(), LIMITS)  # type: ignore[arg-type]

    class Waiting:
        def read(self, size: int = -1) -> None:
            return None

    class Failing:
        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    for broken in (Waiting(), Failing()):
        with pytest.raises(PhotoUnreadable) as caught:
            open_source(broken, LIMITS)
        assert caught.value.reason is UnreadableReason.IO_ERROR


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, io.BytesIO])
def test_nothing_at_all_is_empty(form: Callable[[bytes], Any]) -> None:
    with pytest.raises(PhotoUnreadable) as caught:
        open_source(form(b""), LIMITS)
    assert caught.value.reason is UnreadableReason.EMPTY


@pytest.mark.parametrize("form", [bytes, io.BytesIO, Path])
def test_limits_hold_for_every_form(
    portrait: ByteArray, encode: Encode, tmp_path: Path, form: Callable[[Any], Any]
) -> None:
    data = encode(portrait)
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    for limits in (DecodeLimits(max_bytes=100), DecodeLimits(max_pixels=100)):
        with pytest.raises(PhotoUnreadable) as caught:
            open_source(form(path if form is Path else data), limits)
        assert caught.value.reason is UnreadableReason.TOO_LARGE


def test_an_endless_stream_is_left_at_the_limit() -> None:
    class Endless:
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return bytes(size)

    endless = Endless()
    with pytest.raises(PhotoUnreadable) as caught:
        open_source(endless, DecodeLimits(max_bytes=5_000_000))
    assert caught.value.reason is UnreadableReason.TOO_LARGE
    assert endless.given < 8_000_000


def test_paths_that_name_no_photo(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"words")
    for name in ("missing.jpg", "file/a.jpg", "nul\0.jpg"):
        with pytest.raises(PhotoNotFound) as caught:
            open_source(f"{tmp_path}/{name}", LIMITS)
        assert str(tmp_path) in caught.value.photo
    with pytest.raises(PhotoNotFound):
        open_source("", LIMITS)
    with pytest.raises(PhotoUnreadable, match="folder") as folder:
        open_source(tmp_path, LIMITS)
    assert folder.value.reason is UnreadableReason.NOT_AN_IMAGE
    with pytest.raises(PhotoUnreadable) as words:
        open_source(tmp_path / "file", LIMITS)
    assert words.value.reason is UnreadableReason.NOT_AN_IMAGE


@pytest.mark.parametrize("source", [None, 5, ["a.jpg"], object(), np.float32(3)])
def test_anything_else_is_refused_by_name(source: Any) -> None:
    with pytest.raises(InvalidValue, match=type(source).__name__):
        open_source(source, LIMITS)


# Pillow images


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WebP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_pillow_image_is_turned_upright_once(
    portrait: ByteArray, encode: Encode, kind: str, orientation: int
) -> None:
    turns = {1: 0, 3: 2, 6: 1, 8: -1}
    stored = np.ascontiguousarray(np.rot90(portrait, turns[orientation]))
    data = encode(stored, kind, orientation=orientation)
    expected = open_source(data, LIMITS)[0].decode().pixels
    for is_loaded in (False, True):
        picture = pillow.open(io.BytesIO(data))
        if is_loaded:
            picture.load()
        np.testing.assert_array_equal(pixels_of(picture)[0], expected)
        assert picture.load() is not None  # still of use to whoever made it


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "LAB"])
def test_a_pillow_image_of_any_mode(portrait: ByteArray, mode: str) -> None:
    rgb = pillow.fromarray(portrait)
    if mode == "LAB":
        from PIL import ImageCms

        lab = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
        )
        picture = ImageCms.applyTransform(rgb, lab)
        assert picture is not None
    else:
        picture = rgb.convert(mode)
    pixels, _ = pixels_of(picture)
    expected = np.asarray(picture.convert("RGB") if mode != "LAB" else rgb)
    assert np.abs(pixels.astype(int) - expected).mean() < 3


@pytest.mark.parametrize("mode", ["RGBa", "La", "PA"])
def test_premultiplied_and_palette_transparency(portrait: ByteArray, mode: str) -> None:
    clear = pillow.fromarray(portrait).convert("RGBA")
    clear.putalpha(0)
    picture = {
        "RGBa": lambda: clear.convert("RGBa"),
        "La": lambda: clear.convert("LA").convert("La"),
        "PA": lambda: pillow.fromarray(portrait).convert("P").convert("PA"),
    }[mode]()
    if mode == "PA":
        picture.putalpha(pillow.new("L", picture.size, 0))
    assert (pixels_of(picture)[0] == 255).all()


def test_a_deep_pillow_image_is_scaled() -> None:
    wedge = np.tile(np.linspace(0, 65535, 256), (4, 1)).astype(np.uint16)
    pixels, _ = pixels_of(pillow.fromarray(wedge))
    assert np.abs(pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_a_pillow_image_is_not_changed_by_us_nor_we_by_it(portrait: ByteArray) -> None:
    picture = pillow.fromarray(portrait)
    photo, _ = open_source(picture, LIMITS)
    picture.paste("red", (0, 0, 96, 128))
    np.testing.assert_array_equal(photo.decode().pixels, portrait)


def test_a_pillow_image_of_a_broken_file(portrait: ByteArray, encode: Encode) -> None:
    data = encode(portrait)
    picture = pillow.open(io.BytesIO(data[: len(data) // 2]))
    with pytest.raises(PhotoUnreadable) as caught:
        open_source(picture, LIMITS)
    assert caught.value.reason is UnreadableReason.DAMAGED


def test_pillow_images_that_are_no_pictures(portrait: ByteArray) -> None:
    with pytest.raises(InvalidValue):
        open_source(pillow.new("RGB", (0, 5)), LIMITS)
    with pytest.raises(PhotoUnreadable) as caught:
        open_source(pillow.fromarray(portrait), DecodeLimits(max_pixels=9))
    assert caught.value.reason is UnreadableReason.TOO_LARGE


# Arrays


def test_grey_and_rgba_arrays(portrait: ByteArray) -> None:
    grey = portrait[:, :, 0]
    pixels, _ = pixels_of(grey)
    np.testing.assert_array_equal(pixels, np.repeat(grey[:, :, None], 3, axis=2))
    alpha = np.full((128, 96, 1), 255, np.uint8)
    np.testing.assert_array_equal(pixels_of(np.concatenate([portrait, alpha], 2))[0], portrait)
    assert (pixels_of(np.concatenate([portrait, alpha * 0], 2))[0] == 255).all()


def test_an_array_is_copied_and_left_writable(portrait: ByteArray) -> None:
    for array in (portrait.copy(), portrait[:, :, 0].copy(), np.full((1, 1, 4), 255, np.uint8)):
        photo = from_array(array)
        before = photo.decode().pixels.copy()
        array[:] = 7
        np.testing.assert_array_equal(photo.decode().pixels, before)
    assert from_array(np.zeros((3, 5, 3), np.uint8)).size == Size(5, 3)


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.zeros((4, 4, 3), np.float32), "float32"),
        (np.zeros((4, 4, 3), np.int64), "int64"),
        (np.zeros((4, 4, 3), np.uint16), "uint16"),
        (np.zeros((4, 4), bool), "bool"),
        (np.zeros((4, 4, 1), np.uint8), r"\(4, 4, 1\)"),
        (np.zeros((3, 4, 4, 3), np.uint8), r"\(3, 4, 4, 3\)"),
        (np.zeros(4, np.uint8), r"\(4,\)"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\)"),
    ],
)
def test_other_arrays_are_refused_saying_what_was_expected(array: Any, found: str) -> None:
    with pytest.raises(InvalidValue, match=rf"uint8 RGB of shape \(height, width, 3\).*{found}"):
        open_source(array, LIMITS)
