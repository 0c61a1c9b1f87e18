"""What FAISS does that would bite a photo library, and that facesearch is not bitten.

Each test states the behaviour of FAISS it guards against. Where a later FAISS
behaves better nothing here fails: only facesearch's own answers are asserted.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from galleries import CODED, DIMENSION, SPACE, assert_same, look_alikes, reference, strangers, unit

from facesearch.errors import IndexDamaged, InvalidEmbedding, InvalidValue
from facesearch.vectors.base import Generation
from facesearch.vectors.codes import Codes
from facesearch.vectors.faiss import SegmentedIndex
from facesearch.vectors.rows import Rows


@pytest.fixture
def rows() -> np.ndarray:
    return look_alikes(6_000, 60)


@pytest.fixture
def index(rows: np.ndarray, tmp_path: Path) -> SegmentedIndex:
    """An index whose rows lie in one coded segment."""
    index = SegmentedIndex(SPACE, DIMENSION, options=CODED)
    index.add(np.arange(len(rows)), rows)
    index.save(tmp_path / "index", Generation())
    assert index.kind == "fast-scan+exact"
    return index


def test_radius_search_finds_what_is_there(index: SegmentedIndex, rows: np.ndarray):
    """IndexRefineFlat.range_search returns nothing; fast-scan range search loses rows."""
    probes = rows[::500]
    found = index.search_within(probes, 0.1)
    assert_same(found, reference(np.arange(len(rows)), rows).search_within(probes, 0.1))
    assert min(len(one) for one in found) > 10


def test_removed_rows_are_filtered(index: SegmentedIndex, rows: np.ndarray):
    """Fast-scan kinds take no selector."""
    probe = rows[:1]
    (before,) = index.search(probe, 30)
    index.remove(before.ids[::2])
    (after,) = index.search(probe, 15)
    np.testing.assert_array_equal(after.ids, before.ids[1::2])


def test_ids_of_our_own(index: SegmentedIndex):
    """add_with_ids needs IDMap2 on Flat, HNSW, SQ and PQ; remove_ids renumbers rows."""
    index.add([10**12, -5], strangers(2, seed=5))
    index.remove([0, 1, 2])
    found = index.search(strangers(2, seed=5), 1)
    assert [one.ids[0] for one in found] == [10**12, -5]


def test_the_same_id_twice_is_refused(index: SegmentedIndex):
    """FAISS accepts it and finds both."""
    with pytest.raises(InvalidValue, match="already"):
        index.add([5], strangers(1, seed=5))
    with pytest.raises(InvalidValue, match="twice"):
        index.add([10_000, 10_000], strangers(2, seed=5))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_is_refused(index: SegmentedIndex, value: float):
    """FAISS accepts it and never finds the row; as a probe it finds nothing."""
    bad = strangers(1, seed=5)
    bad[0, 3] = value
    with pytest.raises(InvalidEmbedding):
        index.add([10_000], bad)
    with pytest.raises(InvalidEmbedding):
        index.search(bad, 1)
    assert index.count == 6_000


def test_a_flipped_byte_in_the_codes_is_noticed(index: SegmentedIndex, tmp_path: Path):
    """read_index refuses a truncated file but misses a flipped byte."""
    (path,) = (tmp_path / "index").glob("codes-*")
    data = bytearray(path.read_bytes())
    for place in (70, len(data) // 2, len(data) - 1):
        data[place] ^= 0x10
        path.write_bytes(data)
        with pytest.raises(IndexDamaged, match="checksum"):
            SegmentedIndex.load(tmp_path / "index", SPACE, DIMENSION)
        data[place] ^= 0x10


def test_codes_faiss_cannot_read_are_damage_not_a_crash(rows: np.ndarray):
    """Its RuntimeError, or an index of another type or size, would pass through otherwise."""
    codes = Codes.build(Rows(rows))
    data = codes.to_bytes()
    import faiss

    flat = faiss.IndexFlatIP(DIMENSION)
    for wrong, count in (
        (data[:100], len(rows)),
        (np.zeros(50, np.uint8), len(rows)),
        (faiss.serialize_index(flat), 0),
        (data, len(rows) + 1),
    ):
        loaded = Codes.from_bytes(wrong, DIMENSION, count, codes.calibration, "codes-1.fsv")
        with pytest.raises(IndexDamaged, match=r"codes-1\.fsv"):
            loaded.search(rows[:1], 5)


def test_a_save_writes_what_is_new_only(index: SegmentedIndex, tmp_path: Path):
    """write_index writes everything: 4 ms for 10,000 rows, 411 ms for a million."""
    folder = tmp_path / "index"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    index.add(np.arange(10_000, 10_010), strangers(10, seed=5))
    index.save(folder, Generation(1, 0))
    after = {path.name: path.stat() for path in folder.iterdir()}
    new = {name for name in after if after[name].st_mtime_ns != before.get(name)}
    assert sum(after[name].st_size for name in new) < 10_000
    assert {name for name in before if name != "manifest.fsv"} <= set(after) - new


def test_rows_that_score_worst_are_found_nevertheless(tmp_path: Path):
    """Fast-scan answers -1 in place of rows in the worst bucket, though k asks for all."""
    rows = strangers(3_000, 2)
    index = SegmentedIndex(SPACE, 2, options=CODED)
    index.add(np.arange(3_000), rows)
    index.save(tmp_path / "flat", Generation())
    assert index.kind == "fast-scan+exact"
    (found,) = index.search(rows[:1], 3_000)
    assert np.sort(found.ids).tolist() == list(range(3_000))
    codes = Codes.build(Rows(rows))
    positions, _ = codes.search(rows[:1], 3_000)
    assert positions.min() >= -1


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str], tmp_path: Path):
    """k-means warns on stderr where there are few training points or none that differ."""
    for rows in (strangers(1_100), np.repeat(strangers(2), 600, axis=0)):
        Codes.build(Rows(unit(rows)))
    assert capfd.readouterr() == ("", "")


def test_faiss_is_not_imported_for_a_small_library(tmp_path: Path):
    """Importing it takes longer than answering."""
    program = f"""
import sys
import numpy as np
from pathlib import Path
from facesearch.vectors.base import Generation
from facesearch.vectors.faiss import SegmentedIndex
index = SegmentedIndex("toy@1", 8)
index.add(np.arange(8), np.eye(8, dtype=np.float32))
index.save(Path({str(tmp_path)!r}) / "small", Generation(8, 0))
index = SegmentedIndex.load(Path({str(tmp_path)!r}) / "small", "toy@1", 8)
assert index.search(np.eye(8, dtype=np.float32)[3:4], 1)[0].ids[0] == 3
heavy = {{"faiss", "onnxruntime", "tensorflow", "cv2", "sqlalchemy"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
