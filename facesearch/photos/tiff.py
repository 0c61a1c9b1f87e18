"""Whether a TIFF file's first directory is all there; Pillow reads on regardless.

In come the bytes of a TIFF or BigTIFF file, out goes yes or no. Tells a strange
TIFF from one that was cut off.
"""

from __future__ import annotations

import struct

_BYTES_PER_VALUE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8,
                    13: 4, 16: 8, 17: 8, 18: 8}  # fmt: skip
_BIG = 43


def has_whole_directory(data: bytes) -> bool:
    """Whether the first directory and the values it points at lie within the file."""
    at: int
    order = "<" if data.startswith(b"II") else ">"
    try:
        if struct.unpack_from(order + "H", data, 2) == (_BIG,):
            count_format, entry_format, inline = order + "Q", order + "HHQ", 8
            (at,) = struct.unpack_from(order + "Q", data, 8)
        else:
            count_format, entry_format, inline = order + "H", order + "HHI", 4
            (at,) = struct.unpack_from(order + "I", data, 4)
        (entries,) = struct.unpack_from(count_format, data, at)
        at += struct.calcsize(count_format)
        for _ in range(entries):
            _, kind, count = struct.unpack_from(entry_format, data, at)
            at += struct.calcsize(entry_format) + inline
            size = _BYTES_PER_VALUE.get(kind, 1) * count
            if size > inline:
                offset_format = order + ("Q" if inline == 8 else "I")
                (offset,) = struct.unpack_from(offset_format, data, at - inline)
                if offset + size > len(data):
                    return False
    except (struct.error, OverflowError):
        return False
    return at <= len(data)
