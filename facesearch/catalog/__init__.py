"""The catalog: what is known about photos, faces, people and decisions, in SQLite.

In and out: values of `facesearch.values` and of `facesearch.catalog.records`.
"""

from facesearch.catalog.catalog import Catalog
from facesearch.catalog.records import (
    BareFace,
    BarePhoto,
    Changes,
    Counts,
    DecisionKind,
    DecisionOrigin,
    EmbeddedFace,
    EmbeddingBatch,
    FileStamp,
    KnownFile,
    LabelledVectors,
    PhotoRecord,
    PhotoResult,
    PoorReference,
    SpaceInfo,
    Stored,
)

__all__ = [
    "BareFace",
    "BarePhoto",
    "Catalog",
    "Changes",
    "Counts",
    "DecisionKind",
    "DecisionOrigin",
    "EmbeddedFace",
    "EmbeddingBatch",
    "FileStamp",
    "KnownFile",
    "LabelledVectors",
    "PhotoRecord",
    "PhotoResult",
    "PoorReference",
    "SpaceInfo",
    "Stored",
]
