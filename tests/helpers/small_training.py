"""A dataset of coloured chips that small networks tell apart, recipes made small, runs compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from facesearch.models.templates import TemplateFamily
from facesearch.training.config import RunConfig, parse_settings
from facesearch.training.dataset import DatasetOptions, FolderSource, SplitKind, make_dataset
from facesearch.training.logs import read_epochs, read_steps
from facesearch.training.recipes import recipe

CHIP_PX = 32
SMALL = {
    "convnet": ["image_size=32", "filters=4,4", "hidden_units=8", "learning_rate=0.01"],
    "mobilenet": ["image_size=32", "weights=random", "alpha=0.25", "hidden_units=8"],
    "siamese-densenet": [
        "image_size=32", "units=1", "growth=4", "stem_filters=8", "dimension=4",
        "top_learning_rate=0.01",
    ],
    "deepface": [
        "image_size=71", "width=0.01", "weights_deviation=0.1", "initial_bias=0.1",
        "lowest_learning_rate=0",
    ],
}  # fmt: skip


def make_people(folder: Path, *, people: int = 4, photos: int = 8, seed: int = 1) -> Path:
    """Photos of one colour a person, with noise: NAME/NUMBER.png."""
    random = np.random.default_rng(seed)
    for who in range(people):
        colour = np.array([who % 2, who // 2 % 2, who // 4 % 2]) * 150 + 50
        for number in range(photos):
            place = folder / f"P{who}" / f"{number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            noise = random.integers(-40, 40, (CHIP_PX, CHIP_PX, 3))
            pixels = np.clip(colour + noise, 0, 255).astype(np.uint8)
            PIL.Image.fromarray(pixels).save(place)
    return folder


def make_chips(
    folder: Path,
    *,
    people: int = 4,
    photos: int = 8,
    seed: int = 1,
    split: SplitKind = SplitKind.BY_PHOTO,
    chip_px: int = CHIP_PX,
) -> Path:
    """A dataset of such photos."""
    source = make_people(folder / "photos", people=people, photos=photos, seed=seed)
    options = DatasetOptions(
        chip_px=chip_px,
        template=TemplateFamily.ARCFACE,
        already_aligned=True,
        split=split,
        fractions=(0.5, 0.5),
    )
    make_dataset(FolderSource(source), folder / "chips", options)
    return folder / "chips"


def small(name: str, *settings: str) -> RunConfig:
    """The configuration of a small network."""
    return RunConfig.of(recipe(name), [parse_settings([*SMALL[name], *settings])])


def weights(path: Path) -> list[Any]:
    import tf_keras

    from facesearch.training.recipes import layers  # noqa: F401  (registers them with Keras)

    found: list[Any] = tf_keras.models.load_model(str(path), compile=False).get_weights()
    return found


def assert_same(one: Path, other: Path) -> None:
    """Two runs ended with the same networks, bit for bit, and the same logs but for seconds."""
    for name in ("final.keras", "best.keras"):
        pairs = zip(weights(one / name), weights(other / name), strict=True)
        assert all(np.array_equal(left, right) for left, right in pairs), name
    assert read_steps(one) == read_steps(other)
    epochs = [[replace(row, seconds=0) for row in read_epochs(each)] for each in (one, other)]
    assert epochs[0] == epochs[1]
