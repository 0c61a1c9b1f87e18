"""Layers that Keras lacks, and what every network starts with.

Loads TensorFlow; import it inside functions.
"""

from __future__ import annotations

from typing import Any

from facesearch.models.keras_local import locally_connected
from facesearch.models.tensorflow import started_tensorflow

tf = started_tensorflow()
import tf_keras  # noqa: E402  (after TensorFlow has been set up)


def chips_input(chip_px: int, image_size: int) -> tuple[Any, Any]:
    """A network's input, and the same at the size the network sees.

    Returns:
        Two tensors: chips, uint8 (n, chip_px, chip_px, 3) RGB, and values of 0..255,
        (n, image_size, image_size, 3). Chips of that size pass unchanged; others are
        resized bilinearly, without smoothing, so make the chips at the size of the network.
    """
    chips = tf_keras.Input((chip_px, chip_px, 3), dtype="uint8", name="chips")
    if chip_px == image_size:
        return chips, chips
    return chips, tf_keras.layers.Resizing(image_size, image_size, name="resized")(chips)


@tf_keras.saving.register_keras_serializable(package="facesearch")
class LocallyConnected(tf_keras.layers.LocallyConnected2D):  # type: ignore[misc]
    """Keras's LocallyConnected2D, computed by one product of matrices at each place.

    The same weights, and the same results. docs/decisions/locally-connected.md has what
    Keras's own ways of computing it take, and why patches are not taken by TensorFlow's own
    operation. Valid padding and channels last, as in LocallyConnected2D by default.
    """

    def call(self, inputs: Any) -> Any:
        """From (n, height, width, channels) to (n, new height, new width, filters)."""
        return locally_connected(self, inputs)


@tf_keras.saving.register_keras_serializable(package="facesearch")
class FeatureScale(tf_keras.layers.Layer):  # type: ignore[misc]
    """Divides each feature by the largest value it had on the training photos.

    Until `set_largest` is called it divides by 1.

    Args:
        smallest: what is divided by at least, so that features that were always nearly 0 are
            not blown up.
    """

    def __init__(self, smallest: float, **others: Any) -> None:
        super().__init__(**others)
        self._smallest = smallest

    def build(self, input_shape: Any) -> None:
        """Make the one weight: the largest values, shape (features,)."""
        self.largest = self.add_weight(
            "largest", (input_shape[-1],), initializer="ones", trainable=False
        )
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """From (n, features) to the same shape."""
        return inputs / tf.maximum(tf.cast(self.largest, inputs.dtype), self._smallest)

    def set_largest(self, largest: Any) -> None:
        """Set what is divided by: shape (features,)."""
        self.largest.assign(largest)

    def get_config(self) -> dict[str, Any]:
        """What it is made of again."""
        return {**super().get_config(), "smallest": self._smallest}
