"""Searching from several threads while rows come, go and are saved."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from galleries import SPACE, assert_same, reference, strangers

from facesearch.vectors import saving
from facesearch.vectors.base import Generation
from facesearch.vectors.faiss import SegmentedIndex
from facesearch.vectors.merging import SegmentOptions

D = 16
OPTIONS = SegmentOptions(
    exact_rows=2_000, coded_rows=1_024, fresh_rows=300, mapped_bytes=0, small_rows=50
)


def test_searches_while_the_index_changes(tmp_path: Path):
    """A search sees each batch whole or not at all, and never a row removed before it began."""
    batch, batches = 100, 60
    rows = strangers(batch * batches, D)
    index = SegmentedIndex(SPACE, D, options=OPTIONS)
    done, added, removed = threading.Event(), [0], [0]

    def search(seed: int) -> int:
        rng, rounds = np.random.default_rng(seed), 0
        while not done.is_set() or rounds == 0:
            first, gone = added[0], removed[0]
            (found,) = index.search_within(rows[[rng.integers(len(rows))]], 2.0)
            assert len(np.unique(found.ids)) == len(found)
            assert (np.diff(found.distances) >= 0).all()
            # rows added before the search began are there, unless removed until now
            must = np.arange(removed[0] + batch, first * batch)
            assert np.isin(must, found.ids).all()
            assert (found.ids >= gone).all()
            assert len(index.search(rows[:2], 3)) == 2
            rounds += 1
        return rounds

    with ThreadPoolExecutor(4) as pool:
        searches = [pool.submit(search, seed) for seed in range(3)]
        try:
            for number in range(batches):
                ids = np.arange(number * batch, (number + 1) * batch)
                index.add(ids, rows[ids])
                added[0] = number + 1
                if number % 3 == 2:
                    some = np.arange(removed[0], removed[0] + batch)
                    index.remove(some)
                    removed[0] += batch
                if number % 10 == 9:
                    index.save(tmp_path, Generation(number, 0))
        finally:
            done.set()
        assert all(one.result() > 0 for one in searches)
    left = np.arange(removed[0], batch * batches)
    np.testing.assert_array_equal(index.ids(), left)
    probes = strangers(5, D, seed=1)
    expected = reference(left, rows[left])
    assert_same(index.search(probes, 10), expected.search(probes, 10))


def test_changes_during_a_save_are_kept_and_saved_by_the_next(tmp_path: Path, monkeypatch):
    """Also where a row is removed from a segment that is being merged, and added again."""
    rows = strangers(3_000, D)
    index = SegmentedIndex(SPACE, D, options=OPTIONS)
    index.add(np.arange(2_500), rows[:2_500])
    index.save(tmp_path, Generation(1, 0))
    index.add(np.arange(2_500, 2_600), rows[2_500:2_600])
    index.remove([4, 2_510])
    write_manifest = saving.write_manifest

    def change_first(folder: Path, data: bytes) -> None:
        monkeypatch.setattr(saving, "write_manifest", write_manifest)
        index.remove([5, 6, 2_511])
        index.add([4, 5, 2_700], rows[[2_704, 2_705, 2_700]])
        write_manifest(folder, data)

    monkeypatch.setattr(saving, "write_manifest", change_first)
    index.save(tmp_path, Generation(2, 0))
    assert saving.write_manifest is write_manifest

    def check(one: SegmentedIndex, ids: np.ndarray, vectors: np.ndarray) -> None:
        np.testing.assert_array_equal(one.ids(), ids)
        np.testing.assert_array_equal(one.vectors_of(ids), vectors)

    at_save = np.setdiff1d(np.arange(2_600), [4, 2_510])
    check(SegmentedIndex.load(tmp_path, SPACE, D), at_save, rows[at_save])
    now = np.append(np.setdiff1d(np.arange(2_600), [6, 2_510, 2_511]), 2_700)
    vectors = rows[now].copy()
    vectors[4], vectors[5] = rows[2_704], rows[2_705]
    check(index, now, vectors)
    index.save(tmp_path, Generation(3, 0))
    check(index, now, vectors)
    check(SegmentedIndex.load(tmp_path, SPACE, D), now, vectors)


def test_saves_wait_for_each_other(tmp_path: Path):
    index = SegmentedIndex(SPACE, D, options=OPTIONS)
    index.add(np.arange(500), strangers(500, D))
    with ThreadPoolExecutor(4) as pool:
        for one in [pool.submit(index.save, tmp_path, Generation(n, 0)) for n in range(12)]:
            one.result()
    assert SegmentedIndex.load(tmp_path, SPACE, D).count == 500
