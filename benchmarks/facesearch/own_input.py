"""How fast chips are read to train from, and whether a network has to wait for them."""

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facesearch.models.tensorflow import started_tensorflow
from facesearch.training.dataset.augmentation import Augmentation
from facesearch.training.dataset.chips import KEPT_MB, ChipDataset
from facesearch.training.dataset.records import checked, jpeg_of
from facesearch.training.recipes import recipe as recipe_named

EPOCHS = 15
"""That are read in a row, set-up included: as many as the recipe deepface trains."""

tf = started_tensorflow()
folder: list[str] = []
files: list[str] = []
models: dict[str, Any] = {}


def prepare(dataset: str, singles: str) -> int:
    """Take a dataset, and write the JPEG bytes of its training chips into a file each."""
    opened = ChipDataset.open(dataset)
    Path(singles).mkdir()
    for shard in dict.fromkeys(row.file for row in opened.rows("train")):
        for record in checked(opened.folder / shard):
            path = Path(singles, f"{len(files):06d}.jpg")
            path.write_bytes(jpeg_of(record)[0])
            files.append(str(path))
    folder[:] = [dataset]
    return len(files)


def read(way: str, batch: int, round: int) -> float:
    """Images per second, of all training chips; some ways read many epochs in a row.

    Raises:
        ValueError: not all chips were read.
    """
    read_all = WAYS[way]
    began = time.perf_counter()
    count = read_all(batch, round)
    seconds = time.perf_counter() - began
    if not count or count % len(files):
        raise ValueError(f"{way} read {count} chips, and there are {len(files)}")
    return count / seconds


def train(recipe: str, batch: int, steps: int) -> dict:
    """Images per second that a network learns from: fed by the pipeline, and with no reading.

    While one batch is learned again and again, no pipeline works in the background.
    """
    if recipe not in models:
        models[recipe] = _compiled(recipe, batch, steps)
    model = models[recipe]
    batches = iter(_pipeline(batch, 0, KEPT_MB, Augmentation()))
    first = next(batches)
    model.train_on_batch(*first)  # traced, and the pipeline set up
    fed = _rate(model, batches, batch, steps)
    del batches
    return {"fed": fed, "unfed": _rate(model, itertools.repeat(first), batch, steps)}


def _compiled(recipe: str, batch: int, steps: int) -> Any:
    chosen = recipe_named(recipe)
    config = chosen.config(batch_size=batch)
    opened = ChipDataset.open(folder[0])
    classes = opened.trained_classes
    built = chosen.build(config, classes=classes, chip_px=opened.chip_px)
    (phase, *_) = chosen.phases(config, batch=batch)
    optimizer = chosen.optimizer(config, phase, steps_per_epoch=steps)
    built.trained.compile(optimizer=optimizer, loss=chosen.loss(config, classes=classes))
    return built.trained


def _rate(model: Any, batches: Any, batch: int, steps: int) -> float:
    began = time.perf_counter()
    for chips, labels in itertools.islice(batches, steps):
        if len(chips) != batch:
            raise ValueError(f"a batch of {len(chips)}: state fewer steps")
        model.train_on_batch(chips, labels)
    return batch * steps / (time.perf_counter() - began)


def _pipeline(batch: int, round: int, kept_mb: int, augment: Augmentation | None = None) -> Any:
    opened = ChipDataset.open(folder[0], kept_mb=kept_mb)
    how = {"shuffle": True, "seed": 0, "epoch": round, "augment": augment, "repeat": True}
    return opened.images("train", batch, **how)


def _epochs(kept_mb: int, augment: Augmentation | None = None) -> Callable[[int, int], int]:
    def read_all(batch: int, round: int) -> int:
        steps = EPOCHS * -(-len(files) // batch)
        batches = _pipeline(batch, round, kept_mb, augment).take(steps)
        return sum(len(chips) for chips, _ in batches)

    return read_all


def _one_by_one(
    one: Callable[[str], Any], stack: Callable[[Sequence[Any]], Any]
) -> Callable[[int, int], int]:
    def read_all(batch: int, round: int) -> int:
        parts = [files[at : at + batch] for at in range(0, len(files), batch)]
        return sum(len(stack([one(path) for path in part])) for part in parts)

    return read_all


def _by_pillow(path: str) -> Any:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


WAYS = {
    "pipeline": _epochs(KEPT_MB),
    "streamed": _epochs(0),
    "augmented": _epochs(KEPT_MB, Augmentation()),
    "TensorFlow": _one_by_one(lambda path: tf.io.decode_jpeg(tf.io.read_file(path), 3), tf.stack),
    "Pillow": _one_by_one(_by_pillow, np.stack),
}
