"""Where a library lies and how it looks at photos.

In: nothing but the environment. Out: the default folder, and the option record that
`FaceLibrary.open` takes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from facesearch.errors import InvalidValue
from facesearch.models.base import DetectorOptions, Engine
from facesearch.photos.decode import DecodeLimits

LIBRARY_VARIABLE = "FACESEARCH_LIBRARY"


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryOptions:
    """How a library looks at photos.

    Attributes:
        device: what networks run on: "auto", "cpu", "cuda", ...; see `models.onnx.Device`.
        detector: name in the catalogue of models; None for the one that the library was
            last indexed with, and in a new library the default. Another one lets the next
            `index` look at all photos again.
        embedder: name in the catalogue of models; None for the one that the library works
            with, whatever that is at the time, and in a library without faces the default.
            Another one may only ask, and only where its space holds faces.
        engine: what runs the embedder, and the detector where it can: "auto", "onnx", ...;
            see `models.base.Engine`.
        detector_options: smallest face and thresholds. Photos looked at with other
            ones are looked at again by the next `index`.
        limits: what is refused.
    """

    device: str = "auto"
    detector: str | None = None
    embedder: str | None = None
    engine: str = Engine.AUTO.value
    detector_options: DetectorOptions = field(default_factory=DetectorOptions)
    limits: DecodeLimits = field(default_factory=DecodeLimits)

    def __post_init__(self) -> None:
        engine_named(self.engine)


def engine_named(name: str) -> Engine:
    """The engine of that name.

    Raises:
        InvalidValue: there is none.
    """
    try:
        return Engine(name)
    except ValueError as error:
        raise InvalidValue(
            f"there is no engine {name!r}; choose from {', '.join(Engine)}"
        ) from error


def default_folder() -> Path:
    """$FACESEARCH_LIBRARY, else "library.faces" in the platform's data folder."""
    chosen = os.environ.get(LIBRARY_VARIABLE)
    if chosen:
        return Path(chosen)
    from platformdirs import user_data_path

    return user_data_path("facesearch", appauthor=False) / "library.faces"
