"""Where photos lie, and what could not be read."""

from __future__ import annotations

import os

import pytest

from facesearch.catalog import Counts, FileStamp, KnownFile
from facesearch.errors import UnreadableReason
from facesearch.values import Box, Failure, PhotoState


def test_known_paths_are_those_at_or_below_the_roots(catalog, result):
    catalog.store(
        [result("1", "/a/b/x.jpg"), result("2", "/a/bc.jpg"), result("3", "/a/b.jpg", boxes=())]
    )
    assert set(catalog.paths_under(["/a/b"])) == {"/a/b/x.jpg"}
    assert set(catalog.paths_under(["/a/b.jpg"])) == {"/a/b.jpg"}
    assert set(catalog.paths_under(["/a", "/a/b", "/a/b/x.jpg"])) == {
        "/a/b/x.jpg",
        "/a/bc.jpg",
        "/a/b.jpg",
    }
    assert list(catalog.paths_under([])) == []
    assert list(catalog.paths_under(["/elsewhere"])) == []


def test_a_known_file_says_how_it_looked_and_what_it_was(catalog, result):
    catalog.store([result("1", boxes=()), result("2", unreadable=UnreadableReason.DAMAGED)])
    known = catalog.files_at(["/photos/1.jpg", "/photos/2.jpg"])
    first = known["/photos/1.jpg"]
    assert first == KnownFile(first.photo_id, 1000, 1, PhotoState.NO_FACE, "detector@1")
    assert known["/photos/2.jpg"].state is PhotoState.UNREADABLE


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
@pytest.mark.parametrize(
    "name", [b"line\nbreak.jpg", "\N{GRINNING FACE}.jpg".encode(), b"m\xfcller.jpg", b"\xff\xfe"]
)
def test_any_name_is_kept(catalog, result, name):
    path = os.fsdecode(b"/photos/" + name)
    catalog.store([result("1", path)])
    assert list(catalog.paths_under(["/photos"])) == [path]
    assert [face.photo.paths for face in catalog.faces_of_photo(path)] == [(path,)]


def test_a_modification_time_beyond_64_bits_is_clamped(catalog, result):
    catalog.store([result("1")])
    (known,) = catalog.files_at(["/photos/1.jpg"]).values()
    assert catalog.attach([(known.photo_id, FileStamp("/photos/1.jpg", 1, 1 << 64))]) == []
    assert catalog.files_at(["/photos/1.jpg"])["/photos/1.jpg"].mtime_ns == (1 << 63) - 1


def test_a_moved_photo_keeps_its_faces(catalog, result):
    catalog.store([result("1", "/photos/old.jpg")])
    (before,) = catalog.faces_of_photo("/photos/old.jpg")
    assert catalog.attach([(before.photo.id, FileStamp("/photos/new.jpg", 1000, 5))]) == []
    assert catalog.remove_files(["/photos/old.jpg", "/photos/never.jpg"]) == 1
    (after,) = catalog.faces_of_photo("/photos/new.jpg")
    assert after.id == before.id
    assert after.photo.paths == ("/photos/new.jpg",)
    assert catalog.files_at(["/photos/new.jpg"])["/photos/new.jpg"].mtime_ns == 5


def test_a_photo_that_lies_nowhere_is_deleted_with_its_faces(catalog, result):
    catalog.store([result("1", "/photos/a.jpg", "/photos/b.jpg"), result("2")])
    (face,) = catalog.faces_of_photo("/photos/a.jpg")
    assert catalog.remove_files(["/photos/a.jpg"]) == 1
    assert catalog.face(face.id).photo.paths == ("/photos/b.jpg",)
    assert catalog.remove_files(["/photos/b.jpg"]) == 1
    assert catalog.faces_by_id([face.id]) == {}
    assert catalog.counts() == Counts(1, 1, 1, 0, 0, 0)
    assert catalog.generation("toy@1") == (2, 1)


