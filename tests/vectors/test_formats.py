"""The files are as docs/formats.md says: read here with nothing but that page."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
from galleries import SPACE, strangers

from facesearch.vectors.base import Generation
from facesearch.vectors.faiss import SegmentedIndex
from facesearch.vectors.merging import SegmentOptions


def test_an_index_can_be_read_by_its_documentation(tmp_path: Path):
    rows = strangers(2_500, 10)
    options = SegmentOptions(exact_rows=2_000, coded_rows=1_024, small_rows=0, compact_share=0.5)
    index = SegmentedIndex(SPACE, 10, options=options)
    index.add(np.arange(2_400)[::-1], rows[:2_400][::-1])
    index.save(tmp_path, Generation())
    index.add(np.arange(3_000, 3_100), rows[2_400:])
    index.save(tmp_path, Generation())
    index.remove([3, 17, 3_099])
    index.save(tmp_path, Generation(12, 34))

    data = (tmp_path / "manifest.fsv").read_bytes()
    magic, version, length = struct.unpack_from("<8sII", data)
    assert (magic, version) == (b"FSINDEX\n", 1)
    assert struct.unpack("<I", data[-4:])[0] == zlib.crc32(data[:-4])
    fields = json.loads(data[16 : 16 + length])
    assert (fields["space"], fields["dimension"]) == (SPACE, 10)
    assert (fields["added"], fields["removed"]) == (12, 34)
    bitmaps = data[16 + length : -4]

    names, live = {"manifest.fsv"}, {}
    for segment in fields["segments"]:
        n, name = segment["rows"], f"rows-{segment['rows_file']}.fsv"
        names.add(name)
        content = (tmp_path / name).read_bytes()
        head = struct.unpack_from("<8sIIQIII24sI", content)
        block = max(1, 4_096 // 10)
        assert head[:5] == (b"FSROWS\r\n", 1, 10, n, block)
        assert head[7] == bytes(24)
        assert head[8] == zlib.crc32(content[:60]) == segment["rows_crc"]
        ids = np.frombuffer(content, "<i8", n, 64)
        assert zlib.crc32(ids.tobytes()) == head[5]
        start = -(-(64 + 8 * n) // 64) * 64
        assert not any(content[64 + 8 * n : start])
        vectors = np.frombuffer(content, "<f4", n * 10, start).reshape(n, 10)
        table = content[start + 40 * n :]
        assert zlib.crc32(table) == head[6]
        blocks = [zlib.crc32(vectors[at : at + block].tobytes()) for at in range(0, n, block)]
        assert table == struct.pack(f"<{len(blocks)}I", *blocks)

        gone = np.zeros(n, bool)
        if segment["removed"]:
            size = -(-n // 8)
            bits = np.frombuffer(bitmaps[:size], np.uint8)
            gone = np.array([bits[row // 8] >> row % 8 & 1 for row in range(n)], bool)
            bitmaps = bitmaps[size:]
        assert gone.sum() == segment["removed"]
        live |= {
            int(one): row for one, row, dead in zip(ids, vectors, gone, strict=True) if not dead
        }

        if segment["codes_file"] is not None:
            name = f"codes-{segment['codes_file']}.fsv"
            names.add(name)
            content = (tmp_path / name).read_bytes()
            head = struct.unpack_from("<8sIIQdddQII", content)
            assert head[:4] == (b"FSCODE\r\n", 1, 10, n)
            assert 0.5 < head[4] < 1.5
            assert abs(head[5]) < 0.5
            assert 0 < head[6] < 0.2
            assert head[7] == len(content) - 64
            assert head[8] == zlib.crc32(content[64:])
            assert head[9] == zlib.crc32(content[:60]) == segment["codes_crc"]

    assert bitmaps == b""
    assert len(fields["segments"]) == 2
    assert {path.name for path in tmp_path.iterdir()} == names
    assert len(names) == 4
    assert sorted(live) == index.ids().tolist()
    for one, row in live.items():
        np.testing.assert_array_equal(row, rows[one if one < 3_000 else one - 600])
