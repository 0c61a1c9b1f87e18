"""Pairs are balanced, true, and the same for the same seed and epoch."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.errors import InvalidValue
from facesearch.training.sampling import PairSet, People, balanced_pairs, semi_hard_pairs

# Person 7 has one chip only; the others' chips do not lie side by side.
LABELS = [4, 2, 4, 7, 2, 4, 9, 9, 4, 9]


def as_list(pairs: PairSet) -> list[tuple[int, int, int]]:
    triples = zip(pairs.left, pairs.right, pairs.different, strict=True)
    return [(int(left), int(right), int(different)) for left, right, different in triples]


@given(
    labels=st.lists(st.integers(-3, 6), min_size=3, max_size=40).filter(
        lambda found: len(set(found)) > 1 and max(Counter(found).values()) > 1
    ),
    seed=st.integers(0, 2**32),
    epoch=st.integers(0, 500),
)
def test_every_anchor_has_a_pair_of_each_kind(labels: list[int], seed: int, epoch: int):
    pairs = as_list(balanced_pairs(labels, seed=seed, epoch=epoch))
    counts = Counter(labels)
    anchors = [chip for chip, label in enumerate(labels) if counts[label] > 1]
    for kind in (0, 1):
        assert sorted(left for left, _, different in pairs if different == kind) == anchors
    for left, right, different in pairs:
        assert left != right
        assert (labels[left] != labels[right]) == bool(different)


def test_all_of_s_and_d_are_drawn_equally_often():
    drawn: Counter[tuple[int, int]] = Counter()
    for epoch in range(3000):
        drawn.update((left, right) for left, right, _ in as_list(balanced(epoch)))
    people = People(LABELS)
    for chip in people.anchors():
        for others in (people.same(chip), people.others(chip)):
            counts = [drawn[int(chip), int(other)] for other in others]
            assert min(counts) > 0.75 * 3000 / len(others)
            assert max(counts) < 1.25 * 3000 / len(others)


def balanced(epoch: int, seed: int = 3) -> PairSet:
    return balanced_pairs(LABELS, seed=seed, epoch=epoch)


def test_s_and_d_are_the_others_of_a_person_and_all_of_the_others():
    people = People(LABELS)
    assert people.same(0).tolist() == [2, 5, 8]
    assert people.others(0).tolist() == [1, 3, 4, 6, 7, 9]
    assert people.same(3).tolist() == []
    assert 3 not in people.anchors()


def test_seed_and_epoch_decide_the_pairs():
    assert as_list(balanced(5)) == as_list(balanced(5))
    assert as_list(balanced(5)) != as_list(balanced(6))
    assert as_list(balanced(5)) != as_list(balanced(5, seed=4))


def test_kinds_are_mixed():
    kinds = balanced_pairs(np.arange(1000) // 5, seed=0, epoch=0).different
    for quarter in np.split(kinds, 4):
        assert 0.4 < quarter.mean() < 0.6


def test_people_with_many_photos_can_be_held_back():
    labels = np.repeat([0, 1, 2], [50, 3, 2])
    chosen = [
        balanced_pairs(labels, seed=0, epoch=epoch, anchors_per_person=3) for epoch in range(40)
    ]
    for pairs in chosen:
        anchors = pairs.left[pairs.different == 0]
        assert Counter(labels[anchors].tolist()) == {0: 3, 1: 3, 2: 2}
    # Other ones in each epoch.
    assert len({int(chip) for pairs in chosen for chip in pairs.left if labels[chip] == 0}) > 35


@pytest.mark.parametrize("labels", [[], [1], [1, 1, 1], [1, 2, 3]])
def test_people_of_whom_no_pairs_can_be_made_are_refused(labels: list[int]):
    with pytest.raises(InvalidValue, match="two people"):
        balanced_pairs(labels, seed=0, epoch=0)


def test_a_negative_limit_is_refused():
    with pytest.raises(InvalidValue, match="anchors_per_person"):
        balanced_pairs(LABELS, seed=0, epoch=0, anchors_per_person=-1)


def test_semi_hard_people_are_beyond_the_same_person_and_within_the_margin():
    random = np.random.default_rng(1)
    labels = np.repeat(np.arange(150), 4)
    centres = np.repeat(random.normal(size=(150, 8)), 4, axis=0)
    embeddings = (centres + 0.1 * random.normal(size=centres.shape)).astype(np.float32)
    pairs = semi_hard_pairs(labels, embeddings, margin=2.0, seed=0, epoch=0)
    far = np.linalg.norm(embeddings[pairs.left] - embeddings[pairs.right], axis=1)
    of_same = np.zeros(len(labels))
    of_same[pairs.left[pairs.different == 0]] = far[pairs.different == 0]
    checked = 0
    for anchor, distance in zip(
        pairs.left[pairs.different == 1], far[pairs.different == 1], strict=True
    ):
        all_far = np.linalg.norm(embeddings - embeddings[anchor], axis=1)
        fits = (labels != labels[anchor]) & (all_far > of_same[anchor]) & (all_far < 2)
        if fits.any():
            checked += 1
            assert of_same[anchor] - 1e-4 < distance < 2 + 1e-4
    assert checked > 200


def test_where_nobody_is_semi_hard_anybody_is_drawn():
    embeddings = np.arange(len(LABELS), dtype=np.float32)[:, None] * 100
    arguments = {"seed": 3, "epoch": 1}
    found = semi_hard_pairs(LABELS, embeddings, margin=2.0, **arguments)
    expected = balanced_pairs(LABELS, **arguments)  # in another order
    assert sorted(as_list(found)) == sorted(as_list(expected))


def test_semi_hard_pairs_need_an_embedding_for_every_chip():
    with pytest.raises(InvalidValue, match="embedding"):
        semi_hard_pairs(LABELS, np.zeros((3, 2), np.float32), margin=2, seed=0, epoch=0)
