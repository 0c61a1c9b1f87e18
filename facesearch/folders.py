"""Where what belongs to models lies on this machine, and how it is written there.

In: nothing, or a path and bytes. Out: a folder, or a file that is whole or not there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from pathlib import Path

MODELS_VARIABLE = "FACESEARCH_MODELS"
_RANDOM_BYTES = 8


def models_folder() -> Path:
    """$FACESEARCH_MODELS, else "models" in the platform's data folder for facesearch.

    It holds weights, models that users added, rates and figures that were measured here.
    """
    chosen = os.environ.get(MODELS_VARIABLE)
    if chosen:
        return Path(chosen)
    from platformdirs import user_data_path

    return user_data_path("facesearch", appauthor=False) / "models"


def write_whole(path: Path, data: bytes) -> None:
    """Write under a temporary name, then rename: no reader and no power cut meets half a file.

    Raises:
        OSError: it cannot be written; what was there before stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not mkstemp: others who share the folder shall be able to read the file, as umask allows.
    temporary = path.with_name(f".{secrets.token_hex(_RANDOM_BYTES)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def is_temporary(path: Path) -> bool:
    """Whether `write_whole`, killed halfway, may have left it behind."""
    return re.fullmatch(rf"\.[0-9a-f]{{{2 * _RANDOM_BYTES}}}\.tmp", path.name) is not None


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk, where the system knows how.

    Raises:
        OSError: the disk failed.
    """
    if os.name == "nt":
        return  # NTFS journals names; folders cannot be opened
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # network file systems
            raise
    finally:
        os.close(handle)
