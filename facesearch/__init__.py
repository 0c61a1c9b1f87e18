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
    from facesearch.library import FaceLibrary
    from facesearch.models.base import DetectorOptions
    from facesearch.models.catalogue import Accuracy
    from facesearch.options import LibraryOptions
    from facesearch.photos.decode import DecodeLimits
    from facesearch.probing import FaceChoice
    from facesearch.values import (
        Box,
        CalibrationReport,
        CalibrationStatus,
        Detection,
        Embedding,
        Face,
        FaceAnswer,
        FaceHit,
        FaceQuality,
        Failure,
        Identity,
        IdentityMatch,
        IndexProgress,
        IndexReport,
        Landmarks,
        LibraryStatus,
        MatchLimit,
        Photo,
        ProbeFace,
        QueryAnswer,
        RateChange,
        ReindexReport,
        SpaceStatus,
        Verification,
    )
    from facesearch.verifying import verify

_HOMES = {
    "FaceSearchError": "errors",
    "IndexOptions": "indexing",
    "FaceLibrary": "library",
    "DetectorOptions": "models.base",
    "Accuracy": "models.catalogue",
    "LibraryOptions": "options",
    "DecodeLimits": "photos.decode",
    "FaceChoice": "probing",
    "verify": "verifying",
    "Box": "values",
    "CalibrationReport": "values",
    "CalibrationStatus": "values",
    "Detection": "values",
    "Embedding": "values",
    "Face": "values",
    "FaceAnswer": "values",
    "FaceHit": "values",
    "FaceQuality": "values",
    "Failure": "values",
    "Identity": "values",
    "IdentityMatch": "values",
    "IndexProgress": "values",
    "IndexReport": "values",
    "Landmarks": "values",
    "LibraryStatus": "values",
    "MatchLimit": "values",
    "Photo": "values",
    "ProbeFace": "values",
    "QueryAnswer": "values",
    "RateChange": "values",
    "ReindexReport": "values",
    "SpaceStatus": "values",
    "Verification": "values",
}

__all__ = [
    "Accuracy",
    "Box",
    "CalibrationReport",
    "CalibrationStatus",
    "DecodeLimits",
    "Detection",
    "DetectorOptions",
    "Embedding",
    "Face",
    "FaceAnswer",
    "FaceChoice",
    "FaceHit",
    "FaceLibrary",
    "FaceQuality",
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
    "MatchLimit",
    "Photo",
    "ProbeFace",
    "QueryAnswer",
    "RateChange",
    "ReindexReport",
    "SpaceStatus",
    "Verification",
    "__version__",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
