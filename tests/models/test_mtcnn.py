"""The default detector finds what the mtcnn package finds, in any picture, and says where."""

from __future__ import annotations

import json
import math
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
from golden_inputs import Picture, digest, enlarged, shrunk
from hypothesis import given, settings
from hypothesis import strategies as st

from facesearch.models import mtcnn_boxes, mtcnn_sampling
from facesearch.models.base import DetectorOptions
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.mtcnn_looks import Look
from facesearch.models.mtcnn_stages import Stage
from facesearch.models.onnx import Runtime
from facesearch.photos.decode import DecodeLimits, open_photo
from facesearch.values import Box, Detection, Image, Size

HERE = Path(__file__).parent
GOLDEN: dict[str, Any] = json.loads((HERE / "golden_faces.json").read_text(encoding="utf-8"))
DATA = HERE.parents[2] / "shared" / "data"


def points_of(face: list[float]) -> np.ndarray:
    """The landmarks of a golden face."""
    return np.array(face[5:]).reshape(5, 2)


def partner(box: Box, found: tuple[Detection, ...]) -> Detection | None:
    """The detection that overlaps a box most, by more than half."""
    best = max(found, key=lambda face: face.box.iou(box), default=None)
    return best if best is not None and best.box.iou(box) > 0.5 else None


def same_faces(found: tuple[Detection, ...], others: tuple[Detection, ...]) -> bool:
    """As many faces, in the same places up to a hundredth of a pixel, in the same order."""
    return len(found) == len(others) and all(
        np.allclose(a.landmarks.points, b.landmarks.points, atol=0.01)
        and np.allclose(corners(a), corners(b), atol=0.01)
        and abs(a.score - b.score) < 1e-4
        for a, b in zip(found, others, strict=True)
    )


def corners(face: Detection) -> tuple[float, float, float, float]:
    box = face.box
    return box.x, box.y, box.x + box.width, box.y + box.height


# Held to the package


def test_the_pictures_are_those_that_the_package_saw(pictures: dict[str, Picture]):
    """Where this fails, the test's photographs have changed, not the networks."""
    assert list(GOLDEN) == list(pictures)
    for name, picture in pictures.items():
        assert GOLDEN[name]["digest"] == digest(picture), name


@pytest.mark.parametrize("name", GOLDEN)
def test_faces_are_those_of_the_package(
    packages_detector: Mtcnn, pictures: dict[str, Picture], name: str
):
    expected = GOLDEN[name]["faces"]
    (found,) = packages_detector.detect([Image.of(pictures[name])])
    assert len(found) == len(expected)
    for face in expected:
        box = Box(*face[:4])
        ours = partner(box, found)
        assert ours is not None
        assert ours.box.iou(box) > 0.85
        assert np.abs(ours.landmarks.points - points_of(face)).max() < 0.03 * box.width + 0.3
        assert abs(ours.score - face[4]) < 0.02


def test_faces_are_usually_those_of_the_package_to_a_fraction_of_a_pixel(
    packages_detector: Mtcnn, pictures: dict[str, Picture]
):
    overlaps, shifts = [], []
    for name, answer in GOLDEN.items():
        (found,) = packages_detector.detect([Image.of(pictures[name])])
        for face in answer["faces"]:
            box = Box(*face[:4])
            ours = partner(box, found)
            assert ours is not None
            overlaps.append(ours.box.iou(box))
            shifts.append(np.abs(ours.landmarks.points - points_of(face)).max() / box.width)
    assert len(overlaps) == 46
    assert np.median(overlaps) > 0.97
    assert np.median(shifts) < 0.01


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no photos in {DATA}")
def test_real_photos_show_the_faces_that_the_package_finds(detector: Mtcnn):
    """100 photos of LFW, the group photos, and the full-size photos that are not too large."""
    golden = json.loads((HERE / "golden_photos.json").read_text(encoding="utf-8"))
    theirs = ours = common = 0
    for name, boxes in golden.items():
        photo = open_photo((DATA / name).read_bytes(), name, DecodeLimits()).decode()
        smallest = DetectorOptions().smallest_face_in(photo.full_size)
        (found,) = detector.detect([photo])
        wanted = [Box(*box) for box in boxes if max(box[2:]) >= smallest]
        matched = sum(partner(box, found) is not None for box in wanted)
        if "/groups/" in name:
            assert matched == len(wanted), name
        theirs, ours, common = theirs + len(wanted), ours + len(found), common + matched
    assert theirs > 200
    assert ours >= theirs
    assert common >= 0.99 * theirs


