"""Weight files out of .zip and .bz2.

In: a packed file. Out: the unpacked one beside it and its SHA-256. What a file is shows in its
first bytes, never in its name.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from facesearch.models.files import copy_hashed, require_space
from facesearch.models.weights import Archive

_MAGIC = {b"PK\x03\x04": Archive.ZIP, b"BZh": Archive.BZ2}
# What zipfile and the decompressors raise, RuntimeError for encrypted files among it.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)


class NotUnpacked(Exception):
    """What was given is damaged, or does not hold the file; says which."""


def archive_form(path: Path) -> Archive | None:
    """How a file is packed; None where it is not.

    Some networks are .zip files themselves, such as PyTorch's: only the digest tells.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(4)
    return next((form for magic, form in _MAGIC.items() if start.startswith(magic)), None)


def unpack_file(
    packed: Path, form: Archive, name: str, target: Path, size_bytes: int | None
) -> str:
    """Unpack one file to `target`, and return its SHA-256.

    Args:
        name: of the wanted file; a .zip must hold one that is called so, or one file only.
        size_bytes: how large it is; much more is not written. None where nobody knows.

    Raises:
        NotUnpacked: see there.
        OSError: the disk failed, or is too full for what the .zip says it holds.
    """
    try:
        with _opened(packed, form, name, target.parent) as file:
            return copy_hashed(file, target, size_bytes)
    except _DAMAGE as error:
        raise NotUnpacked(f"the .{form.value} is damaged ({error})") from error
    except OSError as error:
        if error.errno is not None:
            raise
        # bz2 reports damage as an OSError that no system call raised
        raise NotUnpacked(f"the .{form.value} is damaged ({error})") from error


@contextmanager
def _opened(packed: Path, form: Archive, name: str, folder: Path) -> Iterator[IO[bytes]]:
    if form is Archive.BZ2:
        with bz2.open(packed, "rb") as file:
            yield file
        return
    with zipfile.ZipFile(packed) as archive:
        member = _wanted(archive, name)
        require_space(folder, member.file_size)
        with archive.open(member) as inner:
            yield inner


def _wanted(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    files = [info for info in archive.infolist() if not info.is_dir()]
    base = name.rpartition("/")[2]
    named = [info for info in files if info.filename.rpartition("/")[2] == base]
    chosen = named or files
    if len(chosen) != 1:
        held = ", ".join(info.filename for info in files[:5]) or "nothing"
        raise NotUnpacked(f"the .zip does not hold {base}, but {held}")
    return chosen[0]
