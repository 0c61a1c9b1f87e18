"""Opening files without ever waiting for them, and what goes wrong with files, in words.

In come names and the operating system's errors; out go printable names,
`UnreadableReason`s and clauses for people.
"""

from __future__ import annotations

import errno
import os

from facesearch.errors import UnreadableReason

OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a pipe put in the file's place never blocks us
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
"""How photo files are opened with `os.open`."""

_NO_PERMISSION = frozenset({errno.EACCES, errno.EPERM})
_VANISHED = frozenset({errno.ENOENT, errno.ENOTDIR})


def printable(name: str | bytes) -> str:
    """A file name as it can be shown, logged and encoded: nothing in it is lost.

    Undecodable bytes, line breaks and control characters come out as escapes;
    letters of any language and emoji stay as they are.
    """
    text = os.fsdecode(name)
    if text.isprintable():
        return text
    return "".join(part if part.isprintable() else _escaped(part) for part in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if 0x200C <= code <= 0x200D or 0xE0000 <= code <= 0xE007F:
        return character  # joiners and tags, which hold emoji and Indic syllables together
    return character.encode("unicode_escape").decode("ascii")


def reason_for(error: OSError) -> UnreadableReason:
    """The reason that an error of the operating system stands for."""
    if error.errno in _NO_PERMISSION:
        return UnreadableReason.NO_PERMISSION
    if error.errno in _VANISHED:
        return UnreadableReason.VANISHED
    return UnreadableReason.IO_ERROR


def words_for(error: OSError) -> str:
    """A clause for people, such as "no permission to read it"."""
    match reason_for(error):
        case UnreadableReason.NO_PERMISSION:
            return "no permission to read it"
        case UnreadableReason.VANISHED:
            return "it is no longer there"
        case _:
            return f"the system reports: {error.strerror or error}"
