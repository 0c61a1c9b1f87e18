"""Naming people: shares with their intervals, who is taken for whom, errors surest first."""

from __future__ import annotations

import numpy as np
import pytest

from facesearch.errors import InvalidValue
from facesearch.training.report.naming import Naming, wilson

SHARES = np.array(
    [
        [0.7, 0.2, 0.1],
        [0.6, 0.3, 0.1],
        [0.1, 0.8, 0.1],
        [0.05, 0.9, 0.05],
        [0.3, 0.3, 0.4],
        [0.2, 0.2, 0.6],
    ],
    np.float32,
)
LABELS = np.array([0, 1, 1, 2, 2, 3], np.int64)
FOUND = Naming.of(SHARES, LABELS, ("Ada", "Bo", "Cy"))


def test_strangers_are_left_out():
    assert FOUND.strangers == 1
    assert FOUND.positions == (0, 1, 2, 3, 4)
    assert FOUND.named == (0, 0, 1, 1, 2)
    with pytest.raises(InvalidValue, match="takes chips"):
        Naming.of(SHARES, LABELS + 3, ("Ada", "Bo", "Cy"))


def test_everybody_is_counted_by_who_they_are_and_who_they_are_said_to_be():
    assert FOUND.confusion().tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    figures = [(each.precision, each.recall, each.chips) for each in FOUND.by_person()]
    assert figures == [(0.5, 1.0, 1), (0.5, 0.5, 2), (1.0, 0.5, 2)]
    assert FOUND.by_person()[0].f1 == pytest.approx(2 / 3)
    assert FOUND.accuracy.value == 0.6
    assert FOUND.by_guessing == 0.4


def test_a_person_who_is_never_named_has_no_precision():
    found = Naming.of(SHARES[:1], LABELS[:1], ("Ada", "Bo", "Cy"))
    assert [each.precision for each in found.by_person()] == [1.0, None, None]
    assert [each.recall for each in found.by_person()] == [1.0, None, None]
    assert found.by_person()[1].f1 is None


def test_a_person_whom_the_network_forgot_has_an_f1_of_0():
    """Bo has a chip, and nobody is called Bo: all are missed, which is no missing figure."""
    found = Naming.of(SHARES[:2], LABELS[:2], ("Ada", "Bo", "Cy"))
    forgotten = found.by_person()[1]
    assert (forgotten.precision, forgotten.recall, forgotten.f1) == (None, 0.0, 0.0)


def test_guessing_is_beaten_by_more_than_luck():
    assert not FOUND.beats_guessing
    labels = np.repeat(np.arange(3), 20)
    assert Naming.of(np.eye(3, dtype=np.float32)[labels], labels, ("A", "B", "C")).beats_guessing


def test_errors_come_surest_first_beside_the_surest_right_one():
    assert FOUND.wrong() == [3, 1]
    assert FOUND.rank == (1, 2, 1, 2, 1)
    assert FOUND.typical(1) == 2
    assert Naming.of(SHARES[1:2], LABELS[1:2], ("Ada", "Bo", "Cy")).typical(0) is None


def test_the_first_five_count_from_eleven_people_on():
    assert FOUND.among_five is None
    people = tuple(map(str, range(12)))
    shares = np.tile(np.linspace(1, 0, 12, dtype=np.float32), (12, 1))
    found = Naming.of(shares, np.arange(12), people)
    assert found.among_five is not None
    assert found.among_five.value == pytest.approx(5 / 12)


def test_intervals_are_wilsons():
    """Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20 and 1 of 29."""
    ends = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (hits, of), (low, high) in ends.items():
        found = wilson(hits, of)
        assert (found.low, found.high) == (
            pytest.approx(low, abs=1e-4),
            pytest.approx(high, abs=1e-4),
        )
    assert wilson(20, 20).high == 1.0
    with pytest.raises(InvalidValue, match="share of nothing"):
        wilson(0, 0)
