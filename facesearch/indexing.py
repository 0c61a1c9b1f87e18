"""Indexing: folders of photos in, a catalog that knows their faces out.

The stages are walk, compare with what is known, read, decode, detect, align, embed
(`pipeline.py`), commit (`committing.py`), which happens on the caller's thread, a batch of
photos at a time, and last forget what is gone (`leaving.py`). Whatever stops a run, what
was committed stays, and the next run goes on from there: a photo is known by its content
hash, a file by its path, size and modification time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from facesearch.catalog.catalog import Catalog
from facesearch.catalog.records import KnownFile
from facesearch.committing import Claims, Committer, ResultKeys
from facesearch.errors import InvalidValue
from facesearch.leaving import Leavers
from facesearch.models.base import Detector, Embedder
from facesearch.models.embedding import said_of
from facesearch.photos.decode import DecodeLimits
from facesearch.photos.files import printable
from facesearch.photos.walk import AnyPath, FoundFile, WalkProblem, root_path, walk
from facesearch.pipeline import Pipeline
from facesearch.values import IndexProgress, IndexReport

_LOOK_UP_FILES = 512
_PROGRESS_EVERY_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOptions:
    """How an `index` run works; nothing here changes what is found.

    Attributes:
        workers: threads that decode and compute; None for one per CPU.
        embed_batch: faces embedded at a time; None for what suits the device
            (32 on a CPU, 256 on a GPU).
        commit_photos: photos per transaction, at most.
        commit_every_s: seconds after which a transaction is made with fewer.
        wait_s: how long to wait while another process indexes into the same library.
        remove_emptied: believe that a given folder without a single photo was emptied. Else
            it counts as an unplugged disk, and what the library knows of it stays.
    """

    workers: int | None = None
    embed_batch: int | None = None
    commit_photos: int = 64
    commit_every_s: float = 2.0
    wait_s: float = 30.0
    remove_emptied: bool = False

    def __post_init__(self) -> None:
        for name in ("workers", "embed_batch", "commit_photos"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidValue(f"{name} is at least 1, not {value}")


@dataclass(frozen=True, slots=True)
class Tools:
    """What an `index` run looks at photos with.

    Attributes:
        models: loads detector and embedder at the first call, and returns the same later.
        embed_batch: chips per call that suit the embedder's device.
        detector_key: under which results are remembered, known without loading.
        limits: what is refused.
    """

    models: Callable[[], tuple[Detector, Embedder]]
    embed_batch: Callable[[], int]
    detector_key: str
    limits: DecodeLimits


def index_photos(
    catalog: Catalog,
    paths: Sequence[AnyPath],
    tools: Tools,
    *,
    absent: Sequence[str] = (),
    outdated: frozenset[int] = frozenset(),
    options: IndexOptions,
    hidden: bool,
    people_from_folders: bool,
    on_progress: Callable[[IndexProgress], None] | None,
    cancelled: Callable[[], bool] | None,
    workers: int,
) -> IndexReport:
    """Bring the catalog up to date with the given folders and files.

    The caller holds the catalog's writer lock. See `FaceLibrary.index` for the rest.

    Args:
        absent: roots of earlier runs that belong to this one too but are not there.
        outdated: photos, by id, that are looked at although they have not changed.
    """
    roots = [root_path(path) for path in paths]
    run = _Run(catalog, roots, tools, outdated, options, on_progress, cancelled)
    return run.go(
        absent=absent, hidden=hidden, people_from_folders=people_from_folders, workers=workers
    )


class _Run:
    """One `index` run."""

    def __init__(
        self,
        catalog: Catalog,
        roots: list[str],
        tools: Tools,
        outdated: frozenset[int],
        options: IndexOptions,
        on_progress: Callable[[IndexProgress], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self._catalog = catalog
        self._roots = roots
        self._tools = tools
        self._options = options
        self._on_progress = on_progress
        self._cancelled = cancelled
        self._keys = ResultKeys.of(tools.detector_key, tools.limits)
        self._outdated = outdated
        self._claims = Claims(catalog, self._keys, outdated)
        self._committer = Committer(catalog, self._keys, self._claims)
        self._started = time.monotonic()
        self._committed = self._started
        self._told: float | None = None
        self._problems: list[WalkProblem] = []
        # Hashes of paths: what was seen must be known at the end, and a set of
        # integers is a quarter of a set of paths.
        self._seen: set[int] = set()
        self._unchanged = 0
        self._done = 0
        self._to_do: int | None = None
        self._stopped = False

    def go(
        self, *, absent: Sequence[str], hidden: bool, people_from_folders: bool, workers: int
    ) -> IndexReport:
        found = walk(self._roots, hidden=hidden, on_problem=self._problems.append)
        for root in self._roots:
            self._catalog.remember_root(root)
        self._look_at(self._worth_looking(found), self._claims.is_known, workers, again=False)
        # Rarely there is a rest: what is known of a file went while it was read.
        while not self._stopped and (rest := self._committer.finish()):
            self._look_at(rest, self._claims.is_stored, workers, again=True)
        removed = 0
        warnings = [problem.detail for problem in self._problems]
        if not self._stopped:
            leavers = Leavers(
                self._catalog,
                self._roots,
                absent,
                was_seen=lambda path: hash(path) in self._seen,
                out_of_reach=[problem.path for problem in self._problems],
                remove_emptied=self._options.remove_emptied,
            )
            removed = leavers.remove()
            warnings += leavers.warnings
            if people_from_folders:
                self._name_after_folders()
        stored = self._committer.stored
        if stored.vanished:
            warnings.append(f"{stored.vanished:,} files vanished before they could be read")
        if stored.silent:
            warnings.append(said_of(stored.silent, printable(stored.silent_in)))
        self._tell()
        return self._report(warnings, removed)

    def _look_at(
        self,
        files: Iterable[FoundFile],
        is_known: Callable[[str], bool],
        workers: int,
        *,
        again: bool,
    ) -> None:
        """Look at files and commit what comes out, until all are done or the run is stopped."""
        with Pipeline(
            iter(files),
            models=self._tools.models,
            is_known=is_known,
            limits=self._tools.limits,
            workers=workers,
            embed_batch=self._tools.embed_batch,
        ) as pipeline:

            def poll() -> None:
                if not self._stopped and self._cancelled is not None and self._cancelled():
                    self._stopped = True
                    pipeline.stop()
                now = time.monotonic()
                if now - self._committed > self._options.commit_every_s:
                    self._commit()
                if self._told is None or now - self._told >= _PROGRESS_EVERY_S:
                    if not again:
                        self._to_do = pipeline.total
                    self._tell()

            for looked_at in pipeline.results(poll):
                self._committer.add(looked_at)
                if not again:
                    self._done += 1
                if self._committer.waiting >= self._options.commit_photos:
                    self._commit()
            self._commit()
            if not again:
                self._to_do = pipeline.total

    def _worth_looking(self, found: Iterator[FoundFile]) -> Iterator[FoundFile]:
        """The files worth looking at; counts the others. Runs on the walking thread."""
        while chunk := list(islice(found, _LOOK_UP_FILES)):
            known = self._catalog.files_at([file.path for file in chunk])
            for file in chunk:
                self._seen.add(hash(file.path))
                if self._is_unchanged(file, known.get(file.path)):
                    self._unchanged += 1
                else:
                    yield file

    def _is_unchanged(self, file: FoundFile, known: KnownFile | None) -> bool:
        return (
            known is not None
            and (known.size, known.mtime_ns) == (file.size, file.mtime_ns)
            and self._keys.is_current(known.state, known.detector)
            and known.photo_id not in self._outdated
        )

    def _commit(self) -> None:
        self._committer.commit()
        self._committed = time.monotonic()

    def _name_after_folders(self) -> None:
        """The largest face of each photo gets the name of the folder the photo lies in.

        Copies of a photo may lie in the folders of several people. Each face is named once
        in a run, so that running again changes nothing.
        """
        paths = self._catalog.paths_under(self._roots)
        named: set[int] = set()
        while chunk := list(islice(paths, _LOOK_UP_FILES)):
            faces = self._catalog.largest_faces(chunk)
            names = [
                (face, printable(os.path.basename(os.path.dirname(path))))
                for path, face in faces.items()
                if face not in named
            ]
            named.update(face for face, _ in names)
            if names:
                self._catalog.confirm_from_folders(names)

    # Telling

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        self._told = time.monotonic()
        unchanged = self._unchanged
        self._on_progress(
            IndexProgress(
                done=self._done + unchanged,
                total=None if self._to_do is None else self._to_do + unchanged,
                faces=self._committer.stored.faces,
                failed=self._committer.stored.failed,
                seconds=self._told - self._started,
            )
        )

    def _report(self, warnings: list[str], removed: int) -> IndexReport:
        counts = self._catalog.counts(self._roots)
        stored = self._committer.stored
        return IndexReport(
            photos=counts.files,
            faces=counts.faces,
            new=stored.new,
            unchanged=self._unchanged + stored.touched,
            moved=stored.moved,
            removed=removed,
            no_face=counts.no_face,
            failed=counts.failed,
            seconds=time.monotonic() - self._started,
            failed_by_reason=self._catalog.failure_reasons(self._roots),
            warnings=tuple(warnings),
            cancelled=self._stopped,
        )
