"""Index folders of photos and find out who is in them, and where else they are.

::

    from facesearch import FaceLibrary

    with FaceLibrary.open("family.faces") as library:
        library.index(["photos"])
        answer = library.query("selfie.jpg", top=5)

Importing this package loads nothing but itself: names are looked up when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from facesearch.errors import FaceSearchError
    from facesearch.indexing import IndexOptions
    from facesearch.library import FaceChoice, FaceLibrary, LibraryOptions
    from facesearch.models.base import DetectorOptions
    from facesearch.photos.decode import DecodeLimits
    from facesearch.values import (
        Box,
        Detection,
        Embedding,
        Face,
        FaceAnswer,
        FaceHit,
        Failure,
        Identity,
        IdentityMatch,
        IndexProgress,
        IndexReport,
        Landmarks,
        LibraryStatus,
        Photo,
        QueryAnswer,
    )

_HOMES = {
    "FaceSearchError": "errors",
    "IndexOptions": "indexing",
    "FaceChoice": "library",
    "FaceLibrary": "library",
    "LibraryOptions": "library",
    "DetectorOptions": "models.base",
    "DecodeLimits": "photos.decode",
    "Box": "values",
    "Detection": "values",
    "Embedding": "values",
    "Face": "values",
    "FaceAnswer": "values",
    "FaceHit": "values",
    "Failure": "values",
    "Identity": "values",
    "IdentityMatch": "values",
    "IndexProgress": "values",
    "IndexReport": "values",
    "Landmarks": "values",
    "LibraryStatus": "values",
    "Photo": "values",
    "QueryAnswer": "values",
}

__all__ = [
    "Box",
    "DecodeLimits",
    "Detection",
    "DetectorOptions",
    "Embedding",
    "Face",
    "FaceAnswer",
    "FaceChoice",
    "FaceHit",
    "FaceLibrary",
    "FaceSearchError",
    "Failure",
    "Identity",
    "IdentityMatch",
    "IndexOptions",
    "IndexProgress",
    "IndexReport",
    "Landmarks",
    "LibraryOptions",
    "LibraryStatus",
    "Photo",
    "QueryAnswer",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
