"""Transactions, threads, and what SQLite's errors become."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from contextlib import closing

import pytest

from facesearch.catalog import Catalog
from facesearch.catalog.connection import Database
from facesearch.catalog.errors import errors_translated, printable
from facesearch.errors import (
    LibraryBusy,
    LibraryDamaged,
    LibraryError,
    LibraryFull,
    LibraryReadOnly,
)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_CORRUPT, LibraryDamaged),
        (sqlite3.SQLITE_NOTADB, LibraryDamaged),
        (sqlite3.SQLITE_FULL, LibraryFull),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, LibraryBusy),
        (sqlite3.SQLITE_LOCKED, LibraryBusy),
        (sqlite3.SQLITE_READONLY_DBMOVED, LibraryReadOnly),
        (sqlite3.SQLITE_CANTOPEN, LibraryReadOnly),
        (sqlite3.SQLITE_IOERR_READ, LibraryError),
        (sqlite3.SQLITE_CONSTRAINT, LibraryError),
    ],
)
def test_errors_of_sqlite_become_errors_of_the_library(tmp_path, code, kind):
    error = sqlite3.DatabaseError("so it is")
    error.sqlite_errorcode = code
    with pytest.raises(LibraryError) as caught, errors_translated(tmp_path):
        raise error
    assert type(caught.value) is kind
    assert caught.value.__cause__ is error
    assert str(tmp_path) in str(caught.value)
    assert caught.value.library == str(tmp_path)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOSPC, LibraryFull),
        (errno.EROFS, LibraryReadOnly),
        (errno.EACCES, LibraryReadOnly),
        (errno.EIO, LibraryError),
    ],
)
def test_errors_of_the_system_become_errors_of_the_library(tmp_path, code, kind):
    with pytest.raises(LibraryError) as caught, errors_translated(tmp_path):
        raise OSError(code, os.strerror(code))
    assert type(caught.value) is kind


def test_mistakes_in_the_program_are_not_disguised(tmp_path):
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(sqlite3.ProgrammingError),
        errors_translated(tmp_path),
    ):
        connection.execute("SELECT ?", ())


def test_text_with_undecodable_bytes_can_be_printed():
    assert printable("m\udcfcller") == "m\\xfcller"
    assert printable("Müller") == "Müller"


def test_a_transaction_that_fails_leaves_nothing(catalog):
    def interrupted():
        with catalog._database.write() as connection:
            connection.execute("INSERT INTO roots VALUES (x'00', 1)")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert catalog.roots() == []
    catalog.remember_root("/photos")


def test_a_second_writer_waits_and_then_says_so(catalog, folder, result):
    with (
        Catalog.open(folder, create=False, read_only=False, busy_timeout_s=0.2) as other,
        catalog._database.write() as connection,
    ):
        connection.execute("INSERT INTO roots VALUES (x'00', 1)")
        with pytest.raises(LibraryBusy, match="another program"):
            other.store([result("1")])
        assert other.roots() == []  # reading does not wait


def test_a_second_thread_waits_and_then_says_so(folder, empty_library):
    database = Database(empty_library / "catalog.sqlite", read_only=False, busy_timeout_s=0.1)
    told = []

    def write():
        try:
            with database.write():
                pass
        except LibraryBusy as error:
            told.append(error)

    with database.write():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert "another thread" in str(told[0])
    with database.write():
        pass
    database.close()


def test_threads_write_and_read_one_catalog_at_once(catalog, result):
    """Readers see whole transactions only, and no writer is lost."""
    done = threading.Event()
    wrong: list[object] = []

    def write(name):
        for number in range(15):
            catalog.store([result(f"{name}-{number}-{i}") for i in range(4)])

    def read():
        while not done.is_set():
            counts = catalog.counts()
            if counts.faces != counts.photos or counts.photos % 4:
                wrong.append(counts)

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert wrong == []
    assert catalog.counts().faces == 3 * 15 * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_must_open_the_library_itself(catalog, folder, run_python):
    program = """
import os, sys
from pathlib import Path
from facesearch.catalog import Catalog
from facesearch.errors import LibraryError
catalog = Catalog.open(Path(sys.argv[1]), create=False, read_only=False)
child = os.fork()
if child == 0:
    try:
        catalog.counts()
    except LibraryError as error:
        print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(catalog.counts().photos)
"""
    out, trouble = run_python(program, folder).communicate(timeout=60)
    assert trouble == ""
    assert "forked" in out.splitlines()[0]
    assert out.splitlines()[1] == "0"


def test_decisions_of_people_are_on_the_disk_at_once(catalog, result):
    """2 is FULL, 1 is NORMAL: the log is synced for each transaction, or now and then."""
    settings = []
    for durable in (True, False):
        with catalog._database.write(durable=durable) as connection:
            settings += connection.execute("PRAGMA synchronous").fetchone()
    assert settings == [2, 1]


def test_a_copy_is_whole_while_others_write(catalog, result, tmp_path):
    catalog.store([result("1")])
    target = tmp_path / "saved" / "catalog.sqlite"
    target.parent.mkdir()
    catalog.backup(target)
    catalog.store([result("2")])
    assert [file.name for file in target.parent.iterdir()] == ["catalog.sqlite"]
    with Catalog.open(target.parent, create=False, read_only=False) as copy:
        assert copy.counts().photos == 1
        assert copy.library_id != catalog.library_id
        copy.check()
    assert catalog.counts().photos == 2


def test_deleted_faces_leave_no_trace_in_the_file(catalog, folder, result):
    one = result("1")
    vector = one.faces[0].embedding.vector.tobytes()
    catalog.store([one, *(result(f"other {number}") for number in range(50))])
    catalog.close()
    assert vector in (folder / "catalog.sqlite").read_bytes()
    with Catalog.open(folder, create=False, read_only=False) as again:
        again.remove_files(["/photos/1.jpg"])
    assert vector not in (folder / "catalog.sqlite").read_bytes()
