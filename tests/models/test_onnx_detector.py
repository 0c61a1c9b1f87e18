"""Detectors from ONNX files: where faces are in photos of any shape, and what is left out."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest
from own_networks import SQUARE_POINTS, square_finder, tiny

from facesearch.errors import ModelError
from facesearch.models.base import DetectorOptions
from facesearch.models.heads import Head, head_spec
from facesearch.models.heads.base import Found
from facesearch.models.heads.key import detector_key
from facesearch.models.onnx import Runtime
from facesearch.models.onnx_detector import OnnxDetector
from facesearch.models.preprocessing import Preprocessing
from facesearch.values import Image, Size

SMALL = DetectorOptions(smallest_face_fraction=0.01, smallest_face_px=1)
# From the middle of the box that `square_finder` gives to the square's upper left corner.
SHIFT = {Head.SCRFD: 0.0, Head.YUNET: 0.0, Head.RETINAFACE: 4.0}


def fed(head: Head, width: int, height: int) -> Preprocessing:
    spec = head_spec(head)
    return Preprocessing(
        width_px=width, height_px=height, channels=spec.channels, mean=spec.mean, scale=spec.scale
    )


def finder(
    runtime: Runtime,
    head: Head,
    width: int = 64,
    height: int = 64,
    options: DetectorOptions = SMALL,
) -> OnnxDetector:
    """A detector of white squares of 8 px in its input."""
    return OnnxDetector(
        runtime,
        square_finder(head, width, height),
        name="squares",
        sha256="5" * 64,
        head=head,
        preprocessing=fed(head, width, height),
        options=options,
    )


def photo(width: int, height: int, *squares: tuple[int, int, int]) -> np.ndarray:
    """Black with white squares: left, top, side."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for left, top, side in squares:
        pixels[top : top + side, left : left + side] = 255
    return pixels


@pytest.mark.parametrize("head", Head)
def test_a_photo_of_the_input_s_size(runtime: Runtime, head: Head):
    (faces,) = finder(runtime, head).detect([Image.of(photo(64, 64, (16, 40, 8)))])
    (face,) = faces
    middle = np.array([16.0, 40.0]) + SHIFT[head]
    assert (face.box.x, face.box.y) == pytest.approx(tuple(middle - 8), abs=0.01)
    assert (face.box.width, face.box.height) == pytest.approx((16, 16), abs=0.01)
    np.testing.assert_allclose(face.landmarks.points, middle + SQUARE_POINTS, atol=0.01)
    assert face.score == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("head", Head)
@pytest.mark.parametrize(
    ("size", "factor"),
    [((128, 96), 2), ((96, 128), 2), ((256, 40), 4), ((32, 16), 0.5), ((64, 8), 1)],
)
def test_photos_of_other_shapes_are_fitted_in(
    runtime: Runtime, head: Head, size: tuple[int, int], factor: float
):
    """The square is one cell of the input, whatever it measures in the photo."""
    side = int(8 * factor)
    (faces,) = finder(runtime, head).detect([Image.of(photo(*size, (side, 0, side)))])
    (face,) = faces
    middle = (np.array([8.0, 0.0]) + SHIFT[head]) * factor
    assert face.box.x == pytest.approx(middle[0] - 8 * factor, abs=0.1)
    assert face.box.y == pytest.approx(middle[1] - 8 * factor, abs=0.1)
    assert face.box.width == pytest.approx(16 * factor, abs=0.1)
    # Pixel centres: the first pixel of the input covers several of the photo.
    points = (np.array([8.0, 0.0]) + SHIFT[head] + SQUARE_POINTS + 0.5) * factor - 0.5
    np.testing.assert_allclose(face.landmarks.points, points, atol=0.1)


@pytest.mark.parametrize("head", Head)
def test_an_input_that_is_not_square_and_not_whole_strides_of_32(runtime: Runtime, head: Head):
    detector = finder(runtime, head, 104, 56)
    assert detector.wanted_longer_px == 104
    (faces,) = detector.detect([Image.of(photo(208, 112, (160, 64, 16)))])
    (face,) = faces
    assert face.box.x == pytest.approx((80 + SHIFT[head] - 8) * 2, abs=0.1)
    assert face.box.y == pytest.approx((32 + SHIFT[head] - 8) * 2, abs=0.1)


def test_a_reduced_photo_gives_places_in_the_photo_at_full_size(runtime: Runtime):
    full = photo(640, 480, (160, 240, 80))
    reduced = cv2.resize(full, (320, 240), interpolation=cv2.INTER_AREA)
    detector = finder(runtime, Head.SCRFD)
    (whole,), (small,) = detector.detect([Image.of(full), Image(reduced, Size(640, 480))])
    for face in (whole, small):
        assert (face.box.x, face.box.width) == pytest.approx((80, 160), abs=0.1)
        np.testing.assert_allclose(
            face.landmarks.points, (np.array([16, 24]) + SQUARE_POINTS + 0.5) * 10 - 0.5, atol=0.1
        )


def test_several_images_and_several_faces(runtime: Runtime):
    images = [
        Image.of(photo(64, 64, (8, 8, 8), (48, 48, 8))),
        Image.of(photo(64, 64)),
        Image.of(photo(128, 128, (64, 16, 16))),
    ]
    found = finder(runtime, Head.YUNET).detect(images)
    assert [len(faces) for faces in found] == [2, 0, 1]
    assert finder(runtime, Head.YUNET).detect([]) == []


