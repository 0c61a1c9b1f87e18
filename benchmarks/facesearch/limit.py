"""The pipeline, and what it cannot be faster than: its decoding alone, its networks alone.

One indexing run is recorded: every photo that was decoded (and at which scale), and
every input of every network. Both are then replayed with nothing else going on.
"""

import contextlib
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import onnxruntime

from facesearch import FaceLibrary
from facesearch.photos.decode import DecodeLimits, open_photo
from facesearch.photos.jpeg import JpegPhoto

Job = Callable[[], object]

decodes: dict[int, tuple[JpegPhoto, list[int | None]]] = {}
network_runs: list[tuple[Any, Any, dict[str, np.ndarray]]] = []


def index(folder: str, warm: str) -> dict:
    """Index a folder into a new library of this process, after a folder that warms it up."""
    return _index(folder, warm, contextlib.nullcontext())


def record(folder: str, warm: str) -> dict:
    """Index a folder, and keep what was decoded and what the networks were given."""
    decodes.clear()
    network_runs.clear()
    _index(folder, warm, _recording())
    return {"photos_decoded": len(decodes), "network_runs": len(network_runs)}


def _index(folder: str, warm: str, surroundings: AbstractContextManager[None]) -> dict:
    with tempfile.TemporaryDirectory() as home, FaceLibrary.open(home) as library:
        library.index([warm])
        with surroundings:
            began = time.perf_counter()
            report = library.index([folder])
            seconds = time.perf_counter() - began
    if report.failed:
        raise RuntimeError(f"{report.failed} photos could not be read")
    return {"seconds": seconds, "photos": report.new}


def decode_alone(threads: int) -> float:
    """Seconds for decoding the recorded photos again, from bytes in memory."""
    limits = DecodeLimits()

    def job(photo: JpegPhoto, scales: list[int | None]) -> Job:
        def decode() -> None:
            opened = open_photo(photo.data, photo.name, limits)
            for min_longer_px in scales:
                opened.decode(min_longer_px=min_longer_px)

        return decode

    return _timed([job(*recorded) for recorded in decodes.values()], threads)


def networks_alone(threads: int) -> float:
    """Seconds for running the recorded inputs through the networks again."""

    def job(session: Any, outputs: Any, inputs: dict[str, np.ndarray]) -> Job:
        return lambda: session.run(outputs, inputs)

    return _timed([job(*recorded) for recorded in network_runs], threads)


@contextmanager
def _recording() -> Iterator[None]:
    """Keep the arguments of every decode and every network run, from whatever thread."""
    decode, run = JpegPhoto.decode, onnxruntime.InferenceSession.run
    lock = threading.Lock()

    def recorded_decode(self: JpegPhoto, *, min_longer_px: int | None = None) -> Any:
        with lock:
            decodes.setdefault(id(self), (self, []))[1].append(min_longer_px)
        return decode(self, min_longer_px=min_longer_px)

    def recorded_run(self: Any, outputs: Any, inputs: dict, *rest: Any) -> Any:
        copies = {name: np.array(value) for name, value in inputs.items()}
        with lock:
            network_runs.append((self, outputs, copies))
        return run(self, outputs, inputs, *rest)

    JpegPhoto.decode, onnxruntime.InferenceSession.run = recorded_decode, recorded_run
    try:
        yield
    finally:
        JpegPhoto.decode, onnxruntime.InferenceSession.run = decode, run


def _timed(jobs: Sequence[Job], threads: int) -> float:
    """Seconds until all jobs are done, each taken in order by the next free thread."""
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    errors: list[Exception] = []

    def work() -> None:
        try:
            while True:
                waiting.get_nowait()()
        except queue.Empty:
            return
        except Exception as error:  # noqa: BLE001 - it is raised again below
            errors.append(error)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - began
    if errors:
        raise errors[0]
    return seconds
