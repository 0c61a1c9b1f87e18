"""What a siamese network is trained to make small.

In: embeddings of pairs of chips, and who is on them. Out: distances and losses, as operations of
TensorFlow, which is loaded when one of these functions is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from facesearch.errors import InvalidValue
from facesearch.models.tensorflow import started_tensorflow

PeopleLoss: TypeAlias = Callable[[Any, Any], Any]
"""A Keras loss, from the people on the chips of pairs, integers of shape (n, 2), and the
embeddings of these chips, float32 of shape (n, 2, d)."""


def euclidean_distance(left: Any, right: Any, epsilon: float) -> Any:
    """How far the embeddings of each pair are apart.

    The slope of a square root is infinite at 0, where the embeddings of a pair are the same:
    its gradient would be NaN, and all weights with it. So no sum below epsilon is rooted.

    Args:
        left, right: tensors of shape (..., d).
        epsilon: smallest sum of squares; 0 for the plain distance.

    Returns:
        A tensor of shape (...), at least the square root of epsilon.
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


def drawn_pairs_loss(margin: float, epsilon: float) -> PeopleLoss:
    """The contrastive loss of the pairs as they were drawn.

    Args:
        margin: as in `contrastive_loss`.
        epsilon: as in `euclidean_distance`.

    Returns:
        A loss that gives one number for each pair, shape (n,).

    Raises:
        InvalidValue: the margin is not above 0.
    """
    tf = started_tensorflow()
    of_pairs = contrastive_loss(margin)

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def drawn_pairs(people: Any, embeddings: Any) -> Any:
        found = _in_pairs(people, embeddings)
        different = tf.not_equal(people[:, 0], people[:, 1])
        return of_pairs(different, euclidean_distance(found[:, 0], found[:, 1], epsilon))

    drawn: PeopleLoss = drawn_pairs
    return drawn


def batch_pairs_loss(margin: float, epsilon: float) -> PeopleLoss:
    """The contrastive loss of all pairs that can be made of the chips in a batch.

    A batch of n pairs has 2 n chips, and these make n (2 n - 1) pairs: one pass through the
    network teaches by all of them (Oh Song et al., "Deep metric learning via lifted structured
    feature embedding", 2016). Pairs of two people outnumber the others, and nearly all are soon
    farther apart than the margin, so both kinds count by half, and of two people only those
    within the margin (as Hermans et al., "In defense of the triplet loss", 2017, leave out
    what is 0 already).

    Args:
        margin: as in `contrastive_loss`.
        epsilon: as in `euclidean_distance`.

    Returns:
        A loss that gives one number for the batch, shape ().

    Raises:
        InvalidValue: the margin is not above 0.
    """
    tf = started_tensorflow()
    of_pairs = contrastive_loss(margin)

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def batch_pairs(people: Any, embeddings: Any) -> Any:
        found = _in_pairs(people, embeddings)
        chips = tf.reshape(found, (-1, found.shape[-1]))
        person = tf.reshape(people, (-1,))
        different = tf.not_equal(person[:, None], person[None])
        # A chip makes no pair with itself.
        same = tf.logical_and(~different, ~tf.eye(tf.size(person), dtype=tf.bool))
        losses = of_pairs(different, euclidean_distance(chips[:, None], chips[None], epsilon))
        losses = tf.reshape(losses, tf.shape(different))
        taught = tf.logical_and(different, losses > 0)
        return 0.5 * (_mean_where(same, losses) + _mean_where(taught, losses))

    def _mean_where(chosen: Any, losses: Any) -> Any:
        counted = tf.cast(chosen, losses.dtype)
        return tf.math.divide_no_nan(tf.reduce_sum(losses * counted), tf.reduce_sum(counted))

    batch: PeopleLoss = batch_pairs
    return batch


def _in_pairs(people: Any, embeddings: Any) -> Any:
    """Embeddings as (n, 2, d): Keras squeezes them where d is 1."""
    tf = started_tensorflow()
    found = tf.cast(embeddings, tf.float32)
    dimension = 1 if found.shape.rank == 2 else found.shape[-1]
    return tf.reshape(found, (tf.shape(people)[0], 2, dimension))
