"""The manifest of an index folder: which files hold it, and which of their rows were removed.

In: entries and a generation. Out: one small file that is replaced as a whole,
which is what makes a save happen all at once. docs/formats.md gives the bytes.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facesearch.errors import FaceSearchError
from facesearch.folders import sync_folder
from facesearch.vectors.base import BoolArray, Generation
from facesearch.vectors.storage import (
    FORMAT_VERSION,
    MANIFEST,
    check_version,
    codes_name,
    damaged,
    new_token,
    rows_name,
    write_all,
    write_durably,
)

_MAGIC = b"FSINDEX\n"
_HEAD = struct.Struct("<8sII")  # magic, version, length of the JSON
_CRC = struct.Struct("<I")


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One segment as the manifest lists it.

    Attributes:
        rows: how many, removed ones included.
        rows_token, rows_crc: its file rows-TOKEN.fsv and the CRC-32 of that file's header.
        codes_token, codes_crc: the same of codes-TOKEN.fsv, or None.
        dead: bool, shape (rows,), True where removed; None where none was.
    """

    rows: int
    rows_token: str
    rows_crc: int
    codes_token: str | None
    codes_crc: int | None
    dead: BoolArray | None

    def files(self) -> list[str]:
        """Names of its files."""
        names = [rows_name(self.rows_token)]
        return names if self.codes_token is None else [*names, codes_name(self.codes_token)]


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """What an index folder holds."""

    space: str
    dimension: int
    generation: Generation
    entries: tuple[Entry, ...]

    def files(self) -> set[str]:
        """Names of all files but the manifest's own."""
        return {name for entry in self.entries for name in entry.files()}

    def encode(self) -> bytes:
        """The manifest as it is written."""
        segments = [
            {
                "rows": entry.rows,
                "removed": 0 if entry.dead is None else int(np.count_nonzero(entry.dead)),
                "rows_file": entry.rows_token,
                "rows_crc": entry.rows_crc,
                "codes_file": entry.codes_token,
                "codes_crc": entry.codes_crc,
            }
            for entry in self.entries
        ]
        text = json.dumps(
            {
                "space": self.space,
                "dimension": self.dimension,
                "added": self.generation.added,
                "removed": self.generation.removed,
                "segments": segments,
            },
            indent=1,
        ).encode()
        bitmaps = [
            np.packbits(entry.dead, bitorder="little").tobytes()
            for entry in self.entries
            if entry.dead is not None and entry.dead.any()
        ]
        head = _HEAD.pack(_MAGIC, FORMAT_VERSION, len(text))
        data = b"".join([head, text, *bitmaps])
        return data + _CRC.pack(zlib.crc32(data))


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder.

    Raises:
        FileNotFoundError: the folder holds no index.
        IndexDamaged: it is of another format or fails its checksum.
    """
    path = folder / MANIFEST
    data = path.read_bytes()
    if len(data) < _HEAD.size + _CRC.size or not data.startswith(_MAGIC):
        raise damaged(path, "is not the manifest of a vector index")
    _, version, length = _HEAD.unpack_from(data)
    body, (crc,) = data[: -_CRC.size], _CRC.unpack(data[-_CRC.size :])
    if zlib.crc32(body) != crc:
        raise damaged(path, "has changed since it was written (its checksum fails)")
    check_version(path, version)
    try:
        return _decode(body, length)
    except (ValueError, KeyError, TypeError, FaceSearchError) as error:
        raise damaged(path, f"does not follow its format ({error})") from error


def _decode(body: bytes, length: int) -> Manifest:
    place = _HEAD.size + length
    fields = json.loads(body[_HEAD.size : place].decode())
    entries = []
    for segment in fields["segments"]:
        dead = None
        if segment["removed"]:
            size = -(-segment["rows"] // 8)
            packed = np.frombuffer(body, np.uint8, count=size, offset=place)
            dead = np.unpackbits(packed, count=segment["rows"], bitorder="little").astype(np.bool_)
            place += size
        entries.append(
            Entry(
                rows=segment["rows"],
                rows_token=segment["rows_file"],
                rows_crc=segment["rows_crc"],
                codes_token=segment["codes_file"],
                codes_crc=segment["codes_crc"],
                dead=dead,
            )
        )
    if place != len(body):
        raise ValueError(f"{len(body) - place} bytes too many")
    generation = Generation(fields["added"], fields["removed"])
    return Manifest(fields["space"], fields["dimension"], generation, tuple(entries))


def write_manifest(folder: Path, data: bytes) -> None:
    """Put a new manifest in place of the old one: the moment a save happens.

    The caller waits for the folder afterwards, before it removes a file of the old one.

    Raises:
        OSError: nothing has changed.
    """
    path = folder / f"manifest-{new_token()}.tmp"
    sync_folder(folder)  # the segments' names must be there before one refers to them
    write_durably(path, lambda file: write_all(file, data))
    try:
        os.replace(path, folder / MANIFEST)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
