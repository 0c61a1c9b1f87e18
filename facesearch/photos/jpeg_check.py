"""Is all of a JPEG picture there? The JPEG library fills what is missing with grey, silently.

In come a file's bytes and its header, out goes a sentence on what is missing, or
None. Checks that every photo passes through cost a hundredth of its decoding;
a photo that looks suspicious is decoded again to make sure.

How "again" tells: random bytes are put behind the coded data. A whole picture
never looks at them and comes out the same; one that lacks data swallows them
and comes out different. And where random bytes in place of the last coded bytes
change nothing, the decoder has stumbled before and never got that far.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from facesearch.errors import PhotoUnreadable

if TYPE_CHECKING:
    from facesearch.photos.jpeg import JpegHeader

END_MARKER = b"\xff\xd9"
FILLED = frozenset({b"\x80\x80\x80", b"\x40\x40\x40"})
"""RGB of what the JPEG library puts where data is missing (the second in CMYK pictures:
half of each ink)."""

_NEXT_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
_RESTART_CYCLE = bytes(range(0xD0, 0xD8))
_AFTER_A_SCAN = frozenset({0xC4, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)})
_HOLE = bytes(32)  # coded pictures hardly ever contain so many zeros in a row; lost sectors do
_SPARE_BYTES = 64  # some cameras pad the coded data; that much is forgiven
# Never 0xFF, and not zero at first: zeros are what the decoder itself puts for missing bits.
_RANDOM = bytes((index * 197 + 237) % 255 for index in range(1024))


def has_end_marker(data: bytes, header: JpegHeader) -> bool:
    """Whether an end marker follows the picture; whatever comes behind it does not matter."""
    return data.endswith(END_MARKER) or data.find(END_MARKER, header.scan) >= 0


def structural_damage(data: bytes, header: JpegHeader) -> str | None:
    """What the markers tell, before decoding: a missing end, lost restart intervals."""
    if not header.is_one_scan:
        if has_end_marker(data, header):
            return None
        return "the file is cut off: its last scans are missing"
    if not header.restart_interval:
        return None
    expected = (header.mcu_count - 1) // header.restart_interval
    found = b"".join(_RESTART.findall(data, header.scan, _scan_end(data, header)))
    cycle = _RESTART_CYCLE * (expected // 8 + 1)
    if found.startswith(cycle[:expected]):
        return None
    return f"parts of the picture are missing ({len(found)} of {expected} restart markers)"


def picture_damage(data: bytes, header: JpegHeader, *, ends_grey: bool) -> str | None:
    """What the decoded picture tells.

    Args:
        ends_grey: its last pixel has the colour of `FILLED`, as missing data has.
    """
    if not header.is_one_scan:
        return None  # progressive: what is missing there blurs, it does not blank
    is_ended = has_end_marker(data, header)
    hole = data.find(_HOLE, header.scan)
    if hole < 0 and is_ended and not ends_grey:
        return None
    end = _scan_end(data, header)
    has_hole = 0 <= hole < end  # else the zeros lie behind the picture
    if not has_hole and is_ended and not ends_grey:
        return None
    if end < len(data) and data[end + 1] not in _AFTER_A_SCAN:
        return "the picture's data is overwritten from some point on"
    as_is = _rendered(data[:end] + END_MARKER)
    if as_is is None or as_is != _rendered(_with_random_end(data[:end])):
        return "the file is cut off or overwritten: the end of the picture is missing"
    if not has_hole or ends_grey or end - header.scan <= 2 * _SPARE_BYTES:
        return None  # a picture that ends in that very grey may do so whatever its last bytes
    if as_is == _rendered(_with_random_end(data[: end - _SPARE_BYTES])):
        return "part of the picture's data is overwritten"
    return None


def _scan_end(data: bytes, header: JpegHeader) -> int:
    """Where the first scan's coded data ends: its next marker, or the end of the file."""
    marker = _NEXT_MARKER.search(data, header.scan)
    return len(data) if marker is None else marker.start()


def _with_random_end(data: bytes) -> bytes:
    # A byte 0xFF at the end would make a marker of what follows; with 0 it is plain data.
    joint = b"\x00" if data.endswith(b"\xff") else b""
    return data + joint + _RANDOM + END_MARKER


def _rendered(data: bytes) -> bytes | None:
    """The picture's pixels, for comparison only; None where Pillow refuses."""
    from facesearch.photos import raster

    try:
        return raster.decode_jpeg(data, "", 1).tobytes()
    except PhotoUnreadable:
        return None  # the caller treats it as one more sign of damage