# Beyond the package


def test_settling_moves_landmarks_a_little_and_nothing_else(
    detector: Mtcnn, packages_detector: Mtcnn, pictures: dict[str, Picture]
):
    """Boxes and scores stay the package's; nobody is found in pictures of things and animals."""
    moved = []
    for name in ("montage", "small faces", "coffee", "cat", "camera", "rocket"):
        (settled,) = detector.detect([Image.of(pictures[name])])
        (plain,) = packages_detector.detect([Image.of(pictures[name])])
        assert [face.box for face in settled] == [face.box for face in plain], name
        assert [face.score for face in settled] == [face.score for face in plain]
        for one, other in zip(settled, plain, strict=True):
            shift = np.abs(one.landmarks.points - other.landmarks.points).max() / one.box.width
            assert shift < 0.12
            moved.append(shift)
    assert 0.002 < np.median(moved) < 0.03


def test_settled_landmarks_of_the_mirrored_photo_are_the_mirrored_landmarks(
    detector: Mtcnn, packages_detector: Mtcnn
):
    """Nearer to it than before: a face is the same face seen in the mirror."""

    def asymmetry(by: Mtcnn) -> float:
        photo = skimage.data.astronaut()
        ((face,),) = by.detect([Image.of(photo)])
        ((seen,),) = by.detect([Image.of(np.ascontiguousarray(photo[:, ::-1]))])
        back = seen.landmarks.points[[1, 0, 2, 4, 3]] * (-1, 1) + (photo.shape[1] - 1, 0)
        return float(np.abs(back - face.landmarks.points).mean())

    assert asymmetry(detector) < asymmetry(packages_detector)


def half_faces() -> dict[str, Picture]:
    """Photos at whose edge a third of the face or more is missing, and at which edge."""
    photo = skimage.data.astronaut()
    return {
        "right": np.ascontiguousarray(photo[:, :226]),
        "bottom": np.ascontiguousarray(photo[:136]),
    }


@pytest.mark.parametrize("cut_off", ["right", "bottom"])
def test_a_second_look_finds_faces_that_the_edge_has_cut(
    detector: Mtcnn, packages_detector: Mtcnn, cut_off: str
):
    """And says where they would go on."""
    photo = half_faces()[cut_off]
    assert packages_detector.detect([Image.of(photo)]) == [()]
    ((face,),) = detector.detect([Image.of(photo)])
    assert face.score > 0.8
    box = face.box
    height, width = photo.shape[:2]
    beyond = {"right": box.x + box.width - width, "bottom": corners(face)[3] - height}
    assert beyond[cut_off] > 0.2 * box.width


def test_only_photos_without_a_face_are_looked_at_again(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, pictures: dict[str, Picture]
):
    detector = Mtcnn(runtime)
    looked_at: list[int] = []
    look = detector._look

    def counted(images: list[Image], how: Look) -> list[tuple[Detection, ...]]:
        looked_at.append(len(images))
        return look(images, how)

    monkeypatch.setattr(detector, "_look", counted)
    seen, empty = Image.of(pictures["astronaut"]), Image.of(pictures["cat"])
    half = Image.of(half_faces()["right"])
    answers = detector.detect([empty, seen, half, seen])
    assert [len(faces) for faces in answers] == [0, 1, 1, 1]
    assert looked_at == [4, 2]
    detector.detect([seen])
    assert looked_at == [4, 2, 1]


def test_a_second_look_is_no_less_strict_than_asked_for(runtime: Runtime):
    photo = Image.of(half_faces()["right"])
    strict = DetectorOptions(thresholds=(0.6, 0.7, 0.9999))
    assert Mtcnn(runtime, strict).detect([photo]) == [()]


