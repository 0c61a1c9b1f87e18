"""Reindexing: the faces of a library get embeddings in another model's space.

No detector runs: chips are cut by the landmarks that the library holds. In: the catalog, an
embedder, and the vector index of its space. Out: a `ReindexReport`. Nothing is locked while
faces are embedded, so photos are indexed, named and removed meanwhile; each embedding is
stored only if its face is still there as it was. Whatever stops a run, what was committed
stays, and the next run does what is missing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from facesearch.catalog.catalog import Catalog
from facesearch.catalog.records import BareFace, BarePhoto
from facesearch.errors import Cancelled, PhotoUnreadable, UnreadableReason
from facesearch.extraction import cut_faces
from facesearch.indexing import IndexOptions
from facesearch.models.base import Embedder
from facesearch.models.embedding import NO_EMBEDDING, said_of
from facesearch.photos.decode import DecodeLimits, PhotoData, open_photo
from facesearch.photos.files import printable
from facesearch.photos.read import read_photo
from facesearch.pipeline import BYTES_PER_PIXEL, PIXEL_BUDGET
from facesearch.values import Embedding, IndexProgress, ReindexReport
from facesearch.vector_cache import VectorCache
from facesearch.workers import Budget, Cut, Workers

GONE, CHANGED = "gone", "changed"
"""Why a photo's faces are left out, beside `NO_EMBEDDING` and the codes of `UnreadableReason`."""

_PROGRESS_EVERY_S = 0.1
_PHOTOS_AHEAD = 512


@dataclass(frozen=True, slots=True)
class ReindexTools:
    """What a `reindex` run works with.

    Attributes:
        embedder: loads it at the first call, and returns the same later.
        embed_batch: chips per call that suit its device.
        space: of its embeddings, known without loading.
        limits: what is refused.
    """

    embedder: Callable[[], Embedder]
    embed_batch: Callable[[], int]
    space: str
    limits: DecodeLimits


@dataclass(frozen=True, slots=True, eq=False)
class _Done:
    """What became of the faces of one photo: embedded, in their order, or left out because.

    Of a face that the embedder says nothing of, the embedding is None.
    """

    photo: BarePhoto
    embeddings: tuple[Embedding | None, ...] = ()
    left_out: str | None = None


