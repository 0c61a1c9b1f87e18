"""Datasets: aligned chips of known people, split and written to disk, and read to train from.

In: photos whose people are known. Out: a folder of chips, and `ChipDataset`, which reads it::

    from facesearch.training.dataset import ChipDataset, DatasetOptions, FolderSource, make_dataset

    make_dataset(FolderSource("people"), "data/people-112", DatasetOptions(chip_px=112))
    with_labels = ChipDataset.open("data/people-112").images("train", 32, shuffle=True, seed=1)

Importing this package loads nothing but itself: names are looked up when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facesearch.training.dataset.augmentation import Augmentation
    from facesearch.training.dataset.chips import ChipDataset
    from facesearch.training.dataset.making import DatasetReport, make_dataset
    from facesearch.training.dataset.options import DatasetOptions, Split, SplitKind, Storage
    from facesearch.training.dataset.published import CelebASource, VggFace2Source
    from facesearch.training.dataset.sheet import write_sheet
    from facesearch.training.dataset.sources import FolderSource, LibrarySource

_HOMES = {
    "Augmentation": "augmentation",
    "CelebASource": "published",
    "ChipDataset": "chips",
    "DatasetOptions": "options",
    "DatasetReport": "making",
    "FolderSource": "sources",
    "LibrarySource": "sources",
    "Split": "options",
    "SplitKind": "options",
    "Storage": "options",
    "VggFace2Source": "published",
    "make_dataset": "making",
    "write_sheet": "sheet",
}

__all__ = [
    "Augmentation",
    "CelebASource",
    "ChipDataset",
    "DatasetOptions",
    "DatasetReport",
    "FolderSource",
    "LibrarySource",
    "Split",
    "SplitKind",
    "Storage",
    "VggFace2Source",
    "make_dataset",
    "write_sheet",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
