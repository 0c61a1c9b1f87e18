"""Embeddings of faces, some of which an embedder says nothing of."""

from __future__ import annotations

import numpy as np
import pytest
from toys import ToyEmbedder

from facesearch.errors import ModelError
from facesearch.models.chip_embedder import unit_rows
from facesearch.models.embedding import embed_faces


class Numbers(ToyEmbedder):
    """Says of a chip the number in its first pixel; of 0, nothing; of 255, nonsense."""

    def embed(self, chips: np.ndarray) -> np.ndarray:
        self.batches.append(len(chips))
        said = chips[:, 0, 0, 0, :2].astype(np.float32)
        return unit_rows("numbers", np.where(said == 255, np.nan, said))


def chips(*numbers: int) -> np.ndarray:
    made = np.zeros((len(numbers), 1, 8, 8, 3), np.uint8)
    made[..., 0] = np.reshape(numbers, (-1, 1, 1, 1))
    return made


def test_the_others_get_their_embeddings():
    embedder = Numbers()
    found = embed_faces(chips(0, 3, 0, 4), embedder)
    assert [one is None for one in found] == [True, False, True, False]
    np.testing.assert_array_equal(found[3].vector, [1, 0])
    assert found[3].space == embedder.space
    assert embedder.batches == [4, 2]


def test_of_none_at_all_is_no_error():
    assert embed_faces(chips(0, 0), Numbers()) == (None, None)


def test_all_are_embedded_at_once_where_nothing_is_wrong():
    embedder = Numbers()
    assert None not in embed_faces(chips(1, 2), embedder)
    assert embedder.batches == [2]


def test_numbers_that_are_not_finite_are_an_error_of_the_model():
    with pytest.raises(ModelError, match="not finite for 1 of 2 faces"):
        embed_faces(chips(0, 255), Numbers())
