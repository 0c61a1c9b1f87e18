"""What there is to choose from: every model with what it needs, and whether that is here.

In: the catalogue. Out: `ListedModel`s. Opens no weights and loads no engine, so that a list
of all models is there at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from facesearch.models.base import Engine
from facesearch.models.catalogue import (
    DetectorSpec,
    EmbedderSpec,
    detectors,
    embedders,
    is_ready,
    matching,
    other_engine,
    unknown_model,
)
from facesearch.models.weights import AddedFile, PackagedFile


class ModelKind(StrEnum):
    """What a model is for."""

    EMBEDDER = "embedder"
    DETECTOR = "detector"


class WeightState(StrEnum):
    """Where a model's weights are."""

    PACKAGED = "packaged"
    ADDED = "added"
    CACHED = "cached"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class Variant:
    """A model on one engine.

    Attributes:
        spec: as the catalogue has it.
        ready: whether weights and packages are all here.
        weights: where the weights are.
        bytes: their size, as far as it is known.
        missing: packages to install first, as people call them.
    """

    spec: EmbedderSpec | DetectorSpec
    ready: bool
    weights: WeightState
    bytes: int | None
    missing: tuple[str, ...]

    @property
    def engine(self) -> Engine:
        """What runs it."""
        return self.spec.engine


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model with all engines that it runs on.

    Attributes:
        kind: embedder or detector.
        name: its whole name.
        variants: one for each engine, the preferred one first.
    """

    kind: ModelKind
    name: str
    variants: tuple[Variant, ...]

    @property
    def chosen(self) -> Variant:
        """The variant that runs where no engine is asked for."""
        return next((one for one in self.variants if one.ready), self.variants[0])

    def on(self, engine: Engine) -> Variant:
        """The variant on an engine; AUTO is `chosen`.

        Raises:
            EngineUnavailable: the model does not run on it.
        """
        if engine is Engine.AUTO:
            return self.chosen
        for variant in self.variants:
            if variant.engine is engine:
                return variant
        raise other_engine(self.name, engine, [variant.engine for variant in self.variants])


def listed_models() -> list[ListedModel]:
    """Every embedder, then every detector, in the catalogue's order."""
    return [
        *_listed(ModelKind.EMBEDDER, embedders()),
        *_listed(ModelKind.DETECTOR, detectors()),
    ]


def models_named(name: str) -> list[ListedModel]:
    """The models of that name; a detector and an embedder may share one.

    Raises:
        UnknownModel: there is none; names those that are spelt alike.
    """
    everything = listed_models()
    found = matching(name, everything)
    if not found:
        raise unknown_model("model", name, [model.name for model in everything])
    return found


def _listed(kind: ModelKind, specs: Sequence[EmbedderSpec | DetectorSpec]) -> Iterable[ListedModel]:
    for name, same in groupby(specs, key=lambda spec: spec.name):
        yield ListedModel(kind, name, tuple(_variant(spec) for spec in same))


def _variant(spec: EmbedderSpec | DetectorSpec) -> Variant:
    files = [file for file in spec.files if not isinstance(file, PackagedFile)]
    if not files:
        state = WeightState.PACKAGED
    elif all(isinstance(file, AddedFile) for file in files):
        state = WeightState.ADDED
    elif all(file.is_present() for file in files):
        state = WeightState.CACHED
    else:
        state = WeightState.DOWNLOAD
    sizes = [file.size_bytes for file in files]
    known = [size for size in sizes if size is not None]
    return Variant(
        spec=spec,
        ready=is_ready(spec),
        weights=state,
        bytes=sum(known) if known and len(known) == len(sizes) else None,
        missing=tuple(one.package for one in spec.requirements if not one.is_installed()),
    )
