"""The measures, in the order in which they are made and reported."""

from __future__ import annotations

from benchmarks.bench import Measure
from benchmarks.measures import (
    accuracy,
    cold,
    detection,
    dlib_model,
    embedding,
    groups,
    indexing,
    library,
    limit,
    models,
    reindex,
    verification,
)

MEASURES: tuple[Measure, ...] = (
    embedding.MEASURE,
    detection.MEASURE,
    groups.MEASURE,
    indexing.SMALL,
    indexing.LARGE,
    limit.MEASURE,
    library.MEASURE,
    cold.MEASURE,
    models.MEASURE,
    reindex.MEASURE,
    verification.MEASURE,
    dlib_model.MEASURE,
    accuracy.MEASURE,
)
