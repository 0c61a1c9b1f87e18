"""What a run would be: its network, memory and steps. Trains nothing, writes nothing.

In: a configuration and a dataset. Out: a `Plan`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from facesearch.models.base import Device
from facesearch.models.tensorflow import TensorFlowRuntime, started_tensorflow
from facesearch.photos.walk import AnyPath
from facesearch.training import folder as run_folder
from facesearch.training import networks
from facesearch.training.config import RunConfig
from facesearch.training.dataset.chips import ChipDataset
from facesearch.training.dataset.options import Split
from facesearch.training.environment import memory_bytes
from facesearch.training.feeding import feed
from facesearch.training.memory import MemoryEstimate, estimate
from facesearch.training.recipes.base import LayerFacts
from facesearch.training.run import computing


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePlan:
    """One phase: at most so many epochs, learning so many numbers, from that rate on."""

    name: str
    epochs: int
    learning_rate: float
    learned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would be.

    Attributes:
        recipe: its name.
        device: what it would compute on.
        replicas: how many of them would share each step.
        people: trained on.
        chips: of each split, by its name.
        layers: of the network, in order.
        notes: what else is worth knowing of it, by name.
        parameters: of the network.
        dimension: of its embeddings.
        phases: in order.
        batch: examples in a step.
        steps_per_epoch: of each.
        memory: that training takes, about.
        memory_bytes: of this machine; None where the system does not say.
    """

    recipe: str
    device: Device
    replicas: int
    people: int
    chips: dict[str, int]
    layers: tuple[LayerFacts, ...]
    notes: dict[str, str]
    parameters: int
    dimension: int
    phases: tuple[PhasePlan, ...]
    batch: int
    steps_per_epoch: int
    memory: MemoryEstimate
    memory_bytes: int | None

    @property
    def steps(self) -> int:
        """At most, over all phases."""
        return self.steps_per_epoch * sum(phase.epochs for phase in self.phases)

    @property
    def is_too_large(self) -> bool:
        """Whether it takes more memory than there is, on a CPU."""
        known = self.device is Device.CPU and self.memory_bytes is not None
        return known and self.memory.total > (self.memory_bytes or 0)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; keys are the attribute names."""
        return {
            **asdict(self),
            "layers": [asdict(layer) for layer in self.layers],
            "memory": {**asdict(self.memory), "total": self.memory.total},
            "steps": self.steps,
        }


def plan(
    config: RunConfig,
    dataset: AnyPath,
    out: Path | None = None,
    *,
    device: Device = Device.AUTO,
) -> Plan:
    """What training would be.

    Args:
        config: what to do.
        dataset: folder of one.
        out: folder of a run that must not be there yet; None to leave that open.
        device: what to compute on.

    Raises:
        InvalidDataset, InvalidValue, DeviceUnavailable, ModelError: as `train` would.
    """
    chips = ChipDataset.open(dataset)
    shown = feed(config, chips)
    if out is not None:
        run_folder.check_free(out, config, chips)
    recipe, own = config.recipe, config.network
    runtime = TensorFlowRuntime.on(device)
    steps = -(-shown.examples // config.batch)
    with computing(runtime) as replicas:
        built = networks.build(config, classes=chips.trained_classes, chip_px=chips.chip_px)
        phases = []
        for phase in recipe.phases(own, batch=config.batch):
            built.free(phase)
            phases.append(
                PhasePlan(
                    name=phase.name,
                    epochs=phase.epochs,
                    learning_rate=phase.learning_rate,
                    learned=built.parameters_learned,
                )
            )
        optimizer = recipe.optimizer(
            own, recipe.phases(own, batch=config.batch)[0], steps_per_epoch=steps
        )
        return Plan(
            recipe=recipe.name,
            device=runtime.device,
            replicas=replicas,
            people=chips.trained_classes,
            chips={split.value: chips.count(split) for split in Split},
            layers=built.summary,
            notes=built.notes,
            parameters=built.parameters,
            dimension=built.dimension,
            phases=tuple(phases),
            batch=config.batch,
            steps_per_epoch=steps,
            memory=estimate(
                built,
                recipe.task,
                learned=max(phase.learned for phase in phases),
                slots=_slots(optimizer),
                batch=config.batch,
                chips_bytes=shown.memory_bytes,
            ),
            memory_bytes=memory_bytes(),
        )


def _slots(optimizer: Any) -> int:
    """Numbers an optimizer remembers for each one that learns: found out on a single one."""
    tf = started_tensorflow()
    single = tf.Variable(tf.zeros((1,)))
    optimizer.build([single])
    return sum(1 for variable in optimizer.variables if tuple(variable.shape) == (1,))
