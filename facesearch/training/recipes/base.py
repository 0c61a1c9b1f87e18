"""What a recipe is: a network, and everything that training it takes.

In: nothing. Out: types. `recipes.recipe(name)` gives a `Recipe`; a run asks it for the network,
loss, optimizer and phases, and knows nothing else of it. Loads no TensorFlow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from facesearch.errors import InvalidValue
from facesearch.training.sampling import PairSet
from facesearch.training.schedules import CyclicalPolicy, Plateau, Stopping
from facesearch.values import ByteArray, FloatArray

_Value = TypeVar("_Value")


def sourced(default: _Value, source: str) -> _Value:
    """A field of a recipe's configuration.

    Args:
        default: its value where the user says nothing.
        source: where that number comes from; readable at `field.metadata["source"]`.
    """
    field: Any = dataclasses.field(default=default, metadata={"source": source})
    made: _Value = field
    return made


def source_of(config: type | Any, field: str) -> str:
    """Where the default of a configuration's field comes from.

    Raises:
        InvalidValue: there is no such field.
    """
    for each in dataclasses.fields(config):
        if each.name == field:
            return str(each.metadata["source"])
    raise InvalidValue(f"no field {field!r} in {config}")


class Task(StrEnum):
    """What a network is trained to do."""

    CLASSIFY = "classify"
    """Name the person on a chip, out of those it was trained on."""
    PAIRS = "pairs"
    """Tell whether two chips show one person."""


class RecipeConfig(Protocol):
    """What every recipe's configuration has, besides numbers of its own."""

    @property
    def image_size(self) -> int:
        """Width and height of what the network sees, in pixels. Chips are resized to it."""

    @property
    def batch_size(self) -> int:
        """Examples in a step: chips, or pairs of chips."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of training in which the same layers learn. Ends early where `stopping` says.

    Attributes:
        name: for logs.
        epochs: at most.
        learning_rate: at its start, for the batch size it was asked for with.
        free: names of the layers that learn, while all others are frozen; None to leave all
            as they were built.
        first_changing: name of the first layer that learns, or draws random numbers. What goes
            into it is the same in every epoch, for chips that are not changed at random. None
            where no layer is sure to stay as it is.
        stopping: when to end before the last epoch; None for never.
        plateau: how the learning rate falls; None where it does not, or goes in cycles.
        cycle: how learning rate and beta1 go up and down; None where they do not.
    """

    name: str
    epochs: int
    learning_rate: float
    free: tuple[str, ...] | None = None
    first_changing: str | None = None
    stopping: Stopping | None = None
    plateau: Plateau | None = None
    cycle: CyclicalPolicy | None = None


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """One layer: its name, its kind, what it gives for one picture, and its numbers.

    Attributes:
        parameters: all of them, learned or not.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]
    parameters: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BuiltNetwork:
    """A network as a recipe builds it. Its models share their weights.

    Attributes:
        model: from chips, uint8 (n, chip_px, chip_px, 3) RGB, to the probabilities of the
            people, float32 (n, classes), or (n, 1), that of the second, where there are two
            (see `shares`). For `Task.PAIRS` the same as `embedding`.
        embedding: from the same chips to embeddings, float32 (n, dimension), before they are
            brought to unit length.
        trained: what is compiled and fitted, against the labels of the people: the same as
            `model`; for `Task.PAIRS` from pairs of chips, uint8 (n, 2, chip_px, chip_px, 3),
            to their embeddings, float32 (n, 2, dimension), against labels of shape (n, 2).
        notes: what else is worth knowing of it, such as the digest of the weights it starts
            from; by name.
    """

    model: Any
    embedding: Any
    trained: Any
    notes: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def dimension(self) -> int:
        """Length of an embedding."""
        return int(self.embedding.output_shape[-1])

    @property
    def summary(self) -> tuple[LayerFacts, ...]:
        """Every layer in order; those of networks inside the network too."""
        return tuple(
            LayerFacts(layer.name, type(layer).__name__, _shape_of(layer), layer.count_params())
            for layer in _leaves(self.trained)
        )

    @property
    def parameters(self) -> int:
        """Numbers in the network, learned or not."""
        return int(self.trained.count_params())

    @property
    def parameters_learned(self) -> int:
        """Numbers that learn, as its layers are frozen and free now."""
        return sum(int(weight.shape.num_elements()) for weight in self.trained.trainable_weights)

    def parted(self, first: str) -> tuple[Any, Any]:
        """What is trained, as two models: the layers before one, and the rest from it on.

        They share all weights with it.

        Raises:
            InvalidValue: the network has no layer of that name outside networks inside it.
        """
        import tf_keras

        if first not in {layer.name for layer in self.trained.layers}:
            raise InvalidValue(f"no layer {first} to part {self.trained.name} at")
        # The first call of it is the one in the network; later ones are of such parts.
        between = self.trained.get_layer(first).get_input_at(0)
        front = tf_keras.Model(self.trained.input, between, name=f"{self.trained.name}_front")
        rest = tf_keras.Model(between, self.trained.output, name=f"{self.trained.name}_rest")
        return front, rest

    def free(self, phase: Phase) -> None:
        """Freeze and free layers for a phase; compile the model after it.

        Batch normalisation that is not named keeps its statistics.

        Raises:
            InvalidValue: the network has no layer of a name.
        """
        if phase.free is None:
            return
        leaves = list(_leaves(self.trained))
        unknown = set(phase.free) - {layer.name for layer in leaves}
        if unknown:
            raise InvalidValue(f"no layer {', '.join(sorted(unknown))} in {self.trained.name}")
        self.trained.trainable = True  # a frozen model hides the free layers in it
        for layer in leaves:
            layer.trainable = layer.name in phase.free


class _Build(Protocol):
    def __call__(self, config: Any, *, classes: int, chip_px: int) -> BuiltNetwork: ...


class _Optimizer(Protocol):
    def __call__(self, config: Any, phase: Phase, *, steps_per_epoch: int) -> Any: ...


class _OfClasses(Protocol):
    def __call__(self, config: Any, *, classes: int) -> Any: ...


class _Phases(Protocol):
    def __call__(self, config: Any, *, batch: int) -> tuple[Phase, ...]: ...


class _Pairs(Protocol):
    def __call__(
        self,
        config: Any,
        labels: Sequence[int],
        *,
        seed: int,
        epoch: int,
        embeddings: FloatArray | None = None,
    ) -> PairSet: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A network and how it is trained.

    Attributes:
        name: what users call it.
        about: one line for lists.
        task: what it is trained to do.
        config: the type of its configuration, a frozen dataclass with a default and a source
            for every number; see `RecipeConfig`.
        build: the network, for so many people and chips of that size. Weights are random,
            from Keras's seed, or come from a file; ModelError where that one is missing.
        phases: of training, in order, for so many examples in a step.
        optimizer: of Keras, made anew for each phase. Where the phase has a cycle it goes
            through it by its own count of steps, which is saved and restored with it.
        loss: of Keras.
        metrics: of Keras, made anew for each compilation.
        pairs: for `Task.PAIRS`, which pairs an epoch has; None for `Task.CLASSIFY`.
        pair_loss: for `Task.PAIRS`, from labels that are 0 for one person and 1 for two, and
            the distances of embeddings, both (n,), to the loss of each pair, (n,), by which
            the network is judged; None for `Task.CLASSIFY`.
        wants_embeddings: whether `pairs` is to be given those of the chips, as the network
            gives them now.
        finish: called once with the trained network and all training chips, uint8
            (n, chip_px, chip_px, 3), in batches; sets what the embedding takes from them.
            None where it takes nothing.
        when_untaught: what to try where it learnt nothing, in a sentence. Empty where nothing
            special to it helps.
    """

    name: str
    about: str
    task: Task
    config: type[Any]
    build: _Build
    phases: _Phases
    optimizer: _Optimizer
    loss: _OfClasses
    metrics: _OfClasses
    pairs: _Pairs | None = None
    pair_loss: Callable[[Any], Callable[[Any, Any], Any]] | None = None
    wants_embeddings: Callable[[Any], bool] = lambda config: False
    finish: Callable[[BuiltNetwork, Iterable[ByteArray]], None] | None = None
    when_untaught: str = ""


