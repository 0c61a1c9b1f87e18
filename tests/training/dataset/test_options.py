"""Options are checked when they are made, and tell two datasets apart in words."""

from __future__ import annotations

import pytest

from facesearch.errors import InvalidValue
from facesearch.training.dataset.options import DatasetOptions, Split, differences


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"chip_px": 8}, "16 to 1024"),
        ({"template": None}, "template"),
        ({"jpeg_quality": 0}, "1 to 100"),
        ({"min_photos": 0}, "at least 1"),
        ({"max_photos": 0}, "at least 1 photo of each person is taken"),
        ({"people": ()}, "nobody"),
        ({"fractions": (0.7, 0.2)}, "add up to 1"),
        ({"fractions": (0.0, 1.0)}, "add up to 1"),
        ({"fractions": (1.0,)}, "two or three"),
        ({"fractions": (float("nan"), 1.0)}, "add up to 1"),
        ({"seed": -1}, "seed"),
        ({"shard_bytes": 10}, "0.1 MB"),
        ({"workers": 0}, "thread"),
    ],
)
def test_what_makes_no_dataset_is_refused(wrong, words):
    with pytest.raises(InvalidValue, match=words):
        DatasetOptions(**wrong)


def test_two_fractions_leave_no_test_split():
    assert DatasetOptions(fractions=(0.7, 0.3)).shares[Split.TEST] == 0
    assert DatasetOptions(fractions=(0.7, 0.15, 0.15)).shares[Split.TEST] == 0.15


def test_what_differs_is_said():
    before = DatasetOptions().document()
    now = DatasetOptions(seed=3, max_photos=9, people=("Ada",)).document()
    said = differences(before, now)
    assert "seed was 0 and is 3" in said
    assert "max_photos was not said and is 9" in said
    assert len(said) == 3


def test_where_it_runs_is_no_part_of_a_dataset():
    assert DatasetOptions(device="cpu", workers=1).document() == DatasetOptions().document()


def test_the_order_of_a_list_of_people_does_not_matter():
    one, other = (DatasetOptions(people=p).document() for p in (("A", "B"), ("B", "A", "A")))
    assert one == other
