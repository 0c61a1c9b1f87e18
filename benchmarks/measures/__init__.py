"""The measures, in the order in which they are made and reported."""

from __future__ import annotations

from benchmarks.bench import Measure
from benchmarks.measures import (
    accuracy,
    cold,
    detection,
    embedding,
    groups,
    indexing,
    library,
    limit,
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
    verification.MEASURE,
    accuracy.MEASURE,
)
