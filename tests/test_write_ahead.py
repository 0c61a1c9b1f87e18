"""Several processes switch one database at once; SQLite itself would turn one of them away."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from facesearch import write_ahead


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "new.sqlite")) as connection:
        connection.executescript("CREATE TABLE things (name)")
    return tmp_path / "new.sqlite"


def test_it_waits_for_who_has_the_database(database: Path):
    with (
        closing(sqlite3.connect(database, check_same_thread=False)) as other,
        closing(sqlite3.connect(database, timeout=0)) as connection,
    ):
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.2, other.rollback)
        release.start()
        write_ahead.switch_on(connection, 30)
        release.join()
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_it_does_not_wait_for_ever(database: Path):
    with (
        closing(sqlite3.connect(database)) as other,
        closing(sqlite3.connect(database, timeout=0)) as connection,
    ):
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            write_ahead.switch_on(connection, 0.1)
        assert time.monotonic() - began >= 0.1


def test_what_is_no_database_is_told_at_once(tmp_path: Path):
    (tmp_path / "notes").write_bytes(b"no database at all " * 500)
    with (
        closing(sqlite3.connect(tmp_path / "notes")) as connection,
        pytest.raises(sqlite3.DatabaseError, match="not a database"),
    ):
        write_ahead.switch_on(connection, 30)


def test_all_who_switch_at_once_succeed(tmp_path: Path):
    failures: list[sqlite3.Error] = []

    def switch(file: Path, together: threading.Barrier) -> None:
        with closing(sqlite3.connect(file, timeout=30)) as connection:
            together.wait()
            try:
                write_ahead.switch_on(connection, 30)
                connection.execute("CREATE TABLE IF NOT EXISTS things (name)")
            except sqlite3.Error as error:
                failures.append(error)

    for number in range(50):  # without waiting, a few of fifty fail
        together = threading.Barrier(2)
        file = tmp_path / f"{number}.sqlite"
        threads = [threading.Thread(target=switch, args=(file, together)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
