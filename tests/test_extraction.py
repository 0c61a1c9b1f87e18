"""A face is seen the same way however its photo was decoded."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
import skimage.data

from facesearch.errors import PhotoUnreadable
from facesearch.extraction import ExtractedFaces, cut_faces, extract_faces
from facesearch.models.base import DetectorOptions
from facesearch.models.dlib_resnet import DlibResNet
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.onnx import Device, Runtime
from facesearch.photos.decode import DecodeLimits, PhotoData, open_photo
from facesearch.values import Image, Size


@pytest.fixture(scope="module")
def detector(own_home: Path) -> Mtcnn:
    return Mtcnn(Runtime.on(Device.CPU))


@pytest.fixture(scope="module")
def embedder(own_home: Path) -> DlibResNet:
    return DlibResNet(Runtime.on(Device.CPU))


class Watched:
    """A photo that notes how large it was decoded."""

    def __init__(self, photo: PhotoData) -> None:
        self.photo = photo
        self.size, self.format = photo.size, photo.format
        self.decoded: list[Size] = []

    def decode(self, *, min_longer_px: int | None = None) -> Image:
        image = self.photo.decode(min_longer_px=min_longer_px)
        self.decoded.append(image.size)
        return image


class Whole(Watched):
    """A photo that is always decoded at full size."""

    def decode(self, *, min_longer_px: int | None = None) -> Image:
        return super().decode()


def encoded(pixels: np.ndarray, kind: str = "JPEG") -> PhotoData:
    file = io.BytesIO()
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"compress_level": 1}
    PIL.Image.fromarray(pixels).save(file, kind, **options)
    return open_photo(file.getvalue(), f"test.{kind.lower()}", DecodeLimits())


def canvas(*faces: tuple[int, int, int], size: tuple[int, int] = (4000, 3000)) -> np.ndarray:
    """A large photo with the astronaut at each (left, top, width), on a soft background."""
    rows, columns = np.mgrid[: size[1], : size[0]]
    grey = (128 + 40 * np.sin(rows / 300) + 40 * np.cos(columns / 400)).astype(np.uint8)
    pixels = np.repeat(grey[:, :, None], 3, axis=2)
    for left, top, width in faces:
        method = cv2.INTER_AREA if width < 512 else cv2.INTER_CUBIC
        photo = cv2.resize(skimage.data.astronaut(), (width, width), interpolation=method)
        pixels[top : top + width, left : left + width] = photo
    return pixels


def farthest(embedder: DlibResNet, found: ExtractedFaces, expected: ExtractedFaces) -> float:
    """The largest cosine distance between the same face in both, matched by their boxes."""
    assert len(found.detections) == len(expected.detections) > 0
    rows, others = embedder.embed(found.chips), embedder.embed(expected.chips)
    distances = []
    for face, row in zip(found.detections, rows, strict=True):
        overlaps = [face.box.iou(other.box) for other in expected.detections]
        best = int(np.argmax(overlaps))
        assert overlaps[best] > 0.6
        distances.append(1 - float(row @ others[best]))
    return max(distances)


def test_a_small_photo_is_decoded_once(detector: Mtcnn, embedder: DlibResNet):
    photo = Watched(encoded(skimage.data.astronaut()))
    found = extract_faces(photo, detector, embedder)
    assert photo.decoded == [Size(512, 512)]
    assert len(found.detections) == 1
    assert found.chips.shape == (1, embedder.views, 150, 150, 3)
    assert found.chips.dtype == np.uint8


def test_a_photo_without_a_face_is_decoded_once_and_gives_nothing(
    detector: Mtcnn, embedder: DlibResNet
):
    photo = Watched(encoded(canvas()))
    found = extract_faces(photo, detector, embedder)
    assert photo.decoded == [Size(2000, 1500)]
    assert found.detections == ()
    assert found.chips.shape == (0, embedder.views, 150, 150, 3)


def test_a_large_face_in_a_large_photo_needs_no_second_decoding(
    detector: Mtcnn, embedder: DlibResNet
):
    pixels = canvas((500, 100, 2800))
    photo = Watched(encoded(pixels))
    found = extract_faces(photo, detector, embedder)
    assert photo.decoded == [Size(2000, 1500)]
    whole = extract_faces(Whole(encoded(pixels)), detector, embedder)
    assert farthest(embedder, found, whole) < 0.01


@pytest.mark.parametrize("width", [450, 512, 700])
def test_a_small_face_in_a_large_photo_is_cut_from_a_sharper_decoding(
    detector: Mtcnn, embedder: DlibResNet, width: int
):
    """It loses nothing against a photo decoded at full size."""
    pixels = canvas((1700, 900, width))
    photo = Watched(encoded(pixels))
    found = extract_faces(photo, detector, embedder)
    assert photo.decoded == [Size(2000, 1500), Size(4000, 3000)]
    assert len(found.detections) == 1
    whole = extract_faces(Whole(encoded(pixels)), detector, embedder)
    assert farthest(embedder, found, whole) < 0.01
    own = extract_faces(encoded(canvas((0, 0, width), size=(width, width))), detector, embedder)
    rows = [embedder.embed(faces.chips)[0] for faces in (found, own)]
    assert 1 - rows[0] @ rows[1] < 0.01


def test_each_face_is_cut_from_what_suits_it(detector: Mtcnn, embedder: DlibResNet):
    """A large and a small one in one photo; the second decoding serves the small one."""
    pixels = canvas((50, 100, 2200), (2900, 1500, 512))
    photo = Watched(encoded(pixels))
    found = extract_faces(photo, detector, embedder)
    assert len(photo.decoded) == 2
    assert len(found.detections) == 2
    assert found.detections[0].box.area > found.detections[1].box.area
    whole = extract_faces(Whole(encoded(pixels)), detector, embedder)
    assert farthest(embedder, found, whole) < 0.01


def test_the_second_decoding_is_no_larger_than_needed(detector: Mtcnn, embedder: DlibResNet):
    """At 8000 px an eighth is decoded for detection; a quarter is enough for this face."""
    pixels = cv2.resize(canvas((1400, 500, 900)), (9600, 7200), interpolation=cv2.INTER_LINEAR)
    photo = Watched(encoded(pixels))
    (face,) = extract_faces(photo, detector, embedder).detections
    scale = embedder.template.pixels_per_chip_pixel(face.landmarks)
    assert photo.decoded == [Size(1200, 900), Size(4800, 3600)]
    assert 1 / 4 < 1 / scale <= 1 / 2


def test_formats_without_reduced_decoding_are_decoded_once(detector: Mtcnn, embedder: DlibResNet):
    photo = Watched(encoded(canvas((1700, 900, 512), size=(2600, 1600)), "PNG"))
    found = extract_faces(photo, detector, embedder)
    assert photo.decoded == [Size(2600, 1600)]
    assert len(found.detections) == 1


def test_options_decide_how_large_a_photo_is_decoded(own_home: Path, embedder: DlibResNet):
    """Who looks for small faces gets the pixels that show them."""
    detector = Mtcnn(Runtime.on(Device.CPU), DetectorOptions(smallest_face_fraction=0.008))
    photo = Watched(encoded(canvas((1700, 900, 240))))
    found = extract_faces(photo, detector, embedder)
    assert photo.decoded == [Size(4000, 3000)]
    assert len(found.detections) == 1


def test_forty_faces(detector: Mtcnn, embedder: DlibResNet, crowd: PIL.Image.Image):
    """All of one person, so all near each other."""
    found = extract_faces(encoded(np.asarray(crowd)), detector, embedder)
    assert len(found.detections) == 40
    rows = embedder.embed(found.chips)
    assert 1 - (rows @ rows.T).min() < 0.03


def test_every_row_of_chips_belongs_to_its_detection(detector: Mtcnn, embedder: DlibResNet):
    photo = encoded(canvas((50, 50, 512), (700, 100, 400), size=(1300, 700)))
    found = extract_faces(photo, detector, embedder)
    image = photo.decode()
    assert len(found.detections) == 2
    for detection, chip in zip(found.detections, found.chips, strict=True):
        np.testing.assert_array_equal(chip, embedder.cut(image, detection.landmarks))


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_photo_on_its_side_is_upright_by_its_tag(
    detector: Mtcnn, embedder: DlibResNet, orientation: int
):
    turned = PIL.Image.fromarray(skimage.data.astronaut()).rotate(
        {3: 180, 6: 90}[orientation], expand=True
    )
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    turned.save(file, "JPEG", quality=95, exif=exif)
    tagged = open_photo(file.getvalue(), "tagged.jpg", DecodeLimits())
    found = extract_faces(tagged, detector, embedder)
    assert (
        farthest(
            embedder, found, extract_faces(encoded(skimage.data.astronaut()), detector, embedder)
        )
        < 0.01
    )


def test_a_damaged_photo_is_unreadable(detector: Mtcnn, embedder: DlibResNet):
    file = io.BytesIO()
    PIL.Image.fromarray(skimage.data.astronaut()).save(file, "JPEG")
    half = file.getvalue()[: file.tell() // 2]
    with pytest.raises(PhotoUnreadable, match=r"half\.jpg"):
        extract_faces(open_photo(half, "half.jpg", DecodeLimits()), detector, embedder)


# Faces that are known already


def test_known_faces_are_cut_as_they_were_when_they_were_found(detector, embedder, crowd):
    """Where a photo comes at full size anyway, to the pixel."""
    photo = encoded(np.asarray(crowd), "PNG")
    found = extract_faces(photo, detector, embedder)
    known = [detection.landmarks for detection in found.detections]
    assert (cut_faces(photo, known, embedder) == found.chips).all()
    assert (cut_faces(photo, known[3:4], embedder) == found.chips[3:4]).all()


def test_a_photo_is_decoded_as_fine_as_its_smallest_known_face_needs(detector, embedder):
    face = PIL.Image.fromarray(skimage.data.astronaut())
    sheet = PIL.Image.new("RGB", (4096, 2048), (90, 90, 90))
    sheet.paste(face.resize((2048, 2048), PIL.Image.Resampling.BICUBIC), (0, 0))
    sheet.paste(face, (2500, 100))
    photo = Watched(encoded(np.asarray(sheet)))
    found = extract_faces(photo, detector, embedder)
    large, small = (detection.landmarks for detection in found.detections[:2])
    for known, size in (([large], Size(2048, 1024)), ([small, large], Size(4096, 2048))):
        photo.decoded.clear()
        chips = cut_faces(photo, known, embedder)
        assert photo.decoded == [size]
        vectors = embedder.embed(chips)
        rows = [0] if len(known) == 1 else [1, 0]
        same = (vectors * embedder.embed(found.chips[rows])).sum(axis=1)
        assert (same > 1 - 0.01).all(), "it looks as it did when it was found"
