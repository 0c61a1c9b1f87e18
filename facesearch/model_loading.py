"""Loading the models once, when first needed, from whichever thread needs them.

In: specs, a wanted device, detector options. Out: the loaded detector and embedder.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from facesearch.errors import FaceSearchError, ModelError
from facesearch.models.base import Detector, DetectorOptions, Embedder
from facesearch.models.catalogue import DetectorSpec, EmbedderSpec
from facesearch.models.cpus import available_cpus

if TYPE_CHECKING:
    from facesearch.models.onnx import Runtime


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
        self._runtime: Runtime | None = None
        self._loaded: tuple[Detector, Embedder] | None = None

    @property
    def device(self) -> str:
        """The device in use, such as "cpu"."""
        return self._on().device.value

    @property
    def embed_batch(self) -> int:
        """Chips per call that suit the device."""
        return self._on().embed_batch

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
        runtime = self._on()
        with self._lock:
            if self._loaded is None:
                self._loaded = (
                    self._detector.load(runtime, self._options),
                    self._embedder.load(runtime),
                )
            return self._loaded

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

    def _on(self) -> Runtime:
        from facesearch.models.onnx import Device, Runtime

        with self._lock:
            if self._runtime is None:
                try:
                    wanted = Device(self._device)
                except ValueError as error:
                    names = ", ".join(Device)
                    raise ModelError(
                        "onnxruntime", f"there is no device {self._device!r}; choose from {names}"
                    ) from error
                self._runtime = Runtime.on(wanted)
            return self._runtime
