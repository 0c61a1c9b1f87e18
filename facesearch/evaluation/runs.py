"""What every evaluation of a folder shares: its options, its embeddings, its description.

In: paths and options. Out: embedded photos and `RunInfo`.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import facesearch
from facesearch.errors import InvalidValue
from facesearch.evaluation.cache import EmbeddingCache
from facesearch.evaluation.discard import error_versus_discard
from facesearch.evaluation.embedding import (
    NO_FACE,
    EmbeddedPhotos,
    FaceSelection,
    OnProgress,
    embed_photos,
)
from facesearch.evaluation.labelled import Labelled
from facesearch.evaluation.measured import DiscardResult, PhotoPair, VerificationResult
from facesearch.evaluation.results import EvaluationProgress, RunInfo, Stage
from facesearch.evaluation.verification import (
    BOOTSTRAP_SAMPLES,
    MAX_PHOTOS_PER_PERSON,
    WORST_PAIRS,
    compared,
)
from facesearch.model_loading import LoadedModels
from facesearch.models.base import DetectorOptions
from facesearch.models.catalogue import DEFAULT_DETECTOR, DEFAULT_EMBEDDER
from facesearch.options import engine_named
from facesearch.photos.decode import DecodeLimits

FIXED_RATES = (1e-3, 1e-2, 1e-1)
"""False match rates for what is measured at one threshold; the first that can be seen is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationOptions:
    """How an evaluation works.

    Attributes:
        device: what networks run on: "auto", "cpu", "cuda", ...; see `models.base.Device`.
        engine: what runs the embedder: "auto", "onnx", "tensorflow", ...; see
            `models.base.Engine`.
        detector, embedder: names in the catalogue of models.
        detector_options: what counts as a face.
        limits: what is refused as too large.
        workers: threads that look at photos; None for one per CPU.
        face: which face of a photo counts where it shows several.
        max_photos_per_person: photos of one person that take part in comparing all pairs; more
            are left out at random, so that nobody dominates.
        seed: of all random choices: one seed, one result.
        bootstrap_samples: resamplings of the people behind each interval.
        open_set_splits: splits of the people into gallery and unknowns.
        worst_pairs: false matches and false non-matches that are named.
        keep_embeddings: remember what photos showed for the next evaluation.
        cache_folder: where; None for facesearch's cache folder.

    Raises:
        InvalidValue: a number out of range.
    """

    device: str = "auto"
    engine: str = "auto"
    detector: str = DEFAULT_DETECTOR
    embedder: str = DEFAULT_EMBEDDER
    detector_options: DetectorOptions = field(default_factory=DetectorOptions)
    limits: DecodeLimits = field(default_factory=DecodeLimits)
    workers: int | None = None
    face: FaceSelection = FaceSelection.CENTRAL
    max_photos_per_person: int = MAX_PHOTOS_PER_PERSON
    seed: int = 0
    bootstrap_samples: int = BOOTSTRAP_SAMPLES
    open_set_splits: int = 5
    worst_pairs: int = WORST_PAIRS
    keep_embeddings: bool = True
    cache_folder: Path | None = None

    def __post_init__(self) -> None:
        least = {
            "max_photos_per_person": 2,
            "seed": 0,
            "bootstrap_samples": 1,
            "open_set_splits": 1,
            "worst_pairs": 0,
        }
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                raise InvalidValue(f"{name} is at least {lowest}, not {getattr(self, name)}")
        if self.workers is not None and self.workers < 1:
            raise InvalidValue(f"workers is at least 1, not {self.workers}")
        engine_named(self.engine)


