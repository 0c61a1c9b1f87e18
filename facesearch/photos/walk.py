"""Finding photo files: folders and files in, one `FoundFile` per photo file out.

Nothing is decoded and, but for files without a suffix, nothing is opened here.
The order is the same on every run over the same tree.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from facesearch.errors import PhotoNotFound, UnreadableReason
from facesearch.photos.files import OPEN_FLAGS, printable, reason_for, words_for
from facesearch.photos.sniff import SNIFF_BYTES, PhotoFormat, sniff

AnyPath: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]

# fmt: off
_SUFFIXES = frozenset({
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "tif", "tiff", "bmp", "dib", "gif",
    "heic", "heif", "hif", "avif",
})
# fmt: on
PHOTO_SUFFIXES: frozenset[str] = frozenset(f".{suffix}" for suffix in _SUFFIXES)
"""Suffixes of files taken for photos, lower case, with the dot."""

_JUNK_FOLDERS = frozenset(
    {
        "@eadir",  # thumbnails of Synology
        "#recycle",
        "#snapshot",
        "@recycle",  # QNAP
        "@recently-snapshot",
        "$recycle.bin",
        "system volume information",
        "__macosx",
        "lost+found",
    }
)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that looks like a photo.

    Attributes:
        path: absolute and normalised, symbolic links not resolved; undecodable
            bytes as surrogates (`os.fsdecode`), so `open(path)` works.
        size: in bytes.
        mtime_ns: time of last change, nanoseconds since 1970.
        device, inode: which file it is, whatever its name. Of the file itself
            where the path is a symbolic link.
    """

    path: str
    size: int
    mtime_ns: int
    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class WalkProblem:
    """A folder (or a root that is no file) whose content could not be listed.

    What was known below `path` has not disappeared; it could not be looked at.

    Attributes:
        path: as `FoundFile.path`; print it with `files.printable`.
        reason: NO_PERMISSION, VANISHED, IO_ERROR, or NOT_AN_IMAGE for a root
            that is a pipe, socket or device.
        detail: a sentence for people.
    """

    path: str
    reason: UnreadableReason
    detail: str


def root_path(path: AnyPath) -> str:
    """A path as it is stored: absolute, normalised, symbolic links left in place.

    Raises:
        PhotoNotFound: the path is empty, which names nothing.
    """
    text = os.fsdecode(path)
    if not text:
        raise PhotoNotFound("", "an empty path names no photo and no folder")
    absolute = os.path.abspath(text)
    # POSIX lets normalisation keep a leading "//"; one file shall have one path.
    return absolute[1:] if os.sep == "/" and absolute.startswith("//") else absolute


def walk(
    roots: Sequence[AnyPath] | AnyPath,
    *,
    hidden: bool = False,
    on_problem: Callable[[WalkProblem], None],
) -> Iterator[FoundFile]:
    """Find the photo files in folders and among files named one by one.

    In folders, files count as photos by suffix, and files without one by their
    first bytes. A file named as a root is found whatever it is called. Each
    folder is walked once: links to folders are followed after all real folders,
    so that what can be reached both ways is found at its real place, and loops
    end. Per folder, files come before subfolders, both sorted by name.

    Args:
        roots: folders and files, in the order wanted.
        hidden: also look at names with a leading dot and into folders such as
            "@eaDir". A root is walked even where it is hidden itself.
        on_problem: told about each folder that could not be listed; the walk goes on.

    Raises:
        PhotoNotFound: at once, before anything is found: a root does not exist.
    """
    if isinstance(roots, str | bytes | os.PathLike):
        roots = [roots]
    walker = _Walker(hidden, on_problem)
    return walker.run([_looked_at(root_path(root), on_problem) for root in roots])


@dataclass(frozen=True, slots=True)
class _Root:
    path: str
    status: os.stat_result | None  # None: exists, but cannot be looked at


def _looked_at(path: str, on_problem: Callable[[WalkProblem], None]) -> _Root:
    shown = printable(path)
    try:
        status = os.stat(path)
    except ValueError as error:  # a NUL character
        raise PhotoNotFound(shown, f"no such file or folder: {shown}") from error
    except OSError as error:
        if reason_for(error) is UnreadableReason.VANISHED:
            raise PhotoNotFound(shown, f"no such file or folder: {shown}") from error
        on_problem(WalkProblem(path, reason_for(error), f"cannot open {shown}: {words_for(error)}"))
        return _Root(path, None)
    return _Root(path, status)


