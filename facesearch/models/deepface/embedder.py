"""An embedder around a network that is a function.

In: the chips of aligned faces, uint8 RGB. Out: embeddings of unit length. `OnnxEmbedder`
does the same for ONNX files; this one serves the engines that deepface runs its models on.
"""

from __future__ import annotations

from facesearch.models.align import ChipTemplate
from facesearch.models.chip_embedder import ChipEmbedder
from facesearch.models.deepface.networks import Run
from facesearch.models.preprocessing import Preprocessing
from facesearch.values import ByteArray, FloatArray


class NetworkEmbedder(ChipEmbedder):
    """A network that turns a chip into a vector. As safe for threads as its network.

    Args:
        run: from what `preprocessing` makes of chips to one vector each.
        name: what users call it, for messages.
        preprocessing: what the network is fed.
        template: where a face lies in the chips; as large as `preprocessing.side_px`.
        space: name of what the embeddings are in.
        dimension: length of an embedding.
    """

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
        super().__init__(name=name, preprocessing=preprocessing, template=template, space=space)
        self._run = run
        self.dimension = dimension

    def describe(self, chips: ByteArray) -> FloatArray:
        """What the network says, of any length; see `ChipEmbedder.describe`."""
        return self._run(self._fed.apply(chips))
