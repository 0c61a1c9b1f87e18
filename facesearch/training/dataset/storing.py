"""Chips onto the disk: TFRecord files or folders.

In: chips in the order they shall have, and where their bytes are. Out: their rows for
chips.csv, and files that are whole.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from facesearch.training.dataset.manifest import ChipRow
from facesearch.training.dataset.options import Split
from facesearch.training.dataset.records import example, write_records

_SHARD = re.compile(r"\.?(train|validation|test)-\d{5,}-of-\d{5,}\.tfrecord(\.tmp)?")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LONGEST_NAME = 60  # characters of a folder's name; many file systems allow 255 bytes


def shard_name(split: Split, number: int, of: int) -> str:
    """Such as "train-00000-of-00003.tfrecord"."""
    return f"{split.value}-{number:05d}-of-{of:05d}.tfrecord"


def clear(folder: Path) -> None:
    """Remove what an earlier run, which was stopped, has stored."""
    for path in folder.iterdir():
        if _SHARD.fullmatch(path.name):
            path.unlink()
    for split in Split:
        shutil.rmtree(folder / split.value, ignore_errors=True)


def store_records(
    folder: Path,
    chips: Sequence[ChipRow],
    jpeg: Callable[[ChipRow], bytes],
    shard_bytes: int,
    on_stored: Callable[[int], None],
) -> tuple[list[ChipRow], dict[str, int]]:
    """Write TFRecord files.

    Args:
        folder: of the dataset.
        chips: all of a split together.
        jpeg: gives the bytes of a chip.
        shard_bytes: files are about this large.
        on_stored: told how many chips are stored.

    Returns:
        The chips with their files, and each file's size.

    Raises:
        OSError: they cannot be written.
    """
    placed: list[ChipRow] = []
    files: dict[str, int] = {}
    for split in Split:
        own = [chip for chip in chips if chip.split is split]
        shards = min(len(own), max(1, round(sum(chip.bytes for chip in own) / shard_bytes)))
        for number in range(shards):
            name = shard_name(split, number, shards)
            part = own[len(own) * number // shards : len(own) * (number + 1) // shards]
            files[name] = write_records(
                folder / name,
                (example(jpeg(chip), chip.label, chip.person, chip.id) for chip in part),
            )
            placed += [replace(chip, file=name) for chip in part]
            on_stored(len(placed))
    return placed, files


def store_folders(
    folder: Path,
    chips: Sequence[ChipRow],
    jpeg: Callable[[ChipRow], bytes],
    on_stored: Callable[[int], None],
) -> list[ChipRow]:
    """Write SPLIT/NAME/ID.jpg; see `store_records`."""
    names = folder_names({chip.label: chip.person for chip in chips})
    placed: list[ChipRow] = []
    for split in Split:
        for chip in chips:
            if chip.split is not split:
                continue
            inner = f"{split.value}/{names[chip.label]}/{chip.id}.jpg"
            path = folder / inner
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg(chip))
            placed.append(replace(chip, file=inner))
            on_stored(len(placed))
    return placed


def folder_names(people: dict[int, str]) -> dict[int, str]:
    """A name for each person's folder, by label: any file system takes it, and no two are alike."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for label, person in sorted(people.items()):
        name = _UNSAFE.sub("_", person)[:_LONGEST_NAME].strip(". ")
        while not name or _RESERVED.fullmatch(name) or name.casefold() in taken:
            name = f"{name}-{label}"
        taken.add(name.casefold())
        names[label] = name
    return names
