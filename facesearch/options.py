"""Where a library lies and how it looks at photos.

In: nothing but the environment. Out: the default folder, and the option record that
`FaceLibrary.open` takes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from facesearch.models.base import DetectorOptions
from facesearch.models.catalogue import DEFAULT_DETECTOR
from facesearch.photos.decode import DecodeLimits

LIBRARY_VARIABLE = "FACESEARCH_LIBRARY"


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryOptions:
    """How a library looks at photos.

    Attributes:
        device: what networks run on: "auto", "cpu", "cuda", ...; see `models.onnx.Device`.
        detector: name in the catalogue of models.
        embedder: name in the catalogue of models; None for the one that the library's
            faces were looked at with, and in a library without faces the default.
        detector_options: smallest face and thresholds. Photos looked at with other
            ones are looked at again by the next `index`.
        limits: what is refused.
    """

    device: str = "auto"
    detector: str = DEFAULT_DETECTOR
    embedder: str | None = None
    detector_options: DetectorOptions = field(default_factory=DetectorOptions)
    limits: DecodeLimits = field(default_factory=DecodeLimits)


def default_folder() -> Path:
    """$FACESEARCH_LIBRARY, else "library.faces" in the platform's data folder."""
    chosen = os.environ.get(LIBRARY_VARIABLE)
    if chosen:
        return Path(chosen)
    from platformdirs import user_data_path

    return user_data_path("facesearch", appauthor=False) / "library.faces"
