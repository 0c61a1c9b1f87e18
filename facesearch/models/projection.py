"""A learned linear map that an embedder ends with.

In: what a network says of faces, one row each. Out: embeddings, rows of unit length. A
map is a small .npy file that ships inside this package, pinned by its SHA-256 as other
weights are; benchmarks/projection.py makes it, and says beside it from what. Since it
decides where faces lie, it is part of the name of its space.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import WeightsDamaged
from facesearch.models.weights import PackagedFile
from facesearch.values import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Stretches the regions of a space in which different people crowd.

    Attributes:
        matrix: float32, shape (d, d): the embedding of a row x is x @ matrix at length 1.
    """

    matrix: FloatArray

    def apply(self, rows: FloatArray) -> FloatArray:
        """Embeddings of rows of any length but 0: float32 (n, d), each of length 1."""
        return unit_rows(unit_rows(rows) @ self.matrix)


@dataclass(frozen=True, slots=True, eq=False)
class CrossedProjections:
    """A shipped map, and what it would have been without some of the people it was fitted to.

    For figures on these people: each set of them is judged by the map that has not seen it.

    Attributes:
        shipped: float32, shape (d, d): the map that embeddings come from.
        without: float32, shape (sets, d, d): number s was fitted to all sets but set s.
    """

    shipped: FloatArray
    without: FloatArray

    @property
    def sets(self) -> int:
        """How many sets of people there are."""
        return len(self.without)

    def as_unseen(self, embeddings: FloatArray, number: int) -> FloatArray:
        """Where embeddings would lie, had the map never seen one set of people.

        Args:
            embeddings: float32 (n, d) of length 1, by the shipped map; rows of NaN stay so.
            number: of the set, from 0.
        """
        placed = self._given(embeddings) @ self.without[number]
        return unit_rows(np.asarray(placed, dtype=np.float32))

    def undone(self, embeddings: FloatArray) -> FloatArray:
        """What the shipped map was given: float32 (n, d) of length 1; rows of NaN stay so."""
        return unit_rows(np.asarray(self._given(embeddings), dtype=np.float32))

    def _given(self, embeddings: FloatArray) -> NDArray[np.float64]:
        given = np.linalg.solve(self.shipped.T.astype(np.float64), embeddings.T.astype(np.float64))
        return np.asarray(given.T, dtype=np.float64)


def read_crossed(shipped: PackagedFile, without: PackagedFile, model: str) -> CrossedProjections:
    """A shipped map and its likes for each set of people.

    Raises:
        WeightsMissing, WeightsDamaged: a file is absent or not the pinned one.
    """
    matrices = _array(without, model)
    return CrossedProjections(read_projection(shipped, model, matrices.shape[-1]).matrix, matrices)


def read_projection(file: PackagedFile, model: str, dimension: int) -> Projection:
    """A shipped map.

    Raises:
        WeightsMissing, WeightsDamaged: the file is absent or not the pinned one.
    """
    matrix = _array(file, model)
    if matrix.shape != (dimension, dimension) or matrix.dtype != np.float32:
        raise WeightsDamaged(
            model,
            f"{file.path} holds {matrix.dtype} {matrix.shape} where "
            f"float32 ({dimension}, {dimension}) belongs",
        )
    return Projection(matrix)


def _array(file: PackagedFile, model: str) -> FloatArray:
    try:
        array: FloatArray = np.load(io.BytesIO(file.read(model)), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise WeightsDamaged(model, f"{file.path} does not hold a matrix: {error}") from error
    return array


def unit_rows(rows: FloatArray) -> FloatArray:
    """Each row divided by its length."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
