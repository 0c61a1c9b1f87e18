"""CelebA and VGGFace2, as they are published.

In: the folder they were unpacked to. Out: `SourcePhoto`s with the part their publishers put
them into. Lists are checked line by line.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from facesearch.errors import InvalidDataset
from facesearch.photos.files import printable
from facesearch.photos.walk import AnyPath, root_path
from facesearch.training.dataset.options import Split
from facesearch.training.dataset.sources import SourcePhoto, photos_below, read_lines

_CELEBA_PARTS = {"0": Split.TRAIN, "1": Split.VALIDATION, "2": Split.TEST}


class CelebASource:
    """CelebA: identity_CelebA.txt, list_eval_partition.txt, img_align_celeba/.

    Args:
        folder: holds them; the lists may lie in Anno/ and Eval/, the photos in Img/.
        parts: which published parts are taken; empty for all.
    """

    def __init__(self, folder: AnyPath, parts: Sequence[Split] = ()) -> None:
        self._folder = Path(root_path(folder))
        self._parts = frozenset(parts)

    def describe(self) -> dict[str, str]:
        """See `Source`."""
        return _described("celeba", self._folder, self._parts)

    def photos(self) -> tuple[list[SourcePhoto], list[str]]:
        """See `Source`."""
        people = self._list("identity_CelebA.txt", ("", "Anno"), "PHOTO and PERSON")
        parts = self._list("list_eval_partition.txt", ("", "Eval"), "PHOTO and 0, 1 or 2")
        place = _first([self._folder / inner / "img_align_celeba" for inner in ("", "Img")])
        shown_parts = printable(str(self._folder / "list_eval_partition.txt"))
        found = []
        for photo, (line, part) in parts.items():
            if part not in _CELEBA_PARTS:
                raise InvalidDataset(shown_parts, f"expected 0, 1 or 2, not {part}", line=line)
            if photo not in people:
                raise InvalidDataset(
                    shown_parts, f"{photo} is not in identity_CelebA.txt", line=line
                )
            if self._parts and _CELEBA_PARTS[part] not in self._parts:
                continue
            path = place / photo
            found.append(
                SourcePhoto(
                    people[photo][1], photo, (str(path),), _stamp(path), _CELEBA_PARTS[part]
                )
            )
        for photo, (line, _) in people.items():
            if photo not in parts:
                raise InvalidDataset(
                    printable(str(self._folder / "identity_CelebA.txt")),
                    f"{photo} is not in list_eval_partition.txt",
                    line=line,
                )
        return _some(found, self._folder, place), []

    def _list(self, name: str, folders: Sequence[str], wanted: str) -> dict[str, tuple[int, str]]:
        """The second field of each line, with the line's number, by the first."""
        path = _first([self._folder / inner / name for inner in folders])
        found: dict[str, tuple[int, str]] = {}
        for number, line in enumerate(read_lines(path), 1):
            fields = line.split()
            if not fields:
                continue
            if len(fields) != 2 or Path(fields[0]).name != fields[0]:
                raise InvalidDataset(printable(str(path)), f"expected {wanted}", line=number)
            if fields[0] in found:
                raise InvalidDataset(printable(str(path)), f"{fields[0]} again", line=number)
            found[fields[0]] = number, fields[1]
        return found


class VggFace2Source:
    """VGGFace2: train/ and test/ with a folder for each person, such as n000001/.

    identity_meta.csv gives people their names; without it they are called as their folders.
    train_list.txt and test_list.txt, where there, say which photos are taken.

    Args:
        folder: holds them.
        parts: which published parts are taken; empty for both.
    """

    def __init__(self, folder: AnyPath, parts: Sequence[Split] = ()) -> None:
        self._folder = Path(root_path(folder))
        self._parts = frozenset(parts)

    def describe(self) -> dict[str, str]:
        """See `Source`."""
        return _described("vggface2", self._folder, self._parts)

    def photos(self) -> tuple[list[SourcePhoto], list[str]]:
        """See `Source`."""
        names = self._names()
        found: list[SourcePhoto] = []
        warnings: list[str] = []
        for part in (Split.TRAIN, Split.TEST):
            place = _first([self._folder / part, self._folder / "data" / part])
            if (self._parts and part not in self._parts) or not place.is_dir():
                continue
            listed = _first([self._folder / f"{part}_list.txt", place / f"{part}_list.txt"])
            if listed.exists():
                photos = list(_listed(listed, place, part))
            else:
                photos, _, problems = photos_below(str(place), part)
                warnings += problems
            found += [
                SourcePhoto(
                    names.get(photo.person, photo.person),
                    os.path.join(part, photo.photo),
                    photo.paths,
                    photo.stamp,
                    part,
                )
                for photo in photos
            ]
        return _some(found, self._folder, self._folder / "train"), warnings

    def _names(self) -> dict[str, str]:
        """People's names by their folders; where two share one, the folder is told too."""
        path = _first([self._folder / inner / "identity_meta.csv" for inner in ("", "meta")])
        if not path.exists():
            return {}
        rows = list(csv.reader(read_lines(path), skipinitialspace=True))
        named: dict[str, str] = {}
        for number, row in enumerate(rows, 1):
            if number == 1 or not row:
                continue
            if len(row) < 2 or not row[0].strip() or not row[1].strip():
                raise InvalidDataset(
                    printable(str(path)), "expected Class_ID, Name and more", line=number
                )
            named[row[0].strip()] = printable(row[1].strip())
        counts = Counter(named.values())
        return {
            person: name if counts[name] == 1 else f"{name} ({person})"
            for person, name in named.items()
        }


def _listed(path: Path, place: Path, part: Split) -> Iterator[SourcePhoto]:
    for number, line in enumerate(read_lines(path), 1):
        inner = Path(line.strip())
        if not line.strip():
            continue
        if len(inner.parts) != 2 or os.pardir in inner.parts or inner.is_absolute():
            raise InvalidDataset(printable(str(path)), "expected PERSON/PHOTO", line=number)
        file = place / inner
        yield SourcePhoto(printable(inner.parts[0]), str(inner), (str(file),), _stamp(file), part)


def _described(kind: str, folder: Path, parts: frozenset[Split]) -> dict[str, str]:
    taken = ",".join(part for part in Split if part in parts)
    return {"kind": kind, "path": printable(str(folder)), **({"parts": taken} if taken else {})}


def _first(places: Sequence[Path]) -> Path:
    """The first that is there; where none is, the first of all, for messages."""
    return next((place for place in places if place.exists()), places[0])


def _stamp(path: Path) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return ""  # reading it says what is wrong
    return f"{status.st_size}:{status.st_mtime_ns}"


def _some(found: list[SourcePhoto], folder: Path, place: Path) -> list[SourcePhoto]:
    if not any(photo.stamp for photo in found):
        raise InvalidDataset(
            printable(str(folder)), f"no photos; expected them in {printable(str(place))}"
        )
    return found
