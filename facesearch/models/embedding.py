"""Embeddings of faces, where an embedder may say nothing of some.

In: chips, and the embedder that cut them. Out: an embedding for each, or None.
"""

from __future__ import annotations

from facesearch.errors import NoEmbedding
from facesearch.models.base import Embedder
from facesearch.values import ByteArray, Embedding

NO_EMBEDDING = "no-embedding"
"""Why a face is left out, for lists: the embedder says nothing of it."""


def said_of(faces: int, where: str) -> str:
    """What to tell of faces without an embedding.

    Args:
        where: a photo with such a face, printable.
    """
    return (
        f"faces left out: {faces:,}, because the model says nothing of them (all its numbers are "
        f"0), such as in {where}; queries do not find them, and facesearch failures lists them"
    )


def embed_faces(chips: ByteArray, embedder: Embedder) -> tuple[Embedding | None, ...]:
    """An embedding for each face; None for those that the embedder says nothing of.

    Args:
        chips: uint8 (n, views, size, size, 3), as the embedder cut them.

    Raises:
        ModelError: the network failed.
    """
    rows = list(range(len(chips)))
    try:
        vectors = embedder.embed(chips)
    except NoEmbedding as problem:
        rows = sorted(set(rows) - set(problem.rows))
        if not rows:
            return (None,) * len(chips)
        vectors = embedder.embed(chips[rows])
    found: list[Embedding | None] = [None] * len(chips)
    for row, vector in zip(rows, vectors, strict=True):
        found[row] = Embedding(vector, embedder.space)
    return tuple(found)
