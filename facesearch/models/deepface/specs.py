"""DeepFace's models as specs of the catalogue. Loads neither deepface nor any engine.

In: the records of `recognition` and `detection`. Out: specs, one for each engine. Each space is
named after the weights that count on this machine, so files that nobody publishes a digest of
make a space once the user has stated or trusted one.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from facesearch.models.base import Detector, DetectorOptions, Embedder, Engine
from facesearch.models.catalogue import DetectorSpec, EmbedderSpec, embedder_spec
from facesearch.models.deepface.detection import DETECTION_MODELS, DetectionModel, detector_key
from facesearch.models.deepface.recognition import (
    RECOGNITION_MODELS,
    UNVERIFIED,
    RecognitionModel,
)
from facesearch.models.dlib_weights import CHIP_SIZE_PX, WEIGHTS
from facesearch.models.requirements import DLIB, TENSORFLOW, TF_KERAS, TORCH, Requirement
from facesearch.models.templates import template, template_name

_REQUIREMENTS: dict[Engine, tuple[Requirement, ...]] = {
    Engine.ONNX: (),
    Engine.TENSORFLOW: (TENSORFLOW, TF_KERAS),
    Engine.PYTORCH: (TORCH,),
}


def deepface_detectors() -> tuple[DetectorSpec, ...]:
    """DeepFace's detectors, one spec for each engine, in the order engines are tried."""
    return tuple(
        DetectorSpec(
            name=model.spec_name,
            licence=model.licence,
            source=model.source,
            key=partial(detector_key, model),
            load=partial(load_detector, model),
            engine=model.engine,
            files=model.files,
            requirements=model.requirements,
            non_commercial=model.non_commercial,
        )
        for model in DETECTION_MODELS
    )


def deepface_embedders() -> tuple[EmbedderSpec, ...]:
    """DeepFace's recognition models, one spec for each engine, in the order engines are tried."""
    specs = [
        EmbedderSpec(
            name=model.spec_name,
            licence=model.licence,
            source=model.source,
            space=space_of(model, engine),
            dimension=model.dimension,
            max_distance=None,
            load=partial(load_embedder, model, engine),
            engine=engine,
            files=(file,),
            requirements=_REQUIREMENTS[engine],
            non_commercial=model.non_commercial,
            input_px=(model.preprocessing.width_px, model.preprocessing.height_px),
        )
        for model in RECOGNITION_MODELS
        for engine, file in model.files.items()
    ]
    return (*specs, _dlib())


def space_of(model: RecognitionModel, engine: Engine) -> str:
    """Model, weights and template, such as "deepface-facenet512@3f76b511:facenet-160"."""
    counts = model.files[engine].digest()
    digest = UNVERIFIED if counts is None else counts[:8]
    side = model.preprocessing.side_px
    return f"deepface-{model.name.lower()}@{digest}:{template_name(model.template, side)}"


def load_embedder(model: RecognitionModel, engine: Engine, runtime: Any) -> Embedder:
    """A recognition model on an engine, given a runtime of it.

    Raises:
        PackageMissing: the engine is not installed.
        WeightsMissing, WeightsDamaged: the weight file is absent or not the right one.
        ModelError: it cannot be loaded otherwise.
    """
    from facesearch.models.deepface.environment import check_requirements, verified

    check_requirements(model.spec_name, _REQUIREMENTS[engine])
    (path,) = verified(model.spec_name, [model.files[engine]])
    cut_by = template(model.template, model.preprocessing.side_px)
    space = space_of(model, engine)
    if engine is Engine.ONNX:
        from facesearch.models.onnx_embedder import OnnxEmbedder

        return OnnxEmbedder(
            runtime,
            path.read_bytes(),
            name=model.spec_name,
            preprocessing=model.preprocessing,
            template=cut_by,
            space=space,
            dimension=model.dimension,
        )
    from facesearch.models.deepface.embedder import NetworkEmbedder
    from facesearch.models.deepface.networks import on_pytorch, on_tensorflow

    run = on_tensorflow if engine is Engine.TENSORFLOW else on_pytorch
    return NetworkEmbedder(
        run(model, runtime),
        name=model.spec_name,
        preprocessing=model.preprocessing,
        template=cut_by,
        space=space,
        dimension=model.dimension,
    )


def load_detector(model: DetectionModel, runtime: Any, options: DetectorOptions) -> Detector:
    """A detector, given a runtime of its engine.

    Raises:
        PackageMissing: a package that it needs is not installed.
        WeightsMissing, WeightsDamaged: a weight file is absent or not the right one.
        ModelError: it cannot be loaded otherwise.
    """
    from facesearch.models.base import Device
    from facesearch.models.deepface.detector import DeepFaceDetector
    from facesearch.models.deepface.finders import SHARED, maker
    from facesearch.models.mtcnn import Mtcnn
    from facesearch.models.onnx import Runtime

    make = maker(model, runtime)
    placing = Mtcnn(Runtime.on(Device.CPU), options)
    return DeepFaceDetector(model, make, placing, options, shared=model.kind in SHARED)


def _dlib() -> EmbedderSpec:
    """dlib's network in dlib: the same space as the default embedder, which is it rebuilt."""
    default = embedder_spec()
    return EmbedderSpec(
        name="deepface:Dlib",
        licence=default.licence,
        source=default.source,
        space=default.space,
        dimension=default.dimension,
        max_distance=default.max_distance,
        load=_load_dlib,
        learned_from=default.learned_from,
        unseen=default.unseen,
        engine=Engine.NATIVE,
        files=(WEIGHTS,),
        requirements=(DLIB,),
        input_px=(CHIP_SIZE_PX, CHIP_SIZE_PX),
    )


def _load_dlib(runtime: object) -> Embedder:
    from facesearch.models.deepface.dlib_network import dlib_embedder

    return dlib_embedder()
