"""Files that left, and disks that are only not connected."""

from __future__ import annotations

import os
import shutil

import pytest
from audits import audit
from toys import BLUE, DIMENSION, GREEN, RED, SPACE, album, photo

from facesearch import indexing
from facesearch.errors import UnreadableReason
from facesearch.indexing import IndexOptions
from facesearch.library import FaceLibrary
from facesearch.photos.walk import WalkProblem

EMPTIED = IndexOptions(remove_emptied=True)


@pytest.fixture(autouse=True)
def whole_afterwards(folder):
    yield
    audit(folder, SPACE, DIMENSION)


def test_deleted_files_leave(library, photos):
    album(photos, 5)
    library.index([photos])
    (photos / "p001.png").unlink()
    (photos / "p003.png").unlink()
    report = library.index([photos])
    assert (report.removed, report.unchanged, report.photos, report.faces) == (2, 3, 3, 3)
    assert report.warnings == ()


def test_a_deleted_folder_leaves_while_others_stay(library, photos):
    album(photos / "a", 3)
    album(photos / "b", 2, first=10)
    library.index([photos])
    shutil.rmtree(photos / "a")
    report = library.index([photos])
    assert (report.removed, report.photos) == (3, 2)


def test_files_below_other_roots_stay(library, photos):
    album(photos / "a", 2)
    album(photos / "b", 2, first=10)
    library.index([photos / "a"])
    library.index([photos / "b"])
    (photos / "a" / "p000.png").unlink()
    assert library.index([photos / "b"]).removed == 0
    assert library.status().photos == 4


def test_a_folder_of_similar_name_is_another_folder(library, photos):
    album(photos / "a", 2)
    album(photos / "ab", 2, first=10)
    library.index([photos / "a", photos / "ab"])
    shutil.rmtree(photos / "ab")
    assert library.index([photos / "a"]).removed == 0


def test_an_emptied_root_counts_as_unplugged(library, photos):
    album(photos, 3)
    library.index([photos])
    library.name(photos / "p000.png", "Ana")
    for path in photos.iterdir():
        path.unlink()
    report = library.index([photos])
    (warning,) = report.warnings
    assert "unplugged" in warning
    assert str(photos) in warning
    assert "3" in warning
    assert (report.removed, report.photos, report.faces) == (0, 3, 3)
    album(photos, 3)
    again = library.index([photos])
    assert (again.warnings, again.new, again.faces) == ((), 0, 3)
    assert library.identities()[0][0].name == "Ana"


def test_an_emptied_root_is_believed_when_told_so(library, photos):
    album(photos, 3)
    library.index([photos])
    for path in photos.iterdir():
        path.unlink()
    report = library.index([photos], options=EMPTIED)
    assert (report.removed, report.photos, report.warnings) == (3, 0, ())


def test_an_unplugged_root_with_something_else_in_it(library, photos):
    """A mount point may hold a file that says what is to be mounted there."""
    album(photos / "2020", 3)
    library.index([photos])
    shutil.rmtree(photos / "2020")
    (photos / "MOUNT_POINT").write_text("the photo disk goes here")
    report = library.index([photos])
    assert report.removed == 0
    assert "unplugged" in report.warnings[0]


def test_a_missing_root_of_earlier_runs(library, photos):
    album(photos / "disk", 3)
    album(photos / "home", 2, first=10)
    library.index([photos / "disk", photos / "home"])
    (photos / "disk").rename(photos / "elsewhere")
    report = library.index()
    (warning,) = report.warnings
    assert str(photos / "disk") in warning
    assert "is not there" in warning
    assert (report.removed, report.unchanged) == (0, 2)
    assert library.status().photos == 5
    assert library.index(options=EMPTIED).removed == 0, "a missing folder was not emptied"
    (photos / "elsewhere").rename(photos / "disk")
    report = library.index()
    assert (report.warnings, report.unchanged) == ((), 5)


def test_all_roots_missing(library, photos):
    album(photos / "disk", 3)
    library.index([photos / "disk"])
    (photos / "disk").rename(photos / "elsewhere")
    report = library.index()
    assert len(report.warnings) == 1
    assert library.status().photos == 3


def test_a_missing_root_that_is_gone_for_good_leaves_with_the_folder_above(library, photos):
    album(photos / "2019", 3)
    album(photos / "2020", 1, first=10)
    library.index([photos / "2019"])
    library.index([photos])
    (photos / "2019").rename(photos / "2019 Rome")
    report = library.index([photos])
    assert (report.moved, report.removed, report.new) == (3, 3, 0)
    assert library.index().warnings == ()


def test_an_emptied_mount_point_below_a_root(library, photos):
    album(photos / "usb", 3)
    album(photos / "home", 2, first=10)
    library.index([photos / "usb"])
    library.index([photos])
    for path in (photos / "usb").iterdir():
        path.unlink()
    for report in (library.index([photos]), library.index(), library.index([photos, photos])):
        assert report.removed == 0
        assert len(report.warnings) == 1
        assert library.status().photos == 5
    assert library.index([photos], options=EMPTIED).removed == 3


