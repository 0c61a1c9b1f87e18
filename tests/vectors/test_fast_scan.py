"""Above the threshold: candidates from FAISS codes, ranked again, as good as the reference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from galleries import (
    CODED,
    DIMENSION,
    SPACE,
    assert_same,
    look_alikes,
    reference,
    strangers,
    unit,
)

from facesearch.errors import InvalidValue
from facesearch.vectors import scan
from facesearch.vectors.base import Generation, cosine_distances
from facesearch.vectors.codes import Codes, best_levels, encoded
from facesearch.vectors.faiss import SegmentedIndex
from facesearch.vectors.merging import SegmentOptions
from facesearch.vectors.rows import Rows


class Asked:
    """How often codes were asked for how many candidates, and coded rows scanned instead."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: list[int] = []
        self.scans = 0
        search, scan_exactly = Codes.search, scan._scan_exactly

        def search_and_note(codes, probes, count):
            self.counts.append(count)
            return search(codes, probes, count)

        def scan_and_note(number, part, probes, pools):
            self.scans += part.segment.codes is not None
            scan_exactly(number, part, probes, pools)

        monkeypatch.setattr(Codes, "search", search_and_note)
        monkeypatch.setattr(scan, "_scan_exactly", scan_and_note)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


def coded(
    rows: np.ndarray, folder: Path, options: SegmentOptions = CODED, pieces: int = 1
) -> SegmentedIndex:
    index = SegmentedIndex(SPACE, rows.shape[1], options=options)
    for ids in np.array_split(np.arange(len(rows)), pieces):
        index.add(ids, rows[ids])
    index.save(folder, Generation())
    assert index.kind == "fast-scan+exact"
    return index


def recall(found, expected) -> float:
    hits = sum(len(np.intersect1d(a.ids, b.ids)) for a, b in zip(found, expected, strict=True))
    return hits / max(1, sum(len(one) for one in expected))


@pytest.mark.parametrize(
    ("gallery", "dimension"),
    [
        ("identities", 128),
        ("identities", 16),
        ("crowds", 64),
        ("one crowd", 32),
        ("unstructured", 32),
    ],
)
def test_answers_are_those_of_the_reference(gallery: str, dimension: int, tmp_path: Path):
    """Small distances above all; and every distance that is returned is exact."""
    count = 18_000
    rows = {
        "identities": look_alikes(count, 12, 0.35, dimension),
        "crowds": look_alikes(count, 1_000, 0.3, dimension),
        "one crowd": look_alikes(count, count, 0.5, dimension),
        "unstructured": strangers(count, dimension),
    }[gallery]
    rng = np.random.default_rng(3)
    probes = unit(rows[rng.choice(count, 20)] + 0.25 * strangers(20, dimension, seed=7))
    index, expected = coded(rows, tmp_path), reference(np.arange(count), rows)
    for k in (1, 10, 50):
        found = index.search(probes, k)
        assert recall(found, expected.search(probes, k)) >= 0.999
        for one, probe in zip(found, probes, strict=True):
            np.testing.assert_array_equal(one.distances, cosine_distances(rows[one.ids], probe))
            assert (np.diff(one.distances) >= 0).all()
    for max_distance in (0.03, 0.07, 0.15):
        found = index.search_within(probes, max_distance)
        wanted = expected.search_within(probes, max_distance)
        assert recall(found, wanted) >= 0.999
        assert all(set(a.ids) <= set(b.ids) for a, b in zip(found, wanted, strict=True))


def test_a_clear_answer_needs_few_candidates(tmp_path: Path, asked: Asked):
    index = coded(look_alikes(12_000, 6, 0.2, 64), tmp_path)
    probes = look_alikes(12_000, 6, 0.2, 64)[:5]
    for probe in probes:
        index.search_within(probe[None], 0.1)
        index.search(probe[None], 3)
    assert set(asked.counts) == {scan.FIRST_CANDIDATES}
    assert asked.scans == 0


def test_candidates_grow_until_the_answer_is_certain(tmp_path: Path, asked: Asked):
    """More rows within the distance than candidates at first, or than a large list."""
    rows = np.concatenate([look_alikes(3_000, 3_000, 0.1), strangers(67_000, seed=1)])
    index, expected = coded(rows, tmp_path), reference(np.arange(len(rows)), rows)
    probe = rows[:1]
    assert_same(index.search_within(probe, 0.1), expected.search_within(probe, 0.1))
    assert asked.counts == [1_024, 8_192]
    assert asked.scans == 0
    (everything,) = index.search_within(probe, 2.0)
    assert len(everything) == len(rows)
    assert asked.scans == 1


def test_nearest_rows_that_are_many_tombstones(tmp_path: Path, asked: Asked):
    rows = np.concatenate([look_alikes(800, 800, 0.1), strangers(39_200, seed=1)])
    index = coded(rows, tmp_path, replace(CODED, compact_share=0.9))
    index.remove(np.arange(800))
    rest = reference(np.arange(800, len(rows)), rows[800:])
    assert_same(index.search(rows[:1], 5), rest.search(rows[:1], 5))
    assert index.search_within(rows[:1], 0.1)[0].ids.tolist() == []
    index.save(tmp_path, Generation())
    assert index.kind == "fast-scan+exact"
    assert_same(index.search(rows[:1], 5), rest.search(rows[:1], 5))