def test_a_copy_over_another_photo_drops_that_photo(catalog, result):
    catalog.store([result("1", "/photos/a.jpg"), result("2", "/photos/b.jpg")])
    (first,) = catalog.faces_of_photo("/photos/a.jpg")
    catalog.attach([(first.photo.id, FileStamp("/photos/b.jpg", 1000, 9))])
    assert catalog.face(first.id).photo.paths == ("/photos/a.jpg", "/photos/b.jpg")
    assert catalog.counts().photos == 1


def test_attaching_to_a_photo_that_is_gone_says_so(catalog, result):
    catalog.store([result("1")])
    (face,) = catalog.faces_of_photo("/photos/1.jpg")
    catalog.remove_files(["/photos/1.jpg"])
    moved = FileStamp("/photos/2.jpg", 1000, 1)
    assert catalog.attach([(face.photo.id, moved)]) == [moved]
    assert list(catalog.paths_under(["/photos"])) == []


def test_both_kinds_of_failures_are_listed_once_and_by_path(catalog, result):
    catalog.store(
        [
            result("1", "/photos/c.jpg", unreadable=UnreadableReason.EMPTY, detail="no bytes"),
            result("2", "/photos/a.jpg", unreadable=UnreadableReason.DAMAGED),
        ]
    )
    denied = Failure("/photos/b.jpg", "no-permission", "you may not read it")
    again = Failure("/photos/a.jpg", "io-error", "the disk said no to \udcff")
    catalog.record_file_failures([denied, again])
    assert catalog.failures() == [
        Failure("/photos/a.jpg", "io-error", "the disk said no to \\xff"),
        denied,
        Failure("/photos/c.jpg", "empty", "no bytes"),
    ]
    assert catalog.counts().failed == 3
    assert catalog.failed_files(["/photos"]) == ["/photos/a.jpg", "/photos/b.jpg"]
    assert catalog.failed_files(["/photos/b.jpg"]) == ["/photos/b.jpg"]


def test_a_failure_is_forgotten_when_the_file_is_read_or_gone(catalog, result):
    failures = [Failure(f"/photos/{name}.jpg", "io-error", "") for name in "1234"]
    catalog.record_file_failures(failures)
    catalog.record_file_failures(failures[:1])
    catalog.store([result("1")])
    catalog.remove_files(["/photos/2.jpg"])
    catalog.clear_file_failures(["/photos/3.jpg"])
    assert catalog.failures() == failures[3:]


def test_counts_of_everything_and_of_some_roots(catalog, result):
    catalog.store(
        [
            result("1", "/a/1.jpg", "/b/1.jpg", boxes=[Box(0, 0, 9, 9), Box(50, 50, 9, 9)]),
            result("2", "/a/2.jpg", boxes=()),
            result("3", "/b/3.jpg", unreadable=UnreadableReason.DAMAGED),
            result("4", "/ab/4.jpg"),
        ]
    )
    catalog.record_file_failures([Failure("/a/5.jpg", "io-error", "")])
    catalog.confirm(catalog.largest_faces(["/a/1.jpg"])["/a/1.jpg"], "Ana")
    catalog.confirm(catalog.largest_faces(["/ab/4.jpg"])["/ab/4.jpg"], "Bo")
    everything = Counts(files=6, photos=4, faces=3, identities=2, no_face=1, failed=2)
    assert catalog.counts() == everything
    assert catalog.counts(["/"]) == everything
    assert catalog.counts(["/a"]) == Counts(3, 2, 2, 1, 1, 1)
    assert catalog.counts(["/b", "/b/1.jpg"]) == Counts(2, 2, 2, 1, 0, 1)
    assert catalog.counts([]) == Counts(0, 0, 0, 0, 0, 0)


def test_counts_of_very_many_roots(catalog, result):
    catalog.store([result(str(number), f"/photos/{number}.jpg") for number in range(30)])
    assert catalog.counts([f"/photos/{number}.jpg" for number in range(5000)]).files == 30


def test_roots_are_remembered_once(catalog):
    for root in ("/photos", "/more", "/photos"):
        catalog.remember_root(root)
    assert catalog.roots() == ["/more", "/photos"]