LFW = DATA / "lfw" / "images"


@pytest.mark.skipif(not LFW.is_dir(), reason=f"no photos in {LFW}")
@pytest.mark.parametrize("name", ["Daisy_Fuentes_0003", "Marilyn_Monroe_0001"])
def test_the_faces_of_lfw_that_the_first_look_misses(
    detector: Mtcnn, packages_detector: Mtcnn, name: str
):
    path = LFW / name.rpartition("_")[0] / f"{name}.jpg"
    photo = open_photo(path.read_bytes(), name, DecodeLimits()).decode()
    assert packages_detector.detect([photo]) == [()]
    ((face,),) = detector.detect([photo])
    middle = face.box.x + face.box.width / 2, face.box.y + face.box.height / 2
    assert np.abs(np.array(middle) - (photo.size.width / 2, photo.size.height / 2)).max() < 15


# What comes out


def test_coordinates_and_scores_are_in_their_ranges(detector: Mtcnn, pictures: dict[str, Picture]):
    """A face's landmarks lie in its box, the eyes above the mouth."""
    (found,) = detector.detect([Image.of(pictures["montage"])])
    for face in found:
        box, points = face.box, face.landmarks.points
        assert isinstance(face.score, float)
        assert 0.8 < face.score <= 1
        assert all(isinstance(side, float) for side in (box.x, box.y, box.width, box.height))
        assert (points > (box.x, box.y)).all()
        assert (points < (box.x + box.width, box.y + box.height)).all()
        assert points[:2, 1].max() < points[2, 1] < points[3:, 1].min()
        assert points[0, 0] < points[1, 0]
        assert points[3, 0] < points[4, 0]


def test_the_largest_face_comes_first(detector: Mtcnn, pictures: dict[str, Picture]):
    for name in ("montage", "small faces"):
        (found,) = detector.detect([Image.of(pictures[name])])
        areas = [face.box.area for face in found]
        assert len(areas) > 5
        assert areas == sorted(areas, reverse=True)


def test_a_batch_finds_what_each_photo_alone_shows(detector: Mtcnn, pictures: dict[str, Picture]):
    """Faces of one photo never suppress or move those of another."""
    images = [Image.of(picture) for picture in pictures.values()]
    images.insert(3, Image.of(np.zeros((5, 7, 3), np.uint8)))
    together = detector.detect(images)
    assert len(together) == len(images)
    for image, found in zip(images, together, strict=True):
        assert same_faces(found, detector.detect([image])[0])


def test_the_same_photo_twice_has_its_faces_twice(detector: Mtcnn):
    image = Image.of(skimage.data.astronaut())
    first, second = detector.detect([image, image])
    assert len(first) == 1
    assert same_faces(first, second)


def test_threads_at_once_find_the_same(detector: Mtcnn, pictures: dict[str, Picture]):
    names = ["astronaut", "montage", "small faces", "cat"] * 3
    images = [Image.of(pictures[name]) for name in names]
    alone = [detector.detect([image])[0] for image in images[:4]]
    with ThreadPoolExecutor(4) as pool:
        for number, (found,) in enumerate(pool.map(lambda image: detector.detect([image]), images)):
            assert same_faces(found, alone[number % 4])


def test_the_callers_pixels_stay_as_they_are(detector: Mtcnn):
    photo = skimage.data.astronaut()
    detector.detect([Image.of(photo)])
    np.testing.assert_array_equal(photo, skimage.data.astronaut())


# Which pictures


@pytest.mark.parametrize(
    "size",
    [
        (1, 1),
        (11, 11),
        (12, 12),
        (13, 13),
        (19, 21),
        (12, 1000),
        (1000, 12),
        (5000, 13),
        (13, 5000),
    ],
)
@pytest.mark.parametrize("smallest_px", [5.0, 20.0])
def test_tiny_and_thin_pictures_show_no_face(
    runtime: Runtime, size: tuple[int, int], smallest_px: float
):
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    options = DetectorOptions(smallest_face_px=smallest_px, smallest_face_fraction=0.001)
    assert Mtcnn(runtime, options).detect([Image.of(pixels)]) == [()]


