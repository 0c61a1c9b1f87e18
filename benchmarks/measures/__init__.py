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
    own_deepface,
    own_input,
    own_people,
    own_strangers,
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
    own_people.MEASURE,
    own_strangers.MEASURE,
    own_deepface.MEASURE,
    own_input.MEASURE,
)