def test_a_linked_disk_that_is_not_connected(library, photos, tmp_path):
    album(tmp_path / "disk" / "2020", 2)
    album(photos, 1, first=10)
    (photos / "link").symlink_to(tmp_path / "disk")
    assert library.index([photos]).photos == 3
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    report = library.index([photos])
    (warning,) = report.warnings
    assert str(photos / "link") in warning
    assert (report.removed, report.photos) == (0, 3)
    (photos / "link").unlink()
    assert library.index([photos]).removed == 2


def test_a_single_file_that_is_gone(library, photos):
    one = photo(photos / "one.png", RED)
    photo(photos / "two.png", GREEN)
    library.index([one])
    one.unlink()
    report = library.index()
    assert (report.removed, report.warnings) == (1, ())
    assert library.status().photos == 0
    assert library.index().warnings == ()


def test_a_single_file_on_a_disk_that_is_not_connected(library, photos):
    one = photo(photos / "one.png", RED)
    library.index([one])
    one.unlink()
    assert "unplugged" in library.index().warnings[0]
    photos.rmdir()
    assert "unplugged" in library.index().warnings[0]
    assert library.status().photos == 1


def test_a_folder_that_may_not_be_read_keeps_what_was_known(
    toys, blank_library, public_folder, unprivileged
):
    library_folder = public_folder / "library"
    shutil.copytree(blank_library, library_folder)
    photos = public_folder / "photos"
    album(photos / "closed" / "deep", 3)
    album(photos / "open", 2, first=10)
    (photos / "closed" / "text.jpg").write_text("no picture")
    for path in (library_folder, *library_folder.iterdir()):
        os.chmod(path, 0o777)
    with unprivileged(), FaceLibrary.open(library_folder, options=toys.options()) as library:
        assert library.index([photos]).photos == 6
    (photos / "closed").chmod(0)
    (photos / "open" / "p010.png").unlink()
    with unprivileged(), FaceLibrary.open(library_folder, options=toys.options()) as library:
        report = library.index([photos])
        assert (report.removed, report.photos, report.faces, report.failed) == (1, 5, 4, 1)
        assert any("closed" in warning for warning in report.warnings)
        assert library.status().faces == 4
        # The whole root closed: that is no emptied folder either.
        report = library.index([photos / "closed"])
        assert (report.removed, report.photos) == (0, 4)
    (photos / "closed").chmod(0o755)
    with unprivileged(), FaceLibrary.open(library_folder, options=toys.options()) as library:
        report = library.index([photos])
        assert (report.unchanged, report.new, report.warnings) == (5, 0, ())


def test_a_file_that_may_not_be_read_is_tried_again(
    toys, blank_library, public_folder, unprivileged
):
    library_folder = public_folder / "library"
    shutil.copytree(blank_library, library_folder)
    for path in (library_folder, *library_folder.iterdir()):
        os.chmod(path, 0o777)
    secret = photo(public_folder / "photos" / "secret.png", BLUE)
    secret.chmod(0)
    with unprivileged(), FaceLibrary.open(library_folder, options=toys.options()) as library:
        report = library.index([public_folder / "photos"])
        assert (report.photos, report.failed) == (1, 1)
        assert report.failed_by_reason == {"no-permission": 1}
        (failure,) = library.failures()
        assert (failure.path, failure.reason) == (str(secret), "no-permission")
        assert library.index().failed == 1
    secret.chmod(0o644)
    with unprivileged(), FaceLibrary.open(library_folder, options=toys.options()) as library:
        report = library.index()
        assert (report.new, report.failed, report.faces) == (1, 0, 1)
        assert library.failures() == []


def test_a_disk_pulled_out_in_the_middle_of_a_walk(library, photos, monkeypatch):
    """Its folders were to be listed next and are not there: nobody deleted their photos."""
    album(photos / "a", 2)
    album(photos / "disk" / "2020", 3, first=10)
    library.index([photos])
    walk = indexing.walk

    def pulled_out(roots, *, hidden, on_problem):
        yield from walk([photos / "a"], hidden=hidden, on_problem=on_problem)
        (photos / "disk").rename(photos.parent / "pulled out")
        path = str(photos / "disk" / "2020")
        on_problem(WalkProblem(path, UnreadableReason.VANISHED, f"cannot list {path}"))

    with monkeypatch.context() as patch:
        patch.setattr(indexing, "walk", pulled_out)
        report = library.index([photos])
    assert (report.removed, report.photos) == (0, 5)
    assert "cannot list" in report.warnings[0]


def test_a_whole_root_pulled_out_after_the_walk(library, photos, toys):
    album(photos / "disk", 3)
    library.index([photos / "disk"])
    photo(photos / "disk" / "new.png", GREEN, number=50)
    toys.detector.hook = lambda image: (photos / "disk").rename(photos / "pulled out")
    report = library.index([photos / "disk"])
    assert report.removed == 0
    assert "is not there" in report.warnings[0]
    assert library.status().photos == 4


def test_a_failed_file_that_is_gone_is_forgotten(library, photos):
    photo(photos / "a.png", RED)
    (photos / "text.jpg").write_text("no picture")
    assert library.index([photos]).failed == 1
    (photos / "text.jpg").unlink()
    report = library.index([photos])
    assert (report.removed, report.failed, library.failures()) == (1, 0, [])
