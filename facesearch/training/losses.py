"""What a siamese network is trained to make small.

In: embeddings of pairs of chips, and whether the two show one person. Out: distances and
losses, as operations of TensorFlow, which is loaded when one of these functions is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facesearch.errors import InvalidValue
from facesearch.models.tensorflow import started_tensorflow


def euclidean_distance(left: Any, right: Any, epsilon: float) -> Any:
    """How far the embeddings of each pair are apart.

    The slope of a square root is infinite at 0, where the embeddings of a pair are the same:
    its gradient would be NaN, and all weights with it. So no sum below epsilon is rooted.

    Args:
        left, right: tensors of shape (n, d).
        epsilon: smallest sum of squares; 0 for the plain distance.

    Returns:
        A tensor of shape (n,), at least the square root of epsilon.
    """
    tf = started_tensorflow()
    squares = tf.reduce_sum(tf.square(left - right), axis=-1)
    return tf.sqrt(tf.maximum(squares, epsilon))


def contrastive_loss(margin: float) -> Callable[[Any, Any], Any]:
    """The loss of Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant
    mapping" (2006), equation 4.

    Half the square of the distance for a pair of one person; half the square of what the
    distance lacks to the margin for a pair of two people.

    Args:
        margin: distance beyond which two people are far enough apart.

    Returns:
        From labels (0 for one person, 1 for two) and distances, both of shape (n,) or (n, 1),
        to the loss of each pair, of shape (n,). A Keras loss.

    Raises:
        InvalidValue: the margin is not above 0.
    """
    if not margin > 0:
        raise InvalidValue(f"the margin of a contrastive loss is above 0, not {margin}")

    tf = started_tensorflow()

    def contrastive(different: Any, distance: Any) -> Any:
        far = tf.reshape(tf.cast(distance, tf.float32), [-1])
        two = tf.reshape(tf.cast(different, tf.float32), [-1])
        lacking = tf.maximum(margin - far, 0.0)
        return 0.5 * ((1.0 - two) * tf.square(far) + two * tf.square(lacking))

    return contrastive