def test_no_pictures_no_answers(detector: Mtcnn):
    assert detector.detect([]) == []


@pytest.mark.parametrize("value", [0, 127, 255])
def test_a_blank_picture_shows_no_face(detector: Mtcnn, value: int):
    assert detector.detect([Image.of(np.full((300, 400, 3), value, np.uint8))]) == [()]


def test_a_face_on_its_head_is_not_found_and_upright_again_it_is(detector: Mtcnn):
    """Which is why photos are made upright before."""
    photo = skimage.data.astronaut()
    upside_down = np.ascontiguousarray(photo[::-1, ::-1])
    assert detector.detect([Image.of(upside_down)]) == [()]
    upright = np.ascontiguousarray(upside_down[::-1, ::-1])
    assert len(detector.detect([Image.of(upright)])[0]) == 1


def test_a_face_at_the_edge_may_reach_beyond_it(detector: Mtcnn, pictures: dict[str, Picture]):
    ((face,),) = detector.detect([Image.of(pictures["astronaut cut off"])])
    assert face.box.y < 0


@pytest.mark.parametrize("factor", [2, 3])
def test_a_reduced_picture_gives_coordinates_of_the_full_one(detector: Mtcnn, factor: int):
    photo = enlarged(skimage.data.astronaut(), 3)
    size = Size(photo.shape[1], photo.shape[0])
    ((full,),) = detector.detect([Image.of(photo)])
    ((reduced,),) = detector.detect([Image(shrunk(photo, factor), size)])
    assert reduced.box.iou(full.box) > 0.9
    shift = (reduced.landmarks.points - full.landmarks.points).mean(axis=0)
    assert np.abs(shift).max() < 0.01 * full.box.width


def test_a_picture_reduced_unevenly_is_stretched_back(detector: Mtcnn):
    """JPEG at reduced scale rounds each side up on its own."""
    photo = skimage.data.astronaut()
    ((full,),) = detector.detect([Image.of(photo)])
    narrow = cv2.resize(photo, (256, 300), interpolation=cv2.INTER_AREA)
    ((found,),) = detector.detect([Image(narrow, Size(512, 512))])
    assert found.box.iou(full.box) > 0.8


def test_a_panorama_longer_than_opencv_can_sample(runtime: Runtime):
    """OpenCV 4 refuses pictures of more than 32,766 pixels; JPEG goes up to 65,535."""
    panorama = np.zeros((512, 40_000, 3), np.uint8)
    panorama[:, 35_000:35_512] = skimage.data.astronaut()
    options = DetectorOptions(smallest_face_fraction=0.0015)
    ((face,),) = Mtcnn(runtime, options).detect([Image.of(panorama)])
    expected = Box(*GOLDEN["astronaut"]["faces"][0][:4])
    moved = Box(face.box.x - 35_000, face.box.y, face.box.width, face.box.height)
    assert moved.iou(expected) > 0.9


def test_a_mosaic_of_faces_takes_no_gigabytes(detector: Mtcnn):
    """A thousand faces propose 20,000 cells; all their pairs at once would take 10 GB."""
    face = cv2.resize(
        skimage.data.astronaut()[50:190, 150:290], (30, 30), interpolation=cv2.INTER_AREA
    )
    mosaic = Image.of(np.tile(face, (20, 40, 1)))
    tracemalloc.start()
    try:
        (found,) = detector.detect([mosaic])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) > 700
    assert peak < 200e6


# Options


def test_faces_as_large_as_asked_for_are_found_and_much_smaller_ones_are_not(
    runtime: Runtime, pictures: dict[str, Picture]
):
    """Somewhat smaller ones may be: the networks were trained to be generous."""
    photo = Image.of(pictures["montage"])
    (everybody,) = Mtcnn(runtime).detect([photo])
    assert len(everybody) == 9
    for smallest in (30, 40, 60, 90, 140):
        options = DetectorOptions(smallest_face_px=smallest)
        (found,) = Mtcnn(runtime, options).detect([photo])
        for face in everybody:
            if face.box.height >= smallest:
                assert partner(face.box, found) is not None
        assert all(face.box.height > 0.5 * smallest for face in found)


