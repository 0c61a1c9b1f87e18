"""Checks of a whole library that hold at any time, whatever happened to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from facesearch.catalog.catalog import Catalog
from facesearch.values import Embedding
from facesearch.vector_cache import VectorCache
from facesearch.vectors.exact import ExactIndex


def rows(folder: Path, query: str) -> list[tuple]:
    """What a query finds in the library's database."""
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection:
        return connection.execute(query).fetchall()


def audit(folder: Path, space: str, dimension: int) -> int:
    """Check that a library is whole and its index answers as its catalog; returns its faces."""
    assert rows(folder, "PRAGMA integrity_check") == [("ok",)]
    assert rows(folder, "PRAGMA foreign_key_check") == []
    bare = "SELECT count(*) FROM faces WHERE id NOT IN (SELECT face_id FROM embeddings)"
    assert rows(folder, bare) == [(0,)], "a face without an embedding"
    lost = "SELECT count(*) FROM photos WHERE id NOT IN (SELECT photo_id FROM files)"
    assert rows(folder, lost) == [(0,)], "a photo that lies nowhere"
    faceless = (
        "SELECT count(*) FROM photos WHERE (state = 'faces') <> "
        "EXISTS (SELECT 1 FROM faces WHERE photo_id = photos.id)"
    )
    assert rows(folder, faceless) == [(0,)], "a photo whose faces are not those it should have"

    with Catalog.open(folder, create=False, read_only=False) as catalog:
        reference = ExactIndex(space, dimension)
        for batch in catalog.embeddings(space):
            reference.add(batch.ids, batch.vectors)
        cache = VectorCache(catalog, space, dimension)
        random = np.random.default_rng(5)
        for _ in range(5):
            probe = random.standard_normal(dimension)
            probe = (probe / np.linalg.norm(probe)).astype(np.float32)
            (near,), _ = cache.neighbours([Embedding(probe, space)], 2.0)
            (expected,) = reference.search_within(probe[None], 2.0)
            assert [face for face, _ in near] == expected.ids.tolist()
            assert np.allclose([d for _, d in near], expected.distances, atol=1e-6)
        return reference.count
