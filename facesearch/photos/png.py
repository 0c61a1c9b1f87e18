"""PNG files: checked, and reduced to what decoding needs.

In come the bytes of a PNG file, out go a PNG file of its critical chunks and its
EXIF block. Every critical chunk's checksum is verified: Pillow verifies those of
the pixels not at all. Broken text or colour chunks cannot fail a photo then.
"""

from __future__ import annotations

import zlib
from typing import NoReturn

from facesearch.errors import PhotoUnreadable, UnreadableReason

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})


def essential_png(data: bytes, name: str) -> tuple[bytes, bytes | None]:
    """The file's critical chunks as a PNG file, and the EXIF block where there is one.

    An animation (APNG) comes out as its default picture.

    Raises:
        PhotoUnreadable: DAMAGED: cut off, or a checksum is wrong.
        PhotoUnreadable: UNSUPPORTED: Apple's private variant.
    """
    view = memoryview(data)
    kept: list[bytes | memoryview] = [_SIGNATURE]
    exif: bytes | None = None
    at = len(_SIGNATURE)
    while at < len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + length
        if kind == b"IEND":
            break
        if kind == b"CgBI":
            raise PhotoUnreadable(
                name, UnreadableReason.UNSUPPORTED, "a PNG in Apple's private variant (CgBI)"
            )
        if end > len(data):
            _damaged(name, f"the PNG is cut off in its {_shown(kind)} chunk")
        if kind in _KEPT:
            checksum = int.from_bytes(data[end - 4 : end], "big")
            if zlib.crc32(view[at + 4 : end - 4]) != checksum:
                _damaged(name, f"the checksum of the PNG's {_shown(kind)} chunk is wrong")
            kept.append(view[at:end])
        elif kind == b"eXIf" and exif is None:
            exif = data[at + 8 : end - 4]
        at = end
    kept.append(_END)
    return b"".join(kept), exif


def _shown(kind: bytes) -> str:
    return kind.decode("ascii") if kind.isalpha() else "next"


def _damaged(name: str, detail: str) -> NoReturn:
    raise PhotoUnreadable(name, UnreadableReason.DAMAGED, detail)