def test_exact_rows_are_enough_for_the_exact_kind(tmp_path: Path):
    """At the threshold everything is exact, one row more makes codes, removing unmakes them."""
    index = SegmentedIndex(SPACE, DIMENSION, options=CODED)
    index.add(np.arange(2_000), strangers(2_000))
    index.save(tmp_path, Generation())
    assert index.kind == "exact"
    index.add([2_000], strangers(1, seed=1))
    index.save(tmp_path, Generation())
    assert index.kind == "fast-scan+exact"
    assert SegmentedIndex.load(tmp_path, SPACE, DIMENSION).kind == "fast-scan+exact"
    index.remove(np.arange(1_000))
    index.save(tmp_path, Generation())
    assert index.kind == "exact"
    assert len(list(tmp_path.glob("codes-*"))) == 0


def test_codes_are_added_to_a_segment_without_writing_its_rows_again(tmp_path: Path):
    index = SegmentedIndex(SPACE, DIMENSION, options=CODED)
    index.add(np.arange(2_000), strangers(2_000))
    index.save(tmp_path, Generation())
    (rows_file,) = tmp_path.glob("rows-*")
    index.add(np.arange(2_000, 2_100), strangers(100, seed=1))
    index.save(tmp_path, Generation())
    assert rows_file.exists()
    assert len(list(tmp_path.glob("codes-*"))) == 1
    rows = np.concatenate([strangers(2_000), strangers(100, seed=1)])
    expected = reference(np.arange(2_100), rows)
    assert_same(index.search(rows[::300], 2), expected.search(rows[::300], 2))


def test_several_coded_segments_and_fresh_rows(tmp_path: Path):
    options = replace(CODED, segment_bytes=4 * DIMENSION * 3_000)
    rows = look_alikes(14_000, 30)
    index = coded(rows[:12_000], tmp_path, options, pieces=5)
    index.add(np.arange(12_000, 14_000), rows[12_000:])
    assert sum(part.segment.codes is not None for part in index._snapshot) >= 4
    probes = rows[::700]
    expected = reference(np.arange(14_000), rows)
    assert_same(index.search(probes, 20), expected.search(probes, 20))
    assert_same(index.search_within(probes, 0.1), expected.search_within(probes, 0.1))


def test_codes_are_the_same_every_time():
    rows = Rows(strangers(3_000))
    one, other = Codes.build(rows), Codes.build(rows)
    np.testing.assert_array_equal(one.to_bytes(), other.to_bytes())
    assert one.calibration == other.calibration


def test_codes_survive_a_copy_to_another_folder(tmp_path: Path):
    """An index loaded from one folder and saved into another is complete there."""
    rows = look_alikes(4_000, 20)
    coded(rows, tmp_path / "one")
    index = SegmentedIndex.load(tmp_path / "one", SPACE, DIMENSION, options=CODED)
    index.save(tmp_path / "two", Generation(1, 1))
    for file in (tmp_path / "one").iterdir():
        file.unlink()
    index = SegmentedIndex.load(tmp_path / "two", SPACE, DIMENSION, options=CODED)
    assert index.kind == "fast-scan+exact"
    expected = reference(np.arange(4_000), rows).search(rows[:3], 9)
    assert_same(index.search(rows[:3], 9), expected)


@pytest.mark.parametrize("dimension", [1, 3, 16, 33])
def test_codes_are_the_nearest_levels(dimension: int):
    """Encoded here as FAISS would, but faster."""
    import faiss

    rows = look_alikes(2_000, 50, dimension=dimension)
    levels = best_levels(rows)
    assert (np.diff(levels, axis=1) >= 0).all()
    reference = faiss.ProductQuantizer(dimension, dimension, 4)
    faiss.copy_array_to_vector(levels.ravel(), reference.centroids)
    np.testing.assert_array_equal(encoded(rows, levels), reference.compute_codes(rows))


def test_levels_fit_the_numbers():
    """16 levels of a normal distribution cost 0.95 % of its variance, no less."""
    numbers = np.random.default_rng(0).standard_normal((40_000, 3)).astype(np.float32)
    levels = best_levels(numbers * np.float32([1, 0.01, 5]) + np.float32([0, 7, -3]))
    for column, (scale, middle) in enumerate(((1, 0), (0.01, 7), (5, -3))):
        own = numbers[:, column] * scale + middle
        error = np.abs(own[:, None] - levels[column]).min(axis=1)
        assert 0.009 < np.mean(error**2) / scale**2 < 0.0105


def test_few_vectors_many_times(tmp_path: Path):
    """Codes without any error still have the rounding of FAISS's tables."""
    rows = np.repeat(strangers(16), 600, axis=0)
    index, expected = coded(rows, tmp_path), reference(np.arange(9_600), rows)
    probes = unit(rows[:8] + 0.3 * strangers(8, seed=2))
    assert_same(index.search(probes, 3), expected.search(probes, 3))
    for probe in probes:
        (one,) = expected.search(probe[None], 1)
        distance = float(one.distances[0])
        found = index.search_within(probe[None], distance)
        assert_same(found, expected.search_within(probe[None], distance))


def test_columns_that_say_nothing_do_no_harm(tmp_path: Path):
    rows = np.zeros((4_000, 12), np.float32)
    rows[:, :5] = strangers(4_000, 5)
    rows[:, 7] = np.random.default_rng(0).choice([0.5, -0.5], 4_000)
    rows = unit(rows)
    index = coded(rows, tmp_path)
    probes = rows[::400]
    expected = reference(np.arange(4_000), rows)
    assert_same(index.search(probes, 20), expected.search(probes, 20))


@pytest.mark.parametrize(
    "sizes",
    [
        {"coded_rows": 100},
        {"exact_rows": -1},
        {"fresh_rows": 0},
        {"segment_bytes": 0},
        {"compact_share": 0.0},
        {"compact_share": 1.5},
        {"small_rows": -1},
    ],
)
def test_sizes_that_cannot_work_are_refused(sizes):
    with pytest.raises(InvalidValue):
        SegmentOptions(**sizes)
