"""A network that names people, on top of one that was trained before.

In: chips of the people to tell apart. Out: their probabilities. The base is MobileNet with
what it learned from ImageNet, or dlib-resnet34, the default face embedder, which is the one
for faces. Trained in the five steps of fine-tuning (Chollet, "Deep Learning with Python"): put
own layers on a trained base; freeze the base; train the own layers; free some layers at the
top of the base; train both jointly, at a lower rate.

Batch normalisation in MobileNet runs as in use from the first step to the last, and its
weights stay: new statistics from a few photos would undo what the base has learned. Only a
base with random weights, which has learned nothing, is trained as a whole from the start.

The embedding is what the last layer sees: the hidden layer over MobileNet; over dlib-resnet34
its descriptor, which is good at people beyond those trained on already.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from facesearch.errors import InvalidModelFile, InvalidValue, WeightsDamaged, WeightsMissing
from facesearch.models.dlib_weights import CHIP_SIZE_PX
from facesearch.models.dlib_weights import WEIGHTS as DLIB_WEIGHTS
from facesearch.models.files import checked_digest, file_digest
from facesearch.models.tensorflow import started_tensorflow
from facesearch.models.weights import DownloadedFile
from facesearch.training.recipes import classifying
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
from facesearch.training.schedules import Stopping

NAME = "mobilenet"
PUBLISHED, RANDOM = "published", "random"
PUBLISHED_ALPHA = 0.5
# Keras publishes no digest of it, and neither does anybody else.
IMAGENET = DownloadedFile(
    name="keras/mobilenet_5_0_128_tf_no_top.h5",
    urls=(
        "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/"
        "mobilenet_5_0_128_tf_no_top.h5",
    ),
    sha256=None,
)
_SEED = "the CNN course project on faces that this recipe is after"
_GUIDE = "Keras's guide to transfer learning and fine-tuning (Chollet)"
_BOOK = "Chollet, Deep Learning with Python, fine-tuning a pretrained model"
_OURS = "our choice"
_SMALLEST_PX = 32
_MOBILENET_BLOCKS = 13


class Base(StrEnum):
    """What is built on."""

    MOBILENET = "mobilenet"
    DLIB_RESNET34 = "dlib-resnet34"


@dataclass(frozen=True, kw_only=True)
class MobilenetConfig:
    """The numbers of `mobilenet`; each field's metadata name their source.

    Raises:
        InvalidValue: numbers that do not fit each other, or that no network can be built or
            trained with.
    """

    base: str = sourced(Base.MOBILENET.value, f"{_SEED}; for faces take dlib-resnet34")
    weights: str = sourced(
        PUBLISHED,
        f"{_OURS}: 'published' for ImageNet's, or dlib's own; 'random' for none; or a file",
    )
    weights_sha256: str = sourced("", f"{_OURS}: of the file, checked where it is stated")
    image_size: int = sourced(128, f"{_SEED}; dlib-resnet34 sees 150 px, whatever stands here")
    alpha: float = sourced(PUBLISHED_ALPHA, f"{_SEED}; of MobileNet's channels")
    hidden_units: int = sourced(256, f"{_BOOK}; only over MobileNet")
    descriptor_scale: float = sourced(
        64.0,
        f"{_OURS}: length dlib's descriptors get before the last layer; on seven people of LFW "
        "it learns twice as fast as with 16",
    )
    descriptor_dropout: float = sourced(
        0.2, f"{_OURS}: over dlib-resnet34; with 0.5 the same people take twice the epochs"
    )
    dropout: float = sourced(0.5, f"{_BOOK}; only over MobileNet")
    unfrozen_blocks: int = sourced(
        2, f"{_OURS}: of the base's residual or separable blocks, counted from its top"
    )
    top_learning_rate: float = sourced(1e-3, f"{_GUIDE}, with Adam")
    joint_learning_rate: float = sourced(1e-5, f"{_GUIDE}, with Adam")
    top_epochs: int = sourced(60, f"{_OURS}: a limit, early stopping comes before it")
    joint_epochs: int = sourced(20, f"{_OURS}: a limit, early stopping comes before it")
    stopping_patience: int = sourced(
        5, f"{_OURS}: trained layers settle sooner than those of convnet"
    )
    batch_size: int = sourced(32, "Keras's default")

    def __post_init__(self) -> None:
        if self.base not in set(Base):
            raise InvalidValue(f"base is one of {', '.join(Base)}, not {self.base!r}")
        check_sizes(self, smallest_px=_SMALLEST_PX)
        check_positive(
            self,
            "alpha",
            "hidden_units",
            "descriptor_scale",
            "top_learning_rate",
            "joint_learning_rate",
            "top_epochs",
            "joint_epochs",
            "stopping_patience",
        )
        check_share(self, "dropout", "descriptor_dropout")
        most = _MOBILENET_BLOCKS if self.base == Base.MOBILENET else 14
        if not 0 <= self.unfrozen_blocks <= most:
            raise InvalidValue(
                f"{self.base} has {most} blocks, and {self.unfrozen_blocks} were to be unfrozen"
            )
        if self.weights_sha256:
            checked_digest(self.weights_sha256)
        if self.base == Base.DLIB_RESNET34 and self.weights != PUBLISHED:
            raise InvalidValue(
                "dlib-resnet34 has the weights that come with facesearch: leave weights out"
            )
        if self.base == Base.MOBILENET and self.weights == PUBLISHED:
            self._check_alpha()

    def _check_alpha(self) -> None:
        if self.alpha != PUBLISHED_ALPHA:
            raise InvalidValue(
                f"the published weights are those of alpha {PUBLISHED_ALPHA}, not {self.alpha}: "
                "state a file of weights, or 'random'"
            )


def build(config: MobilenetConfig, *, classes: int, chip_px: int) -> BuiltNetwork:
    """The network: a trained base, and own layers with random weights.

    Raises:
        InvalidValue: fewer than two people.
        WeightsMissing, WeightsDamaged, InvalidModelFile: the base's weights are absent, or not
            the ones that were stated, or not of this network.
        PackageMissing, EngineUnavailable: TensorFlow or Keras is not there.
    """
    started_tensorflow()
    if config.base == Base.DLIB_RESNET34:
        return _over_dlib(config, classes=classes, chip_px=chip_px)
    return _over_mobilenet(config, classes=classes, chip_px=chip_px)


def phases(config: MobilenetConfig, *, batch: int) -> tuple[Phase, ...]:
    """The own layers over a frozen base, then both jointly; steps three and five.

    One phase of all layers for a base with random weights.
    """
    stopping = Stopping(patience=config.stopping_patience)
    if config.weights == RANDOM:
        epochs, rate = config.top_epochs + config.joint_epochs, config.top_learning_rate
        return (Phase(name="all", epochs=epochs, learning_rate=rate, stopping=stopping),)
    own, of_base = _own_layers(config), _base_layers(config)
    top = Phase(
        name="top",
        epochs=config.top_epochs,
        learning_rate=config.top_learning_rate,
        free=own,
        first_changing="dropout" if config.base == Base.DLIB_RESNET34 else "hidden",
        stopping=stopping,
    )
    joint = Phase(
        name="joint",
        epochs=config.joint_epochs,
        learning_rate=config.joint_learning_rate,
        free=(*of_base, *own),
        # MobileNet is a network inside the network, which is never parted.
        first_changing=of_base[0] if config.base == Base.DLIB_RESNET34 else None,
        stopping=stopping,
    )
    return (top, joint) if config.unfrozen_blocks else (top,)


def optimizer(config: MobilenetConfig, phase: Phase, *, steps_per_epoch: int) -> Any:
    """Adam."""
    started_tensorflow()
    import tf_keras

    return tf_keras.optimizers.Adam(phase.learning_rate)


def _over_mobilenet(config: MobilenetConfig, *, classes: int, chip_px: int) -> BuiltNetwork:
    import tf_keras

    from facesearch.training.recipes.layers import chips_input

    layers = tf_keras.layers
    size = config.image_size
    base = tf_keras.applications.MobileNet(
        input_shape=(size, size, 3),
        alpha=config.alpha,
        include_top=False,
        weights=None,
        pooling="avg",
    )
    origin = _load(base, config)
    chips, pixels = chips_input(chip_px, size)
    x = layers.Rescaling(1 / 127.5, -1, name="scaled")(pixels)
    if config.weights == RANDOM:
        x = base(x)
    else:
        base.trainable = False
        x = base(x, training=False)  # for good: also where its layers are free later
    hidden = layers.Dense(config.hidden_units, activation="relu", name="hidden")(x)
    x = layers.Dropout(config.dropout, name="dropout")(hidden)
    model = tf_keras.Model(chips, classifying.probabilities(x, classes), name=NAME)
    embedding = tf_keras.Model(chips, hidden, name=f"{NAME}_embedding")
    return BuiltNetwork(
        model=model, embedding=embedding, trained=model, notes={"base weights": origin}
    )


def _over_dlib(config: MobilenetConfig, *, classes: int, chip_px: int) -> BuiltNetwork:
    import tf_keras

    from facesearch.training.recipes.dlib_base import descriptors
    from facesearch.training.recipes.layers import chips_input

    layers = tf_keras.layers
    chips, pixels = chips_input(chip_px, CHIP_SIZE_PX)
    descriptor = descriptors(pixels)
    x = layers.UnitNormalization(name="unit_length")(descriptor)
    x = layers.Rescaling(config.descriptor_scale, name="lengthened")(x)
    x = layers.Dropout(config.descriptor_dropout, name="dropout")(x)
    model = tf_keras.Model(chips, classifying.probabilities(x, classes), name=NAME)
    embedding = tf_keras.Model(chips, descriptor, name=f"{NAME}_embedding")
    notes = {"base weights": f"{DLIB_WEIGHTS.path}, SHA-256 {DLIB_WEIGHTS.sha256}"}
    return BuiltNetwork(model=model, embedding=embedding, trained=model, notes=notes)


def _own_layers(config: MobilenetConfig) -> tuple[str, ...]:
    own = (classifying.LAST,)
    return ("hidden", *own) if config.base == Base.MOBILENET else own


def _base_layers(config: MobilenetConfig) -> tuple[str, ...]:
    """Layers at the top of the base that are freed; convolutions only."""
    if config.base == Base.DLIB_RESNET34:
        from facesearch.training.recipes.dlib_base import DESCRIPTOR, block_layers

        return (*block_layers(config.unfrozen_blocks), DESCRIPTOR)
    first = _MOBILENET_BLOCKS - config.unfrozen_blocks + 1
    blocks = range(first, _MOBILENET_BLOCKS + 1)
    return tuple(f"conv_{kind}_{block}" for block in blocks for kind in ("dw", "pw"))


def _load(base: Any, config: MobilenetConfig) -> str:
    """Give MobileNet its weights; says where they come from."""
    if config.weights == RANDOM:
        return "random"
    path = _published() if config.weights == PUBLISHED else Path(config.weights)
    if not path.is_file():
        raise WeightsMissing(
            NAME, f"no weights at {path}: state a file, or 'random' to train from nothing"
        )
    found = file_digest(path)
    if config.weights_sha256 and found != config.weights_sha256.lower():
        raise WeightsDamaged(
            NAME,
            f"{path} is not the stated file: its SHA-256 is {found}, expected "
            f"{config.weights_sha256}. Nothing was trained with it",
        )
    try:
        base.load_weights(str(path))
    except Exception as error:  # Keras and h5py raise many unrelated types
        raise InvalidModelFile(
            NAME,
            f"{path} does not hold weights of MobileNet with alpha {config.alpha} and without "
            f"its top ({error}): get {IMAGENET.urls[0]}, or state the alpha of that file",
        ) from error
    return f"{path.name}, SHA-256 {found}"


def _published() -> Path:
    if IMAGENET.is_present() and IMAGENET.digest() is not None:
        return IMAGENET.locate(NAME)
    raise WeightsMissing(
        NAME,
        f"ImageNet's weights of MobileNet are not on this machine: get {IMAGENET.urls[0]} and "
        "state the file as weights (--weights FILE; no SHA-256 of it is published, so trust "
        "where you get it from), or build on the default face embedder, whose weights come with "
        "facesearch (--base dlib-resnet34), or train from nothing (--weights random)",
    )


RECIPE = Recipe(
    name=NAME,
    about="own layers on a trained network; with --base dlib-resnet34 the best for a few people",
    task=Task.CLASSIFY,
    config=MobilenetConfig,
    build=build,
    phases=phases,
    optimizer=optimizer,
    loss=classifying.loss,
    metrics=classifying.metrics,
)
