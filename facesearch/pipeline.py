"""Workers between two bounded queues: photo files in, embedded photos out.

In: files to look at, one by one. Out: `LookedAt` results in the order they get ready.

Each worker does whatever lies farthest downstream: when enough chips wait, it embeds a
batch; else it takes the next file and reads, decodes, detects and aligns it. So all
cores stay busy whether photos hold no face or forty, no core has two threads, chips
from many photos share a batch, and what waits in between stays small:

    files (bounded) -> read, decode, detect, align -> chips (bounded) -> embed -> results (bounded)
"""

from __future__ import annotations

import hashlib
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np

from facesearch.errors import PhotoUnreadable, UnreadableReason
from facesearch.extraction import ExtractedFaces, extract_faces
from facesearch.models.base import Detector, Embedder
from facesearch.photos.decode import DecodeLimits, PhotoData, open_photo
from facesearch.photos.read import read_photo
from facesearch.photos.walk import FoundFile
from facesearch.values import Detection, Embedding, FaceQuality, Size

_NO_BYTES = hashlib.sha256(b"").hexdigest()
# Bytes of decoded pictures in flight at a time; one larger picture is decoded alone.
_PIXEL_BUDGET = 384 * 2**20
_BYTES_PER_PIXEL = 3
_RESULTS_WAITING = 512


@dataclass(frozen=True, slots=True, eq=False)
class LookedAt:
    """What looking at one file came to; exactly one of the last three is set.

    Attributes:
        file: as found by the walk.
        content_hash: of its bytes; None where they could not be read.
        size: upright full size; None where it could not be decoded.
        faces: detections with embeddings and qualities, largest first; perhaps none.
        known: the content was known already, or another file of this run has it.
        problem: why it could not be read.
    """

    file: FoundFile
    content_hash: str | None
    size: Size | None = None
    faces: tuple[tuple[Detection, Embedding, FaceQuality], ...] | None = None
    known: bool = False
    problem: PhotoUnreadable | None = None


@dataclass(slots=True, eq=False)
class _Waiting:
    """A photo whose faces wait to be embedded; `embeddings` fills up as batches are done."""

    file: FoundFile
    content_hash: str
    size: Size
    extracted: ExtractedFaces
    since: float
    embeddings: list[Embedding | None] = field(default_factory=list)
    missing: int = 0


