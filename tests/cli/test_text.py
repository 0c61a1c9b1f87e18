"""Words and numbers as people see them, and names that cannot do harm."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.cli import text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain.jpg", "plain.jpg"),
        ("\x1b]0;title\x07.jpg", "\\x1b]0;title\\x07.jpg"),
        ("two\nlines\r\tand a tab", "two\\nlines\\r\\tand a tab"),
        (os.fsdecode(b"caf\xe9.jpg"), "caf\\xe9.jpg"),
        ("\x9b31mred", "\\x9b31mred"),
        ("evil\u202egpj.exe", "evil\\u202egpj.exe"),
        ("line\u2028break", "line\\u2028break"),
        ("half \ud83d pair", "half \\ud83d pair"),
        # What must stay as it is: other languages, a macOS screenshot, a family of emoji.
        ("Žofie čte 東京.jpg", "Žofie čte 東京.jpg"),
        ("at 10.00.00\u202fAM.png", "at 10.00.00\u202fAM.png"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467.png",) * 2,
    ],
)
def test_names_are_shown_so_that_they_do_nothing(name, shown):
    assert text.printable(name) == shown


@given(st.text(st.characters(codec=None)))
def test_no_text_at_all_gets_through_with_control_characters(name):
    shown = text.printable(name)
    assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in shown)
    assert text.printable(shown) == shown
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (151, "2 min 31 s"),
        (3599.7, "1 h 00 min"),
        (3900, "1 h 05 min"),
        (360_000, "100 h 00 min"),
    ],
)
def test_durations(seconds, words):
    assert text.duration(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_960, "1.0 MB"),
        (3_400_000, "3.4 MB"),
        (5_000_000_000_000, "5.0 TB"),
    ],
)
def test_sizes(size, words):
    assert text.size_on_disk(size) == words


def test_numbers_agree_with_their_nouns():
    assert text.count(1, "photo") == "1 photo"
    assert text.count(0, "photo") == "0 photos"
    assert text.count(13232, "photo") == "13,232 photos"
    assert text.count(2, "copy", "copies") == "2 copies"
    assert text.rate(87.64) == "87.6"
    assert text.rate(1240.3) == "1,240"


def test_probabilities_never_claim_more_than_they_are():
    shown = {p: text.probability(p) for p in (0.0, 0.00999, 0.01, 0.5, 0.989, 0.99, 0.999, 0.9991)}
    assert list(shown.values()) == [
        "<1 %", "<1 %", "1 %", "50 %", "99 %", "99.0 %", "99.9 %", ">99.9 %",
    ]  # fmt: skip


def test_shares_and_amounts():
    shares = {1.0: "100 in 100", 0.1: "10 in 100", 0.05: "1 in 20", 1e-4: "1 in 10,000"}
    shares |= {1.234e-6: "1 in 810,000", 1e-9: "less than 1 in 1,000,000,000"}
    assert {share: text.one_in(share) for share in shares} == shares


def test_nothing_rarer_is_claimed_than_was_measured():
    assert text.measured_one_in(2e-5) == "1 in 50,000"
    assert text.measured_one_in(1e-9) == "fewer than 1 in 1,000,000"
    amounts = {0.0: "less than 0.001", 0.0012: "0.001", 0.1: "0.1", 2.34: "2.3", 1234.0: "1,234"}
    assert {value: text.amount(value) for value in amounts} == amounts
