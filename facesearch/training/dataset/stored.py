"""The stored bytes of chips: whether all are there, whether they are what they were; some of them.

In: a dataset's folder and rows of chips.csv. Out: JPEG bytes, or an error that names the file
and the record.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from facesearch.errors import InvalidDataset
from facesearch.photos.files import printable, words_for
from facesearch.training.dataset import records
from facesearch.training.dataset.manifest import ChipRow, Manifest
from facesearch.training.dataset.options import Storage

_ANEW = "copy it anew, or make the dataset anew"


def check_sizes(folder: Path, manifest: Manifest, files: Mapping[str, Sequence[ChipRow]]) -> None:
    """Check that every file is there and as large as it was.

    Args:
        files: the chips of each.

    Raises:
        InvalidDataset: naming the file, and the record at which a truncated one breaks off.
    """
    for file, rows in files.items():
        path = folder / file
        expected = manifest.files.get(file, rows[0].bytes)
        try:
            found = os.stat(path).st_size
        except OSError as error:
            raise InvalidDataset(printable(str(path)), f"{words_for(error)}; {_ANEW}") from error
        if found == expected:
            continue
        if manifest.storage is Storage.TFRECORDS:
            for _ in records.frames(path):
                continue  # raises where the file breaks off
        raise InvalidDataset(
            printable(str(path)),
            f"is {found:,} bytes and was {expected:,}: it was changed; {_ANEW}",
        )


def verified(path: Path, rows: Sequence[ChipRow], storage: Storage) -> Iterator[ChipRow]:
    """The chips of a file, each after it was compared with its SHA-256.

    Raises:
        InvalidDataset: naming the first record that is not as it was.
    """
    shown = printable(str(path))
    if storage is Storage.FOLDERS:
        if hashlib.sha256(_bytes(path)).hexdigest() != rows[0].sha256:
            raise InvalidDataset(shown, f"was changed; {_ANEW}")
        yield rows[0]
        return
    count = 0
    for record in records.checked(path):
        if count == len(rows) or not _is_same(record, rows[count]):
            raise InvalidDataset(shown, f"record {count} is not the chip it was; {_ANEW}")
        yield rows[count]
        count += 1
    if count < len(rows):
        raise InvalidDataset(shown, f"ends after {count} of {len(rows)} records; {_ANEW}")


def jpegs(
    folder: Path, storage: Storage, rows: Sequence[ChipRow], positions: Sequence[int]
) -> Iterator[tuple[int, bytes]]:
    """Some chips of a split, file by file: index into `positions`, and JPEG bytes.

    Raises:
        InvalidDataset: a file cannot be read, or a record holds no chip.
    """
    if storage is Storage.FOLDERS:
        for at, position in enumerate(positions):
            yield at, _bytes(folder / rows[position].file)
        return
    starts: dict[str, int] = {}
    for position, row in enumerate(rows):
        starts.setdefault(row.file, position)
    wanted: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for at, position in enumerate(positions):
        file = rows[position].file
        wanted[file].append((at, position - starts[file]))
    for file, places in wanted.items():
        path = folder / file
        found = records.read_at(path, [number for _, number in places])
        for (at, number), record in zip(places, found, strict=True):
            try:
                yield at, records.jpeg_of(record)[0]
            except (KeyError, ValueError) as error:
                raise InvalidDataset(
                    printable(str(path)), f"record {number} holds no chip; {_ANEW}"
                ) from error


def _is_same(record: bytes, row: ChipRow) -> bool:
    try:
        jpeg, label = records.jpeg_of(record)
    except (KeyError, ValueError):
        return False
    return label == row.label and hashlib.sha256(jpeg).hexdigest() == row.sha256


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidDataset(printable(str(path)), words_for(error)) from error