def test_the_smallest_face_is_a_share_of_the_photo(runtime: Runtime):
    photo = Image.of(skimage.data.astronaut())  # its face takes a fifth of the photo

    def count(fraction: float) -> int:
        options = DetectorOptions(smallest_face_fraction=fraction)
        return len(Mtcnn(runtime, options).detect([photo])[0])

    assert [count(fraction) for fraction in (0.01, 0.02, 0.1, 0.2, 0.6)] == [1, 1, 1, 1, 0]


@pytest.mark.parametrize("smallest_px", [4.0, 8.0, 12.0, 20.0])
def test_looking_for_small_faces_loses_no_large_one(runtime: Runtime, smallest_px: float):
    """A face that fills half the photo, at the twelfth level of the pyramid."""
    photo = cv2.resize(
        skimage.data.astronaut()[40:200, 150:310], (640, 640), interpolation=cv2.INTER_CUBIC
    )
    options = DetectorOptions(smallest_face_px=smallest_px, smallest_face_fraction=0.001)
    (found,) = Mtcnn(runtime, options).detect([Image.of(photo)])
    assert found
    assert 300 < found[0].box.width < 400


def test_stricter_thresholds_find_fewer_faces(runtime: Runtime, pictures: dict[str, Picture]):
    photo = Image.of(pictures["small faces"])

    def found(thresholds: tuple[float, float, float]) -> tuple[Detection, ...]:
        return Mtcnn(runtime, DetectorOptions(thresholds=thresholds)).detect([photo])[0]

    default, strict = found((0.6, 0.7, 0.8)), found((0.6, 0.7, 0.995))
    assert 0 < len(strict) < len(default) <= len(found((0.5, 0.6, 0.6)))
    assert len(found((0.6, 0.999, 0.8))) < len(default)
    assert len(found((0.999, 0.7, 0.8))) < len(default)
    assert all(face.score > 0.995 for face in strict)


@pytest.mark.parametrize(
    ("fraction", "expected"), [(0.02, 1200), (0.1, 1200), (1.0, 1200), (0.01, 2400), (0.005, 4800)]
)
def test_photos_are_wanted_large_enough_for_the_smallest_face(
    runtime: Runtime, fraction: float, expected: int
):
    """24 px wide, and no photo smaller than 1200 px."""
    options = DetectorOptions(smallest_face_fraction=fraction)
    assert Mtcnn(runtime, options).wanted_longer_px == expected


# The steps between the networks


@pytest.mark.parametrize(
    "size",
    [(12, 12), (13, 12), (159, 160), (160, 160), (161, 163), (170, 310), (311, 312), (333, 90)],
)
@pytest.mark.parametrize("tile_px", [60, 160, 4096])
def test_tiles_have_the_cells_of_the_whole(detector: Mtcnn, size: tuple[int, int], tile_px: int):
    """Each cell once, none missing, with the same values."""
    picture = np.random.default_rng(3).integers(0, 256, (*size, 3), dtype=np.uint8)
    network = detector._networks[Stage.PROPOSE]
    whole = network.run(picture[None])[0][0]
    pieced = np.full_like(whole, np.nan)
    for row, column, tile in mtcnn_sampling.tiles(picture, tile_px):
        assert max(tile.shape[:2]) <= tile_px + 1
        cells = network.run(tile[None])[0][0]
        place = pieced[:, row : row + cells.shape[1], column : column + cells.shape[2]]
        assert place.shape == cells.shape
        assert np.isnan(place).all()
        place[:] = cells
    np.testing.assert_allclose(pieced, whole, atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 700), width=st.integers(1, 700), smallest=st.floats(4, 300))