def test_neighbouring_faces_both_stay_and_those_that_overlap_more_go(runtime: Runtime):
    """Boxes of two neighbouring squares share a third: more than YuNet's authors let through."""
    image = Image.of(photo(64, 64, (16, 16, 8), (24, 16, 8)))
    for head, expected in ((Head.SCRFD, 2), (Head.RETINAFACE, 2), (Head.YUNET, 1)):
        (faces,) = finder(runtime, head).detect([image])
        assert len(faces) == expected


def test_faces_come_largest_first(runtime: Runtime, monkeypatch: pytest.MonkeyPatch):
    """Whatever their scores."""
    corners = np.array([[0, 0, 9, 9], [20, 20, 50, 50], [0, 30, 12, 42]], np.float32)
    found = Found(corners, np.zeros((3, 5, 2), np.float32), np.array([0.9, 0.6, 0.7], np.float32))
    detector = finder(runtime, Head.SCRFD)
    monkeypatch.setattr(detector, "_decoded", lambda _: found)
    (faces,) = detector.detect([Image.of(photo(64, 64))])
    assert [round(face.box.width) for face in faces] == [30, 12, 9]
    assert [face.score for face in faces] == pytest.approx([0.6, 0.7, 0.9])


def test_the_smallest_face_is_respected(runtime: Runtime):
    image = Image.of(photo(256, 256, (64, 64, 32)))  # a box of 64 px, a quarter of the photo
    for options, expected in (
        (DetectorOptions(smallest_face_px=63), 1),
        (DetectorOptions(smallest_face_px=65), 0),
        (DetectorOptions(smallest_face_fraction=0.24), 1),
        (DetectorOptions(smallest_face_fraction=0.26), 0),
    ):
        (faces,) = finder(runtime, Head.SCRFD, options=options).detect([image])
        assert len(faces) == expected


def test_faces_in_the_black_beside_the_photo_are_none(runtime: Runtime):
    """A flat photo fills the upper half of the input; a network may see something below."""
    detector = finder(runtime, Head.SCRFD)
    picture, size = photo(64, 64, (16, 40, 8)), (64, 32)
    from facesearch.models import onnx_detector

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_detector, "_fitted", lambda *_: (picture, np.array(size, float)))
        assert detector.detect([Image.of(photo(64, 32))]) == [()]


def test_the_key_names_what_changes_results(runtime: Runtime):
    def key(
        name: str = "own",
        sha256: str = "ab" * 32,
        head: Head = Head.SCRFD,
        side: int = 640,
        options: DetectorOptions | None = None,
    ) -> str:
        return detector_key(name, sha256, head, fed(head, side, side), options or DetectorOptions())

    keys = {
        key(),
        key(name="other"),
        key(sha256="cd" * 32),
        key(head=Head.YUNET),
        key(side=320),
        key(options=DetectorOptions(smallest_face_px=30)),
        key(options=DetectorOptions(smallest_face_fraction=0.03)),
    }
    assert len(keys) == 7
    assert key().startswith("own@abababab:scrfd-1-")
    detector = finder(runtime, Head.SCRFD)
    assert detector.key == detector_key(
        "squares", "5" * 64, Head.SCRFD, fed(Head.SCRFD, 64, 64), SMALL
    )


def test_outputs_of_another_family_are_a_model_error(runtime: Runtime):
    detector = OnnxDetector(
        runtime,
        square_finder(Head.YUNET),
        name="mistaken",
        sha256="0" * 64,
        head=Head.SCRFD,
        preprocessing=fed(Head.SCRFD, 64, 64),
    )
    with pytest.raises(ModelError, match=r"mistaken gives unexpected outputs.*9 or 15") as caught:
        detector.detect([Image.of(photo(64, 64))])
    assert caught.value.model == "mistaken"


def test_a_network_for_several_pictures_at_once_is_refused(runtime: Runtime):
    with pytest.raises(ModelError, match="takes 4 pictures at once: export it with a batch of 1"):
        OnnxDetector(
            runtime,
            tiny((4, 3, 64, 64)),
            name="four",
            sha256="0" * 64,
            head=Head.SCRFD,
            preprocessing=fed(Head.SCRFD, 64, 64),
        )


def test_places_that_are_no_numbers_are_a_model_error(runtime: Runtime, monkeypatch):
    detector = finder(runtime, Head.YUNET)
    run = detector._network.run

    def broken(pictures: np.ndarray) -> list[np.ndarray]:
        return [np.where(out == np.log(np.float32(2)), np.inf, out) for out in run(pictures)]

    monkeypatch.setattr(detector._network, "run", broken)
    with pytest.raises(ModelError, match="places that are no numbers"):
        detector.detect([Image.of(photo(64, 64, (16, 16, 8)))])


def test_several_threads_get_the_same_answers(runtime: Runtime):
    detector = finder(runtime, Head.RETINAFACE)
    images = [Image.of(photo(64, 64, (8 * n, 16, 8))) for n in range(1, 7)]
    expected = [[face.box for face in faces] for faces in detector.detect(images)]
    found: dict[int, list[list[object]]] = {}

    def look(number: int) -> None:
        answers = [detector.detect([image])[0] for image in images]
        found[number] = [[face.box for face in faces] for faces in answers]

    threads = [threading.Thread(target=look, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(faces) == 1 for faces in expected)
    assert [found[number] for number in range(4)] == [expected] * 4
