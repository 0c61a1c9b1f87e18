"""Reading chips to train from: files in, a `tf.data.Dataset` of batches out.

In: TFRecord files or JPEG files, and how they are to be read. Out: batches of uint8 chips and
int32 labels. The order is a function of seed and epoch alone, whatever TensorFlow's global
seed is and however threads are timed, so that an epoch can be made again after a crash.

Files of records are opened in a shuffled order and read in turns, several at a time; then every
so many records (the shuffle buffer) are shuffled among themselves. Records lie mixed in the
files, so a small buffer is enough. Chips in memory and files of their own are shuffled all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from facesearch.errors import InvalidValue
from facesearch.models.tensorflow import started_tensorflow
from facesearch.training.dataset.augmentation import Augmentation
from facesearch.training.dataset.records import ENCODED, LABEL
from facesearch.values import IdArray

SHUFFLE_BUFFER = 4096
"""Records that are shuffled among themselves; about 40 MB of chips of 152 px."""

_FILES_AT_A_TIME, _RECORDS_IN_TURN = 8, 16
_FILES, _RECORDS, _CHANGES = 0, 1, 2  # what random numbers are drawn for

_Epoch: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How chips are read.

    Attributes:
        batch: chips at a time; the last batch of an epoch may be smaller.
        shuffle: in another order in every epoch; else in stored order.
        seed: of that, and of augmentation.
        epoch: the first one that is read.
        augment: how chips are changed; None for not at all.
        repeat: go on with the epochs after it, without end.
        deterministic: False lets faster threads go first, where order does not matter.
        buffer: see `SHUFFLE_BUFFER`.

    Raises:
        InvalidValue: out of range.
    """

    batch: int
    shuffle: bool
    seed: int
    epoch: int = 0
    augment: Augmentation | None = None
    repeat: bool = False
    deterministic: bool = True
    buffer: int = SHUFFLE_BUFFER

    def __post_init__(self) -> None:
        if self.batch < 1 or self.buffer < 1:
            raise InvalidValue(f"batches and buffers hold at least 1 chip, not {self}")
        if not (0 <= self.seed < 2**63 and self.epoch >= 0):
            raise InvalidValue(f"seed and epoch are 0 or more, not {self.seed} and {self.epoch}")


def from_records(paths: Sequence[Path], count: int, chip_px: int, how: Reading) -> Any:
    """Batches from TFRecord files.

    Args:
        paths: of the files.
        count: records in them.
        chip_px: width and height of the chips.
    """
    tf = started_tensorflow()
    plain = tf.autograph.experimental.do_not_convert
    names = [os.fsencode(path) for path in paths]
    spec = {
        ENCODED: tf.io.FixedLenFeature((), tf.string),
        LABEL: tf.io.FixedLenFeature((), "int64"),
    }

    def epoch(key: Any) -> Any:
        if not how.shuffle:
            return tf.data.TFRecordDataset(names).batch(how.batch)
        files = tf.random.experimental.stateless_shuffle(names, _for(tf, key, _FILES))
        records = tf.data.Dataset.from_tensor_slices(files).interleave(
            tf.data.TFRecordDataset,
            cycle_length=min(_FILES_AT_A_TIME, len(names)),
            block_length=_RECORDS_IN_TURN,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=how.deterministic,
        )
        own = _for(tf, key, _RECORDS)

        def shuffled(at: Any, window: Any) -> Any:
            return tf.random.experimental.stateless_shuffle(window, _for(tf, own, at))

        windows = records.batch(how.buffer).enumerate().map(plain(shuffled))
        return windows.prefetch(1).unbatch().batch(how.batch)

    def opened(records: Any) -> tuple[Any, Any]:
        found = tf.io.parse_example(records, spec)
        return _decoded(tf, found[ENCODED], lambda jpeg: jpeg, chip_px), found[LABEL]

    return _batches(tf, epoch, opened, count, how)