def test_the_pyramid_goes_from_the_smallest_face_to_the_largest(
    height: int, width: int, smallest: float
):
    pixels = np.zeros((height, width, 3), np.uint8)
    levels = list(mtcnn_sampling.pyramid(pixels, smallest, step=0.709, border_px=0))
    for number, (scale, picture) in enumerate(levels):
        assert scale == pytest.approx(12 / smallest * 0.709**number)
        assert picture.shape == (int(height * scale), int(width * scale), 3)
        assert min(picture.shape[:2]) >= 12
        assert picture.dtype == np.uint8
    following = 12 / smallest * 0.709 ** len(levels)
    assert min(int(height * following), int(width * following)) < 12


def test_levels_of_a_small_picture_are_averages_over_areas():
    photo = skimage.data.astronaut()
    for _, level in mtcnn_sampling.pyramid(photo, 30.0, step=0.709, border_px=0):
        size = (level.shape[1], level.shape[0])
        np.testing.assert_array_equal(level, cv2.resize(photo, size, interpolation=cv2.INTER_AREA))


def test_levels_of_a_large_picture_are_not_shifted():
    """Halving and sampling move nothing by half a pixel; on a soft picture that would show."""
    photo = cv2.resize(skimage.data.astronaut(), (1537, 1203), interpolation=cv2.INTER_LINEAR)
    photo = cv2.GaussianBlur(photo, (0, 0), 40)
    for scale, level in mtcnn_sampling.pyramid(photo, 30.0, step=0.709, border_px=0):
        size = (level.shape[1], level.shape[0])
        exact = cv2.resize(photo, size, interpolation=cv2.INTER_AREA).astype(int)
        difference = np.abs(level - exact)[2:-2, 2:-2]
        one_pixel = np.abs(np.diff(exact, axis=1)).mean()  # what a shift by that would cost
        assert difference.mean() < max(0.6, 0.5 * one_pixel), scale


RECTANGLES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 40), st.integers(1, 40)),
    max_size=30,
).map(
    lambda rows: np.array([(x, y, x + w, y + h) for x, y, w, h in rows], np.float32).reshape(-1, 4)
)


def overlap(a: np.ndarray, b: np.ndarray, by_smaller: bool) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    areas = [(r[2] - r[0]) * (r[3] - r[1]) for r in (a, b)]
    return float(shared / (min(areas) if by_smaller else sum(areas) - shared))


@given(
    rectangles=RECTANGLES,
    threshold=st.sampled_from([0.305, 0.5001, 0.7003]),
    by_smaller=st.booleans(),
    matrix=st.sampled_from([1, 3, 7, 400]),
)
def test_suppression_in_blocks_is_suppression(
    rectangles: np.ndarray, threshold: float, by_smaller: bool, matrix: int
):
    """However small the blocks: a rectangle goes where an earlier one covers it."""
    expected = [
        any(overlap(rectangles[i], rectangles[j], by_smaller) > threshold for i in range(j))
        for j in range(len(rectangles))
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mtcnn_boxes, "_LARGEST_MATRIX", matrix)
        found = mtcnn_boxes.covered(rectangles, threshold, by_smaller=by_smaller)
    assert found.tolist() == expected


@given(rectangles=RECTANGLES, seed=st.integers(0, 1000))
def test_many_cells_are_suppressed_as_few_are(rectangles: np.ndarray, seed: int):
    """Within scales first and then between them, or all pairs at once."""
    rng = np.random.default_rng(seed)
    logits = rng.permutation(len(rectangles)).astype(np.float32)
    levels = rng.integers(0, 3, len(rectangles))
    at_once = mtcnn_boxes.suppress_cells(rectangles, logits, levels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mtcnn_boxes, "_LARGEST_MATRIX", 1)
        in_steps = mtcnn_boxes.suppress_cells(rectangles, logits, levels)
    assert in_steps.tolist() == at_once.tolist()
    assert logits[at_once].tolist() == sorted(logits[at_once].tolist(), reverse=True)


@given(probability=st.floats(0.01, 0.99))
def test_thresholds_on_logits_are_thresholds_on_probabilities(probability: float):
    logit = math.log(probability / (1 - probability))
    assert 1 / (1 + math.exp(-logit)) == pytest.approx(probability)
