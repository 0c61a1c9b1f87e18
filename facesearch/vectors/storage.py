"""Files written so that a crash leaves them whole or absent, and removed when nobody needs them.

In: names and what to write. Out: files that are on disk when a call returns.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from facesearch.errors import IndexDamaged

FORMAT_VERSION = 1
MANIFEST = "manifest.fsv"

_OWN_FILES = re.compile(r"(rows|codes)-[0-9a-f]{16}\.fsv|manifest-[0-9a-f]{16}\.tmp")
_ORPHAN_AGE_S = 3600.0


def rows_name(token: str) -> str:
    """The file of a segment's ids and vectors."""
    return f"rows-{token}.fsv"


def codes_name(token: str) -> str:
    """The file of a segment's fast-scan codes."""
    return f"codes-{token}.fsv"


def new_token() -> str:
    """A file name's unique part: a name, once used, means the same bytes for ever."""
    return secrets.token_hex(8)


def write_durably(path: Path, write: Callable[[BinaryIO], int | None]) -> int:
    """Create a file, let `write` fill it, and wait until it is on disk.

    Returns:
        What `write` returned, 0 for None.

    Raises:
        OSError: and whatever `write` raises; the file is gone again.
    """
    try:
        with path.open("xb", buffering=0) as file:
            result = write(file)
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    return result or 0


def write_all(file: BinaryIO, data: bytes | memoryview) -> None:
    """Write all of the data; a raw file may take only part of it at a time."""
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[file.write(rest) :]


def remove_files(folder: Path, names: Iterable[str]) -> None:
    """Remove files of an index where they still exist.

    Raises:
        OSError: one cannot be removed.
    """
    for name in sorted(names):
        with suppress(FileNotFoundError):
            (folder / name).unlink()


def remove_stale(folder: Path, known: Iterable[str], kept: set[str], *, everything: bool) -> None:
    """Remove what no manifest refers to any more.

    Args:
        folder: the index.
        known: files that were in use until now; they go at once.
        kept: files in use.
        everything: remove every other file of an index as well, however new.
            Otherwise files that nobody knows, left by a crash, go when they are
            an hour old: younger ones may belong to a save in another process.

    Raises:
        OSError: a file cannot be removed; for lack of permission only with `everything`.
    """
    known = set(known)
    now = time.time()
    for name in own_files(folder) - kept - {MANIFEST}:
        path = folder / name
        try:
            if everything or name in known or now - path.stat().st_mtime > _ORPHAN_AGE_S:
                path.unlink()
        except FileNotFoundError:
            continue
        except PermissionError:
            # Windows does not remove a file that another process has mapped; a later save will
            if everything:
                raise


def own_files(folder: Path) -> set[str]:
    """Names of the files in a folder that belong to an index; none where there is no folder."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return set()
    return {name for name in names if name == MANIFEST or _OWN_FILES.fullmatch(name)}


def damaged(path: Path, what: str) -> IndexDamaged:
    """The error for a file that cannot be trusted."""
    return IndexDamaged(f"{path} {what}; rebuild the vector index from the catalog")


def check_version(path: Path, version: int) -> None:
    """Check that a file's format is the one this facesearch reads.

    Raises:
        IndexDamaged: it is another one.
    """
    if version != FORMAT_VERSION:
        raise damaged(path, f"has format {version}, this facesearch reads {FORMAT_VERSION}")
