"""What was done so far: chips in one growing file, so that a run that is killed goes on.

In: photos that were cut. Out: after any end of the process, every entry that was written
whole. An entry is its lengths, a CRC-32, what is known of the photo as JSON, and the chip.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from facesearch.errors import InvalidDataset
from facesearch.photos.files import printable
from facesearch.training.dataset.cutting import CutPhoto

_MAGIC = b"facesearch chips 1\n"
_HEAD = struct.Struct("<III")  # length of the JSON, length of the chip, CRC-32 of both


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of a photo.

    Attributes:
        stamp: of the file that was looked at.
        sha256: of the chip; "" where there is none.
        offset, length: of the chip in the journal.
        reason, detail: why there is none.
    """

    stamp: str
    sha256: str
    offset: int
    length: int
    reason: str
    detail: str


class Journal:
    """The journal at a path, made where there is none. Use in a `with`, by one process.

    Attributes:
        entries: by the photo's id; of several, the latest.

    Raises:
        InvalidDataset: another file lies there.
        OSError: it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open(path, "r+b" if path.exists() else "w+b")  # noqa: SIM115 - see __exit__
        self.entries: dict[str, Entry] = {}
        try:
            self._recover()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, cut: CutPhoto) -> None:
        """Write down what became of a photo.

        Raises:
            OSError: such as for lack of space; what was written before stays.
        """
        about = {
            "id": cut.photo.id,
            "stamp": cut.photo.stamp,
            "sha256": cut.sha256,
            "reason": cut.reason,
            "detail": cut.detail,
        }
        text, chip = json.dumps(about).encode("ascii"), cut.jpeg or b""
        checksum = zlib.crc32(chip, zlib.crc32(text))
        start = self._file.seek(0, os.SEEK_END)
        self._file.write(_HEAD.pack(len(text), len(chip), checksum) + text + chip)
        self._take(about, start + _HEAD.size + len(text), len(chip))

    def chip(self, entry: Entry) -> bytes:
        """The JPEG bytes of a chip."""
        self._file.seek(entry.offset)
        return self._file.read(entry.length)

    def sync(self) -> None:
        """Bring what was written onto the disk.

        Raises:
            OSError: such as for lack of space.
        """
        self._file.flush()
        os.fsync(self._file.fileno())

    def _recover(self) -> None:
        """Read what is whole, and cut off what a killed run or a full disk left behind it."""
        magic = self._file.read(len(_MAGIC))
        if not _MAGIC.startswith(magic):
            raise InvalidDataset(
                printable(str(self._path)),
                "is not a journal of chips; delete it, or use another folder",
            )
        if magic != _MAGIC:
            self._file.seek(0)
            self._file.write(_MAGIC)
        end = self._file.tell()
        while (head := self._file.read(_HEAD.size)) and len(head) == _HEAD.size:
            text_length, chip_length, checksum = _HEAD.unpack(head)
            body = self._file.read(text_length + chip_length)
            if len(body) != text_length + chip_length or zlib.crc32(body) != checksum:
                break
            self._take(json.loads(body[:text_length]), end + _HEAD.size + text_length, chip_length)
            end += _HEAD.size + len(body)
        self._file.truncate(end)

    def _take(self, about: dict[str, Any], offset: int, length: int) -> None:
        self.entries[about["id"]] = Entry(
            about["stamp"], about["sha256"], offset, length, about["reason"], about["detail"]
        )
