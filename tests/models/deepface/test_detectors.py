"""deepface's detectors as ours: true networks where packages carry them, else stand-ins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from conftest import put
from own_networks import SQUARE_POINTS, square_finder
from stand_ins import BOX_PX, SHARES, center_face, retina_face

from facesearch.errors import (
    EngineUnavailable,
    InvalidModelFile,
    ModelError,
    PackageMissing,
    WeightsMissing,
)
from facesearch.models.base import DetectorOptions, Device, Engine
from facesearch.models.deepface import environment, finders, specs
from facesearch.models.deepface.detection import DETECTION_MODELS, DetectionModel
from facesearch.models.deepface.detector import DeepFaceDetector, Found
from facesearch.models.engines import runtime_on
from facesearch.models.heads import Head
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.requirements import Requirement
from facesearch.models.weights import DownloadedFile
from facesearch.opencv import cv2
from facesearch.values import ByteArray, Image, Size

_TINY = DetectorOptions(smallest_face_px=2, smallest_face_fraction=0.001)
_DEFAULT = DetectorOptions()
# Shares of the distance between the eyes.
_OWN, _PLACED = 0.06, 0.04


def described(name: str, engine: Engine | None = None) -> DetectionModel:
    """The detector, with files that count as soon as their digest is trusted."""
    model = next(m for m in DETECTION_MODELS if m.name == name and engine in (None, m.engine))
    files = tuple(
        replace(file, sha256=None) if isinstance(file, DownloadedFile) else file
        for file in model.files
    )
    return replace(model, files=files)


def loaded(model: DetectionModel, options: DetectorOptions = _DEFAULT):
    return specs.load_detector(model, runtime_on(model.engine, Device.CPU), options)


def cascade() -> bytes:
    """The cascade that scikit-image carries, as OpenCV reads it: one word in it is misspelt."""
    text = Path(skimage.data.lbp_frontal_face_cascade_filename()).read_text()
    return text.replace("featuhreParams", "featureParams").encode()


@pytest.fixture(scope="module")
def astronaut(detector: Mtcnn):
    image = Image.of(np.array(skimage.data.astronaut()))
    ((face,),) = detector.detect([image])
    return image, face


def check_face(found, expected, share: float) -> None:
    """The same face, its landmarks within a share of the distance between the eyes."""
    assert found.box.iou(expected.box) > 0.5
    off = np.hypot(*(found.landmarks.points - expected.landmarks.points).T)
    assert off.max() < share * expected.landmarks.eye_distance_px
    assert found.score > 0.99


def test_opencv_finds_faces_and_has_their_landmarks_placed(models_home, astronaut):
    image, expected = astronaut
    model = described("opencv")
    put(model.files[0], cascade())
    detector = loaded(model)
    half = Image(np.ascontiguousarray(image.pixels[::2, ::2]), image.full_size)
    whole, reduced, empty = detector.detect(
        [image, half, Image.of(np.array(skimage.data.coffee()))]
    )
    check_face(whole[0], expected, _PLACED)
    check_face(reduced[0], expected, 2 * _PLACED)
    assert all(face.score < 0.99 for face in empty)


def test_dlib_finds_faces_and_has_their_landmarks_placed(models_home, astronaut):
    """It takes a patch for a face, too; the score tells."""
    pytest.importorskip("dlib", reason="dlib is not installed (pip install dlib-bin)")
    image, expected = astronaut
    detector = loaded(described("dlib"))
    (faces,) = detector.detect([image])
    check_face(faces[0], expected, _PLACED)
    assert all(face.score < 0.5 for face in faces[1:])
    head = Image.of(np.ascontiguousarray(image.pixels[20:230, 120:330]))
    (alone,) = detector.detect([head])
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(detector.detect, [[head]] * 2):
            assert [face.box for face in found[0]] == [face.box for face in alone]


def test_the_package_mtcnn_keeps_its_landmarks_unrounded(models_home, astronaut):
    pytest.importorskip(
        "tensorflow", reason="TensorFlow is not installed (pip install 'facesearch[train]')"
    )
    image, expected = astronaut
    detector = loaded(described("mtcnn"))
    (faces,), (none,) = (
        detector.detect([image]),
        detector.detect([Image.of(np.zeros_like(image.pixels))]),
    )
    check_face(faces[0], expected, _OWN)
    assert none == ()
    assert not np.array_equal(faces[0].landmarks.points, faces[0].landmarks.points.round())
    client = environment.made(
        "deepface:mtcnn", "deepface.models.face_detection.MtCnn.MtCnnClient", Engine.TENSORFLOW
    )
    (face,) = client.detect_faces(image.pixels[..., ::-1])
    box = faces[0].box
    assert (
        np.abs(
            np.array([box.x, box.y, box.width, box.height]) - [face.x, face.y, face.w, face.h]
        ).max()
        <= 1.5
    )
    # deepface's left is the person's, ours the viewer's.
    assert np.abs(faces[0].landmarks.points[0] - face.right_eye).max() <= 1
    assert np.abs(faces[0].landmarks.points[1] - face.left_eye).max() <= 1


def _black(side: int, white: tuple[int, int], size: int) -> ByteArray:
    picture = np.zeros((side, side, 3), np.uint8)
    picture[white[1] : white[1] + size, white[0] : white[0] + size] = 255
    return picture


def test_yunet_gives_its_own_landmarks(models_home):
    model = described("yunet")
    put(model.files[0], square_finder(Head.YUNET, 64, 64))
    detector = loaded(model, _TINY)
    image = Image.of(_black(64, (24, 32), 8))
    ((face,),) = detector.detect([image])
    # Of its boxes and landmarks alike: around the upper left corner of the square.
    assert (face.box.x, face.box.y, face.box.width) == pytest.approx((16, 24, 16), abs=0.01)
    np.testing.assert_allclose(face.landmarks.points, SQUARE_POINTS + np.array([24, 32]), atol=0.01)


def test_yunet_sees_large_photos_shrunk(models_home):
    """To 640 px, as deepface does; what it says is brought back."""
    model = described("yunet")
    put(model.files[0], square_finder(Head.YUNET, 640, 640))
    detector = loaded(model, _TINY)
    image = Image(_black(1280, (320, 640), 16), Size(2560, 2560))
    ((face,),) = detector.detect([image])
    box = (face.box.x, face.box.y, face.box.width)
    assert box == pytest.approx((4 * 152, 4 * 312, 4 * 16), abs=0.1)
    middle = (SQUARE_POINTS + np.array([160, 320]) + 0.5) * 4 - 0.5
    np.testing.assert_allclose(face.landmarks.points, middle, atol=0.1)


def test_centerface_gives_its_own_landmarks(models_home):
    model = described("centerface")
    put(model.files[0], center_face(64))
    detector = loaded(model, _TINY)
    image = Image.of(_black(64, (28, 32), 4))
    for _ in range(2):  # later calls of one network go wrong, deepface says
        ((face,),) = detector.detect([image])
        corner = np.array([30, 34]) - BOX_PX / 2
        assert (face.box.x, face.box.y) == pytest.approx(tuple(corner), abs=0.01)
        np.testing.assert_allclose(face.landmarks.points, corner + SHARES * BOX_PX, atol=0.01)


def test_retinaface_runs_on_our_runtime_and_gives_its_own_landmarks(models_home):
    """The package retina-face has one engine in a process; others are refused then."""
    model = described("retinaface", Engine.ONNX)
    put(model.files[0], retina_face())
    detector = loaded(model, _TINY)
    image = Image(_black(1024, (320, 640), 8), Size(2048, 2048))
    ((face,),) = detector.detect([image])
    assert (face.box.x, face.box.y, face.box.width) == pytest.approx((640, 1280, 30), abs=0.1)
    middle = np.array([327.5, 647.5]) + (SHARES - 0.5) * 16
    np.testing.assert_allclose(face.landmarks.points, (middle + 0.5) * 2 - 0.5, atol=0.1)
    other = replace(described("retinaface", Engine.PYTORCH), requirements=())
    put(other.files[0], b"weights")
    with pytest.raises(EngineUnavailable, match="here on onnx, not on pytorch: use --engine onnx"):
        finders.maker(other, None)()


def test_faces_that_are_too_small_are_left_out(models_home):
    model = described("yunet")
    put(model.files[0], square_finder(Head.YUNET, 64, 64))
    image = Image.of(_black(64, (24, 32), 8))
    assert loaded(model, DetectorOptions(smallest_face_px=17)).detect([image]) == [()]
    assert len(loaded(model, DetectorOptions(smallest_face_px=15)).detect([image])[0]) == 1


def test_largest_faces_come_first_and_failures_name_the_detector(astronaut, detector: Mtcnn):
    image, _ = astronaut
    model = described("yunet")

    def find(picture: ByteArray) -> list[Found]:
        if picture.shape[0] == 1:
            raise RuntimeError("the reason")
        return [Found((10, 10, 40, 40)), Found((100, 100, 200, 200)), Found((5, 5, 5, 60))]

    found = DeepFaceDetector(model, lambda: find, detector, _TINY, shared=True)
    ((large, small),) = found.detect([image])
    assert (large.box.width, small.box.width) == (100, 30)
    with pytest.raises(ModelError, match="deepface:yunet failed on a picture of 9 x 1 px: the re"):
        found.detect([Image.of(np.zeros((1, 9, 3), np.uint8))])


def test_threads_have_finders_of_their_own_unless_shared(detector: Mtcnn):
    """A finder is never called while it is at work."""
    import threading

    made, working, clashes = [], set(), []
    together = threading.Barrier(2, timeout=20)

    def make(meeting: bool):
        own = object()
        made.append(own)

        def find(picture: ByteArray) -> list[Found]:
            if own in working:
                clashes.append(own)
            working.add(own)
            if meeting:
                together.wait()
            working.discard(own)
            return []

        return find

    image = Image.of(np.zeros((40, 40, 3), np.uint8))
    for shared, finders_made in ((False, 2), (True, 1)):
        made.clear()
        model = described("yunet")
        detecting = DeepFaceDetector(
            model, lambda shared=shared: make(not shared), detector, _TINY, shared=shared
        )
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(detecting.detect, [[image]] * 4)) == [[()]] * 4
        assert len(made) == finders_made
    assert clashes == []


def test_a_caffe_network_is_refused_before_it_is_downloaded(models_home):
    if hasattr(cv2.dnn, "readNetFromCaffe"):
        with pytest.raises(WeightsMissing):
            loaded(described("ssd"))
        return
    with pytest.raises(EngineUnavailable, match="'opencv-contrib-python-headless<5'"):
        loaded(described("ssd"))


@pytest.mark.parametrize("name", ["opencv", "yunet", "centerface"])
def test_files_that_are_no_networks_are_refused(models_home, name: str):
    model = described(name)
    put(model.files[0], b"no network")
    with pytest.raises(ModelError, match=name) as caught:
        loaded(model)
    assert isinstance(caught.value, InvalidModelFile)


@pytest.mark.parametrize("model", DETECTION_MODELS, ids=lambda m: f"{m.name}-{m.engine}")
def test_a_missing_package_is_told_with_its_command(model: DetectionModel, models_home):
    missing = Requirement("no_such_package", "it", "pip install it")
    with pytest.raises(PackageMissing, match="`pip install it`"):
        finders.maker(replace(model, requirements=(missing,)), None)


def test_placed_landmarks_depend_little_on_the_box(astronaut, detector: Mtcnn):
    """Detectors frame faces tightly or loosely."""
    image, expected = astronaut
    box = expected.box
    boxes = [
        replace(
            box,
            x=box.x - grow * box.width,
            y=box.y - grow * box.height,
            width=box.width * (1 + 2 * grow),
            height=box.height * (1 + 2 * grow),
        )
        for grow in (-0.1, 0.0, 0.15, 0.3)
    ]
    for given, face in zip(boxes, detector.place(image, boxes), strict=True):
        assert face.box == given
        off = np.hypot(*(face.landmarks.points - expected.landmarks.points).T)
        assert off.max() < _PLACED * expected.landmarks.eye_distance_px
        assert face.score > 0.99
    assert detector.place(image, []) == []


def test_placing_minds_whether_landmarks_are_settled(
    astronaut, packages_detector: Mtcnn, detector: Mtcnn
):
    image, expected = astronaut
    (plain,) = packages_detector.place(image, [expected.box])
    (settled,) = detector.place(image, [expected.box])
    assert 0 < np.abs(plain.landmarks.points - settled.landmarks.points).max() < 5
