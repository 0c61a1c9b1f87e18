"""The folder that a dataset is made in: whose it is, how far it is, and what can go wrong there.

In: a folder, and what is wanted of it. Out: nothing, or an error that says what to do.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from facesearch.errors import FaceSearchError, InvalidDataset
from facesearch.photos.files import printable
from facesearch.training.dataset.options import DatasetOptions, differences

WORK, ASKED, LOCK = "making", "options.json", "make.lock"
"""The folder of a run that goes on, what it was asked for, and what keeps two runs apart."""


def begun_with(place: dict[str, str], options: DatasetOptions) -> dict[str, Any]:
    """What chips that were cut before must agree with."""
    return {"source": place, **options.chip_document()}


def check_begun(folder: Path, place: dict[str, str], options: DatasetOptions) -> None:
    """Check that an unfinished folder is ours, and that its chips are cut as wanted.

    Raises:
        InvalidDataset: it is not, or they are not.
    """
    shown = printable(str(folder))
    if folder.exists() and not folder.is_dir():
        raise InvalidDataset(shown, "is a file; name a folder for the dataset")
    asked = folder / WORK / ASKED
    if not asked.exists():
        ours = (LOCK, WORK)
        if folder.exists() and any(path.name not in ours for path in folder.iterdir()):
            raise InvalidDataset(shown, "holds other files; name a new folder for the dataset")
        return
    try:
        before = dict(json.loads(asked.read_bytes()))
    except (ValueError, TypeError) as error:
        raise InvalidDataset(
            f"{shown}/{WORK}/{ASKED}", "was changed; delete the folder, and make the dataset anew"
        ) from error
    differ = differences(before, begun_with(place, options))
    if differ:
        raise InvalidDataset(
            shown,
            f"was begun otherwise: {'; '.join(differ)}. Run it as it was begun, name another "
            "folder, or delete this one",
        )


def busy(shown: str, holder: int | None) -> FaceSearchError:
    """The error for a folder that another process, of that id if known, is at work in."""
    who = "another process" if holder is None else f"process {holder}"
    return InvalidDataset(shown, f"{who} is making this dataset; wait for it, or stop it")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn the operating system's errors into ours.

    Raises:
        InvalidDataset: says what to do.
    """
    try:
        yield
    except OSError as error:
        shown = printable(str(folder))
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InvalidDataset(
                shown,
                "no space is left on the disk: free some and run the same command again; it goes "
                "on from the chips that are there",
            ) from error
        raise InvalidDataset(shown, f"cannot be written: {error.strerror or error}") from error
