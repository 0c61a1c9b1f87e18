"""The files of one segment; docs/formats.md describes their bytes for other programs.

In: ids, vectors, codes. Out: the same, every byte of them checked, or
IndexDamaged. A file is written once, under a name that is never used again.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from facesearch.values import FloatArray, IdArray
from facesearch.vectors.codes import Calibration, Codes
from facesearch.vectors.manifest import Entry
from facesearch.vectors.rows import Checksums, Rows, block_checksums, rows_per_block
from facesearch.vectors.storage import (
    FORMAT_VERSION,
    check_version,
    codes_name,
    damaged,
    rows_name,
    write_all,
    write_durably,
)

_ROWS_MAGIC = b"FSROWS\r\n"
_CODES_MAGIC = b"FSCODE\r\n"
_ROWS_HEAD = struct.Struct("<8sIIQIII24x")  # magic, version, d, n, rows a block, two CRCs
_CODES_HEAD = struct.Struct("<8sIIQdddQI")  # magic, version, d, n, calibration, length, CRC
_CRC = struct.Struct("<I")
_ALIGNMENT = 64
_WRITE_BYTES = 8 << 20


def write_rows(
    folder: Path,
    token: str,
    dimension: int,
    ids: IdArray,
    read: Callable[[int, int], FloatArray],
) -> int:
    """Write a segment's ids and vectors; `read(start, stop)` gives the vectors piece by piece.

    Returns:
        The CRC-32 of the file's header, which covers the checksums of all else.

    Raises:
        OSError: the file is gone again.
        IndexDamaged: where `read` raises it; the file is gone again.
    """
    block = rows_per_block(dimension)
    step = block * max(1, _WRITE_BYTES // (4 * dimension * block))

    def write(file: BinaryIO) -> int:
        id_bytes = ids.astype("<i8").tobytes()
        write_all(file, bytes(_ROWS_HEAD.size + _CRC.size))
        write_all(file, id_bytes)
        write_all(file, bytes(_padding(len(ids))))
        sums = []
        for start in range(0, len(ids), step):
            rows = np.ascontiguousarray(read(start, start + step), dtype="<f4")
            sums.append(block_checksums(rows))
            write_all(file, rows.data)
        table = np.concatenate(sums).astype("<u4").tobytes()
        write_all(file, table)
        head = _ROWS_HEAD.pack(
            _ROWS_MAGIC,
            FORMAT_VERSION,
            dimension,
            len(ids),
            block,
            zlib.crc32(id_bytes),
            zlib.crc32(table),
        )
        file.seek(0)
        crc = zlib.crc32(head)
        write_all(file, head + _CRC.pack(crc))
        return crc

    return write_durably(folder / rows_name(token), write)


def read_rows(
    folder: Path, entry: Entry, dimension: int, mapped_bytes: int
) -> tuple[IdArray, Rows]:
    """A segment's ids and vectors; vectors of more than `mapped_bytes` are mapped.

    Raises:
        FileNotFoundError: it is gone.
        IndexDamaged: it is not what the manifest says, or fails its checksums.
    """
    path = folder / rows_name(entry.rows_token)
    count, block = entry.rows, rows_per_block(dimension)
    blocks = -(-count // block)
    ids_at = _ROWS_HEAD.size + _CRC.size
    vectors_at = ids_at + 8 * count + _padding(count)
    table_at = vectors_at + 4 * count * dimension
    with path.open("rb") as file:
        head = _read_head(file, path, _ROWS_HEAD, _ROWS_MAGIC, entry.rows_crc)
        if head[2:5] != (dimension, count, block):
            raise damaged(path, f"holds {head[2:5]}, expected {(dimension, count, block)}")
        _check_size(file, path, table_at + 4 * blocks)
        id_bytes = file.read(8 * count)
        padding = file.read(_padding(count))
        if zlib.crc32(id_bytes) != head[5] or any(padding):
            raise damaged(path, "has changed since it was written (its ids fail their checksum)")
        file.seek(table_at)
        table = file.read(4 * blocks)
        if zlib.crc32(table) != head[6]:
            raise damaged(path, "has changed since it was written (its table fails its checksum)")
        ids = np.frombuffer(id_bytes, "<i8").astype(np.int64, copy=False)
        if not (ids[:-1] < ids[1:]).all():
            raise damaged(path, "lists its ids out of order")
        checksums = Checksums(np.frombuffer(table, "<u4"), np.zeros(blocks, np.bool_), str(path))
        if 4 * count * dimension > mapped_bytes:
            mapped = np.memmap(file, "<f4", "r", vectors_at, (count, dimension))
            return ids, Rows(np.asarray(mapped), checksums)
        file.seek(vectors_at)
        vectors = np.fromfile(file, "<f4", count * dimension).reshape(count, dimension)
    rows = Rows(vectors, checksums)
    rows.between(0, count)
    vectors.flags.writeable = False
    return ids, Rows(vectors)


def write_codes(folder: Path, token: str, codes: Codes) -> int:
    """Write a segment's fast-scan codes.

    Returns:
        The CRC-32 of the file's header, which covers the checksum of all else.

    Raises:
        OSError: the file is gone again.
    """
    data = codes.to_bytes()
    line = codes.calibration
    head = _CODES_HEAD.pack(
        _CODES_MAGIC,
        FORMAT_VERSION,
        codes.dimension,
        codes.rows,
        line.slope,
        line.offset,
        line.noise,
        len(data),
        zlib.crc32(data.data),
    )
    crc = zlib.crc32(head)

    def write(file: BinaryIO) -> int:
        write_all(file, head + _CRC.pack(crc))
        write_all(file, data.data)
        return crc

    return write_durably(folder / codes_name(token), write)


def read_codes(folder: Path, entry: Entry, dimension: int) -> Codes | None:
    """A segment's fast-scan codes; None where the manifest lists none.

    Raises:
        FileNotFoundError: they are gone.
        IndexDamaged: they are not what the manifest says, or fail their checksum.
    """
    if entry.codes_token is None or entry.codes_crc is None:
        return None
    path = folder / codes_name(entry.codes_token)
    with path.open("rb") as file:
        head = _read_head(file, path, _CODES_HEAD, _CODES_MAGIC, entry.codes_crc)
        _, _, found_dimension, rows, slope, offset, noise, length, crc = head
        if (found_dimension, rows) != (dimension, entry.rows):
            raise damaged(path, f"belongs to {rows} rows, expected {entry.rows}")
        _check_size(file, path, _CODES_HEAD.size + _CRC.size + length)
        data = np.fromfile(file, np.uint8, length)
    if zlib.crc32(data.data) != crc:
        raise damaged(path, "has changed since it was written (its checksum fails)")
    return Codes.from_bytes(data, dimension, rows, Calibration(slope, offset, noise), str(path))


def _padding(ids: int) -> int:
    """Zero bytes after the ids, so that vectors start at a multiple of 64."""
    return -(_ROWS_HEAD.size + _CRC.size + 8 * ids) % _ALIGNMENT


def _read_head(
    file: BinaryIO, path: Path, layout: struct.Struct, magic: bytes, crc: int
) -> tuple[int, ...]:
    data = file.read(layout.size + _CRC.size)
    if len(data) < layout.size + _CRC.size:
        raise damaged(path, "is cut short")
    head, (found,) = data[: layout.size], _CRC.unpack(data[layout.size :])
    fields = layout.unpack(head)
    if fields[0] != magic or zlib.crc32(head) != found or found != crc:
        raise damaged(path, "is not the file the manifest refers to, or its header has changed")
    check_version(path, fields[1])
    return fields


def _check_size(file: BinaryIO, path: Path, expected: int) -> None:
    size = os.fstat(file.fileno()).st_size
    if size != expected:
        raise damaged(path, f"has {size} bytes, expected {expected}")