class _Budget:
    """Lets threads share a number of bytes; whoever wants more than all of it waits for all."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._changed = threading.Condition()

    def take(self, wanted: int) -> int:
        wanted = min(wanted, self._total)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        return wanted

    def give_back(self, taken: int) -> None:
        with self._changed:
            self._free += taken
            self._changed.notify_all()


class Pipeline:
    """Looks at files on several threads. Use in a `with`; leaving it stops the threads.

    Args:
        files: what to look at; consumed from a thread of its own.
        models: called once, from a worker, when the first photo needs networks.
        is_known: told the content hash of a file, says whether there is no need to
            look at it; called from the workers.
        limits: what is refused.
        workers: threads that compute, at least 1.
        embed_batch: says how many chips are embedded at a time; asked once some wait.
        embed_after_s: chips that waited so long are embedded though they fill no batch, so
            that a run which is killed loses little where faces are few.
        files_ahead: files the walk may be ahead of the workers.
    """

    def __init__(
        self,
        files: Iterator[FoundFile],
        *,
        models: Callable[[], tuple[Detector, Embedder]],
        is_known: Callable[[str], bool],
        limits: DecodeLimits,
        workers: int,
        embed_batch: Callable[[], int],
        embed_after_s: float = 2.0,
        files_ahead: int = 50_000,
    ) -> None:
        self._files = files
        self._models = models
        self._is_known = is_known
        self._limits = limits
        self._embed_batch = embed_batch
        self._embed_after_s = embed_after_s
        self._files_ahead = files_ahead
        self._budget = _Budget(_PIXEL_BUDGET)
        self._state = threading.Condition()
        self._found: deque[FoundFile] = deque()
        self._walked = False
        self._found_count = 0
        self._chips: deque[tuple[_Waiting, int]] = deque()
        self._looking = 0
        self._stopped = False
        self._failure: BaseException | None = None
        self._results: queue.Queue[LookedAt | None] = queue.Queue(_RESULTS_WAITING)
        self._workers = self._active = workers
        self._threads = [threading.Thread(target=self._walk, name="facesearch-walk", daemon=True)]
        self._threads += [
            threading.Thread(target=self._work, name=f"facesearch-worker-{n}", daemon=True)
            for n in range(workers)
        ]

    def __enter__(self) -> Self:
        try:
            for thread in self._threads:
                thread.start()
        except BaseException:  # such as no room for one more thread
            self._join()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._join()

    def _join(self) -> None:
        """Stop, and wait until all threads have ended."""
        self.stop()
        while any(thread.is_alive() for thread in self._threads):
            try:  # a worker may be waiting to hand over its last result
                self._results.get(timeout=0.05)
            except queue.Empty:
                continue

    @property
    def total(self) -> int | None:
        """Files to look at in all; None while still walking."""
        with self._state:
            return self._found_count if self._walked else None

    def stop(self) -> None:
        """Start nothing new. Photos whose faces were not all embedded are dropped."""
        with self._state:
            self._stopped = True
            self._state.notify_all()

    def results(self, poll: Callable[[], None], *, every_s: float = 0.1) -> Iterator[LookedAt]:
        """Results as they get ready, until all files are done or the pipeline is stopped.

        Args:
            poll: called about every `every_s` seconds, also while nothing gets ready.

        Raises:
            Whatever the walk, a model or `is_known` raised on its thread.
        """
        while True:
            try:
                result = self._results.get(timeout=every_s)
            except queue.Empty:
                poll()
                continue
            if result is None:
                break
            yield result
            poll()
        if self._failure is not None:
            raise self._failure

    def _walk(self) -> None:
        try:
            for file in self._files:
                with self._state:
                    self._state.wait_for(
                        lambda: self._stopped or len(self._found) < self._files_ahead
                    )
                    if self._stopped:
                        break
                    self._found.append(file)
                    self._found_count += 1
                    self._state.notify()
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            self._fail(error)
        with self._state:
            self._walked = True
            self._state.notify_all()

    def _work(self) -> None:
        try:
            while (job := self._next_job()) is not None:
                job()
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            self._fail(error)
        with self._state:
            self._active -= 1
            last = self._active == 0
        if last:
            self._results.put(None)

    def _fail(self, error: BaseException) -> None:
        with self._state:
            if self._failure is None:
                self._failure = error
            self._stopped = True
            self._state.notify_all()

    def _next_job(self) -> Callable[[], None] | None:
        """The work farthest downstream; None when there is no more."""
        with self._state:
            while not self._stopped:
                waiting = len(self._chips)
                batch = self._embed_batch() if waiting else 1
                nothing_upstream = self._walked and not self._found and self._looking == 0
                left_s = None
                if waiting:
                    left_s = self._chips[0][0].since + self._embed_after_s - time.monotonic()
                is_due = nothing_upstream or (left_s is not None and left_s <= 0)
                if waiting >= batch or (waiting and is_due):
                    # The last chips are shared out: nobody shall wait for one full batch.
                    share = math.ceil(waiting / self._workers) if nothing_upstream else waiting
                    chips = [self._chips.popleft() for _ in range(min(batch, share))]
                    return lambda: self._embed(chips)
                if self._found:
                    file = self._found.popleft()
                    self._looking += 1
                    self._state.notify_all()
                    return lambda: self._look_at(file)
                if nothing_upstream:
                    return None
                self._state.wait(left_s)
            return None

    def _look_at(self, file: FoundFile) -> None:
        result: LookedAt | None = None
        waiting: _Waiting | None = None
        content_hash: str | None = None
        try:
            read = read_photo(file.path, max_bytes=self._limits.max_bytes)
            content_hash = read.content_hash
            if self._is_known(content_hash):
                result = LookedAt(file, content_hash, known=True)
            else:
                photo = open_photo(read.data, file.path, self._limits)
                extracted = self._extract(photo)
                waiting = _Waiting(
                    file, content_hash, photo.size, extracted, since=time.monotonic()
                )
        except PhotoUnreadable as problem:
            if problem.reason is UnreadableReason.EMPTY:
                content_hash = _NO_BYTES
            result = LookedAt(file, content_hash, problem=problem)
        if waiting is not None:
            count = len(waiting.extracted.detections)
            if count == 0:
                result = LookedAt(file, content_hash, waiting.size, faces=())
            waiting.embeddings = [None] * count
            waiting.missing = count
        with self._state:
            if waiting is not None:
                self._chips.extend((waiting, row) for row in range(waiting.missing))
            self._looking -= 1
            self._state.notify_all()
        if result is not None:
            self._hand_over(result)

    def _extract(self, photo: PhotoData) -> ExtractedFaces:
        detector, embedder = self._models()
        taken = self._budget.take(photo.size.pixels * _BYTES_PER_PIXEL)
        try:
            return extract_faces(photo, detector, embedder)
        finally:
            self._budget.give_back(taken)

    def _embed(self, chips: list[tuple[_Waiting, int]]) -> None:
        _, embedder = self._models()
        vectors = embedder.embed(np.stack([photo.extracted.chips[row] for photo, row in chips]))
        done = []
        with self._state:
            for (photo, row), vector in zip(chips, vectors, strict=True):
                photo.embeddings[row] = Embedding(vector, embedder.space)
                photo.missing -= 1
                if photo.missing == 0:
                    done.append(photo)
        for photo in done:
            embeddings = [e for e in photo.embeddings if e is not None]
            extracted = photo.extracted
            faces = tuple(zip(extracted.detections, embeddings, extracted.qualities, strict=True))
            self._hand_over(LookedAt(photo.file, photo.content_hash, photo.size, faces=faces))

    def _hand_over(self, result: LookedAt) -> None:
        self._results.put(result)
