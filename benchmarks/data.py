"""The photos that are measured on, and how to get them.

Comes in: a folder (``--data``). Goes out: lists of paths, always in the same order.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HOW_TO_GET_IT = """\
No photos given. Pass --data DIR, a folder with these inside (a measure whose photos are
missing is left out):

  lfw/images/NAME/NAME_0001.jpg ...  Labeled Faces in the Wild, the original 250x250 photos
  lfw/pairs.txt                      (lfw.tgz), and its list of the ten folds of pairs. Its
                                     home was vis-www.cs.umass.edu/lfw; scikit-learn's
                                     fetch_lfw_pairs(funneled=False) downloads the same files.
  albums/pairs62/*.jpg               the test photos of DeepFace's repository
                                     (github.com/serengil/deepface, tests/unit/dataset)
  albums/groups/*.jpg                the example photos of dlib (examples/faces in its source)
  albums/groups/*.xml                and where their faces are: its training.xml, testing.xml

LFW is for research; mind its terms, and the rights of the people on all these photos."""

SEED = 20_080_301


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photos of LFW's View 2 and whether they show one person. Names are file stems."""

    first: str
    second: str
    same: bool


@dataclass(frozen=True, slots=True)
class Data:
    """A data folder; a list is empty where its part is missing."""

    folder: Path

    def lfw(self) -> list[Path]:
        """All LFW photos, sorted by name."""
        return sorted(self.lfw_folder.glob("*/*.jpg"))

    @property
    def lfw_folder(self) -> Path:
        """Where the LFW photos are, one folder a person."""
        return self.folder / "lfw" / "images"

    def lfw_sample(self, count: int) -> list[Path]:
        """A random sample of LFW, the same each time, sorted by name."""
        return sample(self.lfw(), count)

    def pairs62(self) -> list[Path]:
        """The full-size photos, sorted by name."""
        return sorted((self.folder / "albums" / "pairs62").glob("*.jpg"))

    def groups(self) -> list[Path]:
        """The group photos, sorted by name."""
        return sorted((self.folder / "albums" / "groups").glob("*.jpg"))

    def group_boxes(self) -> list[Path]:
        """The files that say where the faces of group photos are, sorted by name."""
        return sorted((self.folder / "albums" / "groups").glob("*.xml"))

    def lfw_photo(self, stem: str) -> Path:
        """The LFW photo of a name such as ``Abel_Pacheco_0001``."""
        return self.lfw_folder / stem.rpartition("_")[0] / f"{stem}.jpg"

    def lfw_fold_of_people(self) -> dict[str, int]:
        """The one of View 2's ten sets that each person of people.txt belongs to, from 0."""
        lines = (self.folder / "lfw" / "people.txt").read_text(encoding="utf-8").splitlines()
        fold_of: dict[str, int] = {}
        at = 1
        for fold in range(int(lines[0])):
            count = int(lines[at])
            names = (line.partition("\t")[0] for line in lines[at + 1 : at + 1 + count])
            fold_of |= dict.fromkeys(names, fold)
            at += 1 + count
        return fold_of

    def lfw_development_pairs(self) -> list[Pair]:
        """The pairs of View 1, on which choices may be made."""
        pairs: list[Pair] = []
        for name in ("pairsDevTrain.txt", "pairsDevTest.txt"):
            text = (self.folder / "lfw" / name).read_text(encoding="utf-8")
            pairs += [_pair(line.split("\t")) for line in text.splitlines()[1:] if line.strip()]
        return pairs

    def lfw_development_people(self) -> list[Path]:
        """The lists of View 1's people, to train on and to judge by; empty where one is missing."""
        names = ("peopleDevTrain.txt", "peopleDevTest.txt")
        paths = [self.folder / "lfw" / name for name in names]
        return paths if all(path.exists() for path in paths) else []

    def lfw_folds(self) -> list[list[Pair]]:
        """The ten folds of View 2 from pairs.txt; empty where the file is missing."""
        path = self.folder / "lfw" / "pairs.txt"
        return read_folds(path.read_text(encoding="utf-8")) if path.exists() else []


def sample(photos: Sequence[Path], count: int) -> list[Path]:
    """A random sample of photos, the same each time, in the order given; all if they are few."""
    if count >= len(photos):
        return list(photos)
    return [photos[at] for at in sorted(random.Random(SEED).sample(range(len(photos)), count))]


def read_folds(text: str) -> list[list[Pair]]:
    """Folds of pairs from the text of LFW's pairs.txt.

    The first line says how many folds there are and how many genuine pairs each has;
    it has as many impostor pairs, after them.
    """
    first, *lines = text.splitlines()
    folds, each = (int(number) for number in first.split("\t"))
    pairs = [_pair(line.split("\t")) for line in lines if line.strip()]
    if len(pairs) != folds * each * 2:
        raise ValueError(f"expected {folds * each * 2} pairs, found {len(pairs)}")
    return [pairs[at : at + each * 2] for at in range(0, len(pairs), each * 2)]


def _pair(fields: Sequence[str]) -> Pair:
    if len(fields) == 3:
        name, first, second = fields
        return Pair(f"{name}_{int(first):04d}", f"{name}_{int(second):04d}", same=True)
    name, first, other, second = fields
    return Pair(f"{name}_{int(first):04d}", f"{other}_{int(second):04d}", same=False)
