"""From the bytes of a photo file to upright RGB pixels.

In come bytes, a name for messages and limits; out goes a `PhotoData`: the header
is parsed and checked, the pixels are decoded when asked for. EXIF orientation is
applied here and nowhere else. OpenCV, Pillow and pillow-heif are loaded when a
photo first needs them. Safe from several threads at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from facesearch.errors import InvalidValue, PhotoUnreadable, UnreadableReason
from facesearch.photos.files import printable
from facesearch.photos.read import check_bytes
from facesearch.photos.sniff import SNIFF_BYTES, PhotoFormat, sniff, unsupported_kind
from facesearch.values import Image, Size


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """What is refused, so that no file can use up the memory.

    Attributes:
        max_pixels: photos with more are refused by their header, undecoded.
        max_bytes: files with more are refused unread.

    Raises:
        InvalidValue: a limit below 1.
    """

    max_pixels: int = 250_000_000
    max_bytes: int = 1 << 30

    def __post_init__(self) -> None:
        if self.max_pixels < 1 or self.max_bytes < 1:
            raise InvalidValue(f"limits are at least 1, not {self}")


class PhotoData(Protocol):
    """One photo, its header known, to be decoded as often and in as many threads as wanted."""

    @property
    def size(self) -> Size:
        """Upright full size."""

    @property
    def format(self) -> str:
        """The format's usual name, such as "JPEG"; "array" and "Pillow" for pictures in memory."""

    def decode(self, *, min_longer_px: int | None = None) -> Image:
        """The upright picture, 8-bit RGB.

        Args:
            min_longer_px: decoding at 1/2, 1/4 or 1/8 scale is welcome as long as
                the longer side keeps at least this many pixels. Only JPEG gains
                from that; other formats come out at full size. None: full size.
                A reduced picture covers the whole photo to within half of its
                own pixels (exactly, where the photo's sides are multiples of 8).

        Raises:
            PhotoUnreadable: DAMAGED or UNSUPPORTED; IO_ERROR for lack of memory.
        """


def open_photo(data: bytes, name: str, limits: DecodeLimits) -> PhotoData:
    """Open a photo file: tell its format, parse its header, check it against the limits.

    Args:
        data: the whole file. Kept, not copied.
        name: path or description for messages.

    Raises:
        PhotoUnreadable: EMPTY; TOO_LARGE; NOT_AN_IMAGE: no known format;
            UNSUPPORTED: a known format that is not decoded; DAMAGED.
    """
    name = printable(name)
    check_bytes(name, len(data), limits.max_bytes)
    head = data[:SNIFF_BYTES]
    kind = sniff(head)
    photo: PhotoData
    if kind is None:
        raise _not_a_photo(head, name)
    if kind is PhotoFormat.JPEG:
        from facesearch.photos.jpeg import open_jpeg

        photo = open_jpeg(data, name)
    else:
        from facesearch.photos.raster import open_raster

        photo = open_raster(data, name, kind)
    check_pixels(name, photo.size, limits)
    return photo


def check_pixels(name: str, size: Size, limits: DecodeLimits) -> None:
    """Check a photo's size against the limits.

    Raises:
        PhotoUnreadable: TOO_LARGE.
    """
    if size.pixels > limits.max_pixels:
        raise PhotoUnreadable(
            name,
            UnreadableReason.TOO_LARGE,
            f"{size.width}x{size.height} are {size.pixels / 1e6:,.1f} megapixels, more than the "
            f"limit of {limits.max_pixels / 1e6:,.1f}: make it smaller, or raise the limit (index "
            "--max-megapixels, DecodeLimits.max_pixels)",
        )


def _not_a_photo(head: bytes, name: str) -> PhotoUnreadable:
    kind = unsupported_kind(head)
    if kind is not None:
        return PhotoUnreadable(
            name, UnreadableReason.UNSUPPORTED, f"it is {kind}, which is not supported"
        )
    if not any(head):
        words = "it begins with zeros only, as a lost or unfinished download does"
    elif _is_text(head):
        words = "it is text, not a picture"
    else:
        words = "it is no kind of picture known here"
    return PhotoUnreadable(name, UnreadableReason.NOT_AN_IMAGE, words)


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else only the last character is cut in two
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\t\r\n\ufeff" for character in text)
