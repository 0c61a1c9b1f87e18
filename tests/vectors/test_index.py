"""Every kind of index gives the answers of the reference, and refuses what it refuses."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from galleries import (
    DIMENSION,
    KINDS,
    SPACE,
    Kind,
    assert_same,
    look_alikes,
    reference,
    strangers,
    unit,
)

from facesearch.errors import IndexDamaged, InvalidEmbedding, InvalidValue
from facesearch.vectors.base import Generation, Neighbours, VectorIndex


def shuffled_ids(count: int, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).permutation(3 * count)[:count].astype(np.int64) - count


def test_the_reference_is_right():
    """Against a sum that loses nothing, written without numpy."""
    rows, probe = strangers(200, seed=1), strangers(1, seed=2)[0]
    exact = [
        1 - math.fsum(float(a) * float(b) for a, b in zip(row, probe, strict=True)) for row in rows
    ]
    index = reference(np.arange(200), rows)
    (found,) = index.search(probe[None], 200)
    assert found.ids.tolist() == sorted(range(200), key=lambda row: exact[row])
    np.testing.assert_array_equal(found.distances, np.sort(np.array(exact).astype(np.float32)))


def test_the_nearest_rows(kind: Kind, tmp_path: Path):
    ids, rows = shuffled_ids(5_000), look_alikes(5_000, each=20)
    probes = unit(rows[::1_000] + 0.2 * strangers(5, seed=3))
    index, expected = kind.filled(ids, rows, tmp_path), reference(ids, rows)
    for k in (1, 2, 10, 100, 5_000, 6_000):
        assert_same(index.search(probes, k), expected.search(probes, k))


def test_the_rows_within_a_distance(kind: Kind, tmp_path: Path):
    ids, rows = shuffled_ids(4_000), look_alikes(4_000, each=100)
    probes = rows[:2_000:500]
    index, expected = kind.filled(ids, rows, tmp_path), reference(ids, rows)
    for max_distance in (0.0, 0.02, 0.1, 0.5, 1.0, 2.0, 9.0):
        for limit in (None, 1, 7):
            found = index.search_within(probes, max_distance, limit)
            assert_same(found, expected.search_within(probes, max_distance, limit))
    assert [len(one) for one in index.search_within(probes, 2.0)] == [4_000] * 4


def test_a_distance_from_an_answer_includes_its_row(kind: Kind, tmp_path: Path):
    index = kind.filled(np.arange(3_000), strangers(3_000), tmp_path)
    probe = strangers(1, seed=9)
    (nearest,) = index.search(probe, 20)
    for place, distance in enumerate(nearest.distances.tolist()):
        (within,) = index.search_within(probe, distance)
        assert within.ids.tolist() == nearest.ids[: place + 1].tolist()


def test_ties_go_by_id(kind: Kind, tmp_path: Path):
    """The same vector in different rows, segments and places of a block is equally far."""
    rows = strangers(3_000)
    rows[::7] = rows[0]
    ids = shuffled_ids(3_000)
    index = kind.filled(ids, rows, tmp_path)
    probe = unit(rows[:1] + 0.1 * strangers(1, seed=4))
    same = np.sort(ids[::7])
    for k in (1, 5, len(same)):
        (found,) = index.search(probe, k)
        np.testing.assert_array_equal(found.ids, same[:k])
        assert len(set(found.distances.tolist())) == 1
    assert_same(index.search(probe, len(same) + 3), reference(ids, rows).search(probe, 432))


def test_one_vector_many_times(kind: Kind, tmp_path: Path):
    """Nothing to train centroids on, nothing to rank by: the ids decide."""
    rows = np.repeat(strangers(1), 3_000, axis=0)
    index = kind.filled(np.arange(3_000)[::-1], rows, tmp_path)
    (found,) = index.search(rows[:1], 4)
    assert found.ids.tolist() == [0, 1, 2, 3]
    assert [len(one) for one in index.search_within(rows[:1], 0.0)] == [3_000]
    (found,) = index.search(unit(rows[:1] + 0.5 * strangers(1, seed=2)), 4)
    assert found.ids.tolist() == [0, 1, 2, 3]


def test_clipped_distances_are_ties(kind: Kind, tmp_path: Path):
    """Lengths may be off by 1e-4; what that puts beyond 0 and 2 is equally near or far."""
    rows = np.repeat(strangers(1), 8, axis=0)
    rows *= np.float32([1.00005, 1.0, 1.00008, 1.00002, -1.00005, -1.00009, -1.00001, -1.0])[
        :, None
    ]
    ids = np.arange(8)[::-1]
    probe = rows[:1].copy()
    index = kind.filled(ids, rows, tmp_path)
    for k in range(1, 9):
        assert_same(index.search(probe, k), reference(ids, rows).search(probe, k))
    (found,) = index.search(probe, 8)
    assert found.ids.tolist() == [4, 5, 6, 7, 0, 1, 2, 3]
    assert found.distances.min() == 0.0
    assert found.distances.max() == 2.0


def test_an_empty_index_answers_with_nothing(kind: Kind, tmp_path: Path):
    index = kind.make(SPACE, DIMENSION)
    for answer in (*index.search(strangers(2), 3), *index.search_within(strangers(2), 2.0)):
        assert answer.ids.shape == answer.distances.shape == (0,)
        assert (answer.ids.dtype, answer.distances.dtype) == (np.int64, np.float32)
    assert index.count == 0
    assert index.ids().tolist() == []
    assert index.remove([1, 2]) == 0
    assert index.vectors_of([]).shape == (0, DIMENSION)
    index.add([], [])
    index.save(tmp_path / "empty", Generation(4, 2))
    again = kind.load(tmp_path / "empty", SPACE, DIMENSION)
    assert (again.count, again.generation, again.kind) == (0, Generation(4, 2), "exact")
    assert len(again.search(strangers(1), 1)[0]) == 0


def test_no_probes_no_answers(kind: Kind, tmp_path: Path):
    index = kind.filled(np.arange(2_500), strangers(2_500), tmp_path)
    assert index.search(np.empty((0, DIMENSION), np.float32), 3) == []


def test_many_probes_are_answered_as_each_alone(kind: Kind, tmp_path: Path):
    rows = look_alikes(4_000, each=10)
    index = kind.filled(np.arange(4_000), rows, tmp_path)
    probes = unit(rows[:150] + 0.3 * strangers(150, seed=8))
    alone = [index.search(probe[None], 5)[0] for probe in probes]
    assert_same(index.search(probes, 5), alone)
    alone = [index.search_within(probe[None], 0.08)[0] for probe in probes]
    assert_same(index.search_within(probes, 0.08), alone)


def test_removed_rows_never_come_back(kind: Kind, tmp_path: Path):
    ids, rows = shuffled_ids(5_000), look_alikes(5_000, each=50)
    index = kind.filled(ids, rows, tmp_path)
    gone = np.zeros(5_000, bool)
    gone[::3] = True
    assert index.remove(ids[gone]) == gone.sum()
    assert index.remove(ids[gone]) == 0
    expected = reference(ids[~gone], rows[~gone])
    probes = rows[gone][:200:40]

    def check(one: VectorIndex) -> None:
        assert one.count == (~gone).sum()
        np.testing.assert_array_equal(one.ids(), np.sort(ids[~gone]))
        np.testing.assert_array_equal(one.contains(ids), ~gone)
        assert_same(one.search(probes, 60), expected.search(probes, 60))
        assert_same(one.search_within(probes, 0.2), expected.search_within(probes, 0.2))

    check(index)
    for round_, compact in enumerate((False, False, True, False)):
        index.save(tmp_path / "saved", Generation(9, round_), compact=compact)
        check(index)
        index = kind.load(tmp_path / "saved", SPACE, DIMENSION)
        check(index)


def test_a_few_removed_rows_leave_the_answers_full(kind: Kind, tmp_path: Path):
    """Tombstones among the nearest must not eat places of the answer."""
    rows = look_alikes(6_000, each=600, spread=0.2)
    index = kind.filled(np.arange(6_000), rows, tmp_path)
    probe = rows[:1]
    (nearest,) = index.search(probe, 500)
    index.remove(nearest.ids)
    rest = np.setdiff1d(np.arange(6_000), nearest.ids)
    assert_same(index.search(probe, 10), reference(rest, rows[rest]).search(probe, 10))


def test_rows_removed_one_by_one_stay_removed(kind: Kind, tmp_path: Path):
    """Rows that were just added, and rows that lie in sealed segments."""
    rows = strangers(2_300)
    index = kind.filled(np.arange(2_200), rows[:2_200], tmp_path)
    index.add(np.arange(2_200, 2_300), rows[2_200:])
    left = list(range(2_300))
    for one in (2_250, 3, 2_251, 2_200, 4, 2_299):
        assert index.remove([one, one]) == 1
        left.remove(one)
        assert index.ids().tolist() == left
        assert index.search(rows[one : one + 1], 1)[0].ids[0] != one
    assert_same(index.search(rows[:3], 5), reference(left, rows[left]).search(rows[:3], 5))


def test_a_removed_id_can_be_added_again(kind: Kind, tmp_path: Path):
    old, new = strangers(2_500), strangers(2_500, seed=1)
    index = kind.filled(np.arange(2_500), old, tmp_path)
    for _ in range(2):
        assert index.remove([7, 8]) == 2
        assert not index.contains([7, 8]).any()
        index.add([8, 7], new[[8, 7]])
        assert index.count == 2_500
        assert index.search(new[7:8], 1)[0].ids.tolist() == [7]
        assert 7 not in index.search_within(old[7:8], 0.01)[0].ids
        np.testing.assert_array_equal(index.vectors_of([7, 0]), [new[7], old[0]])
        index.save(tmp_path / "saved", Generation())
        index = kind.load(tmp_path / "saved", SPACE, DIMENSION)


def test_vectors_of_ids(kind: Kind, tmp_path: Path):
    ids, rows = shuffled_ids(2_500), strangers(2_500)
    index = kind.filled(ids, rows, tmp_path)
    index.add([10**15], strangers(1, seed=1))
    found = index.vectors_of([int(ids[5]), 10**15, int(ids[2]), int(ids[5])])
    np.testing.assert_array_equal(found, [rows[5], strangers(1, seed=1)[0], rows[2], rows[5]])
    assert found.dtype == np.float32
    with pytest.raises(InvalidValue, match="id -99999 is not in"):
        index.vectors_of([int(ids[0]), -99_999])
    index.remove([int(ids[0])])
    with pytest.raises(InvalidValue, match="not in the vector index"):
        index.vectors_of(ids[:1])


def test_ids_may_be_any_whole_numbers_of_64_bits(kind: Kind, tmp_path: Path):
    ids = np.array([-(2**63), -1, 0, 2**53 + 1, 2**63 - 1])
    rows = strangers(5)
    index = kind.filled(ids, rows, tmp_path)
    index.save(tmp_path / "saved", Generation())
    index = kind.load(tmp_path / "saved", SPACE, DIMENSION)
    assert [index.search(row[None], 1)[0].ids[0] for row in rows] == ids.tolist()
    index.add(np.array([77], np.uint64), strangers(1, seed=1))
    index.add([np.int32(78)], strangers(1, seed=2))
    assert index.count == 7


def bad_vectors() -> dict[str, tuple[object, type[Exception], str]]:
    good = strangers(3)
    nan, inf, zero, long, huge = (good.copy() for _ in range(5))
    nan[1, 4], inf[2, 0], zero[1], long[0] = np.nan, np.inf, 0, 2 * long[0]
    huge = huge.astype(np.float64) * 1e300
    return {
        "nan": (nan, InvalidEmbedding, "1 has length nan"),
        "inf": (inf, InvalidEmbedding, "2 has length inf"),
        "zero": (zero, InvalidEmbedding, "1 has length 0"),
        "long": (long, InvalidEmbedding, "0 has length 2"),
        "huge": (huge, InvalidEmbedding, "0 has length inf"),
        "dimension": (strangers(3, DIMENSION + 1), InvalidValue, rf"\(n, {DIMENSION}\)"),
        "flat": (good[0], InvalidValue, "shape"),
        "cube": (good[None], InvalidValue, "shape"),
        "integers": (np.eye(DIMENSION, dtype=int)[:3], InvalidValue, "floating-point"),
        "words": ([["a"] * DIMENSION] * 3, InvalidValue, "floating-point"),
        "complex": (good + 0j, InvalidValue, "floating-point"),
    }


@pytest.mark.parametrize("case", bad_vectors())
def test_bad_vectors_are_refused_and_change_nothing(kind: Kind, case: str, tmp_path: Path):
    vectors, error, message = bad_vectors()[case]
    index = kind.filled(np.arange(50), strangers(50, seed=6), tmp_path)
    with pytest.raises(error, match=message):
        index.add([10_001, 10_002, 10_003], vectors)
    with pytest.raises(error, match=message):
        index.search(vectors, 1)
    with pytest.raises(error, match=message):
        index.search_within(vectors, 0.5)
    assert index.count == 50
    assert not index.contains([10_001, 10_002, 10_003]).any()


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, 2, 1], "id 1 was given twice"),
        ([5_000, 3, 5_001], "id 3 is in the vector index already"),
        ([5_000, 5_001], "2 ids were given for 3 vectors"),
        ([[5_000, 5_001, 5_002]], "whole numbers in one row"),
        ([0.5, 1.5, 2.5], "whole numbers in one row"),
        ([True, False, True], "whole numbers in one row"),
        (["a", "b", "c"], "whole numbers in one row"),
        (np.array([2**63, 1, 2], np.uint64), "fit into 64 bits"),
    ],
)
def test_bad_ids_are_refused_and_change_nothing(kind: Kind, ids, message: str, tmp_path: Path):
    index = kind.filled(np.arange(50), strangers(50), tmp_path)
    index.add([2_600], strangers(1, seed=2))
    with pytest.raises(InvalidValue, match=message):
        index.add(ids, strangers(3, seed=1), generation=Generation(99, 99))
    assert (index.count, index.generation) == (51, Generation())
    with pytest.raises(InvalidValue, match="2600 is in the vector index already"):
        index.add([2_600], strangers(1, seed=2))


def test_other_float_types_are_taken_as_float32(kind: Kind, tmp_path: Path):
    rows = strangers(2_500)
    index = kind.filled(np.arange(2_500), rows.astype(np.float64), tmp_path)
    np.testing.assert_array_equal(index.vectors_of(np.arange(2_500)), rows)
    fortran = np.asfortranarray(rows[:3].astype(np.longdouble))
    assert [one.ids[0] for one in index.search(fortran, 1)] == [0, 1, 2]
    assert index.search(rows[:1].tolist(), 1)[0].ids.tolist() == [0]


def test_callers_may_reuse_their_arrays(kind: Kind):
    ids, rows = np.arange(50), strangers(50)
    index = kind.make(SPACE, DIMENSION)
    index.add(ids, rows)
    kept = rows.copy()
    ids[:], rows[:] = -1, 0
    assert [one.ids[0] for one in index.search(kept, 1)] == list(range(50))
    answer = index.search(kept[:1], 3)[0]
    with pytest.raises(ValueError, match="read-only"):
        answer.ids[0] = 5
    with pytest.raises(ValueError, match="read-only"):
        answer.distances[0] = 5


@pytest.mark.parametrize("k", [0, -1, 1.5, True, None, "3"])
def test_bad_counts(kind: Kind, k):
    index = kind.make(SPACE, DIMENSION)
    with pytest.raises(InvalidValue, match="k is a whole number"):
        index.search(strangers(1), k)
    if k is not None:
        with pytest.raises(InvalidValue, match="limit is a whole number"):
            index.search_within(strangers(1), 0.5, k)


@pytest.mark.parametrize("distance", [-0.001, float("nan"), float("-inf")])
def test_bad_distances(kind: Kind, distance: float):
    with pytest.raises(InvalidValue, match="maximum distance"):
        kind.make(SPACE, DIMENSION).search_within(strangers(1), distance)


def test_bad_index(kind: Kind):
    with pytest.raises(InvalidValue, match="space"):
        kind.make("", 4)
    with pytest.raises(InvalidValue, match="at least 1 number"):
        kind.make(SPACE, 0)


@pytest.mark.parametrize("dimension", [1, 2, 3, 33, 256])
def test_any_dimension(kind: Kind, dimension: int, tmp_path: Path):
    rows = strangers(2_500, dimension)
    index = kind.filled(np.arange(2_500), rows, tmp_path)
    assert (index.dimension, index.space) == (dimension, SPACE)
    index.save(tmp_path / "saved", Generation())
    index = kind.load(tmp_path / "saved", SPACE, dimension)
    probes = strangers(3, dimension, seed=4)
    expected = reference(np.arange(2_500), rows).search(probes, 10)
    assert_same(index.search(probes, 10), expected)


def test_generations_are_kept(kind: Kind, tmp_path: Path):
    index = kind.make(SPACE, DIMENSION)
    assert index.generation == Generation(0, 0)
    index.add([1], strangers(1), generation=Generation(1, 0))
    index.add([2], strangers(1))
    assert index.generation == Generation(1, 0)
    index.remove([1], generation=Generation(2, 1))
    assert index.generation == Generation(2, 1)
    index.save(tmp_path, Generation(3, 1))
    assert index.generation == Generation(3, 1)
    assert kind.load(tmp_path, SPACE, DIMENSION).generation == Generation(3, 1)


def test_generations_are_ordered():
    assert Generation(1, 5) < Generation(2, 0) < Generation(2, 1)
    with pytest.raises(InvalidValue, match="upward from 0"):
        Generation(1, -1)


def test_neighbours_are_checked():
    with pytest.raises(InvalidValue, match="as many ids as distances"):
        Neighbours(np.arange(2), np.zeros(3, np.float32))


def test_every_kind_reads_what_every_other_wrote(kind: Kind, tmp_path: Path):
    ids, rows = shuffled_ids(3_000), look_alikes(3_000, each=30)
    index = kind.filled(ids, rows, tmp_path)
    index.remove(ids[:100])
    index.save(tmp_path / "saved", Generation(7, 3))
    probes = rows[:300:50]
    expected = reference(ids[100:], rows[100:]).search(probes, 12)
    for other in KINDS:
        again = other.load(tmp_path / "saved", SPACE, DIMENSION)
        assert again.generation == Generation(7, 3)
        assert_same(again.search(probes, 12), expected)


@pytest.mark.parametrize(
    ("space", "dimension", "message"),
    [
        ("toy@2", DIMENSION, "space 'toy@1', expected 'toy@2'"),
        (SPACE, 64, f"dimension {DIMENSION}, expected 64"),
    ],
)
def test_an_index_of_something_else_is_not_loaded(
    kind: Kind, space: str, dimension: int, message: str, tmp_path: Path
):
    kind.filled(np.arange(10), strangers(10), tmp_path).save(tmp_path / "saved", Generation())
    with pytest.raises(IndexDamaged, match=message) as caught:
        kind.load(tmp_path / "saved", space, dimension)
    assert "rebuild" in str(caught.value)


def test_no_index_is_said_so(kind: Kind, tmp_path: Path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(IndexDamaged, match="rebuild"):
            kind.load(folder, SPACE, DIMENSION)
