"""What kind of file this is, told by its first bytes; names are never trusted.

In come the first bytes of a file, out goes a `PhotoFormat` that facesearch
decodes, or the name of a kind that it knows and does not decode.
"""

from __future__ import annotations

from enum import StrEnum

SNIFF_BYTES = 64
"""How many bytes of a file decide its kind."""


class PhotoFormat(StrEnum):
    """The kinds of photo files that are decoded."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WebP"
    TIFF = "TIFF"
    BMP = "BMP"
    DIB = "DIB"
    GIF = "GIF"
    HEIF = "HEIF"
    AVIF = "AVIF"


_JPEG_START = b"\xff\xd8\xff"
_STARTS: tuple[tuple[bytes, PhotoFormat], ...] = (
    (b"\x89PNG\r\n\x1a\n", PhotoFormat.PNG),
    (b"GIF87a", PhotoFormat.GIF),
    (b"GIF89a", PhotoFormat.GIF),
    (b"II\x2a\x00", PhotoFormat.TIFF),
    (b"MM\x00\x2a", PhotoFormat.TIFF),
    (b"II\x2b\x00", PhotoFormat.TIFF),
    (b"MM\x00\x2b", PhotoFormat.TIFF),
)

_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
    | {b"mif2", b"mif3"}
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})

_UNSUPPORTED_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"II\x2a\x00\x10\x00\x00\x00CR", "a raw camera file (Canon CR2)"),
    (b"FUJIFILMCCD-RAW", "a raw camera file (Fujifilm)"),
    (b"IIRO", "a raw camera file (Olympus)"),
    (b"IIRS", "a raw camera file (Olympus)"),
    (b"MMOR", "a raw camera file (Olympus)"),
    (b"IIU\x00", "a raw camera file (Panasonic)"),
    (b"FOVb", "a raw camera file (Sigma)"),
    (b"\x00MRM", "a raw camera file (Minolta)"),
    (b"%PDF-", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"8BPS", "a Photoshop document"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cjP  \x0d\x0a\x87\x0a", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"<svg", "an SVG drawing"),
    (b"gimp xcf", "a GIMP document"),
    (b"qoif", "a QOI picture"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"\x1a\x45\xdf\xa3", "a video (Matroska or WebM)"),
)

_DIB_HEADERS = frozenset({40, 52, 56, 64, 108, 124})
_DIB_BITS = frozenset({1, 4, 8, 16, 24, 32})


def sniff(head: bytes) -> PhotoFormat | None:
    """The format of a photo that begins with these bytes, or None where it is none we decode.

    Args:
        head: at least the first `SNIFF_BYTES` bytes, fewer where the file is shorter.
    """
    if head.startswith(_JPEG_START):  # first, as nearly all photos are
        return PhotoFormat.JPEG
    if _unsupported_start(head) is not None:
        return None
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return PhotoFormat.WEBP
    if head[:2] == b"BM" and len(head) >= 18 and 12 <= _u32(head, 14) <= 256:
        return PhotoFormat.BMP
    brands = _brands(head)
    if brands & _AVIF_BRANDS:
        return PhotoFormat.AVIF
    if brands & _HEIF_BRANDS:
        return PhotoFormat.HEIF
    if (
        len(head) >= 16
        and _u32(head, 0) in _DIB_HEADERS
        and head[12:14] == b"\x01\x00"
        and int.from_bytes(head[14:16], "little") in _DIB_BITS
    ):
        return PhotoFormat.DIB
    return None


def unsupported_kind(head: bytes) -> str | None:
    """Words for a kind of file that is known and not decoded ("a PDF document"), else None."""
    known = _unsupported_start(head)
    if known is not None:
        return known
    brands = _brands(head)
    if b"crx " in brands:
        return "a raw camera file (Canon CR3)"
    if brands and not brands & (_HEIF_BRANDS | _AVIF_BRANDS):
        return "a video (MP4 or QuickTime)"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "a video (AVI)"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml")) and b"<html" not in text:
        return "an SVG drawing" if b"<svg" in text else "an XML document, perhaps an SVG drawing"
    return None


def _unsupported_start(head: bytes) -> str | None:
    for start, words in _UNSUPPORTED_STARTS:
        if head.startswith(start):
            return words
    return None


def _brands(head: bytes) -> set[bytes]:
    """The brands in the first box of an ISO media file; empty where this is none."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(_big_u32(head, 0), len(head))
    compatible = {head[at : at + 4] for at in range(16, end - 3, 4)}
    return {head[8:12], *compatible}


def _u32(head: bytes, at: int) -> int:
    return int.from_bytes(head[at : at + 4], "little")


def _big_u32(head: bytes, at: int) -> int:
    return int.from_bytes(head[at : at + 4], "big")
