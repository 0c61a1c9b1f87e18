"""Files that are there whole and checked, or not at all.

In: paths. Out: SHA-256 digests, files copied and put in place, and errors of the disk in words.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from facesearch.errors import InvalidValue, ModelError
from facesearch.folders import sync_folder

CHUNK_BYTES = 1 << 20
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)


def checked_digest(text: str) -> str:
    """A SHA-256 as 64 hexadecimal digits in lower case.

    Raises:
        InvalidValue: it is something else.
    """
    digest = text.strip().lower()
    if re.fullmatch(r"[0-9a-f]{64}", digest) is None:
        raise InvalidValue(f"a SHA-256 is 64 hexadecimal digits, not {text!r}")
    return digest


def checked_name(name: str) -> str:
    """A file's place inside a folder, with forward slashes, that leads nowhere else.

    Raises:
        InvalidValue: it might.
    """
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or re.search(r"[\\:\x00]", name):
        raise InvalidValue(f"{name!r} is no place inside a folder, such as 'facenet_weights.h5'")
    return name


def inside(folder: Path, name: str) -> Path:
    """The path of a checked name in a folder."""
    return folder.joinpath(*name.split("/"))


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, read in pieces.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write all of the data; a raw file may take only part of it at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def copy_hashed(source: IO[bytes], target: Path, limit_bytes: int | None = None) -> str:
    """Copy what is left of an open file into a new one, or over an old one.

    Args:
        limit_bytes: stop soon after so many; the digest then is that of what was copied.

    Returns:
        The SHA-256 of the bytes that were copied.

    Raises:
        OSError: either cannot be read or written; what was written stays.
    """
    digest, done_bytes = hashlib.sha256(), 0
    with target.open("wb", buffering=0) as out:
        while chunk := source.read(CHUNK_BYTES):
            write_all(out, chunk)
            digest.update(chunk)
            done_bytes += len(chunk)
            if limit_bytes is not None and done_bytes > limit_bytes:
                break
    return digest.hexdigest()


def place(temporary: Path, target: Path) -> None:
    """Give a finished file its name, once its bytes are on disk.

    Raises:
        OSError: what had the name before still has it.
    """
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, target)
    sync_folder(target.parent)


def require_space(folder: Path, needed_bytes: int) -> None:
    """Check that so much fits in a folder that exists.

    Raises:
        OSError: ENOSPC, as writing would raise in the end.
    """
    if shutil.disk_usage(folder).free < needed_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


@contextmanager
def disk_errors(
    model: str,
    folder: Path,
    *,
    kind: type[ModelError] = ModelError,
    needed_bytes: int | None = None,
    elsewhere: str = "set FACESEARCH_MODELS to another folder",
) -> Iterator[None]:
    """Raise what the operating system reports as a ModelError that says what to do.

    Args:
        model: what the file is for.
        folder: where it lies or shall lie.
        kind: which error.
        needed_bytes: that have to fit there still; None where nobody knows.
        elsewhere: what to do about a folder that will not do.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            needed = "" if needed_bytes is None else f": {needed_bytes:,} more bytes are needed"
            help_ = f"no space left in {folder}{needed}. Free some and run again, or {elsewhere}"
        elif error.errno in _NO_PERMISSION:
            place_ = folder if error.filename is None else error.filename
            help_ = f"no permission ({error.strerror}) at {place_}: allow it, or {elsewhere}"
        else:
            help_ = f"the folder {folder} cannot be used ({error}); repair it, or {elsewhere}"
        raise kind(model, f"weights of {model}: {help_}") from error
