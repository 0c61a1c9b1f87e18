"""Full disks, disks that cannot be written to, and folders that lost a part of the library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from audits import audit, rows
from toys import BLUE, DIMENSION, GREEN, RED, SPACE, album, photo

from facesearch.errors import (
    LibraryDamaged,
    LibraryError,
    LibraryFull,
    LibraryNotFound,
    LibraryReadOnly,
    LibraryTooNew,
)
from facesearch.indexing import IndexOptions
from facesearch.library import FaceLibrary


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one and a half megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small disk for this test")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1536k", "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"this machine does not let root mount: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_disk_that_gets_full(small_disk, blank_library, photos, toys, no_thread_left):
    folder = small_disk / "library"
    shutil.copytree(blank_library, folder)
    for number in range(150):
        photo(photos / f"{number:03}.png", *(RED, GREEN, BLUE) * 13, number=number, side=192)
    options = IndexOptions(commit_photos=5)
    with FaceLibrary.open(folder, options=toys.options()) as library:
        with pytest.raises(LibraryFull, match="no space"):
            library.index([photos], options=options)
        kept = library.status().photos
        assert 0 < kept < 150
        with pytest.raises(LibraryFull):
            library.index([photos], options=options)
        assert library.status().photos >= kept
        assert library.query(photos / "000.png", top=1).faces, "asking needs no space"
    kept = len(rows(folder, "SELECT path FROM files"))

    enlarged = ["mount", "-o", "remount,size=32m", str(small_disk)]
    subprocess.run(enlarged, check=True)
    audit(folder, SPACE, DIMENSION)
    with FaceLibrary.open(folder, options=toys.options()) as library:
        report = library.index([photos], options=options)
        assert (report.unchanged, report.new) == (kept, 150 - kept)
        assert (report.photos, report.faces) == (150, 150 * 39)
    assert audit(folder, SPACE, DIMENSION) == 150 * 39


def test_a_disk_with_no_room_for_the_vector_index(small_disk, blank_library, photos, toys, caplog):
    """It is a cache: the run is as good without, and the next one writes it."""
    folder = small_disk / "library"
    shutil.copytree(blank_library, folder)
    photo(photos / "a.png", RED)
    with FaceLibrary.open(folder, options=toys.options()) as library:
        write = library._vectors._write

        def fill_the_disk_first(index):
            left = shutil.disk_usage(small_disk).free
            (small_disk / "ballast").write_bytes(bytes(left))
            try:
                write(index)
            finally:
                (small_disk / "ballast").unlink()

        library._vectors._write = fill_the_disk_first
        assert library.index([photos]).faces == 1
        assert "could not be saved" in caplog.text
        assert len(library.query(photos / "a.png").faces[0].unnamed) == 1
    with FaceLibrary.open(folder, options=toys.options()) as library:
        library.index([photos])
        assert library._vectors._stored_generation() is not None


def test_a_library_that_may_only_be_read(toys, blank_library, public_folder, unprivileged):
    folder = public_folder / "library"
    shutil.copytree(blank_library, folder)
    photos = public_folder / "photos"
    album(photos, 5, colours=(RED, GREEN))
    with FaceLibrary.open(folder, options=toys.options()) as library:
        library.index([photos])
        library.name(photos / "p000.png", "Ana")
    for place, _, names in os.walk(folder):
        os.chmod(place, 0o555)
        for name in names:
            os.chmod(os.path.join(place, name), 0o444)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with unprivileged():
        with pytest.raises(LibraryReadOnly):
            FaceLibrary.open(folder, options=toys.options())
        with FaceLibrary.open(folder, options=toys.options(), read_only=True) as library:
            (answer,) = library.query(photos / "p002.png").faces
            assert answer.identities[0].identity.name == "Ana"
            assert len(answer.identities[0].faces) + len(answer.unnamed) == 3
            assert library.status().faces == 5
            with pytest.raises(LibraryReadOnly):
                library.index([photos])
            with pytest.raises(LibraryReadOnly):
                library.name(photos / "p001.png", "Bo")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_library_opened_for_reading_writes_nothing(folder, photos, toys):
    album(photos, 3)
    with FaceLibrary.open(folder, options=toys.options()) as library:
        library.index([photos])
    shutil.rmtree(folder / "vectors")
    with FaceLibrary.open(folder, options=toys.options(), read_only=True) as library:
        assert len(library.query(photos / "p000.png").faces[0].unnamed) == 3
        with pytest.raises(LibraryReadOnly):
            library.index([photos])
    assert not (folder / "vectors").exists()


def test_a_library_of_a_later_version(folder, photos, toys):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = (folder / "catalog.sqlite").read_bytes()
    for read_only in (True, False):
        with pytest.raises(LibraryTooNew, match="later facesearch"):
            FaceLibrary.open(folder, read_only=read_only)
    assert (folder / "catalog.sqlite").read_bytes() == before


@pytest.mark.parametrize("damage", ["start", "middle", "cut", "text"])
def test_a_damaged_database_is_reported_and_left_alone(folder, photos, toys, damage):
    album(photos, 40)
    with FaceLibrary.open(folder, options=toys.options()) as library:
        library.index([photos])
    database = folder / "catalog.sqlite"
    content = bytearray(database.read_bytes())
    assert len(content) > 5 * 8192
    if damage == "start":
        content[:100] = bytes(100)
    elif damage == "middle":
        for page in range(2, len(content) // 8192):
            content[page * 8192 : page * 8192 + 12] = b"\xaa" * 12
    elif damage == "cut":
        content = content[: len(content) // 3]
    else:
        content = bytearray(b"This was a library once. " * 1000)
    database.write_bytes(content)
    with (
        pytest.raises(LibraryDamaged, match="nothing was overwritten"),
        FaceLibrary.open(folder, options=toys.options()) as library,
    ):
        library.index([photos])
    assert database.read_bytes() == content


def test_no_library_there(tmp_path, toys):
    with pytest.raises(LibraryNotFound):
        FaceLibrary.open(tmp_path / "none", create=False)
    with pytest.raises(LibraryNotFound):
        FaceLibrary.open(tmp_path / "none", read_only=True)
    assert not (tmp_path / "none").exists()


def test_a_folder_of_photos_is_no_place_for_a_library(photos):
    photo(photos / "a.png", RED)
    with pytest.raises(LibraryError, match="not empty"):
        FaceLibrary.open(photos)
    assert os.listdir(photos) == ["a.png"]


def test_nothing_is_written_among_the_photos(folder, photos, toys):
    album(photos, 3)
    (photos / "text.jpg").write_text("no picture")
    before = {path: path.stat().st_mtime_ns for path in photos.rglob("*")}
    changed = photos.stat().st_mtime_ns
    with FaceLibrary.open(folder, options=toys.options()) as library:
        library.index([photos], people_from_folders=True)
        library.query(photos / "p000.png")
    assert {path: path.stat().st_mtime_ns for path in photos.rglob("*")} == before
    assert photos.stat().st_mtime_ns == changed


def test_a_library_among_the_photos_is_no_photo(photos, toys):
    album(photos, 3)
    with FaceLibrary.open(photos / "family.faces", options=toys.options()) as library:
        assert library.index([photos]).photos == 3
        assert library.index([photos]).photos == 3