class Run:
    """One evaluation: embeds, compares, and says how it was done."""

    def __init__(self, options: EvaluationOptions, on_progress: OnProgress | None) -> None:
        self.options = options
        self._on_progress = on_progress
        self._began = time.monotonic()

    def embed(self, paths: Sequence[str], models: LoadedModels | None = None) -> EmbeddedPhotos:
        """Embed photos, with the cache where it is wanted.

        Args:
            paths: of the photos.
            models: those of the options, loaded before; None to load them.
        """
        options = self.options

        def embedded(cache: EmbeddingCache | None) -> EmbeddedPhotos:
            return embed_photos(
                paths,
                detector=options.detector,
                embedder=options.embedder,
                detector_options=options.detector_options,
                limits=options.limits,
                device=options.device,
                engine=options.engine,
                workers=options.workers,
                face=options.face,
                cache=cache,
                models=models,
                on_progress=self._on_progress,
            )

        if not options.keep_embeddings:
            return embedded(None)
        with EmbeddingCache(options.cache_folder) as cache:
            return embedded(cache)

    def compare(self, parts: Sequence[Labelled], photos: EmbeddedPhotos) -> VerificationResult:
        """Compare all pairs within each part, with boxes beside the worst ones."""
        result = compared(
            parts,
            space=photos.space,
            seed=self.options.seed,
            bootstrap_samples=self.options.bootstrap_samples,
            worst_pairs=self.options.worst_pairs,
            on_rows=self._on_rows(),
        )
        return dataclasses.replace(
            result,
            worst_false_matches=boxed(result.worst_false_matches, photos),
            worst_false_non_matches=boxed(result.worst_false_non_matches, photos),
        )

    def _on_rows(self) -> Callable[[int, int], None] | None:
        tell = self._on_progress
        if tell is None:
            return None
        began = time.monotonic()
        return lambda done, total: tell(
            EvaluationProgress(Stage.COMPARE, done, total, time.monotonic() - began)
        )

    def info(
        self,
        data: str,
        folder: str,
        photos: EmbeddedPhotos,
        people: int,
        warnings: Sequence[str],
        *,
        cross_validated: bool = False,
    ) -> RunInfo:
        """How the figures came about; call it last."""
        options = self.options
        no_face = sum(failure.reason == NO_FACE for failure in photos.failures)
        return RunInfo(
            facesearch=facesearch.__version__,
            data=data,
            folder=folder,
            detector=options.detector,
            embedder=options.embedder,
            detector_key=photos.detector_key,
            space=photos.space,
            cross_validated=cross_validated,
            device=photos.device,
            face=options.face.value,
            max_photos_per_person=options.max_photos_per_person,
            seed=options.seed,
            bootstrap_samples=options.bootstrap_samples,
            photos=len(photos.paths),
            people=people,
            photos_with_several_faces=sum(count > 1 for count in photos.faces),
            no_face=no_face,
            unreadable=len(photos.failures) - no_face,
            failures=photos.failures,
            from_cache=photos.from_cache,
            embed_seconds=photos.seconds,
            seconds=time.monotonic() - self._began,
            warnings=(*warnings, *photos.warnings),
        )


def fixed_threshold(result: VerificationResult) -> tuple[float, float] | None:
    """A false match rate that can be seen on these photos, and its threshold."""
    for rate in FIXED_RATES:
        point = result.at(rate)
        if point.threshold is not None:
            return rate, point.threshold
    return None


def discarded(data: Labelled, photos: EmbeddedPhotos, threshold: float) -> DiscardResult | None:
    """Error against discarded photos; None where no photo of a pair has a quality."""
    value = [np.nan if quality is None else quality.value for quality in photos.qualities]
    quality = np.array(value, np.float64)[data.rows]
    try:
        return error_versus_discard(data.genuine_pairs(), quality, threshold=threshold)
    except InvalidValue:
        return None


def boxed(pairs: Sequence[PhotoPair], photos: EmbeddedPhotos) -> tuple[PhotoPair, ...]:
    """Pairs with the boxes of their faces."""
    boxes = {
        path: (found.box.x, found.box.y, found.box.width, found.box.height)
        for path, found in zip(photos.paths, photos.detections, strict=True)
        if found is not None
    }
    return tuple(
        dataclasses.replace(
            pair, first_box=boxes.get(pair.first), second_box=boxes.get(pair.second)
        )
        for pair in pairs
    )
