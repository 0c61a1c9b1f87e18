"""Every kind of photo but ordinary JPEG, decoded by Pillow (HEIF by pillow-heif).

In come the bytes of a file of a known format, out go its size and upright RGB
pixels. Pillow's own classes per format are called directly: Pillow's global
limits, registry and warnings stay as the host program has set them, and no file
is handed to a decoder that its first bytes do not call for.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import PIL.Image as pillow
from PIL import ImageFile, JpegImagePlugin

from facesearch.errors import PhotoUnreadable, UnreadableReason
from facesearch.photos.orientation import (
    UPRIGHT,
    checked_orientation,
    exif_orientation,
    upright,
    upright_size,
)
from facesearch.photos.pixels import to_rgb
from facesearch.photos.png import essential_png
from facesearch.photos.sniff import PhotoFormat
from facesearch.photos.tiff import has_whole_directory
from facesearch.values import ByteArray, Image, Size

_ORIENTATION, _WIDTH, _LENGTH, _SUBFILE_TYPE, _SUB_IFDS, _DNG_VERSION = (
    0x0112, 256, 257, 254, 330, 50706,
)  # fmt: skip

# All that Pillow's and pillow-heif's decoders have been seen to raise on broken files.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    EOFError,
    BufferError,
    RuntimeError,
    struct.error,
    zlib.error,
    Warning,  # where the host program turns warnings into errors
)


@dataclass(frozen=True, slots=True)
class RasterPhoto:
    """A photo file, header parsed, not decoded; may be decoded by several threads at once.

    Attributes:
        size: upright full size.
        orientation: what is left to do after the decoder, 1 to 8.
    """

    name: str
    kind: PhotoFormat
    data: bytes = field(repr=False)
    size: Size
    orientation: int

    @property
    def format(self) -> str:
        """The format's usual name, such as "PNG"."""
        return self.kind.value

    def decode(self, *, min_longer_px: int | None = None) -> Image:
        """Decode as `facesearch.photos.decode.PhotoData.decode` says; always at full size."""
        with decoder_errors(self.name, self.kind.value):
            with _opener(self.kind, self.name)(io.BytesIO(self.data)) as picture:
                if self.kind is PhotoFormat.TIFF:
                    _past_pillows_limit(picture)
                picture.load()
                pixels = to_rgb(picture)
            pixels = upright(pixels, self.orientation)
        if pixels.shape[:2] != (self.size.height, self.size.width):
            raise PhotoUnreadable(
                self.name,
                UnreadableReason.DAMAGED,
                f"its header states {self.size.width}x{self.size.height} pixels, "
                f"its picture has {pixels.shape[1]}x{pixels.shape[0]}",
            )
        return Image(pixels, self.size)


def open_raster(data: bytes, name: str, kind: PhotoFormat) -> RasterPhoto:
    """Open a photo file of a known format: parse its header.

    Raises:
        PhotoUnreadable: DAMAGED, UNSUPPORTED.
    """
    exif: bytes | None = None
    if kind is PhotoFormat.PNG:
        data, exif = essential_png(data, name)
    with (
        decoder_errors(name, kind.value),
        _opener(kind, name)(io.BytesIO(data)) as picture,
    ):
        if kind is PhotoFormat.TIFF:
            return _opened_tiff(data, name, picture)
        stored = Size(*picture.size)
        match kind:
            case PhotoFormat.HEIF:
                orientation = UPRIGHT  # turned by its decoder; its EXIF only repeats that
            case PhotoFormat.PNG:
                orientation = exif_orientation(exif or b"")
            case _:
                block = picture.info.get("exif", b"")
                orientation = exif_orientation(block if isinstance(block, bytes) else b"")
    return RasterPhoto(name, kind, data, upright_size(stored, orientation), orientation)


