"""Agreement of groupings: hand-made examples, and what must not change it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.errors import InvalidValue
from facesearch.evaluation.clustering import b_cubed, pairwise

labels = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30)


def test_by_hand():
    """Two of one person and a stranger together, a third photo of that person apart."""
    true, clusters = ["a", "a", "b", "a"], [1, 1, 1, 2]
    cubed = b_cubed(true, clusters)
    assert cubed.precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1) / 4)
    assert cubed.recall == pytest.approx((2 / 3 + 2 / 3 + 1 + 1 / 3) / 4)
    by_pair = pairwise(true, clusters)
    assert by_pair.precision == pytest.approx(1 / 3)
    assert by_pair.recall == pytest.approx(1 / 3)
    assert by_pair.f == pytest.approx(1 / 3)


@given(labels)
def test_turning_the_tables_swaps_precision_and_recall(rows: list[tuple[int, int]]):
    true, clusters = zip(*rows, strict=True)
    for measure in (b_cubed, pairwise):
        one, other = measure(true, clusters), measure(clusters, true)
        assert (one.precision, one.recall) == pytest.approx((other.recall, other.precision))
        assert 0 <= one.precision <= 1
        assert 0 <= one.recall <= 1


@given(labels)
def test_order_and_names_do_not_matter(rows: list[tuple[int, int]]):
    true, clusters = zip(*rows, strict=True)
    back = rows[::-1]
    renamed = [f"cluster {7 - cluster}" for _, cluster in back]
    for measure in (b_cubed, pairwise):
        one, other = measure(true, clusters), measure([t for t, _ in back], renamed)
        assert (one.precision, one.recall, one.f) == pytest.approx(
            (other.precision, other.recall, other.f)
        )
        assert measure(true, true).f == 1


def test_photos_without_labels_are_an_error():
    with pytest.raises(InvalidValue, match="a person and a cluster"):
        b_cubed(["a"], [1, 2])
    with pytest.raises(InvalidValue):
        pairwise([], [])