class _Walker:
    """One walk over all roots; remembers which real folders it has been in."""

    def __init__(self, hidden: bool, on_problem: Callable[[WalkProblem], None]) -> None:
        self._hidden = hidden
        self._on_problem = on_problem
        self._been_in: set[tuple[int, int] | str] = set()
        self._linked_folders: deque[str] = deque()
        self._named_files: set[str] = set()

    def run(self, roots: Sequence[_Root]) -> Iterator[FoundFile]:
        # Files named as roots come at their own turn, not when their folder is walked.
        self._named_files = {
            root.path for root in roots if root.status and stat.S_ISREG(root.status.st_mode)
        }
        done: set[str] = set()
        for path, status in ((root.path, root.status) for root in roots):
            if status is None or path in done:
                continue
            done.add(path)
            if stat.S_ISREG(status.st_mode):
                yield _found(path, status)
            elif not stat.S_ISDIR(status.st_mode):
                detail = f"{printable(path)} is neither a file nor a folder"
                self._on_problem(WalkProblem(path, UnreadableReason.NOT_AN_IMAGE, detail))
            elif self._is_new(path, status):
                yield from self._tree(path)
        while self._linked_folders:
            path = self._linked_folders.popleft()
            try:
                status = os.stat(path)
            except OSError as error:
                self._report(path, error)
                continue
            if self._is_new(path, status):
                yield from self._tree(path)

    def _tree(self, top: str) -> Iterator[FoundFile]:
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            below: list[str] = []
            refused: OSError | None = None
            for entry in self._listed(folder):
                name = entry.name
                if name[0] == "." and not self._hidden:
                    continue
                try:
                    if entry.is_dir(follow_symlinks=False):
                        if self._hidden or name.lower() not in _JUNK_FOLDERS:
                            below += self._new_subfolder(entry)
                        continue
                    stem, _, suffix = name.rpartition(".")
                    is_bare = not stem or not suffix
                    is_photo = not is_bare and suffix.lower() in _SUFFIXES
                    if not (is_photo or is_bare or entry.is_symlink()):
                        continue
                    status = entry.stat()
                    if stat.S_ISDIR(status.st_mode):  # so it is a link to a folder
                        if self._hidden or name.lower() not in _JUNK_FOLDERS:
                            self._linked_folders.append(entry.path)
                        continue
                    if not stat.S_ISREG(status.st_mode) or entry.path in self._named_files:
                        continue
                    if is_photo or (is_bare and _begins_like_a_photo(entry.path)):
                        yield _found(entry.path, status)
                except FileNotFoundError as error:
                    # A broken link or a file removed since it was listed: nothing is missed.
                    # A folder removed since then: a whole disk may have been pulled out.
                    if entry.is_dir(follow_symlinks=False):
                        self._report(entry.path, error)
                except PermissionError as error:
                    refused = error  # a folder that may be listed and not entered: say it once
                except OSError as error:
                    if not entry.is_symlink():  # else a link that points at itself
                        self._report(entry.path, error)
            if refused is not None:
                self._report(folder, refused)
            waiting.extend(reversed(below))

    def _new_subfolder(self, entry: os.DirEntry[str]) -> list[str]:
        # On Windows a listing carries no inode; asking anew does.
        status = os.stat(entry.path) if os.name == "nt" else entry.stat(follow_symlinks=False)
        return [entry.path] if self._is_new(entry.path, status) else []

    def _listed(self, folder: str) -> list[os.DirEntry[str]]:
        entries: list[os.DirEntry[str]] = []
        try:
            with os.scandir(folder) as listing:
                entries.extend(listing)
        except OSError as error:
            self._report(folder, error)
        entries.sort(key=lambda entry: entry.name)
        return entries

    def _is_new(self, path: str, status: os.stat_result) -> bool:
        """Remember a folder; False where it was walked before, under whatever name."""
        key: tuple[int, int] | str = (status.st_dev, status.st_ino)
        if status.st_ino == 0:  # a file system without inodes
            key = os.path.realpath(path)
        if key in self._been_in:
            return False
        self._been_in.add(key)
        return True

    def _report(self, path: str, error: OSError) -> None:
        detail = f"cannot list {printable(path)}: {words_for(error)}"
        self._on_problem(WalkProblem(path, reason_for(error), detail))


def _found(path: str, status: os.stat_result) -> FoundFile:
    return FoundFile(path, status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino)


def _begins_like_a_photo(path: str) -> bool:
    try:
        descriptor = os.open(path, OPEN_FLAGS)
    except PermissionError:
        return False  # nothing says it is a photo, so nobody misses it
    try:
        kind = sniff(os.read(descriptor, SNIFF_BYTES))
    finally:
        os.close(descriptor)
    return kind not in {None, PhotoFormat.DIB}  # a bare bitmap's first bytes say too little
