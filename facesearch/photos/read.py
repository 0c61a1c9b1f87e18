"""Reading photo files: a path in, its bytes and their fingerprint out."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from typing import Protocol

from facesearch.errors import PhotoUnreadable, UnreadableReason
from facesearch.photos.files import OPEN_FLAGS, printable, reason_for, words_for

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PhotoBytes:
    """A photo file in memory.

    Attributes:
        data: the file's bytes, at least one.
        content_hash: their SHA-256, 64 hexadecimal digits: the photo's identity.
    """

    data: bytes = field(repr=False)
    content_hash: str


def read_photo(path: str, *, max_bytes: int) -> PhotoBytes:
    """Read a photo file. Only regular files are opened, and never waited for.

    Raises:
        PhotoUnreadable: EMPTY, TOO_LARGE, NO_PERMISSION, VANISHED, IO_ERROR, or
            NOT_AN_IMAGE for a folder, pipe, socket or device.
    """
    shown = printable(path)
    try:
        # Asked before opening: opening a device can already do something.
        check_is_file(shown, os.stat(path).st_mode)
        descriptor = os.open(path, OPEN_FLAGS)
        with open(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            check_is_file(shown, status.st_mode)
            check_bytes(shown, status.st_size, max_bytes)
            data = _all_of(file, shown, status.st_size, max_bytes)
    except OSError as error:
        raise PhotoUnreadable(shown, reason_for(error), words_for(error)) from error
    except ValueError as error:  # a NUL character in the path
        raise PhotoUnreadable(
            shown, UnreadableReason.VANISHED, "a path with a NUL character names nothing"
        ) from error
    return PhotoBytes(data, hashlib.sha256(data).hexdigest())


class Readable(Protocol):
    """The part of a binary file object that reading needs."""

    def read(self, size: int = -1, /) -> bytes | None:
        """At most `size` bytes, none of them at the end."""


def read_stream(file: Readable, name: str, *, max_bytes: int) -> bytes:
    """Everything from a binary file object's present position on; the object stays open.

    Raises:
        PhotoUnreadable: EMPTY, TOO_LARGE or IO_ERROR.
        TypeError: it yields something other than bytes, such as text.
    """
    try:
        return _all_of(file, name, _CHUNK_BYTES, max_bytes)
    except OSError as error:
        raise PhotoUnreadable(name, UnreadableReason.IO_ERROR, words_for(error)) from error


def check_is_file(shown: str, mode: int) -> None:
    """Check a file's mode.

    Raises:
        PhotoUnreadable: NOT_AN_IMAGE: it is a folder, pipe, socket or device.
    """
    if stat.S_ISREG(mode):
        return
    what = "it is a folder, not a photo" if stat.S_ISDIR(mode) else "it is not a regular file"
    raise PhotoUnreadable(shown, UnreadableReason.NOT_AN_IMAGE, what)


def check_bytes(shown: str, size: int, max_bytes: int) -> None:
    """Check a photo's number of bytes.

    Raises:
        PhotoUnreadable: EMPTY or TOO_LARGE.
    """
    if size == 0:
        raise PhotoUnreadable(shown, UnreadableReason.EMPTY, "the file is empty")
    if size > max_bytes:
        raise _too_large(shown, f"{size / 1e6:,.1f} MB are", max_bytes)


def _too_large(shown: str, what: str, max_bytes: int) -> PhotoUnreadable:
    return PhotoUnreadable(
        shown,
        UnreadableReason.TOO_LARGE,
        f"{what} more than the limit of {max_bytes / 1e6:,.1f} MB; "
        "raise it with --max-megabytes (DecodeLimits.max_bytes)",
    )


def _all_of(file: Readable, shown: str, expected: int, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    ask = expected + 1  # one more, so that a file of the expected size is one read and one check
    while part := file.read(ask):
        if not isinstance(part, bytes):
            raise TypeError(f"reading gave {type(part).__name__}, not bytes")
        parts.append(part)
        total += len(part)
        if total > max_bytes:  # a stream, or a file that is being written to
            raise _too_large(shown, "its content is", max_bytes)
        ask = _CHUNK_BYTES
    if part is None:
        raise BlockingIOError("the stream would block")
    if not total:
        raise PhotoUnreadable(shown, UnreadableReason.EMPTY, "the file is empty")
    return parts[0] if len(parts) == 1 else b"".join(parts)
