"""Paths as the catalog stores and compares them: bytes, in byte order.

In: absolute paths as `os.fsdecode` makes them. Out: bytes, and half-open byte ranges that
hold exactly a root and what lies below it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

Span = tuple[bytes, bytes]
"""Paths p with low <= p < high, compared byte by byte, as SQLite compares BLOBs."""

_SEPARATOR = os.fsencode(os.sep)


def path_bytes(path: str) -> bytes:
    """A path as it is stored; undecodable names come through unchanged."""
    return os.fsencode(path)


def path_text(stored: bytes) -> str:
    """A stored path as the programs of this machine can open it."""
    return os.fsdecode(stored)


def spans_under(roots: Iterable[str]) -> list[Span]:
    """Ranges that hold the roots themselves and all below them, disjoint and ascending.

    A root may be a file or a folder: "/a/b" covers "/a/b" and "/a/b/c", not "/a/bc".
    """
    ranges: list[Span] = []
    for root in roots:
        name = path_bytes(root)
        below = name if name.endswith(_SEPARATOR) else name + _SEPARATOR
        ranges.append((name, name + b"\0"))  # nothing sorts between a name and itself + NUL
        ranges.append((below, below[:-1] + bytes([below[-1] + 1])))
    disjoint: list[Span] = []
    for low, high in sorted(ranges):
        if disjoint and low <= disjoint[-1][1]:
            disjoint[-1] = (disjoint[-1][0], max(disjoint[-1][1], high))
        else:
            disjoint.append((low, high))
    return disjoint
