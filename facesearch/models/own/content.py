"""A model file, or the folder that some programs write instead of one, as one thing.

In: a path. Out: digest, size, bytes on disk. Raises OSError where the disk fails.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from facesearch.models.files import file_digest

_KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")


def content_digest(path: Path) -> str:
    """SHA-256 of a file; of a folder, that of the names and digests of the files in it.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    if not path.is_dir():
        return file_digest(path)
    digest = hashlib.sha256()
    for inside in sorted(path.rglob("*")):
        if inside.is_file():
            relative = inside.relative_to(path).as_posix()
            digest.update(f"{relative}\0{file_digest(inside)}\n".encode())
    return digest.hexdigest()


def content_bytes(path: Path) -> int:
    """Size of a file, or of all files in a folder."""
    if not path.is_dir():
        return path.stat().st_size
    return sum(inside.stat().st_size for inside in path.rglob("*") if inside.is_file())


def sync_content(path: Path) -> None:
    """Wait until the bytes of a file, or of all files in a folder, are on disk."""
    for file in path.rglob("*") if path.is_dir() else (path,):
        if file.is_file():
            with file.open("rb+") as opened:
                os.fsync(opened.fileno())


def delete_content(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def is_keras(path: Path) -> bool:
    """Whether a path is to be read as a network of Keras: by its suffix, or as a folder."""
    return path.is_dir() or path.suffix.lower() in _KERAS_SUFFIXES


def copy_content(path: Path, target: Path) -> None:
    """Copy a file or folder to a path that does not exist yet, without its permissions."""
    if path.is_dir():
        shutil.copytree(path, target, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(path, target)


def write_content(data: bytes, target: Path) -> None:
    """Write a file."""
    target.write_bytes(data)