class _LeftOut(Exception):
    """The content that the library knows cannot be read from any of a photo's files."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _MoreFaces(Exception):
    """While we waited for the writer, it added faces."""


def reindex_faces(
    catalog: Catalog,
    vectors: VectorCache,
    tools: ReindexTools,
    *,
    switch: Callable[[], bool],
    options: IndexOptions,
    on_progress: Callable[[IndexProgress], None] | None,
    cancelled: Callable[[], bool] | None,
    workers: int,
) -> ReindexReport:
    """Give every face of the library an embedding in the space; see `FaceLibrary.reindex`.

    The caller holds the catalog's reindex lock.

    Args:
        vectors: the index of that space.
        switch: called under the writer lock once all faces that can be embedded are; says
            whether the library works in the space from now on.
    """
    run = _Run(catalog, vectors, tools, options, on_progress, cancelled, workers)
    return run.go(switch)


class _Run:
    """One `reindex` run."""

    def __init__(
        self,
        catalog: Catalog,
        vectors: VectorCache,
        tools: ReindexTools,
        options: IndexOptions,
        on_progress: Callable[[IndexProgress], None] | None,
        cancelled: Callable[[], bool] | None,
        workers: int,
    ) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._tools = tools
        self._options = options
        self._on_progress = on_progress
        self._cancelled = cancelled
        self._workers = workers
        self._budget = Budget(PIXEL_BUDGET)
        self._started = self._committed = time.monotonic()
        self._told: float | None = None
        self._batch: list[tuple[BareFace, Embedding]] = []
        self._photos_waiting = 0
        self._left_out: dict[int, _Done] = {}  # by photo id
        self._to_do, _ = catalog.bare_count(tools.space)
        self._done = 0
        self._embedded = 0
        self._stopped = False

    def go(self, switch: Callable[[], bool]) -> ReindexReport:
        already = self._faces_there()
        if self._vectors.is_ahead():
            with self._catalog.writer_lock(self._options.wait_s):
                self._vectors.check_files()
        switched = False
        is_finished = False
        while not is_finished and not self._stopped:
            newest = self._catalog.newest_face()
            while self._embed_missing() and not self._stopped:
                newest = self._catalog.newest_face()
            if self._stopped:
                break
            try:
                with self._catalog.writer_lock(self._options.wait_s, self._look_up(newest)):
                    # Who held it may have added faces: then everything is yet to be finished.
                    is_finished = self._catalog.newest_face() == newest
                    if is_finished:
                        self._vectors.save()
                        switched = switch()
            except _MoreFaces:
                continue
            except Cancelled:
                self._stopped = True
        self._tell()
        return ReindexReport(
            space=self._tools.space,
            embedded=self._embedded,
            already=already,
            seconds=time.monotonic() - self._started,
            switched=switched,
            left_out=self._left_out_by_reason(),
            warnings=tuple(self._warnings()),
            cancelled=self._stopped,
        )

    def _embed_missing(self) -> int:
        """Embed what lacks an embedding and was not tried in vain; returns how many photos."""
        tried = 0
        missing: set[int] = set()
        with Workers[BarePhoto, _Done](
            self._worth_trying(missing),
            self._cut,
            embedder=self._tools.embedder,
            workers=self._workers,
            embed_batch=self._tools.embed_batch,
            tasks_ahead=_PHOTOS_AHEAD,
        ) as pipeline:

            def poll() -> None:
                if not self._stopped and self._cancelled is not None and self._cancelled():
                    self._stopped = True
                    pipeline.stop()
                now = time.monotonic()
                if now - self._committed > self._options.commit_every_s:
                    self._commit()
                if self._told is None or now - self._told >= _PROGRESS_EVERY_S:
                    self._tell()

            for done in pipeline.results(poll):
                tried += 1
                self._take(done)
                if self._photos_waiting >= self._options.commit_photos:
                    self._commit()
            self._commit()
        if not self._stopped:  # what left the library meanwhile is not left out
            self._left_out = {i: one for i, one in self._left_out.items() if i in missing}
        return tried

    def _worth_trying(self, missing: set[int]) -> Iterator[BarePhoto]:
        """Photos with faces to embed; notes the ids of all that miss some.

        Runs on a thread of its own, beside `_take`.
        """
        for photo in self._catalog.bare_photos(self._tools.space):
            missing.add(photo.id)
            before = self._left_out.get(photo.id)
            if before is None or _has_changed(before.photo, photo):
                yield photo

    # On the workers

    def _cut(self, photo: BarePhoto) -> Cut[_Done] | _Done:
        try:
            opened = self._open(photo)
            taken = self._budget.take(opened.size.pixels * BYTES_PER_PIXEL)
            try:
                faces = [face.landmarks for face in photo.faces]
                chips = cut_faces(opened, faces, self._tools.embedder())
            finally:
                self._budget.give_back(taken)
        except _LeftOut as why:
            return _Done(photo, left_out=why.reason)
        except PhotoUnreadable as problem:
            return _Done(photo, left_out=problem.reason.value)
        return Cut(chips, lambda embeddings: _Done(photo, embeddings))

    def _open(self, photo: BarePhoto) -> PhotoData:
        """The photo, from the first of its files that still has the content it is known by.

        Raises:
            _LeftOut: there is none.
            PhotoUnreadable: it cannot be decoded.
        """
        reason = GONE
        for path in photo.paths:
            try:
                read = read_photo(path, max_bytes=self._tools.limits.max_bytes)
            except PhotoUnreadable as problem:
                if problem.reason is UnreadableReason.EMPTY:
                    reason = CHANGED
                elif problem.reason is not UnreadableReason.VANISHED:
                    reason = problem.reason.value
                continue
            if read.content_hash != photo.content_hash:
                reason = CHANGED
                continue
            opened = open_photo(read.data, path, self._tools.limits)
            if opened.size != photo.size:  # another facesearch turned it otherwise
                raise _LeftOut(CHANGED)
            return opened
        raise _LeftOut(reason)

    # Storing

    def _take(self, done: _Done) -> None:
        self._done += 1
        if done.left_out is not None:
            self._left_out[done.photo.id] = done
            return
        self._left_out.pop(done.photo.id, None)
        faces = list(zip(done.photo.faces, done.embeddings, strict=True))
        self._batch += [(face, found) for face, found in faces if found is not None]
        self._photos_waiting += 1
        if silent := tuple(face for face, found in faces if found is None):
            left = replace(done.photo, faces=silent)
            self._left_out[left.id] = _Done(left, left_out=NO_EMBEDDING)

    def _commit(self) -> None:
        batch, self._batch, self._photos_waiting = self._batch, [], 0
        if batch:
            self._embedded += self._catalog.add_embeddings(self._tools.space, batch)
        self._committed = time.monotonic()

    def _faces_there(self) -> int:
        return sum(info.count for info in self._catalog.spaces() if info.name == self._tools.space)

    # Telling

    def _look_up(self, newest: int) -> Callable[[int | None], None]:
        """What ends the waiting for another process: there is something to do, or to stop."""

        def look_up(holder: int | None) -> None:
            if self._cancelled is not None and self._cancelled():
                raise Cancelled("stopped while waiting for another process; the embeddings stay")
            if self._catalog.newest_face() != newest:
                raise _MoreFaces

        return look_up

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        self._told = time.monotonic()
        self._on_progress(
            IndexProgress(
                done=self._done,
                total=max(self._to_do, self._done),
                faces=self._embedded,
                failed=len(self._left_out),
                seconds=self._told - self._started,
            )
        )

    def _left_out_by_reason(self) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for one in self._left_out.values():
            counts[one.left_out or ""] += len(one.photo.faces)
        return dict(sorted(counts.items()))

    def _warnings(self) -> Iterator[str]:
        examples: dict[str, _Done] = {}
        for one in self._left_out.values():
            examples.setdefault(one.left_out or "", one)
        for reason, faces in self._left_out_by_reason().items():
            where = printable(examples[reason].photo.paths[0])
            if reason == NO_EMBEDDING:
                yield said_of(faces, where)
                continue
            words = _WORDS.get(reason, f"cannot be read ({reason})")
            yield (
                f"faces left out: {faces:,}, because their photos {words}, such as {where}; "
                "queries in this space do not find them until they are there again and "
                "facesearch index or reindex has run"
            )


def _has_changed(before: BarePhoto, now: BarePhoto) -> bool:
    """Whether it is worth trying again: the photo lies elsewhere, or was looked at again."""
    return before.paths != now.paths or (
        [face.id for face in before.faces] != [face.id for face in now.faces]
    )


_WORDS = {
    GONE: "are not where they were",
    CHANGED: "hold other content now",
}
