"""The files of Labeled Faces in the Wild: where photos lie, and what the lists of pairs say.

In: the folder as it comes from any of its homes. Out: `LfwFiles` and lists of pairs, checked
line by line: a list that is half right would give figures that are wholly wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from facesearch.errors import InvalidDataset
from facesearch.photos.files import printable, words_for
from facesearch.photos.walk import AnyPath, WalkProblem, root_path, walk

_PLACES = ("images", "lfw", "lfw_funneled", "lfw-deepfunneled", "lfw-funneled", "lfw2")
_STEM = re.compile(r"(?P<name>.+)_(?P<number>\d{4,})")


@dataclass(frozen=True, slots=True)
class LfwPair:
    """Two photos of a list, by path, and whether they show one person."""

    first: str
    second: str
    same: bool


@dataclass(frozen=True, slots=True)
class LfwFiles:
    """The photos of LFW.

    Attributes:
        folder: that was given, absolute.
        photos: absolute paths by name and number, such as ("Abel_Pacheco", 1).
        warnings: about folders that could not be listed, and pairs that were left out.
        leave_out_missing: leave out pairs with a photo that is not there.
    """

    folder: str
    photos: Mapping[tuple[str, int], str]
    warnings: list[str]
    leave_out_missing: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """All photos, sorted by name and number."""
        return tuple(self.photos[key] for key in sorted(self.photos))

    def name_of(self) -> dict[str, str]:
        """Who is on each photo, by path."""
        return {path: name for (name, _), path in self.photos.items()}

    def folds(self) -> list[list[LfwPair]]:
        """View 2: the folds of pairs.txt, each with its genuine pairs before its impostor pairs.

        Raises:
            InvalidDataset: naming file and line: missing, malformed, another number of pairs
                than its first line says, or a photo that is not there.
        """
        reader = _Reader(self, "pairs.txt")
        folds, each = reader.counts(2)
        if folds < 2:
            raise reader.problem(1, "at least two folds are needed")
        found = [reader.pairs(each) for _ in range(folds)]
        reader.end()
        return found

    def development(self, part: str) -> list[LfwPair]:
        """View 1: the pairs of pairsDevTrain.txt or pairsDevTest.txt, genuine ones first.

        Args:
            part: "Train" or "Test".

        Raises:
            InvalidDataset: as `folds`.
        """
        reader = _Reader(self, f"pairsDev{part}.txt")
        (each,) = reader.counts(1)
        found = reader.pairs(each)
        reader.end()
        return found

    def sets_of_people(self) -> list[list[str]] | None:
        """View 2: the people of each set of people.txt; None where there is no such list.

        Raises:
            InvalidDataset: naming file and line: malformed, or it ends too early.
        """
        if not (Path(self.folder) / "people.txt").exists():
            return None
        reader = _Reader(self, "people.txt")
        (sets,) = reader.counts(1)
        found = [reader.people() for _ in range(sets)]
        reader.end()
        return found


def find_lfw(folder: AnyPath, *, leave_out_missing: bool = False) -> LfwFiles:
    """Find the photos: NAME/NAME_0001.jpg in the folder itself or in images/, lfw/,
    lfw_funneled/ or lfw-deepfunneled/ in it.

    Args:
        folder: to look in.
        leave_out_missing: lists leave out pairs with a photo that is not there, and say so in
            `warnings`, where they would raise.

    Raises:
        PhotoNotFound: no such folder.
        InvalidDataset: there are no such photos.
    """
    top = Path(root_path(folder))
    inner = [top / name for name in _PLACES if (top / name).is_dir()]
    nested = [place / place.name for place in inner if (place / place.name).is_dir()]
    for place in (*nested, *inner, top):
        problems: list[WalkProblem] = []
        photos: dict[tuple[str, int], str] = {}
        for file in walk(place, on_problem=problems.append):
            path = Path(file.path)
            match = _STEM.fullmatch(path.stem)
            if match is not None and match["name"] == path.parent.name:
                photos.setdefault((match["name"], int(match["number"])), file.path)
        if photos:
            warnings = [problem.detail for problem in problems]
            return LfwFiles(str(top), photos, warnings, leave_out_missing)
    raise InvalidDataset(
        printable(str(top)),
        "no photos such as images/Abel_Pacheco/Abel_Pacheco_0001.jpg here; give the folder that "
        "holds LFW's photos and pairs.txt, or use facesearch evaluate folder for other photos",
    )


class _Reader:
    """Reads a list of pairs line by line."""

    def __init__(self, files: LfwFiles, name: str) -> None:
        self._files = files
        self._path = Path(files.folder) / name
        self._shown = printable(str(self._path))
        try:
            text = self._path.read_bytes().decode("utf-8-sig")
        except FileNotFoundError as error:
            raise InvalidDataset(
                self._shown, "there is no such list; it belongs beside the photos"
            ) from error
        except OSError as error:
            raise InvalidDataset(self._shown, f"cannot be read: {words_for(error)}") from error
        except UnicodeDecodeError as error:
            raise InvalidDataset(self._shown, "is no text; get the list anew") from error
        self._lines = text.rstrip().split("\n")
        self._at = 0

    def problem(self, line: int, message: str) -> InvalidDataset:
        return InvalidDataset(self._shown, message, line=line)

    def counts(self, expected: int) -> list[int]:
        """The numbers of the first line."""
        fields = self._fields()
        words = "the number of folds and of pairs in each" if expected == 2 else "a number"
        if len(fields) != expected or not all(_is_number(field) for field in fields):
            raise self.problem(self._at, f"expected {words}, separated by tabs")
        numbers = [int(field) for field in fields]
        if not all(numbers):
            raise self.problem(self._at, f"expected {words}, at least 1")
        return numbers

    def people(self) -> list[str]:
        """A number of people, and as many lines with their names."""
        (count,) = self.counts(1)
        names = []
        for _ in range(count):
            name, *photos = self._fields()
            if not name or len(photos) != 1 or not _is_number(photos[0]):
                raise self.problem(
                    self._at, "expected NAME and a number of photos, separated by a tab"
                )
            names.append(name)
        return names

    def pairs(self, each: int) -> list[LfwPair]:
        """So many genuine pairs, and as many impostor pairs after them."""
        found = [self._pair(same=same) for same in (True, False) for _ in range(each)]
        return [pair for pair in found if pair is not None]

    def end(self) -> None:
        """Check that nothing follows."""
        if self._at < len(self._lines):
            raise self.problem(
                self._at + 1,
                "there is more in it than its numbers say; get the list anew",
            )

    def _fields(self) -> list[str]:
        if self._at >= len(self._lines):
            raise self.problem(
                len(self._lines),
                "the list ends too early: there is less in it than its numbers say; "
                "get the list anew",
            )
        self._at += 1
        return self._lines[self._at - 1].rstrip("\r").split("\t")

    def _pair(self, *, same: bool) -> LfwPair | None:
        fields = self._fields()
        numbers, names = (fields[1:], fields[:1]) if same else (fields[1::2], fields[::2])
        is_sound = len(fields) == (3 if same else 4) and all(names)
        if not is_sound or not all(_is_number(number) for number in numbers):
            wanted = (
                "a pair of one person, NAME, number and number"
                if same
                else "a pair of two people, NAME, number, NAME and number"
            )
            raise self.problem(self._at, f"expected {wanted}, separated by tabs")
        keys = [(names[0], int(numbers[0])), (names[-1], int(numbers[1]))]
        if keys[0] == keys[1] or (not same and names[0] == names[1]):
            raise self.problem(self._at, "these are not two photos, or not of two people")
        for key in keys:
            if key not in self._files.photos:
                self._miss(*key)
                return None
        return LfwPair(self._files.photos[keys[0]], self._files.photos[keys[1]], same)

    def _miss(self, name: str, number: int) -> None:
        missing = self.problem(
            self._at,
            f"there is no photo {printable(name)}_{number:04d} in "
            f"{printable(self._files.folder)}: get the photos anew, or judge without such pairs "
            "(--leave-out-missing)",
        )
        if not self._files.leave_out_missing:
            raise missing
        self._files.warnings.append(
            f"{self._shown}, line {self._at}: left out, there is no photo "
            f"{printable(name)}_{number:04d}"
        )


def _is_number(field: str) -> bool:
    return field.isascii() and field.isdigit()