def from_memory(chips: NDArray[Any], labels: IdArray, how: Reading) -> Any:
    """Batches from chips that were decoded before; see `from_records`.

    Args:
        chips: uint8 (n, chip_px, chip_px, 3), or what a network made of each, of any shape and
            type, where they are not to be augmented; kept, not copied.
        labels: one for each.
    """
    tf = started_tensorflow()

    def looked_up(at: IdArray) -> tuple[NDArray[Any], IdArray]:
        return chips[at], labels[at]

    def taken(at: Any) -> tuple[Any, Any]:
        found, known = tf.numpy_function(looked_up, (at,), (chips.dtype, tf.int64))
        return tf.ensure_shape(found, (None, *chips.shape[1:])), tf.ensure_shape(known, (None,))

    return _batches(tf, _positions(tf, len(chips), how), taken, len(chips), how)


def from_files(paths: Sequence[Path], labels: IdArray, chip_px: int, how: Reading) -> Any:
    """Batches from JPEG files; see `from_records`. `labels` has one for each path."""
    tf = started_tensorflow()
    with tf.device("/CPU:0"):
        names, known = tf.constant([os.fsencode(path) for path in paths]), tf.constant(labels)

    def opened(at: Any) -> tuple[Any, Any]:
        files = tf.gather(names, at)
        return _decoded(tf, files, tf.io.read_file, chip_px), tf.gather(known, at)

    return _batches(tf, _positions(tf, len(paths), how), opened, len(paths), how)


def _positions(tf: Any, count: int, how: Reading) -> _Epoch:
    """An epoch of chips that can be read in any order, as batches of their positions."""

    def epoch(key: Any) -> Any:
        order = tf.range(count)
        if how.shuffle:
            order = tf.random.experimental.stateless_shuffle(order, _for(tf, key, _RECORDS))
        return tf.data.Dataset.from_tensor_slices(order).batch(how.batch)

    return epoch


def decoded(jpeg: Any, chip_px: int) -> Any:
    """One chip, a tensor uint8 (chip_px, chip_px, 3), from its JPEG bytes."""
    tf = started_tensorflow()
    chip = tf.io.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_ACCURATE")
    return tf.ensure_shape(chip, (chip_px, chip_px, 3))


def _decoded(tf: Any, places: Any, bytes_of: Callable[[Any], Any], chip_px: int) -> Any:
    """The chips of a batch: decoded by one thread, while others decode other batches.

    Args:
        places: where the JPEG bytes of each are, as `bytes_of` takes it.
    """
    return tf.map_fn(
        lambda place: decoded(bytes_of(place), chip_px),
        places,
        fn_output_signature=tf.TensorSpec((chip_px, chip_px, 3), tf.uint8),
    )


def _batches(
    tf: Any, epoch: _Epoch, opened: Callable[[Any], tuple[Any, Any]], count: int, how: Reading
) -> Any:
    """Batches of one epoch, or of all from it on, changed as wanted.

    Args:
        epoch: makes a dataset of batches, not opened yet, given an epoch's key.
        opened: chips and labels of such a batch.
        count: chips in an epoch.
    """
    plain = tf.autograph.experimental.do_not_convert  # there is nothing in it to convert

    def of(number: Any) -> Any:
        # Of one type, whether it comes from Python or from `range`: keys depend on the type.
        key = _for(tf, tf.constant((how.seed, 0), tf.int64), tf.cast(number, tf.int64))
        own = _for(tf, key, _CHANGES)

        def finished(at: Any, batch: Any) -> tuple[Any, Any]:
            chips, labels = opened(batch)
            if how.augment is not None:
                chips = how.augment(chips, _for(tf, own, at))
            return chips, tf.cast(labels, tf.int32)

        return (
            epoch(key)
            .enumerate()
            .map(
                plain(finished),
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=how.deterministic,
            )
        )

    with tf.device("/CPU:0"):
        if how.repeat:
            found = tf.data.Dataset.range(how.epoch, tf.int64.max).flat_map(plain(of))
        else:
            steps = -(-count // how.batch)
            found = of(how.epoch).apply(tf.data.experimental.assert_cardinality(steps))
        options = tf.data.Options()
        options.deterministic = how.deterministic
        return found.prefetch(tf.data.AUTOTUNE).with_options(options)


def _for(tf: Any, key: Any, purpose: Any) -> Any:
    """Another key: no two purposes draw the same random numbers."""
    return tf.random.experimental.stateless_fold_in(key, purpose)
