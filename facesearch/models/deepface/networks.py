"""deepface's recognition networks on TensorFlow and PyTorch, without deepface around them.

In: a model and the runtime of its engine. Out: a function from what the network is fed to
what it says. deepface's own classes build the architecture and load the weights, after our
check of their SHA-256; batches then go to the network they made. Their `forward` would turn
every number into a Python object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import ModelError
from facesearch.models.base import Engine
from facesearch.models.deepface.environment import made, verified
from facesearch.models.deepface.recognition import RecognitionModel
from facesearch.values import FloatArray

if TYPE_CHECKING:
    from facesearch.models.pytorch import TorchRuntime
    from facesearch.models.tensorflow import TensorFlowRuntime

Run: TypeAlias = Callable[[NDArray[Any]], FloatArray]

_PLACES = {
    "VGG-Face": "VGGFace.VggFaceClient",
    "Facenet": "Facenet.FaceNet128dClient",
    "Facenet512": "Facenet.FaceNet512dClient",
    "OpenFace": "OpenFace.OpenFaceClient",
    "DeepFace": "FbDeepFace.DeepFaceClient",
    "DeepID": "DeepID.DeepIdClient",
    "ArcFace": "ArcFace.ArcFaceClient",
    "GhostFaceNet": "GhostFaceNet.GhostFaceNetClient",
}
_FOLDERS = {Engine.TENSORFLOW: "tf", Engine.PYTORCH: "pytorch"}
# Its client refuses TensorFlow after 2.12, whose Keras lost LocallyConnected2D. tf-keras has
# it, deepface's function takes it from there, and the client adds nothing but the check.
_FUNCTIONS = {("DeepFace", Engine.TENSORFLOW): "FbDeepFace.load_model"}


def place_of(model: RecognitionModel, engine: Engine) -> str:
    """Module and name of what makes a model in deepface."""
    place = _FUNCTIONS.get((model.name, engine), _PLACES[model.name])
    return f"deepface.models.facial_recognition.{_FOLDERS[engine]}.{place}"


def network(model: RecognitionModel, engine: Engine) -> Any:
    """The Keras model or PyTorch module, its weights loaded.

    Raises:
        WeightsMissing, WeightsDamaged: the weight file is absent or not the right one.
        ModelError: deepface cannot load it; see `environment.made`.
    """
    verified(model.spec_name, [model.files[engine]])
    found = made(model.spec_name, place_of(model, engine), engine)
    # Functions return the network itself, clients keep it.
    return found if (model.name, engine) in _FUNCTIONS else found.model


def on_tensorflow(model: RecognitionModel, runtime: TensorFlowRuntime) -> Run:
    """The network compiled for a device.

    Raises:
        As `network`.
    """
    fed = model.preprocessing
    with runtime.placed():
        keras_model = network(model, Engine.TENSORFLOW)
    shape = (fed.height_px, fed.width_px, 3)
    return runtime.compiled(keras_model, shape, name=model.spec_name)


def on_pytorch(model: RecognitionModel, runtime: TorchRuntime) -> Run:
    """The network on a device.

    Raises:
        As `network`; later calls raise ModelError where a run fails.
    """
    run = runtime.prepared(network(model, Engine.PYTORCH))

    def run_channels_last(pictures: NDArray[Any]) -> FloatArray:
        try:
            return run(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
        except RuntimeError as error:
            raise ModelError(
                model.spec_name, f"running {model.spec_name} failed: {error}"
            ) from error

    return run_channels_last
