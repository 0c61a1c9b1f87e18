"""Where photos of known people come from: folders, or a library with confirmed names.

In: a folder or a library. Out: `SourcePhoto`s: who is on which photo, and where the face is
where that is known. `published.py` has the sources that others publish.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from facesearch.catalog.catalog import Catalog
from facesearch.errors import InvalidDataset, LibraryReadOnly
from facesearch.photos.files import printable, words_for
from facesearch.photos.walk import AnyPath, WalkProblem, root_path, walk
from facesearch.training.dataset.options import Split
from facesearch.values import Landmarks

_WANTED = "expected a folder for each person, with their photos: NAME/*.jpg"


@dataclass(frozen=True, slots=True, eq=False)
class SourcePhoto:
    """A photo of one person.

    Attributes:
        person: the name of the class, safe to print.
        photo: what it is called in lists: relative to the source where it lies in it.
        paths: where it lies, absolute; the first that can be read counts.
        stamp: changes when the file does.
        part: what its publishers use it for; None where nobody said.
        landmarks: of the face, in pixels of the upright full-size photo; None where it has
            yet to be found.
        content_hash: SHA-256 that the landmarks belong to; None where there are none.
        face: tells several faces of a photo apart.
    """

    person: str
    photo: str
    paths: tuple[str, ...]
    stamp: str
    part: Split | None = None
    landmarks: Landmarks | None = None
    content_hash: str | None = None
    face: int = 0

    @property
    def id(self) -> str:
        """16 hexadecimal digits: of this photo of this person, wherever the source lies."""
        parts = (os.fsencode(self.photo), self.person.encode(), b"%d" % self.face)
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


class Source(Protocol):
    """Where photos come from."""

    def describe(self) -> dict[str, str]:
        """Kind and place, in plain words; part of what a dataset is."""
        ...

    def photos(self) -> tuple[list[SourcePhoto], list[str]]:
        """The photos, in any order, and warnings for the user.

        Raises:
            PhotoNotFound, InvalidDataset, LibraryError: there are none, or lists are wrong.
        """
        ...


class FolderSource:
    """A folder with a folder for each person: NAME/*.jpg, however deep below NAME.

    Args:
        folder: with the people's folders.
    """

    def __init__(self, folder: AnyPath) -> None:
        self._folder = root_path(folder)

    def describe(self) -> dict[str, str]:
        """See `Source`."""
        return {"kind": "folders", "path": printable(self._folder)}

    def photos(self) -> tuple[list[SourcePhoto], list[str]]:
        """See `Source`."""
        found, loose, warnings = photos_below(self._folder)
        if not found:
            raise InvalidDataset(
                printable(self._folder), f"no photos in folders of people; {_WANTED}"
            )
        people = {photo.person for photo in found}
        if len(people) == 1:
            raise InvalidDataset(
                printable(self._folder), f"one person only, {people.pop()}; {_WANTED}"
            )
        if loose:
            warnings.append(
                f"{loose} photos lie in no folder of a person, so nobody knows who is on them; "
                "they were left out"
            )
        return found, warnings


def photos_below(
    folder: str, part: Split | None = None
) -> tuple[list[SourcePhoto], int, list[str]]:
    """The photos of NAME/*.jpg, how many lie in no folder of a person, and warnings.

    Raises:
        PhotoNotFound: no such folder.
    """
    problems: list[WalkProblem] = []
    found, loose = [], 0
    for file in walk(folder, on_problem=problems.append):
        inner = os.path.relpath(file.path, folder)
        person, *rest = Path(inner).parts
        if not rest or person == os.pardir:
            loose += 1
            continue
        stamp = f"{file.size}:{file.mtime_ns}"
        found.append(SourcePhoto(printable(person), inner, (file.path,), stamp, part))
    return found, loose, [problem.detail for problem in problems]


class LibrarySource:
    """The faces of a library that have a name; chips are cut by the landmarks it holds.

    Args:
        library: its folder.
    """

    def __init__(self, library: Path) -> None:
        self._library = library.absolute()

    def describe(self) -> dict[str, str]:
        """See `Source`."""
        return {"kind": "library", "path": printable(str(self._library))}

    def photos(self) -> tuple[list[SourcePhoto], list[str]]:
        """See `Source`."""
        found, nowhere = [], 0
        with self._open() as catalog:
            for identity, _ in catalog.identities():
                faces = catalog.faces_by_id(catalog.identity_face_ids(identity.id))
                for face in faces.values():
                    paths, digest = face.photo.paths, face.photo.content_hash
                    if not paths:
                        nowhere += 1
                        continue
                    name, points = printable(identity.name), face.landmarks
                    stamp = hashlib.sha256(digest.encode() + points.points.tobytes()).hexdigest()
                    found.append(
                        SourcePhoto(
                            name, paths[0], paths, stamp[:16], None, points, digest, face.id
                        )
                    )
        if not found:
            raise InvalidDataset(
                printable(str(self._library)),
                "no face in this library has a name: give names first, with facesearch name or "
                "facesearch index --people-from-folders",
            )
        warnings = [f"{nowhere} faces are in photos that lie nowhere any more"] if nowhere else []
        return found, warnings

    def _open(self) -> Catalog:
        try:
            return Catalog.open(self._library, create=False, read_only=True)
        except LibraryReadOnly:  # an earlier facesearch wrote it, or a crash left it unfinished
            return Catalog.open(self._library, create=False, read_only=False)


def read_people(path: AnyPath) -> tuple[str, ...]:
    """Names from a list, one a line; what follows a tab is left aside, as in LFW's lists.

    Raises:
        InvalidDataset: it cannot be read, or names nobody.
    """
    lines = read_lines(path)
    names = [printable(line.split("\t")[0].strip()) for line in lines]
    if len(lines) > 1 and names[0].isdigit() and not names[1].isdigit():
        names = names[1:]  # LFW's lists begin with the number of people
    names = [name for name in names if name]
    if not names:
        raise InvalidDataset(printable(root_path(path)), "no names in it; expected one a line")
    return tuple(dict.fromkeys(names))


def read_lines(path: AnyPath) -> list[str]:
    """The lines of a text file, without their ends.

    Raises:
        InvalidDataset: it is not there, cannot be read or is no text.
    """
    shown = printable(root_path(path))
    try:
        return Path(root_path(path)).read_bytes().decode("utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise InvalidDataset(shown, "there is no such list") from error
    except OSError as error:
        raise InvalidDataset(shown, f"cannot be read: {words_for(error)}") from error
    except UnicodeDecodeError as error:
        raise InvalidDataset(shown, "is no text; get the list anew") from error


def only_people(
    photos: Sequence[SourcePhoto], names: Sequence[str], place: str
) -> tuple[list[SourcePhoto], list[str]]:
    """The photos of these people, and a warning where some have none.

    Args:
        place: of the source, for messages.

    Raises:
        InvalidDataset: none of them has a photo.
    """
    wanted = set(names)
    found = [photo for photo in photos if photo.person in wanted]
    missing = sorted(wanted - {photo.person for photo in found})
    if not found:
        raise InvalidDataset(
            place, f"none of the {len(wanted)} people of the list is there, such as {missing[0]}"
        )
    if not missing:
        return found, []
    return found, [f"{len(missing)} people of the list have no photos, such as {missing[0]}"]
