"""Models that the user added as specs of the catalogue. Loads no engine, opens no model file.

In: the records in the folder of models. Out: specs. A model whose record is damaged is listed
as well, and says so when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from facesearch.models.base import Detector, DetectorOptions, Embedder
from facesearch.models.own.model import Detects, Embeds, FileFormat, OwnKind, OwnModel, space_of
from facesearch.models.own.records import BrokenModel, own_models
from facesearch.models.requirements import TENSORFLOW
from facesearch.models.weights import AddedFile

if TYPE_CHECKING:
    from facesearch.models.catalogue import DetectorSpec, EmbedderSpec

_UNKNOWN = "unknown"
_DAMAGED = "added by you; its record is damaged"


def own_detectors() -> tuple[DetectorSpec, ...]:
    """Detectors that the user added.

    Raises:
        ModelError: the folder of models is there and cannot be read.
    """
    specs = []
    for model in own_models():
        if isinstance(model, BrokenModel):
            if model.kind in (OwnKind.DETECTOR, None):
                specs.append(_broken_detector(model))
        elif isinstance(model.use, Detects):
            specs.append(_detector(model, model.use))
    return tuple(specs)


def own_embedders() -> tuple[EmbedderSpec, ...]:
    """Embedders that the user added.

    Raises:
        ModelError: the folder of models is there and cannot be read.
    """
    specs = []
    for model in own_models():
        if isinstance(model, BrokenModel):
            if model.kind in (OwnKind.EMBEDDER, None):
                specs.append(_broken_embedder(model))
        elif isinstance(model.use, Embeds):
            specs.append(_embedder(model, model.use))
    return tuple(specs)


def _detector(model: OwnModel, use: Detects) -> DetectorSpec:
    from facesearch.models.catalogue import DetectorSpec

    return DetectorSpec(
        name=model.name,
        licence=model.licence or _UNKNOWN,
        source=_source(model),
        key=partial(_key, model, use),
        load=partial(_load_detector, model, use),
        files=(_file(model),),
    )


def _embedder(model: OwnModel, use: Embeds) -> EmbedderSpec:
    from facesearch.models.catalogue import EmbedderSpec

    fed = model.preprocessing
    keras = model.file_format is FileFormat.KERAS
    return EmbedderSpec(
        name=model.name,
        licence=model.licence or _UNKNOWN,
        source=_source(model),
        space=space_of(model, use),
        dimension=use.dimension,
        max_distance=None,
        load=partial(_load_keras if keras else _load_onnx, model, use),
        engine=model.file_format.engine,
        files=(_file(model),),
        requirements=(TENSORFLOW,) if keras else (),
        input_px=(fed.width_px, fed.height_px),
    )


def _broken_detector(model: BrokenModel) -> DetectorSpec:
    from facesearch.models.catalogue import DetectorSpec

    return DetectorSpec(
        name=model.name,
        licence=_UNKNOWN,
        source=_DAMAGED,
        key=_fails(model),
        load=_fails(model),
    )


def _broken_embedder(model: BrokenModel) -> EmbedderSpec:
    from facesearch.models.catalogue import EmbedderSpec

    return EmbedderSpec(
        name=model.name,
        licence=_UNKNOWN,
        source=_DAMAGED,
        space=f"{model.name}@{_UNKNOWN}",
        dimension=0,
        max_distance=None,
        load=_fails(model),
    )


def _file(model: OwnModel) -> AddedFile:
    return AddedFile(model.path, model.sha256, model.size_bytes)


def _source(model: OwnModel) -> str:
    return f"added by you on {model.added:%Y-%m-%d}"


def _fails(model: BrokenModel) -> Callable[..., NoReturn]:
    def fail(*_: object) -> NoReturn:
        raise model.error()

    return fail


def _key(model: OwnModel, use: Detects, options: DetectorOptions) -> str:
    from facesearch.models.heads.key import detector_key

    return detector_key(model.name, model.sha256, use.head, model.preprocessing, options)


def _load_detector(
    model: OwnModel, use: Detects, runtime: Any, options: DetectorOptions
) -> Detector:
    from facesearch.models.mtcnn import Mtcnn
    from facesearch.models.onnx_detector import OnnxDetector
    from facesearch.models.rescored import RescoredDetector

    detector = OnnxDetector(
        runtime,
        model.checked_bytes(),
        name=model.name,
        sha256=model.sha256,
        head=use.head,
        preprocessing=model.preprocessing,
        options=options,
    )
    return RescoredDetector(detector, Mtcnn(runtime, options))


def _load_onnx(model: OwnModel, use: Embeds, runtime: Any) -> Embedder:
    from facesearch.models.onnx_embedder import OnnxEmbedder

    return OnnxEmbedder(runtime, model.checked_bytes(), **_common(model, use))


def _load_keras(model: OwnModel, use: Embeds, runtime: Any) -> Embedder:
    from facesearch.models.keras_embedder import KerasEmbedder

    return KerasEmbedder(runtime, model.checked_path(), **_common(model, use))


def _common(model: OwnModel, use: Embeds) -> dict[str, Any]:
    from facesearch.models.templates import template

    return {
        "name": model.name,
        "preprocessing": model.preprocessing,
        "template": template(use.template, model.preprocessing.side_px),
        "space": space_of(model, use),
        "dimension": use.dimension,
        "output": use.output,
    }
