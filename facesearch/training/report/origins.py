"""How a run came about, as names and values: the run, its dataset, what it ran on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from facesearch.evaluation.report.tables import interval
from facesearch.training.dataset.options import Split
from facesearch.training.recipes.base import Task
from facesearch.training.report.facts import RunFacts
from facesearch.training.report.measured import Measured

Pairs = Iterator[tuple[str, str]]


def of_run(facts: RunFacts, measured: Measured | None) -> Pairs:
    """What was trained, how long, what it came to, and how to do it again."""
    standing, config = facts.standing, facts.run.config
    yield "Run", str(facts.run.path)
    yield "Status", standing.status.value
    yield "Recipe", f"{config.recipe.name}: {config.recipe.about}"
    yield "Trained", trained(facts)
    yield "Seed", str(config.training.seed)
    if measured is not None:
        numbers = sum(layer.parameters for layer in measured.layers)
        yield "Network", f"{numbers:,} parameters in {len(measured.layers):,} layers"
        yield "Embedding", f"{measured.dimension:,} numbers"
        yield (
            "Measured",
            f"epoch {measured.epoch} on {measured.chips:,} {measured.split} chips, "
            f"{when(measured.made)}, on {measured.device}, {measured.seconds:.1f} s",
        )
        if measured.naming is not None:
            yield "Accuracy", interval(measured.naming.accuracy)
    yield "The same again", facts.again


def trained(facts: RunFacts) -> str:
    """Epochs, steps and time."""
    standing, config = facts.standing, facts.run.config
    what = "pairs" if config.recipe.task is Task.PAIRS else "chips"
    return (
        f"{standing.epoch:,} epochs, {standing.step:,} steps of {config.batch:,} {what}, "
        f"{_duration(standing.seconds)}"
    )


def of_dataset(facts: RunFacts) -> Pairs:
    """What was trained on, where it came from, how it was split."""
    data = facts.run.dataset
    yield "Dataset", f"{data.name}, in {facts.standing.dataset}"
    yield "Made", f"{when(data.created)}, by facesearch {data.facesearch}"
    bare = ("kind", "path")
    yield (
        "From",
        ", ".join(v if name in bare else f"{name}: {v}" for name, v in data.source.items()),
    )
    framed = "nobody said how they are framed" if data.template is None else data.template.name
    yield "Chips", f"{data.chip_px} px, {framed}; stored as {data.storage.value}"
    parts = zip(Split, data.fractions, strict=False)
    shares = ", ".join(f"{100 * part:g} % {split.value}" for split, part in parts)
    how = f"{data.split.value}, seed {data.seed}: {shares}"
    yield "Split", "by its publishers" if data.published else how
    yield (
        "Left out",
        f"{data.failures:,} photos without a usable face, {data.left_out:,} people with too few",
    )
    yield "Digest", data.digest


def of_environment(facts: RunFacts) -> Pairs:
    """What the run ran on: versions, machine, device."""
    if not facts.starts:
        yield "Environment", "not written down"
        return
    last = facts.starts[-1]
    if len(facts.starts) > 1:
        yield "Starts", f"{len(facts.starts)}; what follows is the last one"
    yield "Started", when(str(last.get("started", "")))
    for name, key in (
        ("facesearch", "facesearch"),
        ("Commit", "commit"),
        ("Python", "python"),
        ("Packages", "packages"),
        ("System", "system"),
        ("Processor", "processor"),
        ("Processors", "cpus"),
        ("Device", "device"),
        ("GPUs", "gpus"),
    ):
        value = _told(last.get(key))
        if value:
            yield name, value
    if variables := last.get("environment"):
        yield "Variables", " ".join(f"{name}={value}" for name, value in variables.items())
    memory = last.get("memory_bytes")
    if isinstance(memory, int):
        yield "Memory", f"{memory / 1e9:.1f} GB"


def when(written: str) -> str:
    """A time as a person reads it: ``2026-11-24 19:48 UTC``; what is no time, as it is."""
    try:
        return f"{datetime.fromisoformat(written).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return written or "-"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items() if each)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
