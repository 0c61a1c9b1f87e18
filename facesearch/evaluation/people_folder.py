"""Photos whose people are known, however they are laid out.

In: a folder. Out: paths and who is on each, and for Labeled Faces in the Wild its lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facesearch.evaluation.folder import find_labelled
from facesearch.evaluation.lfw_files import LfwFiles, find_lfw
from facesearch.photos.walk import AnyPath, root_path


@dataclass(frozen=True, slots=True)
class PeopleFolder:
    """Photos and who is on them.

    Attributes:
        folder: absolute.
        paths: of the photos, absolute.
        people: who is on each.
        warnings: sentences for the user, about what was left out.
        lfw: LFW's own files; None for other folders.
    """

    folder: str
    paths: tuple[str, ...]
    people: tuple[str, ...]
    warnings: tuple[str, ...]
    lfw: LfwFiles | None = None


def find_people(folder: AnyPath, *, leave_out_missing: bool = False) -> PeopleFolder:
    """Find the photos of a folder: LFW's where pairs.txt lies in it, else NAME/*.jpg.

    Args:
        folder: to look in.
        leave_out_missing: as for `find_lfw`.

    Raises:
        PhotoNotFound: no such folder.
        InvalidDataset: there are no such photos, or too few to compare.
    """
    if (Path(root_path(folder)) / "pairs.txt").is_file():
        files = find_lfw(folder, leave_out_missing=leave_out_missing)
        name_of = files.name_of()
        people = tuple(name_of[path] for path in files.paths)
        return PeopleFolder(files.folder, files.paths, people, tuple(files.warnings), files)
    found = find_labelled(folder)
    return PeopleFolder(found.folder, found.paths, found.people, found.warnings)
