"""A finished dataset, opened: its lists checked, its chips read.

In: a dataset's folder. Out: `ChipDataset`: labels, batches to train from, single chips.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from facesearch.errors import InvalidDataset, InvalidValue
from facesearch.models.tensorflow import started_tensorflow
from facesearch.photos.files import printable
from facesearch.photos.walk import AnyPath, root_path
from facesearch.training.dataset import stored
from facesearch.training.dataset.augmentation import Augmentation
from facesearch.training.dataset.manifest import (
    CHIPS,
    ChipRow,
    Manifest,
    check_labels,
    digest_of,
    read_chips,
    read_manifest,
)
from facesearch.training.dataset.options import Split, SplitKind, Storage
from facesearch.training.dataset.reading import (
    SHUFFLE_BUFFER,
    Reading,
    decoded,
    from_files,
    from_memory,
    from_records,
)
from facesearch.values import ByteArray, IdArray

_AT_A_TIME = 256
KEPT_MB = 512
"""Splits that take no more than this when decoded are decoded once and kept in memory."""


class ChipDataset:
    """Aligned chips of known people, split. Open one with `ChipDataset.open`.

    Opening checks that the lists belong together and that every file has its size;
    `verify` looks at every byte.

    Attributes:
        folder: where it lies.
        manifest: what dataset.json says.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, chips: Sequence[ChipRow], kept_mb: int = KEPT_MB
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self._kept_mb = kept_mb
        self._kept: dict[Split, ByteArray] = {}
        self._rows: dict[Split, list[ChipRow]] = {split: [] for split in Split}
        for chip in chips:
            self._rows[chip.split].append(chip)

    @classmethod
    def open(cls, folder: AnyPath, *, kept_mb: int = KEPT_MB) -> Self:
        """Open the dataset in a folder.

        Args:
            kept_mb: splits up to this size are kept in memory while they are trained from. It
                changes the order of epochs: keep to one value within a training.

        Raises:
            InvalidDataset: none is there, or it was not finished or was changed; names the
                file, and the line or record.
        """
        place = Path(root_path(folder))
        manifest = read_manifest(place)
        check_labels(place, manifest)
        chips = list(read_chips(place, manifest))
        if digest_of(chips) != manifest.digest or _counts(chips) != (
            manifest.counts,
            manifest.people,
        ):
            raise InvalidDataset(
                printable(str(place / CHIPS)),
                "was changed since the dataset was made, or dataset.json was; copy the folder "
                "anew, or make it anew",
            )
        dataset = cls(place, manifest, chips, kept_mb)
        stored.check_sizes(place, manifest, dataset._by_file())
        return dataset

    @property
    def chip_px(self) -> int:
        """Width and height of the chips."""
        return self.manifest.chip_px

    @property
    def classes(self) -> tuple[str, ...]:
        """People, in the order of their labels."""
        return self.manifest.classes

    @property
    def trained_classes(self) -> int:
        """How many people there are to train on; their labels are 0 to one less."""
        return self.manifest.people[Split.TRAIN]

    @property
    def digest(self) -> str:
        """SHA-256 of what it holds: chips, labels, split and order."""
        return self.manifest.digest

    @property
    def split_kind(self) -> SplitKind:
        """BY_PHOTO: everybody is trained on. BY_PERSON: nobody is in two splits."""
        return self.manifest.split

    def count(self, split: Split | str) -> int:
        """How many chips a split holds."""
        return len(self.rows(split))

    def rows(self, split: Split | str) -> Sequence[ChipRow]:
        """The chips of a split as chips.csv lists them, in stored order."""
        return self._rows[_split(split)]

    def labels(self, split: Split | str) -> IdArray:
        """The label of each chip, int64 (n,), in stored order."""
        return np.array([chip.label for chip in self.rows(split)], np.int64)

    def kept_bytes(self, split: Split | str) -> int:
        """What `images` keeps in memory of a split; 0 for one that is read anew every epoch."""
        size = self.count(split) * self.chip_px**2 * 3
        return size if size <= self._kept_mb * 1_000_000 else 0

    def images(
        self,
        split: Split | str,
        batch: int,
        *,
        shuffle: bool,
        seed: int,
        epoch: int = 0,
        augment: Augmentation | None = None,
        repeat: bool = False,
        deterministic: bool = True,
        buffer: int = SHUFFLE_BUFFER,
    ) -> Any:
        """One epoch, to train from; `reading.Reading` says what the arguments mean.

        Iterating it may raise errors of TensorFlow, which `explain` puts into words.

        Returns:
            A `tf.data.Dataset` of batches: uint8 RGB (n, chip_px, chip_px, 3), int32 (n,).

        Raises:
            InvalidDataset: the split is empty.
            InvalidValue: a number is out of range.
        """
        how = Reading(
            batch=batch,
            shuffle=shuffle,
            seed=seed,
            epoch=epoch,
            augment=augment,
            repeat=repeat,
            deterministic=deterministic,
            buffer=buffer,
        )
        rows = self.rows(split)
        if not rows:
            raise InvalidDataset(
                printable(str(self.folder)),
                f"has no {_split(split)} chips; make a dataset with other --fractions",
            )
        if self.kept_bytes(split):
            kept = self._kept.setdefault(_split(split), self.arrays(split)[0])
            return from_memory(kept, self.labels(split), how)
        return self._streamed(split, how)

    def arrays(self, split: Split | str, limit: int | None = None) -> tuple[ByteArray, IdArray]:
        """Chips in memory, in stored order: uint8 (n, chip_px, chip_px, 3) read-only, int64 (n,).

        Args:
            limit: the first so many; they are mixed.

        Raises:
            InvalidDataset: a file or a record is damaged.
        """
        labels = self.labels(split)[:limit]
        if _split(split) in self._kept:
            return self._kept[_split(split)][: len(labels)], labels
        chips = np.empty((len(labels), self.chip_px, self.chip_px, 3), np.uint8)
        if not len(labels):
            return chips, labels
        at = 0
        try:
            for some, _ in self._streamed(split, Reading(batch=_AT_A_TIME, shuffle=False, seed=0)):
                part = some.numpy()[: len(chips) - at]
                chips[at : at + len(part)] = part
                at += len(part)
                if at == len(chips):
                    break
        except started_tensorflow().errors.OpError as error:
            raise self.explain(error) or error from error
        chips.flags.writeable = False
        return chips, labels

    def _streamed(self, split: Split | str, how: Reading) -> Any:
        """Batches from the files."""
        rows = self.rows(split)
        if self.manifest.storage is Storage.FOLDERS:
            paths = [self.folder / chip.file for chip in rows]
            return from_files(paths, self.labels(split), self.chip_px, how)
        shards = [self.folder / name for name in dict.fromkeys(chip.file for chip in rows)]
        return from_records(shards, len(rows), self.chip_px, how)

    def read(self, split: Split | str, positions: Sequence[int]) -> ByteArray:
        """Some chips, by their positions in stored order: uint8 (n, chip_px, chip_px, 3).

        Raises:
            InvalidDataset: a file or a record is damaged.
        """
        rows = self.rows(split)
        chips = np.empty((len(positions), self.chip_px, self.chip_px, 3), np.uint8)
        tf = started_tensorflow()
        for at, jpeg in stored.jpegs(self.folder, self.manifest.storage, rows, positions):
            try:
                chips[at] = decoded(tf.constant(jpeg), self.chip_px).numpy()
            except tf.errors.OpError as error:
                raise self.explain(error) or error from error
        return chips

    def explain(self, error: Exception) -> InvalidDataset | None:
        """What is wrong with the files, where an error came up in reading them.

        Args:
            error: of TensorFlow, from iterating what `images` returned.

        Returns:
            An error that names the file and the record; None where the files are sound, or
            the error is of another kind.
        """
        if not isinstance(error, started_tensorflow().errors.OpError):
            return None
        try:
            self.verify()
        except InvalidDataset as problem:
            return problem
        return None

    def verify(self, on_checked: Callable[[int], None] | None = None) -> None:
        """Read every chip and compare it with its SHA-256 in chips.csv.

        Args:
            on_checked: told how many chips were compared.

        Raises:
            InvalidDataset: naming the first file, and record, that is not as it was.
        """
        done = 0
        for file, rows in self._by_file().items():
            for _ in stored.verified(self.folder / file, rows, self.manifest.storage):
                done += 1
                if on_checked is not None:
                    on_checked(done)

    def _by_file(self) -> dict[str, list[ChipRow]]:
        found: defaultdict[str, list[ChipRow]] = defaultdict(list)
        for split in Split:
            for chip in self._rows[split]:
                found[chip.file].append(chip)
        return dict(found)


def _counts(chips: Sequence[ChipRow]) -> tuple[dict[Split, int], dict[Split, int]]:
    """Chips and people of each split."""
    labels = {split: [chip.label for chip in chips if chip.split is split] for split in Split}
    people = {split: len(set(those)) for split, those in labels.items()}
    return {split: len(those) for split, those in labels.items()}, people


def _split(split: Split | str) -> Split:
    try:
        return Split(split)
    except ValueError as error:
        raise InvalidValue(f"a split is {', '.join(Split)}, not {split}") from error
