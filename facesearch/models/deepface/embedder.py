"""An embedder around a network that is a function.

In: the chips of aligned faces, uint8 RGB. Out: embeddings of unit length. `OnnxEmbedder`
does the same for ONNX files; this one serves the engines that deepface runs its models on.
"""

from __future__ import annotations

import numpy as np

from facesearch.errors import ModelError
from facesearch.models.align import ChipTemplate
from facesearch.models.deepface.networks import Run
from facesearch.models.onnx_embedder import unit_rows
from facesearch.models.preprocessing import Preprocessing
from facesearch.values import ByteArray, FloatArray, Image, Landmarks


class NetworkEmbedder:
    """A network that turns a chip into a vector. As safe for threads as its network.

    Args:
        run: from what `preprocessing` makes of chips to one vector each.
        name: what users call it, for messages.
        preprocessing: what the network is fed.
        template: where a face lies in the chips; as large as `preprocessing.side_px`.
        space: name of what the embeddings are in.
        dimension: length of an embedding.
    """

    views = 1

    def __init__(
        self,
        run: Run,
        *,
        name: str,
        preprocessing: Preprocessing,
        template: ChipTemplate,
        space: str,
        dimension: int,
    ) -> None:
        self._run = run
        self._name = name
        self._fed = preprocessing
        self.template = template
        self.space = space
        self.dimension = dimension

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
            ModelError: chips of another shape, or vectors without a direction: not finite,
                of length 0, or of another dimension.
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
        found = self._run(self._fed.apply(chips[:, 0]))
        if found.shape != (len(chips), self.dimension):
            raise ModelError(
                self._name,
                f"{self._name} should give {self.dimension} numbers for each of {len(chips)} "
                f"faces, and gives {found.shape}",
            )
        return unit_rows(self._name, found)
