"""Chips of datasets as arrays, for contenders that read no TFRecords."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from facesearch.training.dataset.chips import ChipDataset


def save_chips(dataset: str, out: str) -> int:
    """Write all chips of a dataset into a .npy file, in the order of its chips.csv."""
    opened = ChipDataset.open(dataset)
    with open(opened.folder / "chips.csv", newline="", encoding="utf-8") as file:
        splits = [row["split"] for row in csv.DictReader(file)]
    chips = {split: iter(opened.arrays(split)[0]) for split in dict.fromkeys(splits)}
    np.save(out, np.stack([next(chips[split]) for split in splits]))
    return len(splits)


def save_pairs(dataset: str, trained_on: str, development: str, judged: str, out: str) -> dict:
    """Write chips and pairs for those who learn from chips, into a .npz file.

    Args:
        dataset: with the chips of all photos that the pairs name.
        trained_on: a dataset whose people are trained on; all their chips are.
        development, judged: LFW's pairsDevTrain.txt and pairsDevTest.txt. Pairs of a photo that
            is not there are left out.
    """
    opened = ChipDataset.open(dataset)
    chips, stems, people = [], [], []
    for split in ("train", "validation"):
        chips.append(opened.arrays(split)[0])
        stems += [row.photo.rpartition("/")[2].rpartition(".")[0] for row in opened.rows(split)]
        people += [row.person for row in opened.rows(split)]
    position = {stem: at for at, stem in enumerate(stems)}
    number = {name: at for at, name in enumerate(ChipDataset.open(trained_on).classes)}
    pairs = {
        kind: np.array(list(_pairs(path, position)))
        for kind, path in (("development", development), ("judged", judged))
    }
    person = np.array([number.get(name, -1) for name in people])
    np.savez(out, chips=np.concatenate(chips), person=person, **pairs)
    return {"trained_on": int((person >= 0).sum()), **{k: len(v) for k, v in pairs.items()}}


def _pairs(path: str, position: dict[str, int]) -> Iterator[tuple[int, int, int]]:
    for line in Path(path).read_text(encoding="utf-8").splitlines()[1:]:
        fields = line.split("\t")
        first, second = (
            (fields[0], fields[1]),
            (fields[-2] if len(fields) == 4 else fields[0], fields[-1]),
        )
        stems = [f"{name}_{int(count):04d}" for name, count in (first, second)]
        if all(stem in position for stem in stems):
            yield position[stems[0]], position[stems[1]], int(len(fields) == 3)
