"""An embedder from an ONNX file.

In: the chips of aligned faces, uint8 RGB. Out: embeddings of unit length. What the network
is fed is a `Preprocessing`, where the face lies in the chip a `ChipTemplate`.
"""

from __future__ import annotations

import numpy as np

from facesearch.errors import ModelError
from facesearch.models.align import ChipTemplate
from facesearch.models.onnx import Runtime
from facesearch.models.preprocessing import Preprocessing
from facesearch.values import ByteArray, FloatArray, Image, Landmarks


class OnnxEmbedder:
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

    views = 1

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
        if template.size_px != preprocessing.side_px:
            raise ModelError(
                name,
                f"{name} takes chips of {preprocessing.side_px} px, and the template "
                f"{template.name} cuts chips of {template.size_px} px",
            )
        self._name = name
        self._network = runtime.load(name, model)
        self._fed = preprocessing
        self._outputs = None if output is None else (output,)
        self.template = template
        self.space = space
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

    def cut(self, image: Image, landmarks: Landmarks) -> ByteArray:
        """The chip of one face: uint8 RGB, shape (1, side, side, 3).

        Args:
            image: the photo, perhaps at reduced scale.
            landmarks: in pixels of the full-size photo.
        """
        return self.template.cut(image, landmarks)[None]

    def embed(self, chips: ByteArray) -> FloatArray:
        """Embeddings of faces.

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
        vectors = self.describe(chips[:, 0])
        if vectors.shape[1] != self.dimension:
            raise ModelError(
                self._name,
                f"{self._name} gives {vectors.shape[1]} numbers a face, not {self.dimension} as "
                "when it was added: add it again",
            )
        return unit_rows(self._name, vectors)

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


def unit_rows(name: str, vectors: FloatArray) -> FloatArray:
    """Vectors at length 1: float32 (n, d).

    Args:
        name: of the model that gave them, for messages.

    Raises:
        ModelError: a row is not finite, or of length 0.
    """
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    bad = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if bad.size:
        what = "zeros" if lengths[bad[0], 0] == 0 else "numbers that are not finite"
        raise ModelError(
            name,
            f"{name} gives {what} for {bad.size} of {len(vectors)} faces: it may expect other "
            "pixels than it is given (mean, scale, float16), or its file is damaged",
        )
    return np.asarray(vectors / lengths, np.float32)
