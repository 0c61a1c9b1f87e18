"""facesearch's embedders: what they add to their network, how fast they are by themselves."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime as ort
import PIL.Image

from facesearch.models.base import DetectorOptions, Device, Embedder
from facesearch.models.catalogue import detector_spec, embedder_spec
from facesearch.models.engines import runtime_on
from facesearch.values import Image

embedders: dict[str, Embedder] = {}
chips: dict[str, np.ndarray] = {}
bare: dict[str, tuple[ort.InferenceSession, list[dict]]] = {}


def cut_chips(model: str, photos: list[str], count: int) -> int:
    """Chips of the largest faces of photos, as a model's embedder takes them."""
    embedder = _embedder(model)
    detector = detector_spec().load(runtime_on(detector_spec().engine, Device.CPU), OPTIONS)
    found: list[np.ndarray] = []
    for path in photos:
        image = Image.of(np.array(PIL.Image.open(path).convert("RGB")))
        found += [embedder.cut(image, face.landmarks) for face in detector.detect([image])[0][:1]]
        if len(found) == count:
            break
    chips[model] = np.stack(found)
    return len(found)


def embed(model: str, batch: int, callers: int = 1) -> float:
    """Seconds to embed all chips of a model in batches, from so many threads."""
    embedder, faces = _embedder(model), chips[model]
    parts = [faces[at : at + batch] for at in range(0, len(faces), batch)]
    began = time.perf_counter()
    if callers == 1:
        for part in parts:
            embedder.embed(part)
    else:
        with ThreadPoolExecutor(callers) as pool:
            list(pool.map(embedder.embed, parts))
    return time.perf_counter() - began


def run_bare(model: str, path: str, batch: int) -> float:
    """Seconds for ONNX Runtime alone on the same faces: no chips, no scaling, no unit length.

    Threads are those that facesearch gives a network, so that only its own work differs.
    """
    if model not in bare:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        faces = chips[model][:, 0].astype(np.float32) / 255
        parts = [np.ascontiguousarray(faces[at : at + batch, ..., ::-1])
                 for at in range(0, len(faces), batch)]  # fmt: skip
        bare[model] = (session, [{name: part} for part in parts])
    session, inputs = bare[model]
    began = time.perf_counter()
    for one in inputs:
        session.run(None, one)
    return time.perf_counter() - began


def _embedder(model: str) -> Embedder:
    if model not in embedders:
        spec = embedder_spec(model)
        embedders[model] = spec.load(runtime_on(spec.engine, Device.CPU))
    return embedders[model]


OPTIONS = DetectorOptions()
