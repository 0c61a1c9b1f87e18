"""Loading the models once, when first needed, from whichever thread needs them.

In: specs, a wanted device, detector options. Out: the loaded detector and embedder.
"""

from __future__ import annotations

import threading

from facesearch.errors import FaceSearchError
from facesearch.models.base import Detector, DetectorOptions, Embedder, Engine, EngineRuntime
from facesearch.models.catalogue import DetectorSpec, EmbedderSpec
from facesearch.models.cpus import available_cpus
from facesearch.models.requirements import check_all


class LoadedModels:
    """A detector and an embedder on one device.

    Args:
        detector, embedder: which ones.
        device: name of the wanted device.
        options: for the detector.
    """

    def __init__(
        self,
        detector: DetectorSpec,
        embedder: EmbedderSpec,
        device: str,
        options: DetectorOptions,
    ) -> None:
        self._detector = detector
        self._embedder = embedder
        self._device = device
        self._options = options
        self._lock = threading.Lock()
        self._runtimes: dict[Engine, EngineRuntime] = {}
        self._loaded: tuple[Detector, Embedder] | None = None
        self._loaded_embedder: Embedder | None = None

    @property
    def device(self) -> str:
        """The device that embeds, such as "cpu"."""
        return self._on(self._embedder.engine).device.value

    @property
    def embed_batch(self) -> int:
        """Chips per call that suit the device."""
        return self._on(self._embedder.engine).embed_batch

    @property
    def cpus(self) -> int:
        """CPUs this process may use."""
        return available_cpus()

    def both(self) -> tuple[Detector, Embedder]:
        """The loaded models.

        Raises:
            ModelError: weights are missing or damaged, or the device is not there.
        """
        if self._loaded is not None:
            return self._loaded
        for spec in (self._detector, self._embedder):
            _check_may_run(spec)
        detects, embeds = self._on(self._detector.engine), self._on(self._embedder.engine)
        with self._lock:
            if self._loaded is None:
                detector = self._detector.load(detects, self._options)
                self._loaded = detector, self._embedder_on(embeds)
            return self._loaded

    def embedder(self) -> Embedder:
        """The loaded embedder alone, for faces that were found already.

        Raises:
            ModelError: as `both` does.
        """
        if self._loaded_embedder is not None:
            return self._loaded_embedder
        _check_may_run(self._embedder)
        embeds = self._on(self._embedder.engine)
        with self._lock:
            return self._embedder_on(embeds)

    def start_loading(self) -> None:
        """Load in the background, so that whoever asks next waits less. Errors come then.

        The interpreter waits for the thread before it ends: one that were cut off inside
        ONNX Runtime would abort the process.
        """
        if self._loaded is None:
            threading.Thread(target=self._try, name="facesearch-load").start()

    def _try(self) -> None:
        try:
            self.both()
        except FaceSearchError:
            return  # `both` raises the same to whoever needs the models

    def _embedder_on(self, runtime: EngineRuntime) -> Embedder:
        if self._loaded_embedder is None:
            self._loaded_embedder = self._embedder.load(runtime)
        return self._loaded_embedder

    def _on(self, engine: Engine) -> EngineRuntime:
        from facesearch.models.engines import device_named, runtime_on

        with self._lock:
            if engine not in self._runtimes:
                self._runtimes[engine] = runtime_on(engine, device_named(self._device))
            return self._runtimes[engine]


def _check_may_run(spec: DetectorSpec | EmbedderSpec) -> None:
    """Check what is plain before anything is loaded.

    Raises:
        PackageMissing: it needs packages that are not installed.
        LicenceNotAccepted: its licence wants to be agreed to, also where somebody put the
            weights there by hand.
    """
    check_all(spec.name, spec.requirements)
    if spec.non_commercial:
        from facesearch.models.downloads import check_licence

        check_licence(spec.name, spec.licence, spec.non_commercial, accept=False)
