"""What finds faces in one picture: each of deepface's detectors, called so that nothing is lost.

In: a record of a detector. Out: a function from a picture, uint8 RGB, to `Found` faces. Where
deepface's class only rounds what the library below it says, drops points, or wants files that
are not needed, that library is asked directly, with deepface's settings.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from facesearch.errors import EngineUnavailable, InvalidModelFile, ModelError
from facesearch.models.base import Engine
from facesearch.models.deepface.detection import MEDIAPIPE, DetectionModel, Kind
from facesearch.models.deepface.detector import Find, Found
from facesearch.models.deepface.environment import check_requirements, imported, made, verified
from facesearch.models.onnx import Runtime
from facesearch.opencv import cv2
from facesearch.values import ByteArray, FloatArray

_CLIENTS = "deepface.models.face_detection."
# deepface's own settings, of the detectors that are called without its class.
_CASCADE_STEP, _CASCADE_NEIGHBOURS = 1.1, 10
_DLIB_UPSAMPLING = 1
_YUNET_LONGER_PX, _YUNET_SCORE = 640, 0.9
_RETINA_FACE_SCORE = 0.9
_CENTER_FACE_SCORE = 0.35
_YOLO_SCORE = 0.25

# Networks that are large or use all CPUs: one for all threads.
SHARED = frozenset({Kind.MTCNN, Kind.FAST_MTCNN, Kind.RETINA_FACE, Kind.YOLO})


def maker(model: DetectionModel, runtime: Any) -> Callable[[], Find]:
    """What makes a finder of that kind.

    Args:
        runtime: of the model's engine.

    Raises:
        PackageMissing: a package that it needs is not installed.
        EngineUnavailable: the installed OpenCV cannot run it.
        WeightsMissing, WeightsDamaged: a weight file is absent or not the right one.
    """
    check_requirements(model.spec_name, model.requirements)
    if model.kind is Kind.SSD:  # before anybody downloads what cannot be run
        _check_caffe(model)
    paths = verified(model.spec_name, model.files)
    return lambda: _MAKERS[model.kind](model, paths, runtime)


def _cascade(model: DetectionModel, paths: list[Path], runtime: object) -> Find:
    if not hasattr(cv2, "CascadeClassifier"):
        raise ModelError(
            model.spec_name,
            f"{model.spec_name} needs cv2.CascadeClassifier, which OpenCV {cv2.__version__} has "
            "in its contrib build only: run `pip install opencv-contrib-python-headless`",
        )
    cascade = cv2.CascadeClassifier()
    try:
        loaded = cascade.load(str(paths[0]))
    except cv2.error as error:
        raise _no_cascade(model, paths[0]) from error
    if not loaded:
        raise _no_cascade(model, paths[0])

    def find(picture: ByteArray) -> list[Found]:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        boxes = cascade.detectMultiScale(grey, _CASCADE_STEP, _CASCADE_NEIGHBOURS)
        return [Found((x, y, x + w, y + h)) for x, y, w, h in np.reshape(boxes, (-1, 4)).tolist()]

    return find


def _no_cascade(model: DetectionModel, path: Path) -> InvalidModelFile:
    name = model.spec_name
    return InvalidModelFile(name, f"{path} is no cascade that OpenCV can read, which {name} is")


def _ssd(model: DetectionModel, paths: list[Path], runtime: object) -> Find:
    return _boxes_of(_client(model, "Ssd.SsdClient"))


def _check_caffe(model: DetectionModel) -> None:
    if not hasattr(cv2.dnn, "readNetFromCaffe"):
        raise EngineUnavailable(
            model.spec_name,
            f"{model.spec_name} is a Caffe network, which OpenCV {cv2.__version__} cannot read "
            "any more: run `pip install 'opencv-contrib-python-headless<5'`, or choose another "
            "detector",
        )


def _dlib(model: DetectionModel, paths: list[Path], runtime: object) -> Find:
    import dlib

    hog = dlib.get_frontal_face_detector()

    def find(picture: ByteArray) -> list[Found]:
        return [
            Found((box.left(), box.top(), box.right() + 1, box.bottom() + 1))
            for box in hog(picture, _DLIB_UPSAMPLING)
        ]

    return find


def _mtcnn(model: DetectionModel, paths: list[Path], runtime: object) -> Find:
    network = _client(model, "MtCnn.MtCnnClient").model

    def find(picture: ByteArray) -> list[Found]:
        # As JSON it would be rounded to whole pixels.
        rows = network.detect_faces(
            picture, fit_to_image=False, box_format="xyxy", output_type="numpy"
        )
        # A row: number of the picture, corners, score, five x, five y.
        return [Found(_corners(row[1:5]), _five(row[6:16].reshape(2, 5).T)) for row in rows]

    return find


def _fast_mtcnn(model: DetectionModel, paths: list[Path], runtime: Any) -> Find:
    network = _client(model, "FastMtCnn.FastMtCnnClient").model
    network.device = runtime.name
    network.to(runtime.name)

    def find(picture: ByteArray) -> list[Found]:
        boxes, _, points = network.detect(picture, landmarks=True)
        if boxes is None:
            return []
        return [Found(_corners(b), _five(five)) for b, five in zip(boxes, points, strict=True)]

    return find


def _retina_face(model: DetectionModel, paths: list[Path], runtime: Any) -> Find:
    name = model.spec_name
    detect_faces = imported(name, "retinaface.RetinaFace.detect_faces", model.engine)
    engine = made(name, "retinaface.commons.backend_utils.get_backend_engine", model.engine)
    if engine != model.engine:
        raise EngineUnavailable(
            name,
            f"the package retina-face runs on one engine in a process, here on {engine}, not on "
            f"{model.engine}: use --engine {engine}, or start anew",
        )
    if model.engine is Engine.ONNX:
        network: Any = _on_onnx(name, paths[0], runtime)
    else:
        network = _client(model, "RetinaFace.RetinaFaceClient").model

    def find(picture: ByteArray) -> list[Found]:
        faces = detect_faces(_bgr(picture), threshold=_RETINA_FACE_SCORE, model=network)
        # The left eye of the person is the right one for the viewer.
        names = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")
        return [
            Found(
                _corners(face["facial_area"]),
                _five([face["landmarks"][point] for point in names]),
            )
            for face in faces.values()
        ]

    return find


def _on_onnx(name: str, path: Path, runtime: Runtime) -> Callable[[FloatArray], list[FloatArray]]:
    network = runtime.load(name, path.read_bytes())
    return lambda pictures: network.run(np.asarray(pictures, np.float32))


def _mediapipe(model: DetectionModel, paths: list[Path], runtime: object) -> Find:
    try:
        network = _client(model, "MediaPipe.MediaPipeClient").model
    except ModelError as error:
        if not isinstance(error.__cause__, AttributeError):
            raise
        raise EngineUnavailable(
            model.spec_name,
            "the installed mediapipe no longer has the face detection that deepface calls: run "
            f"`{MEDIAPIPE.install}`",
        ) from error

    def find(picture: ByteArray) -> list[Found]:
        height, width = picture.shape[:2]
        boxes = [
            face.location_data.relative_bounding_box
            # RGB, as mediapipe documents; deepface hands it BGR.
            for face in network.process(picture).detections or ()
        ]
        return [
            Found(
                (
                    box.xmin * width,
                    box.ymin * height,
                    (box.xmin + box.width) * width,
                    (box.ymin + box.height) * height,
                )
            )
            for box in boxes
        ]

    return find


def _yolo(model: DetectionModel, paths: list[Path], runtime: Any) -> Find:
    variant = model.name.removeprefix("yolo").capitalize()
    network = _client(model, f"Yolo.YoloDetectorClient{variant}").model

    def find(picture: ByteArray) -> list[Found]:
        (result,) = network.predict(
            _bgr(picture), verbose=False, show=False, conf=_YOLO_SCORE, device=runtime.name
        )
        boxes = result.boxes.xyxy.tolist()
        if result.keypoints is None or result.keypoints.xy.shape[1] != 5:
            return [Found(_corners(box)) for box in boxes]
        points = result.keypoints.xy.tolist()
        return [Found(_corners(b), _five(five)) for b, five in zip(boxes, points, strict=True)]

    return find


def _yunet(model: DetectionModel, paths: list[Path], runtime: object) -> Find:
    network = _client(model, "YuNet.YuNetClient").model
    network.setScoreThreshold(_YUNET_SCORE)

    def find(picture: ByteArray) -> list[Found]:
        height, width = picture.shape[:2]
        shrunk = min(1.0, _YUNET_LONGER_PX / max(height, width))
        size = (max(1, int(width * shrunk)), max(1, int(height * shrunk)))
        network.setInputSize(size)
        _, rows = network.detect(cv2.resize(_bgr(picture), size))
        back = np.array([width / size[0], height / size[1]])
        found = []
        for row in [] if rows is None else rows:
            corner, extent = row[:2] * back, row[2:4] * back
            found.append(
                Found(
                    (*corner.tolist(), *(corner + extent).tolist()),
                    _five((row[4:14].reshape(5, 2) + 0.5) * back - 0.5),
                )
            )
        return found

    return find


def _center_face(model: DetectionModel, paths: list[Path], runtime: object) -> Find:
    place = _CLIENTS + "CenterFace.CenterFace"
    made(model.spec_name, place, model.engine, str(paths[0]))  # so that errors come now

    def find(picture: ByteArray) -> list[Found]:
        height, width = picture.shape[:2]
        # A new network for each picture: deepface found that later calls of one go wrong.
        network = made(model.spec_name, place, model.engine, str(paths[0]))
        rows, points = network.forward(_bgr(picture), height, width, threshold=_CENTER_FACE_SCORE)
        return [
            Found(_corners(row[:4]), _five(five.reshape(5, 2)))
            for row, five in zip(rows, points, strict=True)
        ]

    return find


def _client(model: DetectionModel, name: str) -> Any:
    return made(model.spec_name, _CLIENTS + name, model.engine)


def _boxes_of(client: Any) -> Find:
    """What deepface's own call says, without its eyes."""

    def find(picture: ByteArray) -> list[Found]:
        return [
            Found((face.x, face.y, face.x + face.w, face.y + face.h))
            for face in client.detect_faces(_bgr(picture))
        ]

    return find


def _bgr(picture: ByteArray) -> ByteArray:
    return np.ascontiguousarray(picture[..., ::-1])


def _corners(edges: Any) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(edge) for edge in edges)
    return left, top, right, bottom


def _five(points: Any) -> FloatArray:
    return np.asarray(points, np.float32)


_MAKERS: dict[Kind, Callable[[DetectionModel, list[Path], Any], Find]] = {
    Kind.CASCADE: _cascade,
    Kind.SSD: _ssd,
    Kind.DLIB: _dlib,
    Kind.MTCNN: _mtcnn,
    Kind.FAST_MTCNN: _fast_mtcnn,
    Kind.RETINA_FACE: _retina_face,
    Kind.MEDIAPIPE: _mediapipe,
    Kind.YOLO: _yolo,
    Kind.YUNET: _yunet,
    Kind.CENTER_FACE: _center_face,
}
