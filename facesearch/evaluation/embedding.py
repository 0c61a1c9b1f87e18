"""Photos in, one vector each out, seen exactly as `index` and `query` see them.

In: paths of photos, names of models. Out: `EmbeddedPhotos`, a row for each path. A photo
that cannot be read, or in which no face is found, keeps its row, without a vector: whoever
measures counts it as an error.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np

import facesearch
from facesearch.errors import UnreadableReason
from facesearch.evaluation.cache import EmbeddingCache, FoundFace, SeenPhoto
from facesearch.evaluation.labelled import Bools
from facesearch.evaluation.results import EvaluationProgress, PhotoFailure, Stage
from facesearch.model_loading import LoadedModels
from facesearch.models.base import DetectorOptions
from facesearch.models.catalogue import (
    DEFAULT_DETECTOR,
    DEFAULT_EMBEDDER,
    detector_spec,
    embedder_spec,
)
from facesearch.models.embedding import NO_EMBEDDING
from facesearch.options import engine_named
from facesearch.photos.decode import DecodeLimits
from facesearch.photos.files import printable, reason_for, words_for
from facesearch.photos.walk import FoundFile, root_path
from facesearch.pipeline import LookedAt, Pipeline
from facesearch.values import Box, Detection, FaceQuality, FloatArray, Size

OnProgress: TypeAlias = Callable[[EvaluationProgress], None]

NO_FACE = "no-face"
_STORE_PHOTOS = 64
_STORE_EVERY_S = 2.0


class FaceSelection(StrEnum):
    """Which face of a photo counts where it shows several."""

    CENTRAL = "central"
    LARGEST = "largest"


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedPhotos:
    """What was found in photos; everything has a row for each path, in the order given.

    Attributes:
        paths: absolute.
        vectors: float32 (n, d), rows of unit length; NaN where there is no face.
        found: bool (n,), False there.
        detections, qualities: of the face that counts; None where there is none.
        faces: int (n,), how many faces the photo shows.
        failures: the photos without a face, and why.
        space, detector_key: what the vectors were made with.
        device: what networks ran on.
        from_cache: photos that were known from an earlier evaluation.
        seconds: wall time.
        warnings: about the cache, sentences for the user.
    """

    paths: tuple[str, ...]
    vectors: FloatArray
    found: Bools
    detections: tuple[Detection | None, ...]
    qualities: tuple[FaceQuality | None, ...]
    faces: tuple[int, ...]
    failures: tuple[PhotoFailure, ...]
    space: str
    detector_key: str
    device: str
    from_cache: int
    seconds: float
    warnings: tuple[str, ...]


def embed_photos(
    paths: Sequence[str | os.PathLike[str]],
    *,
    detector: str = DEFAULT_DETECTOR,
    embedder: str = DEFAULT_EMBEDDER,
    detector_options: DetectorOptions | None = None,
    limits: DecodeLimits | None = None,
    device: str = "auto",
    engine: str = "auto",
    workers: int | None = None,
    face: FaceSelection = FaceSelection.CENTRAL,
    cache: EmbeddingCache | None = None,
    models: LoadedModels | None = None,
    on_progress: OnProgress | None = None,
) -> EmbeddedPhotos:
    """Find and embed the face of each photo.

    Args:
        paths: of the photos.
        detector, embedder: names in the catalogue of models.
        detector_options: what counts as a face.
        limits: what is refused as too large.
        device: what networks run on, as in `models.base.Device`.
        engine: what runs the embedder, as in `models.base.Engine`; detectors take their first
            one that is ready.
        workers: threads; None for one per CPU.
        face: which face counts where a photo shows several.
        cache: where faces are remembered from one evaluation to the next; None for nowhere.
        models: that detector and that embedder, loaded before; None to load them.
        on_progress: told how far it is.

    Raises:
        UnknownModel, ModelError: the models are unknown or cannot be loaded, or do not run on
            that engine.
    """
    began = time.monotonic()
    options = detector_options or DetectorOptions()
    specs = detector_spec(detector), embedder_spec(embedder, engine_named(engine))
    detector_key, dimension = specs[0].key(options), specs[1].dimension
    models = models or LoadedModels(*specs, device, options)
    looker = _Looker(
        models,
        limits or DecodeLimits(),
        workers,
        cache,
        f"{facesearch.__version__} {detector_key} {specs[1].space}",
        dimension,
    )
    seen = looker.look_at([root_path(path) for path in paths], on_progress)
    rows = [_row(photo, face) for photo in seen.values()]
    by_path = dict(zip(seen, rows, strict=True))
    chosen = [by_path[root_path(path)] for path in paths]
    vectors = np.full((len(chosen), dimension), np.nan, np.float32)
    for at, row in enumerate(chosen):
        if row is not None:
            vectors[at] = row.vector
    ordered = tuple(root_path(path) for path in paths)
    return EmbeddedPhotos(
        paths=ordered,
        vectors=vectors,
        found=np.array([row is not None for row in chosen], np.bool_),
        detections=tuple(None if row is None else row.detection for row in chosen),
        qualities=tuple(None if row is None else row.quality for row in chosen),
        faces=tuple(len(seen[path].faces) for path in ordered),
        failures=tuple(_failure(p, seen[p]) for p in ordered if not seen[p].faces),
        space=specs[1].space,
        detector_key=detector_key,
        device=models.device,
        from_cache=looker.from_cache,
        seconds=time.monotonic() - began,
        warnings=tuple(cache.warnings) if cache is not None else (),
    )


def _row(photo: SeenPhoto, face: FaceSelection) -> FoundFace | None:
    if not photo.faces or photo.size is None:
        return None
    if face is FaceSelection.LARGEST:
        return max(photo.faces, key=lambda found: found.detection.box.area)
    middle = photo.size
    return min(photo.faces, key=lambda found: _off_centre(found.detection.box, middle))


def _off_centre(box: Box, size: Size) -> float:
    return math.hypot(
        box.x + box.width / 2 - size.width / 2, box.y + box.height / 2 - size.height / 2
    )


def _failure(path: str, photo: SeenPhoto) -> PhotoFailure:
    if photo.reason is not None:
        return PhotoFailure(path, photo.reason, photo.detail)
    return PhotoFailure(path, NO_FACE, f"no face found in {printable(path)}")


class _Looker:
    """Looks at photos, or remembers having done so."""

    def __init__(
        self,
        models: LoadedModels,
        limits: DecodeLimits,
        workers: int | None,
        cache: EmbeddingCache | None,
        key: str,
        dimension: int,
    ) -> None:
        self._models = models
        self._limits = limits
        self._workers = workers
        self._cache = cache
        self._key = key
        self._dimension = dimension
        self._unstored: list[tuple[FoundFile, str, SeenPhoto]] = []
        self._stored_at = time.monotonic()
        self.from_cache = 0

    def look_at(self, paths: Sequence[str], on_progress: OnProgress | None) -> dict[str, SeenPhoto]:
        """What looking at each path came to, by path."""
        began = time.monotonic()
        seen: dict[str, SeenPhoto] = {}
        files = []
        for path in dict.fromkeys(paths):
            try:
                status = os.stat(path)
            except OSError as error:
                detail = f"cannot read {printable(path)}: {words_for(error)}"
                seen[path] = SeenPhoto(None, (), reason_for(error).value, detail)
                continue
            files.append(
                FoundFile(path, status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino)
            )
        total = len(files) + len(seen)
        remembered = self._remembered(files)
        seen.update(remembered)
        left = [file for file in files if file.path not in seen]

        def tell() -> None:
            if on_progress is not None:
                seconds = time.monotonic() - began
                on_progress(EvaluationProgress(Stage.EMBED, len(seen), total, seconds))

        tell()
        if left:
            known = self._cache.known(self._key) if self._cache is not None else set()
            for file, photo in self._looked_at(left, known, tell):
                seen[file.path] = photo
            tell()
        return seen

    def _remembered(self, files: Sequence[FoundFile]) -> dict[str, SeenPhoto]:
        if self._cache is None:
            return {}
        hashes = self._cache.hashes_of(files)
        photos = self._cache.photos(self._key, hashes.values(), self._dimension)
        found = {path: photos[h] for path, h in hashes.items() if h in photos}
        self.from_cache += len(found)
        return found

    def _looked_at(
        self, files: Sequence[FoundFile], known: set[str], tell: Callable[[], None]
    ) -> Iterator[tuple[FoundFile, SeenPhoto]]:
        again: list[LookedAt] = []
        pipeline = Pipeline(
            iter(files),
            models=self._models.both,
            is_known=known.__contains__,
            limits=self._limits,
            workers=self._workers or self._models.cpus,
            embed_batch=lambda: self._models.embed_batch,
        )
        with pipeline:
            try:
                for result in pipeline.results(tell):
                    if result.known:
                        again.append(result)
                        continue
                    photo = _seen(result)
                    self._remember(result, photo)
                    yield result.file, photo
            finally:
                self._store()
        yield from self._moved(again, tell)

    def _moved(
        self, results: Sequence[LookedAt], tell: Callable[[], None]
    ) -> Iterator[tuple[FoundFile, SeenPhoto]]:
        """Known content in files that were not known, such as copies."""
        if self._cache is None or not results:
            return
        hashes = {result.file.path: result.content_hash or "" for result in results}
        photos = self._cache.photos(self._key, hashes.values(), self._dimension)
        damaged = []
        for result in results:
            photo = photos.get(hashes[result.file.path])
            if photo is None:
                damaged.append(result.file)
                continue
            self.from_cache += 1
            self._remember(result, photo)
            yield result.file, photo
        self._store()
        if damaged:  # in the cache, or gone from it meanwhile
            yield from self._looked_at(damaged, set(), tell)

    def _remember(self, result: LookedAt, photo: SeenPhoto) -> None:
        is_lasting = (
            photo.reason in (None, NO_EMBEDDING) or UnreadableReason(photo.reason).is_about_content
        )
        if self._cache is None or result.content_hash is None or not is_lasting:
            return
        self._unstored.append((result.file, result.content_hash, photo))
        is_due = time.monotonic() - self._stored_at > _STORE_EVERY_S
        if len(self._unstored) >= _STORE_PHOTOS and is_due:
            self._store()

    def _store(self) -> None:
        if self._cache is not None and self._unstored:
            self._cache.store(self._key, self._unstored)
        self._unstored = []
        self._stored_at = time.monotonic()


def _seen(result: LookedAt) -> SeenPhoto:
    if result.problem is not None:
        return SeenPhoto(None, (), result.problem.reason.value, str(result.problem))
    faces = tuple(
        FoundFace(detection, embedding.vector, quality)
        for detection, embedding, quality in result.faces or ()
        if embedding is not None
    )
    if len(faces) < len(result.faces or ()):
        # Which face counts is not to depend on which ones the model says something of.
        shown = printable(result.file.path)
        return SeenPhoto(None, (), NO_EMBEDDING, f"the model says nothing of a face in {shown}")
    return SeenPhoto(result.size, faces)
