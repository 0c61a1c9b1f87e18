"""Built networks on disk, so that a cold start skips parsing weights and building graphs.

In: a key and a function that builds ONNX bytes. Out: the bytes. Building needs
`onnx` and `joblib`, whose imports alone cost 0.8 s; a cached network needs neither.
A file is its SHA-256 (32 bytes) followed by the model; a wrong digest is built anew.
The cache never matters for answers: without a writable folder the network is
built in memory each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

CACHE_VARIABLE = "FACESEARCH_CACHE"
_DIGEST_BYTES = 32


def cache_folder() -> Path:
    """$FACESEARCH_CACHE, else the platform's cache folder for facesearch."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("facesearch", appauthor=False)


def cached_network(key: str, build: Callable[[], bytes]) -> bytes:
    """The network stored under `key`, or what `build` returns, stored for the next time.

    Args:
        key: file-name safe; must change whenever the weights or the builder change.
        build: makes the ONNX bytes; its errors pass through.
    """
    path = cache_folder() / "networks" / f"{key}.onnx"
    try:
        stored = path.read_bytes()
    except OSError:
        stored = b""
    digest, model = stored[:_DIGEST_BYTES], stored[_DIGEST_BYTES:]
    if model and hashlib.sha256(model).digest() == digest:
        return model
    model = build()
    # A cache that cannot be written (read-only home, full disk) only costs time.
    with contextlib.suppress(OSError):
        _write_whole(path, hashlib.sha256(model).digest() + model)
    return model


def _write_whole(path: Path, data: bytes) -> None:
    """Write under a temporary name and rename, so that no reader meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
