"""Measures how fast chips are read to train from, beside reading the same JPEGs one by one.

``python -m benchmarks.training_input --data DIR`` from the top of a checkout, in an environment
with the extra `train`. Chips of 152 px are cut from the people of LFW with at least 20 photos
and stored as TFRecords; the same JPEG bytes are also written as single files. Then, in turns
and in one process:

- pipeline: `ChipDataset.images` as it is opened by default, shuffled, in batches, as many epochs
  in a row as the recipe deepface trains. These chips fit into memory: they are decoded in the
  first epoch, which counts, and kept;
- streamed: the same for chips that do not fit: decoded in every epoch, for information;
- augmented: the pipeline with the default augmentation, for information;
- TensorFlow: `tf.io.read_file` and `tf.io.decode_jpeg`, one file at a time, stacked to batches;
- Pillow: the same with `Image.open` and numpy.

Prints images per second, medians over the repetitions, and ratios to both ways one by one.
`--json FILE` keeps every repetition. Threads count: the pipeline uses every core, and whoever
reads one by one uses one, so measure on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import Data
from benchmarks.machine import describe_machine
from facesearch.models.tensorflow import started_tensorflow
from facesearch.training.dataset.augmentation import Augmentation
from facesearch.training.dataset.chips import KEPT_MB, ChipDataset
from facesearch.training.dataset.making import make_dataset
from facesearch.training.dataset.options import DatasetOptions
from facesearch.training.dataset.records import checked, jpeg_of
from facesearch.training.dataset.sources import FolderSource

FLOOR = 3.0
"""How many times as fast as reading one by one the pipeline has to be."""

EPOCHS = 15
"""That are read in a row, set-up included."""

PIPELINES, ONE_BY_ONE = ("pipeline", "streamed"), ("TensorFlow", "Pillow")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table; 1 where the floor is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training_input", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder with lfw/")
    parser.add_argument("--size", type=int, default=152, help="of the chips, in pixels")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="keep the raw results here")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as work:
        dataset = made(Data(chosen.data), Path(work), chosen.size)
        files = single_files(dataset, Path(work, "files"))
        ways = contenders(dataset, files, chosen.batch, chosen.seed)
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for repeat in range(chosen.repeats + 1):
            for name, read in ways.items():
                began = time.perf_counter()
                count = read(repeat)
                seconds = time.perf_counter() - began
                if count % len(files):
                    raise AssertionError(f"{name} read {count} chips, and there are {len(files)}")
                if repeat:  # the first time, functions are traced and files come from the disk
                    rates[name].append(count / seconds)
    print(f"{len(files)} chips of {chosen.size} px, batches of {chosen.batch}\n")
    print("| way | images/s, median | least | most |\n|---|---|---|---|")
    for name, own in rates.items():
        print(f"| {name} | {statistics.median(own):,.0f} | {min(own):,.0f} | {max(own):,.0f} |")
    found = ratios(rates)
    print()
    for name, value in found.items():
        floor = f" (floor {FLOOR:g})" if name.startswith("pipeline") else ""
        print(f"{name}: {value:.1f} times{floor}")
    if chosen.json is not None:
        raw = {"machine": describe_machine(), "chips": len(files), **vars(chosen)}
        document = {**raw, "rates": rates, "ratios": found}
        chosen.json.write_text(json.dumps(document, indent=1, default=str) + "\n")
    return 0 if min(found[f"pipeline against {way}"] for way in ONE_BY_ONE) >= FLOOR else 1


def made(data: Data, work: Path, size: int) -> ChipDataset:
    """The dataset: the people of LFW with at least 20 photos."""
    options = DatasetOptions(chip_px=size, min_photos=20)
    make_dataset(FolderSource(data.folder / "lfw" / "images"), work / "dataset", options)
    return ChipDataset.open(work / "dataset")


def single_files(dataset: ChipDataset, folder: Path) -> list[str]:
    """The JPEG bytes of the training chips, each in a file of its own."""
    folder.mkdir()
    paths: list[str] = []
    for shard in dict.fromkeys(row.file for row in dataset.rows("train")):
        for record in checked(dataset.folder / shard):
            path = folder / f"{len(paths):06d}.jpg"
            path.write_bytes(jpeg_of(record)[0])
            paths.append(str(path))
    return paths


def contenders(
    dataset: ChipDataset, files: Sequence[str], batch: int, seed: int
) -> dict[str, Callable[[int], int]]:
    """Ways to read all training chips, given the number of the epoch; each says how many."""
    tf = started_tensorflow()
    from PIL import Image

    def pipeline(epoch: int, kept_mb: int, augment: Augmentation | None = None) -> int:
        opened = ChipDataset.open(dataset.folder, kept_mb=kept_mb)
        read = opened.images(
            "train", batch, shuffle=True, seed=seed, epoch=epoch, augment=augment, repeat=True
        )
        steps = EPOCHS * -(-len(files) // batch)
        return sum(len(chips) for chips, _ in read.take(steps))

    def in_batches(one: Callable[[str], Any], stack: Callable[[list[Any]], Any]) -> int:
        parts = [files[at : at + batch] for at in range(0, len(files), batch)]
        return sum(len(stack([one(path) for path in part])) for part in parts)

    def tensorflow(_: int) -> int:
        return in_batches(lambda path: tf.io.decode_jpeg(tf.io.read_file(path), 3), tf.stack)

    def pillow(_: int) -> int:
        def one(path: str) -> Any:
            with Image.open(path) as picture:
                return np.asarray(picture.convert("RGB"))

        return in_batches(one, np.stack)

    return {
        "pipeline": lambda epoch: pipeline(epoch, KEPT_MB),
        "streamed": lambda epoch: pipeline(epoch, 0),
        "augmented": lambda epoch: pipeline(epoch, KEPT_MB, Augmentation()),
        "TensorFlow": tensorflow,
        "Pillow": pillow,
    }


def ratios(rates: dict[str, list[float]]) -> dict[str, float]:
    """The median rate of each pipeline against that of each way one by one."""
    medians = {name: statistics.median(own) for name, own in rates.items()}
    return {
        f"{ours} against {theirs}": medians[ours] / medians[theirs]
        for ours in PIPELINES
        for theirs in ONE_BY_ONE
    }


if __name__ == "__main__":
    sys.exit(main())
