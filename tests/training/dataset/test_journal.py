"""Whatever ends a run, entries that were written whole are there afterwards."""

from __future__ import annotations

import pytest

from facesearch.errors import InvalidDataset
from facesearch.training.dataset.cutting import CutPhoto
from facesearch.training.dataset.journal import Journal
from facesearch.training.dataset.sources import SourcePhoto


def cut(number, jpeg=b"picture", reason=""):
    photo = SourcePhoto("Ada", f"Ada/{number}.jpg", (f"/{number}.jpg",), f"stamp{number}")
    return CutPhoto(photo, jpeg, reason, reason and "why")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "chips.journal"


def test_what_was_written_is_read_again(path):
    with Journal(path) as journal:
        journal.add(cut(1, b"one"))
        journal.add(cut(2, None, "no-face"))
        journal.add(cut(1, b"one again"))
    with Journal(path) as journal:
        entry = journal.entries[cut(1).photo.id]
        assert journal.chip(entry) == b"one again"
        assert entry.stamp == "stamp1"
        assert journal.entries[cut(2).photo.id].reason == "no-face"
        journal.add(cut(3))
        assert journal.chip(journal.entries[cut(3).photo.id]) == b"picture"


def test_a_journal_that_breaks_off_anywhere_keeps_what_is_whole(path):
    with Journal(path) as journal:
        journal.add(cut(1))
    first = path.stat().st_size
    with Journal(path) as journal:
        journal.add(cut(2))
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with Journal(path) as journal:
            assert len(journal.entries) == (length >= first)
            journal.add(cut(3))
        with Journal(path) as journal:
            assert cut(3).photo.id in journal.entries


def test_a_changed_byte_ends_what_is_believed(path):
    with Journal(path) as journal:
        journal.add(cut(1))
        journal.add(cut(2))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with Journal(path) as journal:
        assert set(journal.entries) == {cut(1).photo.id}


def test_another_file_is_not_written_over(path):
    path.write_bytes(b"a diary, not chips of faces")
    with pytest.raises(InvalidDataset, match="not a journal"):
        Journal(path)
    assert path.read_bytes() == b"a diary, not chips of faces"
