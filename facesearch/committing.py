"""From looked-at files to the catalog: what an `index` run stores, in which order.

In: `LookedAt` results as they get ready. Out: transactions, counts, and the files that
have to be looked at once more. Known content that lies at a new place is noted before
new content is stored, and content that takes the place of other known content is noted
last of all: so nothing is forgotten that merely moved, however files were renamed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from facesearch.catalog.catalog import Catalog
from facesearch.catalog.records import EmbeddedFace, FileStamp, PhotoResult
from facesearch.errors import UnreadableReason
from facesearch.photos.decode import DecodeLimits
from facesearch.photos.walk import FoundFile
from facesearch.pipeline import LookedAt
from facesearch.values import Failure, PhotoState


@dataclass(frozen=True, slots=True)
class ResultKeys:
    """What results are remembered under; another key means looking again.

    Attributes:
        detector: of photos that could be read: detector and options.
        unreadable: of photos that could not: other limits are worth another try.
    """

    detector: str
    unreadable: str

    @classmethod
    def of(cls, detector: str, limits: DecodeLimits) -> ResultKeys:
        """The keys of a detector and limits."""
        return cls(detector, f"decode-1:{limits.max_pixels}")

    def is_current(self, state: PhotoState, key: str) -> bool:
        """Whether a remembered result is what looking again would give."""
        return key == (self.unreadable if state is PhotoState.UNREADABLE else self.detector)


class Claims:
    """Content seen in this run and not yet stored: the first file does the work for all.

    Args:
        catalog: where results are.
        keys: under which they are remembered.
        outdated: photos, by id, to be looked at although there is a result.
    """

    def __init__(
        self, catalog: Catalog, keys: ResultKeys, outdated: frozenset[int] = frozenset()
    ) -> None:
        self._catalog = catalog
        self._keys = keys
        self._outdated = outdated
        self._lock = threading.Lock()
        self._claimed: set[str] = set()

    def is_known(self, content_hash: str) -> bool:
        """Whether there is a result for this content, or another file is being looked at."""
        with self._lock:
            if content_hash in self._claimed:
                return True
            self._claimed.add(content_hash)
        known = self.is_stored(content_hash)
        if known:
            self.release(content_hash)
        return known

    def is_stored(self, content_hash: str) -> bool:
        """Whether there is a result for this content in the catalog."""
        record = self._catalog.photo_by_hash(content_hash)
        return (
            record is not None
            and record.id not in self._outdated
            and self._keys.is_current(record.state, record.detector)
        )

    def release(self, content_hash: str) -> None:
        """The catalog knows the content from now on, or never will."""
        with self._lock:
            self._claimed.discard(content_hash)


@dataclass(slots=True)
class Stored:
    """Files by what became of them in this run.

    Attributes:
        new: content that was looked at.
        touched: known content at a known place, with another timestamp.
        moved: known content at a new place.
        failed: could not be read.
        vanished: were gone before they could be read.
        faces: in the content that was looked at.
        silent: of these, those that the embedder says nothing of.
        silent_in: a file with such a face; "" where there is none.
    """

    new: int = 0
    touched: int = 0
    moved: int = 0
    failed: int = 0
    vanished: int = 0
    faces: int = 0
    silent: int = 0
    silent_in: str = ""


class Committer:
    """Collects results and stores them. Used by one thread."""

    def __init__(self, catalog: Catalog, keys: ResultKeys, claims: Claims) -> None:
        self._catalog = catalog
        self._keys = keys
        self._claims = claims
        self._batch: list[LookedAt] = []
        # Copies of photos that are still being looked at, by content.
        self._copies: dict[str, list[LookedAt]] = {}
        # Known content at places where the catalog knows other content.
        self._displacing: list[LookedAt] = []
        self.stored = Stored()

    @property
    def waiting(self) -> int:
        """Results the next commit takes in."""
        return len(self._batch)

    def add(self, looked_at: LookedAt) -> None:
        """Take over a result; nothing is stored yet."""
        self._batch.append(looked_at)
        self.stored.faces += len(looked_at.faces or ())
        if silent := sum(embedding is None for _, embedding, _ in looked_at.faces or ()):
            self.stored.silent += silent
            self.stored.silent_in = self.stored.silent_in or looked_at.file.path
        if looked_at.problem is not None:
            if looked_at.problem.reason is UnreadableReason.VANISHED:
                self.stored.vanished += 1
            else:
                self.stored.failed += 1

    def commit(self) -> None:
        """Store what is there, in one transaction each for moves, results and failures."""
        batch, self._batch = self._batch, []
        known = [one for one in batch if one.known]
        results = [one for one in batch if not one.known and _is_about_content(one)]
        self._attach(known)
        if results:
            done = self._catalog.store([self._result(one) for one in results])
            self.stored.new += done.new + done.replaced + done.attached
            hashes = [one.content_hash for one in results if one.content_hash is not None]
            for content_hash in hashes:
                self._claims.release(content_hash)
            self._attach([copy for one in hashes for copy in self._copies.pop(one, ())])
        failed = [one for one in batch if not one.known and not _is_about_content(one)]
        self._record_failures(failed)

    def finish(self) -> list[FoundFile]:
        """Commit, then note the places that were put off. Call when no more results come.

        Returns:
            Files to look at once more: their content was known when they were read and
            was forgotten meanwhile, or the copy that was looked at could not be read.
        """
        self.commit()
        displacing, self._displacing = self._displacing, []
        left = self._attach_all(displacing)
        self.stored.moved += len(displacing) - len(left)
        left += [copy for copies in self._copies.values() for copy in copies]
        self._copies = {}
        return [one.file for one in left]

    def _attach(self, known: list[LookedAt]) -> None:
        """Note where known content lies now, as far as that can be done already."""
        if not known:
            return
        there = self._catalog.photos_by_hash(_hashes(known))
        holders = self._catalog.files_at([one.file.path for one in known])
        now: list[LookedAt] = []
        touched = 0
        for one in known:
            record = there.get(one.content_hash or "")
            holder = holders.get(one.file.path)
            if record is None:
                self._copies.setdefault(one.content_hash or "", []).append(one)
            elif holder is not None and holder.photo_id != record.id:
                self._displacing.append(one)
            else:
                now.append(one)
                touched += holder is not None
        left = self._attach_all(now)
        self.stored.touched += touched
        self.stored.moved += len(now) - touched - len(left)
        for one in left:
            self._copies.setdefault(one.content_hash or "", []).append(one)

    def _attach_all(self, known: list[LookedAt]) -> list[LookedAt]:
        """Note all of these in one transaction; returns those whose content is not there."""
        if not known:
            return []
        there = self._catalog.photos_by_hash(_hashes(known))
        present = [(there[h].id, one) for one in known if (h := one.content_hash or "") in there]
        gone = self._catalog.attach([(photo_id, _stamp(one.file)) for photo_id, one in present])
        lost = {stamp.path for stamp in gone}
        return [one for one in known if one.content_hash not in there or one.file.path in lost]

    def _result(self, looked_at: LookedAt) -> PhotoResult:
        assert looked_at.content_hash is not None
        problem = looked_at.problem
        if problem is not None:
            state, key = PhotoState.UNREADABLE, self._keys.unreadable
        else:
            state = PhotoState.FACES if looked_at.faces else PhotoState.NO_FACE
            key = self._keys.detector
        return PhotoResult(
            content_hash=looked_at.content_hash,
            size=looked_at.size,
            state=state,
            detector=key,
            files=(_stamp(looked_at.file),),
            faces=tuple(EmbeddedFace(*face) for face in looked_at.faces or ()),
            reason=None if problem is None else problem.reason,
            detail="" if problem is None else problem.detail,
        )

    def _record_failures(self, failed: Iterable[LookedAt]) -> None:
        """Remember files that were out of reach; the next run tries them again."""
        failures = []
        for one in failed:
            if one.content_hash is not None:
                self._claims.release(one.content_hash)
            if one.problem is not None and one.problem.reason is not UnreadableReason.VANISHED:
                failures.append(
                    Failure(one.file.path, one.problem.reason.value, one.problem.detail)
                )
        if failures:
            self._catalog.record_file_failures(failures)


def _is_about_content(looked_at: LookedAt) -> bool:
    """Whether the result holds for the bytes, wherever they lie, and not just for this try."""
    problem = looked_at.problem
    return looked_at.content_hash is not None and (
        problem is None or problem.reason.is_about_content
    )


def _hashes(known: Iterable[LookedAt]) -> list[str]:
    return [one.content_hash for one in known if one.content_hash is not None]


def _stamp(file: FoundFile) -> FileStamp:
    return FileStamp(file.path, file.size, file.mtime_ns)
