"""TensorFlow's errors about files, as those of the operating system.

In: what TensorFlow raises where it writes. Out: an OSError, which everything else here is
prepared for.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facesearch.models.tensorflow import started_tensorflow


@contextmanager
def as_disk_errors(folder: Path) -> Iterator[None]:
    """Raise OSError in place of TensorFlow's errors from writing to a folder."""
    errors = started_tensorflow().errors
    kinds = {
        errors.ResourceExhaustedError: errno.ENOSPC,
        errors.PermissionDeniedError: errno.EACCES,
        errors.NotFoundError: errno.ENOENT,
    }
    try:
        yield
    except errors.OpError as error:
        number = kinds.get(type(error), errno.EIO)
        said = os.strerror(number) if number != errno.EIO else error.message
        raise OSError(number, said, os.fspath(folder)) from error