def decode_jpeg(data: bytes, name: str, reduction: int) -> ByteArray:
    """Pixels of a JPEG file as stored, RGB, at 1/`reduction` of its size, rounded up.

    Raises:
        PhotoUnreadable: DAMAGED, or IO_ERROR for lack of memory.
    """
    with (
        decoder_errors(name, PhotoFormat.JPEG.value),
        JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as picture,
    ):
        if reduction > 1:
            width, height = picture.size
            # Pillow takes the strongest reduction that leaves both sides this long.
            picture.draft(None, (max(1, width // reduction), max(1, height // reduction)))
        picture.load()
        return to_rgb(picture)


@contextmanager
def decoder_errors(name: str, kind: str) -> Iterator[None]:
    """Turn whatever a decoder raises into `PhotoUnreadable`."""
    try:
        yield
    except MemoryError as error:
        raise PhotoUnreadable(
            name, UnreadableReason.IO_ERROR, f"not enough memory to decode this {kind}"
        ) from error
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning) as error:
        # Some of Pillow's classes check its global limit themselves.
        raise PhotoUnreadable(
            name,
            UnreadableReason.TOO_LARGE,
            f"Pillow refuses a {kind} this large ({error}); "
            "its own limit is PIL.Image.MAX_IMAGE_PIXELS",
        ) from error
    except _DECODER_ERRORS as error:
        words = " ".join(str(error).split())
        detail = f"the {kind} is damaged or cut off"
        raise PhotoUnreadable(
            name, UnreadableReason.DAMAGED, f"{detail} ({words})" if words else detail
        ) from error


def _opened_tiff(data: bytes, name: str, picture: Any) -> RasterPhoto:
    tags = picture.tag_v2
    is_preview = isinstance(tags.get(_SUBFILE_TYPE), int) and tags[_SUBFILE_TYPE] & 1
    if _DNG_VERSION in tags or (is_preview and _SUB_IFDS in tags):
        raise PhotoUnreadable(
            name,
            UnreadableReason.UNSUPPORTED,
            "a raw camera file: export it as JPEG or TIFF, or index the JPEG beside it",
        )
    # Pillow turns TIFF upright itself, while it loads; only the size is ours to turn.
    orientation = checked_orientation(picture.getexif().get(_ORIENTATION))
    stored = Size(tags[_WIDTH], tags[_LENGTH])
    return RasterPhoto(name, PhotoFormat.TIFF, data, upright_size(stored, orientation), UPRIGHT)


def _past_pillows_limit(picture: Any) -> None:
    """Give a TIFF its memory, so that Pillow does not check its own global limit on the way.

    The size was checked against our limits before; scans of 200 megapixels are real.
    """
    size = getattr(picture, "_tile_size", picture.size)  # as stored; since Pillow 12
    picture.im = cast(Any, pillow).core.new(picture.mode, size)


_Opener = Callable[[io.BytesIO], ImageFile.ImageFile]


def _opener(kind: PhotoFormat, name: str) -> _Opener:
    """Pillow's class for a format. Loaded when first needed: pillow-heif alone takes 0.1 s."""
    match kind:
        case PhotoFormat.PNG:
            from PIL.PngImagePlugin import PngImageFile

            return PngImageFile
        case PhotoFormat.WEBP:
            from PIL.WebPImagePlugin import WebPImageFile

            return WebPImageFile
        case PhotoFormat.TIFF:
            return _tiff_opener(name)
        case PhotoFormat.BMP:
            from PIL.BmpImagePlugin import BmpImageFile

            return BmpImageFile
        case PhotoFormat.DIB:
            from PIL.BmpImagePlugin import DibImageFile

            return DibImageFile
        case PhotoFormat.GIF:
            from PIL.GifImagePlugin import GifImageFile

            return GifImageFile
        case PhotoFormat.AVIF:
            return _avif_opener(name)
        case PhotoFormat.HEIF:
            from pillow_heif import HeifImageFile

            return cast(_Opener, HeifImageFile)
        case PhotoFormat.JPEG:
            return JpegImagePlugin.JpegImageFile


def _tiff_opener(name: str) -> _Opener:
    from PIL.TiffImagePlugin import TiffImageFile

    def opener(file: io.BytesIO) -> ImageFile.ImageFile:
        try:
            return TiffImageFile(file)
        except SyntaxError as error:
            # Pillow says "unknown pixel mode" to a strange TIFF as well as to half of one.
            if not has_whole_directory(file.getvalue()):
                raise
            raise PhotoUnreadable(
                name, UnreadableReason.UNSUPPORTED, f"a TIFF of a kind not supported ({error})"
            ) from error

    return opener


def _avif_opener(name: str) -> _Opener:
    """Pillow's AVIF class, which came with Pillow 11.3, else that of older pillow-heifs."""
    try:
        from PIL import AvifImagePlugin

        if AvifImagePlugin.SUPPORTED:
            return AvifImagePlugin.AvifImageFile
    except ImportError:
        pass  # an older Pillow
    import pillow_heif

    opener = getattr(pillow_heif, "AvifImageFile", None)
    if opener is None:
        raise PhotoUnreadable(
            name,
            UnreadableReason.UNSUPPORTED,
            "this Pillow decodes no AVIF; install Pillow 11.3 or later",
        )
    return cast(_Opener, opener)
