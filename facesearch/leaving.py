"""Files that left: what to forget after a walk, and what only seems to be gone.

In: the catalog, the roots that were walked and what was seen there. Out: files removed
from the catalog, and warnings about those that were kept. A disk that is not connected
looks like a missing or an empty folder, so such a folder loses nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import islice

from facesearch.catalog.catalog import Catalog
from facesearch.photos.files import printable

_FILES_AT_ONCE = 512


def is_gone(path: str) -> bool:
    """Whether nothing lies at the path: not merely hidden from a walk or out of reach."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


class Leavers:
    """Finds and forgets the files that are gone from some roots.

    Args:
        catalog: what was known.
        roots: the folders and files that were walked.
        absent: roots of earlier runs that this run was to walk too, but are not there.
        was_seen: whether the walk came across a path.
        out_of_reach: folders that could not be listed; all below them stays.
        remove_emptied: believe that folders without a single photo were emptied.
    """

    def __init__(
        self,
        catalog: Catalog,
        roots: Sequence[str],
        absent: Sequence[str],
        *,
        was_seen: Callable[[str], bool],
        out_of_reach: Sequence[str],
        remove_emptied: bool,
    ) -> None:
        self._catalog = catalog
        self._roots = roots
        self._absent = absent
        self._was_seen = was_seen
        self._out_of_reach = tuple(out_of_reach)
        self._remove_emptied = remove_emptied
        self._dangling: dict[str, str | None] = {}
        self._removed = 0
        self.warnings: list[str] = []

    def remove(self) -> int:
        """Forget what is gone; returns how many files that were."""
        unplugged = (*self._lost_roots(), *self._emptied_folders())
        for root in self._roots:
            paths = self._catalog.paths_under([root])
            while chunk := list(islice(paths, _FILES_AT_ONCE)):
                self._forget([path for path in chunk if self._has_left(path, unplugged)])
        failed = self._catalog.failed_files(self._roots)
        self._catalog.clear_file_failures([p for p in failed if self._has_left(p, unplugged)])
        for link in sorted({link for link in self._dangling.values() if link is not None}):
            self.warnings.append(
                f"{printable(link)} leads to a folder that is not there: taken for an unplugged "
                "disk, so what is known of it stays. If it is gone for good, remove the link "
                "and run again"
            )
        return self._removed

    def _has_left(self, path: str, unplugged: tuple[str, ...]) -> bool:
        """Whether a known path is to be forgotten."""
        return (
            not self._was_seen(path)
            and not _is_below(path, self._out_of_reach)
            and not _is_below(path, unplugged)
            and is_gone(path)
            and self._dangling_link_above(path) is None
        )

    def _forget(self, paths: list[str]) -> None:
        if paths:
            self._removed += self._catalog.remove_files(paths)

    def _lost_roots(self) -> list[str]:
        """Absent folders, each with a warning; absent files are forgotten here.

        A file that was given by name is gone if other files lie where it lay. A folder may
        lie on a disk that is not connected.
        """
        lost = []
        gone_now = [root for root in self._roots if is_gone(root)]
        for root in (*self._absent, *gone_now):
            known = next(self._catalog.paths_under([root]), None)
            folder = os.path.dirname(root)
            if known is None:
                continue
            if known == root and os.path.isdir(folder) and not _is_empty(folder):
                self._forget([root])
                continue
            lost.append(root)
            self.warnings.append(
                f"{printable(root)} is not there, where {self._count(root):,} photos were known: "
                "taken for an unplugged disk, so nothing was removed. If it is gone for good, "
                f"index the folder it lay in: {printable(folder)}"
            )
        return lost

    def _emptied_folders(self) -> list[str]:
        """Folders that lost everything at once, each with a warning.

        Looked for among the roots of this run and, below them, those of earlier runs: they
        may be places where other disks are connected.
        """
        if self._remove_emptied:
            return []
        emptied: list[str] = []
        earlier = [root for root in self._catalog.roots() if _is_below(root, tuple(self._roots))]
        for root in sorted({*self._roots, *earlier}):
            if os.path.isdir(root) and not _is_below(root, emptied) and self._has_lost_all(root):
                emptied.append(root)
                self.warnings.append(
                    f"{printable(root)} holds no photos any more, where {self._count(root):,} "
                    "were known: taken for an unplugged disk, so nothing was removed. If it was "
                    "really emptied, run again with --remove-emptied"
                )
        return emptied

    def _has_lost_all(self, root: str) -> bool:
        """Whether photos were known below a folder, none is there now and some are gone."""
        if _is_empty(root):  # now, whatever lay there when it was walked
            return next(self._catalog.paths_under([root]), None) is not None
        lost = False
        for path in self._catalog.paths_under([root]):
            if self._was_seen(path):
                return False
            lost = lost or (not _is_below(path, self._out_of_reach) and is_gone(path))
        return lost

    def _count(self, root: str) -> int:
        return self._catalog.counts([root]).files

    def _dangling_link_above(self, path: str) -> str | None:
        """The nearest folder above a path, if that is a link to nowhere."""
        folder = os.path.dirname(path)
        if folder not in self._dangling:
            above = folder
            while not os.path.lexists(above):
                above = os.path.dirname(above)
            self._dangling[folder] = None if os.path.exists(above) else above
        return self._dangling[folder]


def _is_empty(folder: str) -> bool:
    """Whether nothing at all lies in a folder that can be listed."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return False


def _is_below(path: str, folders: Sequence[str]) -> bool:
    """Whether a path lies at or below one of the folders."""
    return any(path == f or path.startswith(f.rstrip(os.sep) + os.sep) for f in folders)
