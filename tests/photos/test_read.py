"""Reading files: what comes back, and what is refused with which reason."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from facesearch.errors import PhotoUnreadable, UnreadableReason
from facesearch.photos.files import printable
from facesearch.photos.read import read_photo

MANY = 1 << 30


def reason(path: str | Path, max_bytes: int = MANY) -> UnreadableReason:
    with pytest.raises(PhotoUnreadable) as caught:
        read_photo(str(path), max_bytes=max_bytes)
    assert caught.value.photo.isprintable()
    assert caught.value.photo in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("size", [1, 4096, 3_000_001])
def test_bytes_and_fingerprint(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    photo = read_photo(str(path), max_bytes=size)
    assert photo.data == data
    assert photo.content_hash == hashlib.sha256(data).hexdigest()
    assert "data" not in repr(photo)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    assert reason(tmp_path / "a.jpg") is UnreadableReason.EMPTY


def test_a_file_beyond_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(bytes(1_500_000))
    with pytest.raises(PhotoUnreadable, match=r"1\.5 MB.*limit of 1\.0 MB.*--max-megabytes") as e:
        read_photo(str(tmp_path / "a.jpg"), max_bytes=1_000_000)
    assert e.value.reason is UnreadableReason.TOO_LARGE


def test_a_huge_sparse_file_is_refused_unread(tmp_path: Path) -> None:
    with open(tmp_path / "a.jpg", "wb") as file:
        file.truncate(1 << 40)
    assert reason(tmp_path / "a.jpg") is UnreadableReason.TOO_LARGE


def test_a_file_that_vanished(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert reason(tmp_path / "a.jpg") is UnreadableReason.VANISHED
    assert reason(tmp_path / "file" / "a.jpg") is UnreadableReason.VANISHED
    assert reason(f"{tmp_path}/nul\0.jpg") is UnreadableReason.VANISHED


def test_a_file_without_permission(
    public_folder: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    path = public_folder / "a.jpg"
    path.write_bytes(b"x")
    path.chmod(0)
    with unprivileged():
        assert reason(path) is UnreadableReason.NO_PERMISSION


def test_a_folder(tmp_path: Path) -> None:
    assert reason(tmp_path) is UnreadableReason.NOT_AN_IMAGE


@pytest.mark.skipif(os.name != "posix", reason="such files exist on POSIX systems only")
def test_special_files_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert reason(tmp_path / "pipe.jpg") is UnreadableReason.NOT_AN_IMAGE
    assert reason("/dev/zero") is UnreadableReason.NOT_AN_IMAGE
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket.jpg"))
        assert reason(tmp_path / "socket.jpg") is UnreadableReason.NOT_AN_IMAGE


@pytest.mark.skipif(os.name != "posix", reason="such files exist on POSIX systems only")
def test_a_pipe_put_in_the_files_place_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking and opening, a file may be replaced."""
    ordinary = tmp_path / "ordinary"
    ordinary.write_bytes(b"x")
    pipe = tmp_path / "a.jpg"
    os.mkfifo(pipe)
    status = ordinary.stat()
    monkeypatch.setattr(os, "stat", lambda *_, **__: status)
    assert reason(pipe) is UnreadableReason.NOT_AN_IMAGE


def test_a_failing_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")

    def failing(*_: object, **__: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "open", failing)
    assert reason(tmp_path / "a.jpg") is UnreadableReason.IO_ERROR


def test_a_file_that_grows_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x" * 100)
    small = path.stat()
    path.write_bytes(b"x" * 5_000)
    monkeypatch.setattr(os, "fstat", lambda _: small)
    assert read_photo(str(path), max_bytes=5_000).data == b"x" * 5_000
    assert reason(path, max_bytes=4_999) is UnreadableReason.TOO_LARGE


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"plain.jpg", "plain.jpg"),
        ("größe 日本 \U0001f600.jpg".encode(), "größe 日本 \U0001f600.jpg"),
        ("\U0001f468\u200d\U0001f469.jpg".encode(), "\U0001f468\u200d\U0001f469.jpg"),
        (b"a\nb\x1b[31m.jpg", "a\\nb\\x1b[31m.jpg"),
        (b"latin-\xe9.jpg", "latin-\\xe9.jpg"),
        ("right\u202eto left".encode(), "right\\u202eto left"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX systems only")
def test_names_are_shown_whole_and_harmless(name: bytes, shown: str) -> None:
    assert printable(name) == shown
    assert printable(os.fsdecode(name)) == shown
    shown.encode()
