"""A DenseNet-121 that gives people places in a space of 32 dimensions.

In: pairs of chips, of one person or of two. Out: their embeddings, whose distance the contrastive
loss makes small for one person and at least the margin for two. One distance separates then, also
for people it was not trained on.

DenseNet-121 (Huang et al., "Densely connected convolutional networks", 2017): a stem of a 7x7
convolution and a 3x3 maximum, each halving the picture, then four dense blocks, in which each
unit sees what all units before it gave. Smaller pictures go through the same network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from facesearch.errors import InvalidValue
from facesearch.models.tensorflow import started_tensorflow
from facesearch.training.losses import batch_pairs_loss, contrastive_loss, drawn_pairs_loss
from facesearch.training.recipes.base import (
    BuiltNetwork,
    Phase,
    Recipe,
    Task,
    check_positive,
    check_share,
    check_sizes,
    sourced,
)
from facesearch.training.sampling import PairSet, balanced_pairs, semi_hard_pairs
from facesearch.training.schedules import CyclicalPolicy
from facesearch.values import FloatArray

NAME = "siamese-densenet"
_PAPER = "Huang et al., Densely connected convolutional networks (2017), table 1"
_KERAS = "tf_keras.applications.DenseNet121"
_REFERENCE = "the siamese DenseNet training that this recipe is after"
_OURS = "our choice"
_SMALLEST_PX = 32


@dataclass(frozen=True, kw_only=True)
class SiameseDensenetConfig:
    """The numbers of `siamese-densenet`; each field's metadata name their source.

    Raises:
        InvalidValue: a number that no network can be built or trained with.
    """

    image_size: int = sourced(224, f"{_PAPER}; smaller pictures train faster, 64 px at least")
    units: tuple[int, ...] = sourced((6, 12, 24, 16), _PAPER)
    growth: int = sourced(32, _PAPER)
    stem_filters: int = sourced(64, f"{_PAPER}: twice the growth")
    bottleneck: int = sourced(4, f"{_PAPER}: the 1x1 convolutions have 4 times the growth")
    compression: float = sourced(0.5, _PAPER)
    norm_epsilon: float = sourced(1.001e-5, _KERAS)
    dimension: int = sourced(32, _REFERENCE)
    unit_length: bool = sourced(
        False,
        f"{_REFERENCE} has none. With it, training sees what a search compares, cosine distance, "
        "being half the square of the distance trained; then state a margin of at most 2",
    )
    margin: float = sourced(2.0, _REFERENCE)
    distance_epsilon: float = sourced(1e-7, "Keras's epsilon, inside the square root")
    semi_hard: bool = sourced(False, f"{_REFERENCE}; an option of ours, after FaceNet (2015)")
    whole_batch: bool = sourced(
        False,
        f"{_REFERENCE}; an option of ours, after Oh Song et al. (2016): compare all chips of a "
        "batch with each other, not only those of a pair, which teaches many times as fast",
    )
    anchors_per_person: int = sourced(
        0, f"{_OURS}: 0 for every photo; a limit keeps the most photographed from outweighing all"
    )
    top_learning_rate: float = sourced(3e-4, _REFERENCE)
    base_fraction: float = sourced(1 / 3, f"{_REFERENCE}: the lowest rate is a third of it")
    base_lowered: float = sourced(0.15, f"{_REFERENCE}: after each cycle")
    beta1_high: float = sourced(0.95, _REFERENCE)
    beta1_low: float = sourced(0.85, _REFERENCE)
    beta2: float = sourced(0.99, _REFERENCE)
    step_epochs: int = sourced(2, f"{_REFERENCE}: half a cycle")
    epochs: int = sourced(20, f"{_OURS}: five cycles")
    batch_size: int = sourced(32, f"{_OURS}: pairs")

    def __post_init__(self) -> None:
        check_sizes(self, smallest_px=_SMALLEST_PX)
        check_positive(
            self,
            "growth",
            "stem_filters",
            "bottleneck",
            "compression",
            "norm_epsilon",
            "dimension",
            "margin",
            "distance_epsilon",
            "epochs",
        )
        check_share(self, "beta2")
        if not self.units or min(self.units) < 1:
            raise InvalidValue(f"units are at least one number above 0, not {self.units}")
        if self.compression > 1:
            raise InvalidValue(f"compression is at most 1, not {self.compression}")
        if self.unit_length and self.margin > 2:
            raise InvalidValue(
                f"embeddings of unit length are at most 2 apart, and the margin is {self.margin}"
            )
        if self.semi_hard and self.whole_batch:
            raise InvalidValue(
                "semi_hard chooses pairs of two people, and whole_batch compares all there are: "
                "state one of them"
            )
        if self.anchors_per_person < 0:
            raise InvalidValue(
                f"anchors_per_person is above 0, or 0 for all, not {self.anchors_per_person}"
            )
        _ = self.cycle  # which checks the rest

    @property
    def cycle(self) -> CyclicalPolicy:
        """How learning rate and beta1 go up and down."""
        return CyclicalPolicy(
            base=self.top_learning_rate * self.base_fraction,
            top=self.top_learning_rate,
            beta1_high=self.beta1_high,
            beta1_low=self.beta1_low,
            lowered=self.base_lowered,
            step_epochs=self.step_epochs,
        )


def build(config: SiameseDensenetConfig, *, classes: int, chip_px: int) -> BuiltNetwork:
    """The network, with random weights.

    Args:
        classes: of no consequence here.

    Raises:
        PackageMissing, EngineUnavailable: TensorFlow or Keras is not there.
    """
    tf = started_tensorflow()
    import tf_keras

    from facesearch.training.recipes.layers import chips_input

    layers = tf_keras.layers
    chips, pixels = chips_input(chip_px, config.image_size)
    x = layers.Rescaling(1 / 127.5, -1, name="scaled")(pixels)
    x = layers.GlobalAveragePooling2D(name="average")(_features(x, config))
    # In float32 also where the rest computes in float16: distances are differences of these.
    x = layers.Dense(config.dimension, dtype="float32", name="embedding")(x)
    if config.unit_length:
        x = layers.UnitNormalization(dtype="float32", name="unit_length")(x)
    embedding = tf_keras.Model(chips, x, name="siamese_densenet")

    pairs = tf_keras.Input((2, chip_px, chip_px, 3), dtype="uint8", name="pairs")
    # Both chips of all pairs in one batch, so that they share its statistics.
    found = embedding(tf.reshape(pairs, (-1, chip_px, chip_px, 3)))
    found = tf.reshape(found, (-1, 2, config.dimension))
    trained = tf_keras.Model(pairs, found, name="siamese_densenet_pairs")
    return BuiltNetwork(model=embedding, embedding=embedding, trained=trained)


def phases(config: SiameseDensenetConfig, *, batch: int) -> tuple[Phase, ...]:
    """One, in cycles."""
    cycle = config.cycle
    return (Phase(name="cycles", epochs=config.epochs, learning_rate=cycle.base, cycle=cycle),)


def optimizer(config: SiameseDensenetConfig, phase: Phase, *, steps_per_epoch: int) -> Any:
    """Adam whose learning rate and beta1 go in cycles."""
    from facesearch.training.recipes.optimizers import CyclicalAdam

    return CyclicalAdam(phase.cycle or config.cycle, steps_per_epoch, beta_2=config.beta2)


def loss(config: SiameseDensenetConfig, *, classes: int) -> Any:
    """The contrastive loss: of the pairs drawn, or of all that a batch makes."""
    of = batch_pairs_loss if config.whole_batch else drawn_pairs_loss
    return of(config.margin, config.distance_epsilon)


def pair_loss(config: SiameseDensenetConfig) -> Any:
    """The contrastive loss of distances, against 0 for one person and 1 for two."""
    return contrastive_loss(config.margin)


def metrics(config: SiameseDensenetConfig, *, classes: int) -> list[Any]:
    """None: which distance separates is found after an epoch, not in a batch."""
    return []


def pairs(
    config: SiameseDensenetConfig,
    labels: Sequence[int],
    *,
    seed: int,
    epoch: int,
    embeddings: FloatArray | None = None,
) -> PairSet:
    """The pairs of an epoch, as many of one person as of two.

    With `whole_batch` those of one person only: a batch has pairs of two people enough.

    Args:
        labels: the person on each chip.
        seed, epoch: the same two give the same pairs.
        embeddings: of the chips as the network gives them now, shape (n, dimension); only
            for `semi_hard`.

    Raises:
        InvalidValue: nobody has two chips, there is only one person, or the embeddings that
            `semi_hard` needs are missing.
    """
    most = config.anchors_per_person
    if not config.semi_hard:
        drawn = balanced_pairs(labels, seed=seed, epoch=epoch, anchors_per_person=most)
        return drawn.of_one_person() if config.whole_batch else drawn
    if embeddings is None:
        raise InvalidValue("semi-hard pairs are chosen by the embeddings of the chips: give them")
    return semi_hard_pairs(
        labels, embeddings, margin=config.margin, seed=seed, epoch=epoch, anchors_per_person=most
    )


def _features(x: Any, config: SiameseDensenetConfig) -> Any:
    import tf_keras

    layers = tf_keras.layers

    def normal(x: Any, name: str) -> Any:
        x = layers.BatchNormalization(epsilon=config.norm_epsilon, name=f"{name}_bn")(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    def conv(x: Any, filters: int, width: int, name: str, stride: int = 1) -> Any:
        kind = layers.Conv2D
        padding = "same" if stride == 1 else "valid"
        return kind(filters, width, stride, padding=padding, use_bias=False, name=name)(x)

    x = layers.ZeroPadding2D(3, name="stem_padded")(x)
    x = normal(conv(x, config.stem_filters, 7, "stem_conv", stride=2), "stem")
    x = layers.ZeroPadding2D(1, name="stem_pool_padded")(x)
    x = layers.MaxPooling2D(3, 2, name="stem_pool")(x)
    for block, units in enumerate(config.units, 1):
        for unit in range(1, units + 1):
            name = f"block_{block}_unit_{unit}"
            y = normal(x, f"{name}_in")
            y = conv(y, config.bottleneck * config.growth, 1, f"{name}_bottleneck")
            y = conv(normal(y, f"{name}_mid"), config.growth, 3, f"{name}_conv")
            x = layers.Concatenate(name=f"{name}_all")([x, y])
        if block < len(config.units):
            fewer = int(x.shape[-1] * config.compression)
            x = conv(normal(x, f"fewer_{block}"), fewer, 1, f"fewer_{block}_conv")
            x = layers.AveragePooling2D(2, 2, name=f"fewer_{block}_pool")(x)
    return normal(x, "last")


RECIPE = Recipe(
    name=NAME,
    about="tells people apart whom it was not trained on, by the distance between embeddings",
    task=Task.PAIRS,
    config=SiameseDensenetConfig,
    build=build,
    phases=phases,
    optimizer=optimizer,
    loss=loss,
    metrics=metrics,
    pairs=pairs,
    pair_loss=pair_loss,
    wants_embeddings=lambda config: bool(config.semi_hard),
)
