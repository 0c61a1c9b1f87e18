"""What embedders have in common that look at one chip of a face.

In: chips, uint8 RGB. Out: embeddings of unit length. What a network is and what runs it is
the business of those who make one: ONNX Runtime, TensorFlow, PyTorch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from facesearch.errors import ModelError, NoEmbedding
from facesearch.models.align import ChipTemplate
from facesearch.models.preprocessing import Preprocessing
from facesearch.values import ByteArray, FloatArray, Image, Landmarks


class ChipEmbedder(ABC):
    """A network that turns a chip into a vector, around whatever runs it.

    Args:
        name: what users call it, for messages.
        preprocessing: what the network is fed.
        template: where a face lies in the chips; as large as `preprocessing.side_px`.
        space: name of what the embeddings are in.

    Attributes:
        dimension: length of an embedding; set by whoever makes one.

    Raises:
        ModelError: the template has another size.
    """

    views = 1
    dimension: int

    def __init__(
        self, *, name: str, preprocessing: Preprocessing, template: ChipTemplate, space: str
    ) -> None:
        if template.size_px != preprocessing.side_px:
            raise ModelError(
                name,
                f"{name} takes chips of {preprocessing.side_px} px, and the template "
                f"{template.name} cuts chips of {template.size_px} px",
            )
        self._name = name
        self._fed = preprocessing
        self.template = template
        self.space = space

    @abstractmethod
    def describe(self, chips: ByteArray) -> FloatArray:
        """What the network says, of any length.

        Args:
            chips: uint8 RGB, shape (n, side, side, 3), n > 0.

        Returns:
            float32, shape (n, dimension).

        Raises:
            ModelError: the run fails, for instance for lack of memory.
            InvalidValue: the chips have another shape or type.
        """

    def cut(self, image: Image, landmarks: Landmarks) -> ByteArray:
        """The chip of one face: uint8 RGB, shape (1, side, side, 3).

        Args:
            image: the photo, perhaps at reduced scale.
            landmarks: in pixels of the full-size photo.
        """
        return self.template.cut(image, landmarks)[None]

    def embed(self, chips: ByteArray) -> FloatArray:
        """Embeddings of faces; all go through the network together.

        Args:
            chips: uint8 RGB, shape (n, 1, side, side, 3), as `cut` returns them.

        Returns:
            float32, shape (n, dimension), rows of unit length.

        Raises:
            NoEmbedding: vectors of length 0, of some faces or all.
            ModelError: chips of another shape, or vectors that are not finite or of another
                dimension.
        """
        side = self.template.size_px
        if chips.ndim != 5 or chips.shape[1:] != (1, side, side, 3):
            raise ModelError(
                self._name,
                f"{self._name} takes chips of shape (n, 1, {side}, {side}, 3), not {chips.shape}: "
                "cut them with this embedder",
            )
        if len(chips) == 0:
            return np.empty((0, self.dimension), np.float32)
        vectors = self.describe(chips[:, 0])
        if vectors.shape != (len(chips), self.dimension):
            raise ModelError(
                self._name,
                f"{self._name} gives {vectors.shape[-1]} numbers a face, not {self.dimension} as "
                "is known of it: if it was added, add it again",
            )
        return unit_rows(self._name, vectors)


def unit_rows(name: str, vectors: FloatArray) -> FloatArray:
    """Vectors at length 1: float32 (n, d).

    Args:
        name: of the model that gave them, for messages.

    Raises:
        NoEmbedding: rows are of length 0, and have no direction.
        ModelError: a row is not finite.
    """
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    bad = np.flatnonzero(~np.isfinite(lengths))
    if bad.size:
        raise ModelError(
            name,
            f"{name} gives numbers that are not finite for {bad.size} of {len(vectors)} faces: it "
            "may expect other pixels than it is given (mean, scale, float16), or its file is "
            "damaged",
        )
    none = np.flatnonzero(lengths == 0)
    if none.size:
        raise NoEmbedding(name, none.tolist(), len(vectors))
    return np.asarray(vectors / lengths, np.float32)
