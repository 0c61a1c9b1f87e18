"""Which files are found, in which order, and what cannot be looked at."""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from facesearch.errors import PhotoNotFound, UnreadableReason
from facesearch.photos.walk import PHOTO_SUFFIXES, FoundFile, WalkProblem, root_path, walk

PNG_START = b"\x89PNG\r\n\x1a\n" + bytes(16)


def touch(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def unexpected(problem: WalkProblem) -> None:
    raise AssertionError(problem)


def found(*roots: str | os.PathLike[str], hidden: bool = False) -> list[str]:
    return [file.path for file in walk(roots, hidden=hidden, on_problem=unexpected)]


def names(*roots: Path, hidden: bool = False) -> list[str]:
    return [os.path.basename(path) for path in found(*roots, hidden=hidden)]


def test_photos_are_told_by_suffix_in_any_case(tmp_path: Path) -> None:
    for suffix in PHOTO_SUFFIXES:
        touch(tmp_path / f"lower{suffix}")
        touch(tmp_path / f"upper{suffix.upper()}")
    for name in ("notes.txt", "photo.jpg.part", "clip.mp4", "jpg.", "photo.jpg~"):
        touch(tmp_path / name)
    assert set(names(tmp_path)) == {
        *(f"lower{suffix}" for suffix in PHOTO_SUFFIXES),
        *(f"upper{suffix.upper()}" for suffix in PHOTO_SUFFIXES),
    }


def test_a_file_without_suffix_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    touch(tmp_path / "scan", PNG_START)
    touch(tmp_path / "scan2.", PNG_START)
    touch(tmp_path / "phone", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")
    touch(tmp_path / "README", b"words")
    touch(tmp_path / "empty", b"")
    touch(tmp_path / "numbers", b"\x28\x00\x00\x00" + bytes(8) + b"\x01\x00\x18\x00" + bytes(40))
    assert names(tmp_path) == ["phone", "scan", "scan2."]


def test_a_file_carries_its_size_time_and_inode(tmp_path: Path) -> None:
    path = touch(tmp_path / "a.jpg", b"12345")
    os.utime(path, ns=(1, 1_234_567_890_123_456_700))
    status = path.stat()
    assert list(walk([tmp_path], on_problem=unexpected)) == [
        FoundFile(str(path), 5, 1_234_567_890_123_456_700, status.st_dev, status.st_ino)
    ]


def test_an_empty_file_with_a_photo_suffix_is_found(tmp_path: Path) -> None:
    """Whoever reads it says that it is empty; here it would just be missing."""
    touch(tmp_path / "a.jpg", b"")
    assert names(tmp_path) == ["a.jpg"]


def test_an_empty_folder_is_no_problem(tmp_path: Path) -> None:
    assert found(tmp_path) == []


def test_files_come_before_subfolders_both_sorted(tmp_path: Path) -> None:
    for name in ("b/z.jpg", "b/a.jpg", "a/x/1.jpg", "a/y.jpg", "c.jpg", "A.jpg", "é.jpg"):
        touch(tmp_path / name)
    expected = ["A.jpg", "c.jpg", "é.jpg", "a/y.jpg", "a/x/1.jpg", "b/a.jpg", "b/z.jpg"]
    assert found(tmp_path) == [str(tmp_path / name) for name in expected]


def test_hidden_and_junk_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    for name in (
        ".hidden.jpg",
        ".thumbnails/a.jpg",
        "@eaDir/b.jpg",
        "$RECYCLE.BIN/c.jpg",
        "System Volume Information/d.jpg",
        "__MACOSX/._e.jpg",
        "seen/f.jpg",
    ):
        touch(tmp_path / name)
    assert names(tmp_path) == ["f.jpg"]
    assert len(names(tmp_path, hidden=True)) == 7


def test_a_hidden_root_is_walked(tmp_path: Path) -> None:
    touch(tmp_path / ".private" / "a.jpg")
    touch(tmp_path / "@eaDir" / "b.jpg")
    hidden_file = touch(tmp_path / ".c.jpg")
    assert names(tmp_path / ".private", tmp_path / "@eaDir", hidden_file) == [
        "a.jpg",
        "b.jpg",
        ".c.jpg",
    ]


def test_a_file_named_as_root_is_found_whatever_its_name(tmp_path: Path) -> None:
    path = touch(tmp_path / "strange.dat")
    assert found(path) == [str(path)]


def test_overlapping_roots_give_each_file_once(tmp_path: Path) -> None:
    inner = touch(tmp_path / "in" / "a.jpg")
    touch(tmp_path / "b.jpg")
    every = {str(inner), str(tmp_path / "b.jpg")}
    for roots in (
        [tmp_path, tmp_path],
        [tmp_path, tmp_path / "in"],
        [tmp_path / "in", tmp_path],
        [tmp_path, inner],
        [inner, tmp_path, inner],
        [f"{tmp_path}/in/../in/", f"{tmp_path}/./", tmp_path],
    ):
        paths = found(*roots)
        assert len(paths) == 2
        assert set(paths) == every


def test_one_path_may_stand_for_a_list(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    for root in (tmp_path, str(tmp_path), os.fsencode(tmp_path)):
        assert len(list(walk(root, on_problem=unexpected))) == 1


@pytest.mark.parametrize("name", ["no such folder", "no such.jpg", "a.jpg/below a file", "nul\0"])
def test_a_missing_root_is_an_error_before_anything_is_found(tmp_path: Path, name: str) -> None:
    touch(tmp_path / "a.jpg")
    with pytest.raises(PhotoNotFound) as caught:
        walk([tmp_path, tmp_path / name], on_problem=unexpected)
    assert caught.value.photo.isprintable()
    assert caught.value.photo in str(caught.value)


def test_an_empty_path_names_nothing() -> None:
    """Not the current folder, as os.path.abspath would have it."""
    with pytest.raises(PhotoNotFound):
        walk([""], on_problem=unexpected)


def test_root_path_is_absolute_and_keeps_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert root_path("link") == str(tmp_path / "link")
    assert root_path("x/../link/./") == str(tmp_path / "link")
    assert root_path(b"link") == root_path(Path("link"))
    if os.sep == "/":
        assert root_path(f"//{tmp_path}") == str(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="making links needs rights on Windows")
class TestLinks:
    def test_links_to_folders_and_files_are_followed(self, tmp_path: Path) -> None:
        touch(tmp_path / "elsewhere" / "a.jpg")
        touch(tmp_path / "elsewhere" / "deep" / "b.jpg")
        root = tmp_path / "root"
        root.mkdir()
        (root / "folder").symlink_to(tmp_path / "elsewhere")
        (root / "c.jpg").symlink_to(tmp_path / "elsewhere" / "a.jpg")
        assert found(root) == [
            str(root / name) for name in ("c.jpg", "folder/a.jpg", "folder/deep/b.jpg")
        ]

    def test_loops_end(self, tmp_path: Path) -> None:
        touch(tmp_path / "a" / "b" / "photo.jpg")
        (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
        (tmp_path / "a" / "self").symlink_to(".")
        (tmp_path / "one").symlink_to("two")
        (tmp_path / "two").symlink_to("one")
        (tmp_path / "me.jpg").symlink_to("me.jpg")
        assert found(tmp_path) == [str(tmp_path / "a" / "b" / "photo.jpg")]

    def test_the_real_place_wins_over_a_link(self, tmp_path: Path) -> None:
        photo = touch(tmp_path / "z" / "photo.jpg")
        (tmp_path / "a").symlink_to("z")
        assert found(tmp_path) == [str(photo)]

    def test_a_link_into_another_root_is_no_second_place(self, tmp_path: Path) -> None:
        photo = touch(tmp_path / "second" / "photo.jpg")
        (tmp_path / "first").mkdir()
        (tmp_path / "first" / "link").symlink_to(tmp_path / "second")
        assert found(tmp_path / "first", tmp_path / "second") == [str(photo)]

    def test_a_root_may_be_a_link_and_keeps_its_name(self, tmp_path: Path) -> None:
        touch(tmp_path / "real" / "photo.jpg")
        (tmp_path / "link").symlink_to("real")
        assert found(tmp_path / "link") == [str(tmp_path / "link" / "photo.jpg")]

    def test_hidden_links_are_left_out(self, tmp_path: Path) -> None:
        touch(tmp_path / "real" / "photo.jpg")
        root = tmp_path / "root"
        root.mkdir()
        (root / ".link").symlink_to(tmp_path / "real")
        (root / "@eaDir").symlink_to(tmp_path / "real")
        assert found(root) == []
        assert len(found(root, hidden=True)) == 1

    def test_broken_links_are_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
        (tmp_path / "gone").symlink_to("nowhere")
        assert found(tmp_path) == []
        with pytest.raises(PhotoNotFound):
            walk([tmp_path / "gone.jpg"], on_problem=unexpected)


@pytest.mark.skipif(os.name != "posix", reason="such files exist on POSIX systems only")
class TestSpecialFiles:
    def test_they_are_neither_found_nor_opened(self, tmp_path: Path) -> None:
        """Opening a pipe that nobody writes to would never return."""
        os.mkfifo(tmp_path / "pipe.jpg")
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "null.jpg").symlink_to("/dev/null")
        (tmp_path / "zero").symlink_to("/dev/zero")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.relpath(tmp_path / "socket.jpg"))
            assert found(tmp_path) == []

    def test_as_a_root_they_are_a_problem(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.jpg")
        touch(tmp_path / "a.jpg")
        problems: list[WalkProblem] = []
        files = list(walk([tmp_path / "pipe.jpg", tmp_path], on_problem=problems.append))
        assert [os.path.basename(file.path) for file in files] == ["a.jpg"]
        assert [problem.reason for problem in problems] == [UnreadableReason.NOT_AN_IMAGE]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse or change such names")
@pytest.mark.parametrize(
    "name", [b"line\nbreak.jpg", "\U0001f600 日本語.jpg".encode(), b"latin-\xe9\xff.jpg", b" .jpg"]
)
def test_any_name_the_file_system_allows(tmp_path: Path, name: bytes) -> None:
    folder = os.path.join(os.fsencode(tmp_path), b"folder \xff\n" + name)
    os.mkdir(folder)
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(b"x")
    for root in (os.fsencode(tmp_path), folder, path):
        (entry,) = walk([root], on_problem=unexpected)
        assert os.fsencode(entry.path) == path
        with open(entry.path, "rb") as file:
            assert file.read() == b"x"


@pytest.mark.parametrize("mode", [0o000, 0o100, 0o400], ids=["none", "no list", "no enter"])
def test_a_folder_without_permission_is_a_problem_and_the_rest_goes_on(
    public_folder: Path, unprivileged: Callable[[], AbstractContextManager[None]], mode: int
) -> None:
    touch(public_folder / "a.jpg")
    closed = touch(public_folder / "closed" / "b.jpg").parent
    touch(closed / "c.jpg")
    touch(public_folder / "open" / "d.jpg")
    closed.chmod(mode)
    problems: list[WalkProblem] = []
    with unprivileged():
        files = list(walk([public_folder], on_problem=problems.append))
    assert [os.path.basename(file.path) for file in files] == ["a.jpg", "d.jpg"]
    (problem,) = problems
    assert problem.path == str(closed)
    assert problem.reason is UnreadableReason.NO_PERMISSION
    assert str(closed) in problem.detail


def test_a_root_without_permission_is_a_problem_not_a_missing_one(
    public_folder: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    root = touch(public_folder / "closed" / "root" / "b.jpg").parent
    root.parent.chmod(0)
    problems: list[WalkProblem] = []
    with unprivileged():
        assert list(walk([root], on_problem=problems.append)) == []
    assert [(problem.path, problem.reason) for problem in problems] == [
        (str(root), UnreadableReason.NO_PERMISSION)
    ]


def test_an_unreadable_file_without_suffix_is_passed_over(
    public_folder: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    touch(public_folder / "secret", PNG_START).chmod(0)
    touch(public_folder / "secret.png", PNG_START).chmod(0)
    with unprivileged():
        assert names(public_folder) == ["secret.png"]


def test_a_folder_that_vanishes_during_the_walk_is_a_problem(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    vanishing = touch(tmp_path / "b" / "c.jpg")
    problems: list[WalkProblem] = []
    walking = walk([tmp_path], on_problem=problems.append)
    next(walking)
    vanishing.unlink()
    vanishing.parent.rmdir()
    assert list(walking) == []
    assert [(problem.path, problem.reason) for problem in problems] == [
        (str(vanishing.parent), UnreadableReason.VANISHED)
    ]


def test_a_failing_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "a.jpg")
    touch(tmp_path / "bad" / "b.jpg")
    real = os.scandir

    def failing(folder: str) -> object:
        if folder.endswith("bad"):
            raise OSError(5, "Input/output error")
        return real(folder)

    monkeypatch.setattr(os, "scandir", failing)
    problems: list[WalkProblem] = []
    files = list(walk([tmp_path], on_problem=problems.append))
    assert len(files) == 1
    assert [problem.reason for problem in problems] == [UnreadableReason.IO_ERROR]


def test_a_file_system_without_inodes_is_walked_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "a" / "1.jpg")
    touch(tmp_path / "b" / "2.jpg")
    walker = sys.modules[walk.__module__]

    def without_inode(self: object, path: str, status: os.stat_result) -> bool:
        values = list(status)
        values[stat.ST_INO] = 0
        return bool(real(self, path, os.stat_result(values)))

    real = walker._Walker._is_new
    monkeypatch.setattr(walker._Walker, "_is_new", without_inode)
    assert len(found(tmp_path, tmp_path)) == 2


def test_deep_trees_need_no_recursion(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(400):
        folder = folder / "d"
    folder.mkdir(parents=True)
    touch(folder / "a.jpg")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        assert len(list(walk([tmp_path], on_problem=unexpected))) == 1
    finally:
        sys.setrecursionlimit(limit)
