"""TFRecord files: written whole, walked by their frames, checked by their checksums.

In: chips. Out: files of records, each a `tf.train.Example`; and where one of them is damaged,
its number. A record is its length (8 bytes), a checksum of that (4), the data, a checksum of
that (4).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from facesearch.errors import InvalidDataset
from facesearch.models.tensorflow import started_tensorflow
from facesearch.photos.files import printable, words_for
from facesearch.training.disk import as_disk_errors

ENCODED, LABEL, TEXT, ID = "image/encoded", "image/class/label", "image/class/text", "image/id"
_HEAD, _TAIL = struct.Struct("<QI"), 4


def example(jpeg: bytes, label: int, person: str, chip_id: str) -> bytes:
    """A chip as the bytes of a record."""
    train = started_tensorflow().train

    def texts(value: bytes) -> Any:
        return train.Feature(bytes_list=train.BytesList(value=[value]))

    features = {
        ENCODED: texts(jpeg),
        LABEL: train.Feature(int64_list=train.Int64List(value=[label])),
        TEXT: texts(person.encode("utf-8", "surrogateescape")),
        ID: texts(chip_id.encode()),
    }
    made = train.Example(features=train.Features(feature=features))
    return bytes(made.SerializeToString(deterministic=True))


def write_records(path: Path, records: Iterable[bytes]) -> int:
    """Write a file under a temporary name, then rename it.

    Returns:
        Its size in bytes.

    Raises:
        OSError: it cannot be written.
    """
    tf = started_tensorflow()
    temporary = path.with_name(f".{path.name}.tmp")
    with as_disk_errors(path.parent), tf.io.TFRecordWriter(os.fspath(temporary)) as writer:
        for record in records:
            writer.write(record)
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    return path.stat().st_size


def frames(path: Path) -> Iterator[tuple[int, int]]:
    """Offset and length of the data of each record; their checksums are not looked at.

    Raises:
        InvalidDataset: naming the record at which the file breaks off.
    """
    shown = printable(str(path))
    try:
        with open(path, "rb") as file:
            size, at, number = os.fstat(file.fileno()).st_size, 0, 0
            while at < size:
                file.seek(at)
                head = file.read(_HEAD.size)
                end = size + 1
                if len(head) == _HEAD.size:
                    length, _ = _HEAD.unpack(head)
                    end = at + _HEAD.size + length + _TAIL
                if end > size:
                    raise InvalidDataset(
                        shown,
                        f"breaks off in record {number}: copy the file anew, or make the dataset "
                        "anew",
                    )
                yield at + _HEAD.size, length
                at, number = end, number + 1
    except OSError as error:
        raise InvalidDataset(shown, f"cannot be read: {words_for(error)}") from error


def checked(path: Path) -> Iterator[bytes]:
    """The data of each record, its checksums verified.

    Raises:
        InvalidDataset: naming the first record that is damaged or missing a part.
    """
    tf = started_tensorflow()
    number = 0
    records = iter(tf.data.TFRecordDataset(os.fsencode(path)))
    while True:
        try:
            record = next(records, None)
        except tf.errors.OpError as error:
            raise InvalidDataset(
                printable(str(path)),
                f"record {number} is damaged: its checksum does not fit, or it breaks off. Copy "
                "the file anew, or make the dataset anew",
            ) from error
        if record is None:
            return
        yield bytes(record.numpy())
        number += 1


def jpeg_of(record: bytes) -> tuple[bytes, int]:
    """The JPEG bytes and the label in the data of a record.

    Raises:
        KeyError, ValueError: it is no record of a chip.
    """
    tf = started_tensorflow()
    try:
        features = tf.train.Example.FromString(record).features.feature
    except Exception as error:  # protobuf's own, whose module moves between versions
        raise ValueError("no tf.train.Example") from error
    if not (features[ENCODED].bytes_list.value and features[LABEL].int64_list.value):
        raise KeyError(ENCODED)
    return features[ENCODED].bytes_list.value[0], int(features[LABEL].int64_list.value[0])


def read_at(path: Path, numbers: Sequence[int]) -> list[bytes]:
    """The data of some records, by their numbers; checksums are not looked at.

    Raises:
        InvalidDataset: the file breaks off, or has fewer records.
    """
    places = list(frames(path))
    if numbers and max(numbers) >= len(places):
        raise InvalidDataset(
            printable(str(path)), f"has {len(places)} records, and no record {max(numbers)}"
        )
    found = []
    with open(path, "rb") as file:
        for number in numbers:
            offset, length = places[number]
            file.seek(offset)
            found.append(file.read(length))
    return found
