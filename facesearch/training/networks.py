"""A run's network: built for its dataset, saved as files of Keras, read back.

In: a configuration and how many people there are. Out: the network as its recipe builds it, and
files that hold all of it: what is told of people, and the embedding, as two outputs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from facesearch.models.files import place
from facesearch.models.tensorflow import started_tensorflow
from facesearch.training.config import RunConfig
from facesearch.training.randomness import seeded
from facesearch.training.recipes.base import BuiltNetwork

_MIXED = "mixed_float16"


def build(config: RunConfig, *, classes: int, chip_px: int) -> BuiltNetwork:
    """The network of a run, with the first weights that follow from its seed.

    Raises:
        InvalidValue: it cannot be built for so many people, or chips of that size.
        ModelError: weights it starts from, TensorFlow or Keras is not there.
    """
    with seeded(config.training.seed), _precision(config.training.mixed_precision):
        return config.recipe.build(config.network, classes=classes, chip_px=chip_px)


def whole(built: BuiltNetwork) -> Any:
    """One model of both outputs: what the network says of people, then the embedding.

    Where the embedding is all that the network gives, it is the only output.
    """
    started_tensorflow()
    import tf_keras

    if built.model is built.embedding:
        return built.embedding
    outputs = [built.model.output, built.embedding.output]
    return tf_keras.Model(built.model.input, outputs, name=built.model.name)


def save(model: Any, path: Path) -> None:
    """Write a model under another name in the same folder, then give it its own.

    Networks in mixed precision are saved in full precision, which they hold their weights in.

    Raises:
        OSError: it cannot be written; what was there before still is.
    """
    temporary = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        _in_full_precision(model).save(str(temporary), save_format="keras")
        place(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def name(source: Path, target: Path) -> None:
    """Let a network's file be found under a second name, in place of what was there.

    Raises:
        OSError: it cannot be written.
    """
    if target.exists() and target.samefile(source):
        return
    temporary = target.with_name(f".{target.name}")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:  # a file system without links
        shutil.copyfile(source, temporary)
    temporary.replace(target)


def load_weights(model: Any, path: Path) -> None:
    """Give a model the weights that `save` wrote of one like it.

    Raises:
        OSError, ValueError: the file is gone, damaged, or of another network.
    """
    model.load_weights(str(path))


@contextmanager
def _precision(mixed: bool) -> Iterator[None]:
    started_tensorflow()
    import tf_keras

    before = tf_keras.mixed_precision.global_policy()
    if mixed:
        tf_keras.mixed_precision.set_global_policy(_MIXED)
    try:
        yield
    finally:
        tf_keras.mixed_precision.set_global_policy(before)


def _in_full_precision(model: Any) -> Any:
    described = model.get_config()
    if not _fill(described):
        return model
    full = type(model).from_config(described)
    full.set_weights(model.get_weights())
    return full


def _fill(described: Any) -> bool:
    """Put full precision in place of mixed, however deep; whether there was any."""
    found = False
    if isinstance(described, dict):
        dtype = described.get("dtype")
        if dtype == _MIXED or (isinstance(dtype, dict) and _MIXED in str(dtype)):
            described["dtype"] = "float32"
            found = True
        found = bool(sum(map(_fill, described.values()))) or found
    elif isinstance(described, list | tuple):
        found = bool(sum(map(_fill, described)))
    return found
