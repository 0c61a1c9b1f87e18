"""Finding the faces of each picture once, for several embedders.

In: a detector, and pictures that come again with each embedder. Out: the same detector, which
remembers what it found. Each embedder then sees a photo exactly as if it were alone: its chips
are cut from a decoding as sharp as it needs, which differs from one to the next.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence

from facesearch.model_loading import LoadedModels
from facesearch.models.base import Detector, DetectorOptions, Embedder
from facesearch.models.catalogue import DetectorSpec, EmbedderSpec
from facesearch.values import Detection, Image


class SharedDetections:
    """What was found, by detector and picture; about 1 kB a photo."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, bytes], tuple[Detection, ...]] = {}
        self._lock = threading.Lock()

    def around(self, detector: Detector) -> Detector:
        """The detector, asked only about pictures that it has not seen."""
        return _Remembering(detector, self)

    def of(self, detector: Detector, image: Image) -> tuple[Detection, ...]:
        """The faces of a picture."""
        key = (detector.key, _digest(image))
        with self._lock:
            known = self._found.get(key)
        if known is None:
            (known,) = detector.detect([image])
            with self._lock:
                self._found[key] = known
        return known


class _Remembering:
    def __init__(self, detector: Detector, shared: SharedDetections) -> None:
        self._detector = detector
        self._shared = shared

    @property
    def key(self) -> str:
        return self._detector.key

    @property
    def wanted_longer_px(self) -> int:
        return self._detector.wanted_longer_px

    def detect(self, images: Sequence[Image]) -> list[tuple[Detection, ...]]:
        return [self._shared.of(self._detector, image) for image in images]


class SharingModels(LoadedModels):
    """Models whose detector shares what it finds; see `LoadedModels`."""

    def __init__(
        self,
        detector: DetectorSpec,
        embedder: EmbedderSpec,
        device: str,
        options: DetectorOptions,
        shared: SharedDetections,
    ) -> None:
        super().__init__(detector, embedder, device, options)
        self._shared = shared

    def both(self) -> tuple[Detector, Embedder]:
        """The loaded models; see `LoadedModels.both`."""
        detector, embedder = super().both()
        return self._shared.around(detector), embedder


def _digest(image: Image) -> bytes:
    size = f"{image.full_size.width}x{image.full_size.height}".encode()
    return hashlib.blake2b(image.pixels.tobytes(), digest_size=16, key=size).digest()
