"""Splits: stratified or by person, the same for the same seed, whatever the order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.errors import InvalidDataset
from facesearch.training.dataset.options import DatasetOptions, Split, SplitKind
from facesearch.training.dataset.splitting import at_most, counts, is_by_person, split_chips

THIRDS = (0.7, 0.15, 0.15)


@dataclass(frozen=True)
class Chip:
    id: str
    person: str
    part: Split | None = None


def of(people: dict[str, int], part: Split | None = None) -> list[Chip]:
    return [Chip(f"{name}{n}", name, part) for name, many in people.items() for n in range(many)]


@given(
    total=st.integers(1, 200),
    shares=st.lists(st.floats(0.01, 1), min_size=2, max_size=3),
)
def test_every_split_gets_its_share_and_training_never_nothing(total, shares):
    sizes = (*(share / sum(shares) for share in shares), 0.0)[:3]
    wanted = dict(zip(Split, sizes, strict=True))
    found = counts(total, wanted)
    assert sum(found.values()) == total
    assert found[Split.TRAIN] >= 1
    asked = [split for split in Split if wanted[split] > 0]
    if total >= len(asked):
        assert min(found.values()) >= 1
    for split in asked:
        assert abs(found[split] - wanted[split] * total) < len(asked) + 1


@given(st.randoms(use_true_random=False), st.integers(0, 5))
def test_the_order_of_photos_does_not_matter(luck, seed):
    chips = of({"A": 9, "B": 5, "C": 2, "D": 7})
    mixed = list(chips)
    luck.shuffle(mixed)
    for kind in (SplitKind.BY_PHOTO, SplitKind.BY_PERSON):
        options = DatasetOptions(split=kind, seed=seed, fractions=(0.5, 0.5))
        assert split_chips(chips, options, "here") == split_chips(mixed, options, "here")


def test_each_persons_photos_are_divided():
    chips = of({"A": 100, "B": 10, "C": 2})
    found = split_chips(chips, DatasetOptions(), "here")
    by_person = Counter((chip.person, found[chip.id]) for chip in chips)
    assert by_person["A", Split.TRAIN] == 70
    assert by_person["B", Split.VALIDATION] == 3
    assert by_person["C", Split.TRAIN] == by_person["C", Split.VALIDATION] == 1
    assert not is_by_person(chips, found)


def test_another_seed_is_another_split():
    chips = of({"A": 100, "B": 100})
    one, other = (split_chips(chips, DatasetOptions(seed=seed), "here") for seed in (1, 2))
    assert one != other


def test_another_photo_moves_few_others():
    """What is drawn by a hash stays where it was, but for those at the border."""
    before = split_chips(of({"A": 100, "B": 100}), DatasetOptions(), "here")
    after = split_chips(of({"A": 101, "B": 100}), DatasetOptions(), "here")
    assert sum(after[id] is not split for id, split in before.items()) <= 2


def test_people_are_divided():
    chips = of({f"P{n}": 3 for n in range(20)})
    options = DatasetOptions(split=SplitKind.BY_PERSON, fractions=THIRDS)
    found = split_chips(chips, options, "here")
    assert is_by_person(chips, found)
    people = Counter(found[f"P{n}0"] for n in range(20))
    assert people == {Split.TRAIN: 14, Split.VALIDATION: 3, Split.TEST: 3}


@pytest.mark.parametrize(
    ("people", "options", "words"),
    [
        ({"A": 5, "B": 5, "C": 5}, {"split": SplitKind.BY_PERSON}, "validation would hold 1"),
        ({"A": 5, "B": 5}, {"split": SplitKind.BY_PERSON}, "two people to train on"),
        ({"A": 1, "B": 1}, {"min_photos": 1}, "validation would hold 0"),
        ({"A": 2, "B": 2}, {"fractions": THIRDS}, "test would hold 0"),
        ({"A": 5, "B": 5}, {"split": SplitKind.PUBLISHED}, "no published split"),
    ],
)
def test_a_split_with_nothing_in_it_is_refused(people, options, words):
    with pytest.raises(InvalidDataset, match=words):
        split_chips(of(people), DatasetOptions(**options), "here")


def test_a_published_split_stays_as_it_is():
    chips = [
        *of({"A": 2, "B": 2}, Split.TRAIN),
        *of({"C": 2}, Split.VALIDATION),
        *of({"D": 2}, Split.TEST),
    ]
    found = split_chips(chips, DatasetOptions(split=SplitKind.PUBLISHED), "here")
    assert all(found[chip.id] is chip.part for chip in chips)


def test_where_none_validate_some_of_the_trained_people_do():
    trained = of({f"P{n}": 2 for n in range(10)}, Split.TRAIN)
    chips = [*trained, *of({"X": 2}, Split.TEST)]
    found = split_chips(chips, DatasetOptions(split=SplitKind.PUBLISHED), "here")
    assert len({c.person for c in chips if found[c.id] is Split.VALIDATION}) == 3
    assert found["X0"] is Split.TEST


def test_so_many_photos_are_drawn_of_each():
    chips = of({"A": 50, "B": 3})
    drawn = at_most(chips, 10, seed=1)
    assert Counter(chip.person for chip in drawn) == {"A": 10, "B": 3}
    assert set(drawn) == set(at_most(chips[::-1], 10, seed=1))
    assert set(drawn) != set(at_most(chips, 10, seed=2))
