"""An embedder from an ONNX file.

In: the chips of aligned faces, uint8 RGB. Out: embeddings of unit length. What the network
is fed is a `Preprocessing`, where the face lies in the chip a `ChipTemplate`.
"""

from __future__ import annotations

import numpy as np

from facesearch.errors import ModelError
from facesearch.models.align import ChipTemplate
from facesearch.models.chip_embedder import ChipEmbedder
from facesearch.models.onnx import Runtime
from facesearch.models.preprocessing import Preprocessing
from facesearch.values import ByteArray, FloatArray


class OnnxEmbedder(ChipEmbedder):
    """A network that turns a chip into a vector. Safe to call from several threads at once.

    Args:
        runtime: device and threads the network runs with.
        model: the ONNX file's bytes.
        name: what users call it, for messages.
        preprocessing: what the network is fed.
        template: where a face lies in the chips; as large as `preprocessing.side_px`.
        space: name of what the embeddings are in.
        dimension: length of an embedding; None to take what the network gives.
        output: name of the output to take; None where the network has one.

    Raises:
        ModelError: ONNX Runtime refuses the file, or the template has another size.
    """

    def __init__(
        self,
        runtime: Runtime,
        model: bytes,
        *,
        name: str,
        preprocessing: Preprocessing,
        template: ChipTemplate,
        space: str,
        dimension: int | None,
        output: str | None = None,
    ) -> None:
        super().__init__(name=name, preprocessing=preprocessing, template=template, space=space)
        self._network = runtime.load(name, model)
        self._outputs = None if output is None else (output,)
        self.dimension = self._measured() if dimension is None else dimension

    def describe(self, chips: ByteArray) -> FloatArray:
        """What the network says, of any length.

        Args:
            chips: uint8 RGB, shape (n, side, side, 3).

        Returns:
            float32, shape (n, dimension).

        Raises:
            ModelError: the run fails, or gives something else than a vector a chip.
            InvalidValue: the chips have another shape or type.
        """
        if len(chips) == 0:
            return np.empty((0, self.dimension), np.float32)
        batch = self._network.fixed_batch
        if batch is None:
            return self._run(chips)
        parts = [chips[at : at + batch] for at in range(0, len(chips), batch)]
        missing = batch - len(parts[-1])
        parts[-1] = np.concatenate([parts[-1], np.repeat(parts[-1][-1:], missing, axis=0)])
        return np.concatenate([self._run(part) for part in parts])[: len(chips)]

    def _run(self, chips: ByteArray) -> FloatArray:
        found = self._network.run(self._fed.apply(chips), self._outputs)
        shapes = ", ".join(str(output.shape) for output in found)
        if len(found) != 1 or found[0].size == 0 or found[0].shape[:1] != (len(chips),):
            raise ModelError(
                self._name,
                f"{self._name} should give one vector for each of {len(chips)} faces, and gives "
                f"{shapes}",
            )
        return np.asarray(found[0], np.float32).reshape(len(chips), -1)

    def _measured(self) -> int:
        """How many numbers the network gives for a face."""
        side = self.template.size_px
        batch = self._network.fixed_batch or 1
        return int(self._run(np.full((batch, side, side, 3), 127, np.uint8)).shape[1])
