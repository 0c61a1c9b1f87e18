"""Photo files in, embedded photos out, on several threads.

In: files to look at, one by one. Out: `LookedAt` results in the order they get ready. How
the threads share the work is said in `workers.py`:

    files (bounded) -> read, decode, detect, align -> chips (bounded) -> embed -> results (bounded)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from facesearch.errors import PhotoUnreadable, UnreadableReason
from facesearch.extraction import ExtractedFaces, extract_faces
from facesearch.models.base import Detector, Embedder
from facesearch.photos.decode import DecodeLimits, PhotoData, open_photo
from facesearch.photos.read import read_photo
from facesearch.photos.walk import FoundFile
from facesearch.values import Detection, Embedding, FaceQuality, Size
from facesearch.workers import RESULTS_WAITING, Budget, Cut, Workers

PIXEL_BUDGET = 384 * 2**20
"""Bytes of decoded pictures in flight at a time; one larger picture is decoded alone."""
BYTES_PER_PIXEL = 3

_NO_BYTES = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class LookedAt:
    """What looking at one file came to; exactly one of the last three is set.

    Attributes:
        file: as found by the walk.
        content_hash: of its bytes; None where they could not be read.
        size: upright full size; None where it could not be decoded.
        faces: detections with embeddings and qualities, largest first; perhaps none. A face
            that the embedder says nothing of has no embedding.
        known: the content was known already, or another file of this run has it.
        problem: why it could not be read.
    """

    file: FoundFile
    content_hash: str | None
    size: Size | None = None
    faces: tuple[tuple[Detection, Embedding | None, FaceQuality], ...] | None = None
    known: bool = False
    problem: PhotoUnreadable | None = None


class Pipeline(Workers[FoundFile, LookedAt]):
    """Looks at files on several threads. Use in a `with`; leaving it stops the threads.

    Args:
        files: what to look at; consumed from a thread of its own.
        models: called once, from a worker, when the first photo needs networks.
        is_known: told the content hash of a file, says whether there is no need to
            look at it; called from the workers.
        limits: what is refused.
        workers, embed_batch, embed_after_s: as for `Workers`.
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
        self._models = models
        self._is_known = is_known
        self._limits = limits
        self._budget = Budget(PIXEL_BUDGET)
        super().__init__(
            files,
            self._look_at,
            embedder=lambda: models()[1],
            workers=workers,
            embed_batch=embed_batch,
            embed_after_s=embed_after_s,
            tasks_ahead=files_ahead,
            results_waiting=RESULTS_WAITING,
        )

    def _look_at(self, file: FoundFile) -> Cut[LookedAt] | LookedAt:
        content_hash: str | None = None
        try:
            read = read_photo(file.path, max_bytes=self._limits.max_bytes)
            content_hash = read.content_hash
            if self._is_known(content_hash):
                return LookedAt(file, content_hash, known=True)
            photo = open_photo(read.data, file.path, self._limits)
            found = self._extract(photo)
        except PhotoUnreadable as problem:
            if problem.reason is UnreadableReason.EMPTY:
                content_hash = _NO_BYTES
            return LookedAt(file, content_hash, problem=problem)
        size = photo.size  # the photo itself, with all its bytes, does not wait for the network
        if not found.detections:
            return LookedAt(file, content_hash, size, faces=())

        def finish(embeddings: tuple[Embedding | None, ...]) -> LookedAt:
            faces = tuple(zip(found.detections, embeddings, found.qualities, strict=True))
            return LookedAt(file, content_hash, size, faces=faces)

        return Cut(found.chips, finish)

    def _extract(self, photo: PhotoData) -> ExtractedFaces:
        detector, embedder = self._models()
        taken = self._budget.take(photo.size.pixels * BYTES_PER_PIXEL)
        try:
            return extract_faces(photo, detector, embedder)
        finally:
            self._budget.give_back(taken)