def shares(outputs: FloatArray) -> FloatArray:
    """Probabilities of all people, from what a classifier gives.

    Args:
        outputs: float, shape (n, classes), or (n, 1): the probability of the second of two.

    Returns:
        float32, shape (n, classes), rows that add up to 1.
    """
    import numpy as np

    found = np.asarray(outputs, np.float32)
    return np.concatenate([1 - found, found], axis=1) if found.shape[1] == 1 else found


def check_sizes(config: RecipeConfig, *, smallest_px: int) -> None:
    """Check what all configurations have.

    Raises:
        InvalidValue: the network cannot be built of such pictures, or a step is empty.
    """
    if config.image_size < smallest_px:
        raise InvalidValue(
            f"image_size is {config.image_size} px, and this network needs at least {smallest_px}"
        )
    if config.batch_size < 1:
        raise InvalidValue(f"batch_size is at least 1, not {config.batch_size}")


def check_positive(config: Any, *fields: str) -> None:
    """Check that numbers are above 0.

    Raises:
        InvalidValue: names the first that is not.
    """
    for field in fields:
        if not getattr(config, field) > 0:
            raise InvalidValue(f"{field} is above 0, not {getattr(config, field)}")


def check_share(config: Any, *fields: str) -> None:
    """Check that numbers are at least 0 and below 1.

    Raises:
        InvalidValue: names the first that is not.
    """
    for field in fields:
        if not 0 <= getattr(config, field) < 1:
            raise InvalidValue(f"{field} is in 0..1, 1 excluded, not {getattr(config, field)}")


def _leaves(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        else:
            yield layer


def _shape_of(layer: Any) -> tuple[int | None, ...]:
    shape = layer.output_shape
    return tuple(shape[0][1:] if isinstance(shape, list) else shape[1:])
