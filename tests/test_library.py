"""Real photographs, real networks: who is in a photo, in every form a photo can come in."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from toys import BLUE, MAX_DISTANCE, RED, draw

import facesearch
from facesearch.errors import (
    DifferentPeople,
    InvalidValue,
    LibraryError,
    LibraryOtherModel,
    LibraryOutdated,
    NoFaceFound,
    PhotoNotFound,
    PhotoUnreadable,
    RatesMissing,
    TooFewFaces,
    UnknownModel,
    UnreadableReason,
)
from facesearch.indexing import IndexOptions
from facesearch.library import FaceChoice, FaceLibrary, LibraryOptions, default_folder
from facesearch.models import catalogue
from facesearch.models.catalogue import Accuracy, embedder_for, embedder_spec
from facesearch.rates import DEFAULT_FALSE_MATCHES, SMALLEST_FMR, measured_rates

SAME = 1e-3
RATES = measured_rates(embedder_spec().space)
ORIENTATION = 0x0112
# For each EXIF orientation, how upright pixels must be stored.
STORED = {
    1: None,
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_90,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_270,
}


def encoded(picture: PIL.Image.Image, kind: str = "JPEG", orientation: int = 1) -> bytes:
    """A photo file; with an orientation other than 1 its pixels are stored turned."""
    turn = STORED[orientation]
    stored = picture if turn is None else picture.transpose(turn)
    exif = PIL.Image.Exif()
    exif[ORIENTATION] = orientation
    file = io.BytesIO()
    stored.save(file, kind, exif=exif.tobytes(), **({"quality": 95} if kind == "JPEG" else {}))
    return file.getvalue()


@pytest.fixture(scope="module")
def album(tmp_path_factory, portraits, strangers, things, crowd) -> Path:
    """album/Eileen: one person six times; album/strangers; things; a group; forty faces."""
    folder = tmp_path_factory.mktemp("real") / "album"
    for name, picture in portraits.items():
        (folder / "Eileen").mkdir(parents=True, exist_ok=True)
        picture.save(folder / "Eileen" / f"{name}.jpg", quality=95)
    (folder / "more").mkdir()
    for number, picture in enumerate(strangers[:8]):
        picture.save(folder / "more" / f"stranger{number}.png")
    for name, picture in things.items():
        picture.save(folder / "more" / f"{name}.jpg")
    crowd.save(folder / "more" / "crowd.png")
    group = PIL.Image.new("RGB", (480, 340), (90, 90, 90))
    group.paste(portraits["cut"], (0, 30))
    group.paste(strangers[1], (300, 0))
    group.paste(strangers[2], (300, 170))
    group.save(folder / "more" / "group.png")
    (folder / "more" / "text.jpg").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def library(album) -> Iterator[FaceLibrary]:
    """All of the album but the cut portrait and stranger 7, which are asked about."""
    with FaceLibrary.open(album.parent / "library.faces") as opened:
        left_out = album.parent / "left out"
        left_out.mkdir()
        for name in ("Eileen/cut.jpg", "more/stranger7.png"):
            (album / name).rename(left_out / Path(name).name)
        opened.index([album / "Eileen"], people_from_folders=True)
        opened.index([album / "more"])
        yield opened


@pytest.fixture(scope="module")
def probe(album, library) -> Path:
    """A photo of Eileen that is not in the library."""
    return album.parent / "left out" / "cut.jpg"


def test_what_was_indexed(library, album):
    status = library.status()
    assert (status.photos, status.failed, status.no_face) == (5 + 7 + 3 + 1 + 1 + 1, 1, 3)
    assert status.faces == 5 + 7 + 40 + 3
    assert (status.identities, status.index) == (1, "exact")
    assert status.space == library.space == embedder_spec().space
    assert status.folder == str(album.parent / "library.faces")
    assert status.bytes > 50_000
    assert len(list(library.photos_with_faces())) == 5 + 7 + 2
    assert library.device
    assert [failure.reason for failure in library.failures()] == ["not-an-image"]
    assert len(library.faces_of(album / "more" / "crowd.png")) == 40


def test_a_selfie_finds_the_person(library, album, probe):
    answer = library.query(probe)
    assert (answer.photo, answer.space) == (str(probe), library.space)
    limit = answer.limit
    assert limit.gallery_faces == 55
    assert limit.false_matches == DEFAULT_FALSE_MATCHES
    assert limit.max_distance == answer.max_distance == RATES.distance_at(limit.fmr)
    assert limit.prior == pytest.approx(1 / 55)
    assert not limit.calibrated
    (face,) = answer.faces
    assert face.detection.score > 0.9
    assert face.embedding.space == library.space
    (match,) = face.identities
    assert match.identity.name == "Eileen"
    names = {Path(hit.face.photo.paths[0]).stem for hit in match.faces}
    assert names == {"official", "mirrored", "brighter", "darker", "turned"}
    distances = [hit.distance for hit in match.faces]
    assert distances == sorted(distances)
    assert match.distance == distances[0] < 0.02
    assert all(distance <= answer.max_distance for distance in distances)
    for hit in match.faces:
        assert hit.probability == pytest.approx(RATES.probability(hit.distance, limit.prior))
        assert hit.identity == match.identity
    assert match.probability == match.faces[0].probability > 0.99
    # In the crowd and in the group she has no name yet.
    assert len(face.unnamed) == 5
    assert {Path(hit.face.photo.paths[0]).stem for hit in face.unnamed} <= {"crowd", "group"}
    assert [hit.distance for hit in face.unnamed] == sorted(hit.distance for hit in face.unnamed)
    nearest = min(face.identities[0].distance, face.unnamed[0].distance)
    assert face.nearest.distance == pytest.approx(nearest)


def test_distances_are_those_of_the_embeddings(library, probe):
    """Told distances are cosine distances of what `embed` gives, by any path to them."""
    ((_, own),) = library.embed(probe)
    (face,) = library.query(probe, top=100, max_distance=2).faces
    for hit in face.identities[0].faces:
        embedded = library.embed(hit.face.photo.paths[0])
        assert min(own.distance(other) for _, other in embedded) == pytest.approx(
            hit.distance, abs=1e-4
        )


def test_every_indexed_face_finds_itself(library):
    for path in library.photos_with_faces():
        answer = library.query(path, top=50)
        for face in answer.faces:
            hits = [*face.unnamed, *(h for match in face.identities for h in match.faces)]
            own = [hit for hit in hits if path in hit.face.photo.paths]
            box = face.detection.box
            same = max(own, key=lambda hit: hit.face.box.iou(box))
            assert same.face.box.iou(box) > 0.99
            assert same.distance < SAME


def test_a_stranger_is_nobody_and_the_answer_says_how_far(library, album):
    answer = library.query(album.parent / "left out" / "stranger7.png", max_distance=0.01)
    (face,) = answer.faces
    assert (face.identities, face.unnamed) == ((), ())
    assert 0.01 < face.nearest.distance < 2
    assert Path(face.nearest.face.photo.paths[0]).exists()


def test_distances_from_nothing_to_everything(library, probe):
    (face,) = library.query(probe, max_distance=0).faces
    assert (face.identities, face.unnamed) == ((), ())
    assert face.nearest is not None
    (face,) = library.query(probe, max_distance=2, top=1000).faces
    assert len(face.identities) == 1
    assert len(face.unnamed) + len(face.identities[0].faces) == library.status().faces
    distances = [hit.distance for hit in face.unnamed]
    assert distances == sorted(distances)
    assert 0 <= distances[0] <= distances[-1] <= 2


def test_top_limits_people_and_unnamed_faces(library, probe):
    for top in (1, 3):
        (face,) = library.query(probe, top=top).faces
        assert (len(face.identities), len(face.unnamed)) == (1, top)
        assert len(face.identities[0].faces) == 5, "all faces of a person that is shown"


def test_fewer_false_matches_mean_a_smaller_distance(library, probe):
    limits = [library.query(probe, false_matches=n).limit for n in (1e-4, 1e-3, 0.05)]
    distances = [limit.max_distance for limit in limits]
    assert distances == sorted(set(distances))
    for limit, asked in zip(limits, (1e-4, 1e-3, 0.05), strict=True):
        assert limit.expected_false_matches == pytest.approx(asked)
    chosen = library.query(probe, max_distance=0.05).limit
    assert (chosen.max_distance, chosen.false_matches) == (0.05, None)
    assert chosen.fmr == pytest.approx(RATES.fmr(0.05))


# Several photos of one person


def test_photos_of_one_person_become_one_probe(library, album, probe, crowd):
    group = album / "more" / "group.png"
    answer = library.query_person([probe, group, encoded(crowd, "PNG")])
    assert answer.photo == str(probe)
    assert [face.photo for face in answer.same_person] == [str(probe), str(group), "<bytes>"]
    taken = answer.same_person[1].detection.box
    (hers,) = (face for face in library.query(group).faces if face.identities)
    assert taken == hers.detection.box, "of three faces"
    (face,) = answer.faces
    assert face.identities[0].identity.name == "Eileen"
    assert answer.limit.max_distance < library.query(probe).limit.max_distance, (
        "strangers are nearer to a mean"
    )


def test_the_same_picture_twice_counts_once(library, probe):
    once = library.query(probe)
    twice = library.query_person([probe, probe.read_bytes()])
    assert twice.limit == once.limit
    assert len(twice.same_person) == 2
    (one,), (other,) = once.faces, twice.faces
    assert one.embedding.distance(other.embedding) < 1e-6
    assert library.query_person([probe]).limit == once.limit


def test_photos_of_two_people_are_not_one(library, album, probe):
    stranger = album.parent / "left out" / "stranger7.png"
    with pytest.raises(DifferentPeople, match="do not show the same person") as caught:
        library.query_person([probe, stranger, album / "Eileen" / "official.jpg"])
    assert {caught.value.photo, caught.value.other} >= {str(stranger)}
    with pytest.raises(InvalidValue, match="at least one photo"):
        library.query_person([])
    with pytest.raises(NoFaceFound):
        library.query_person([probe, album / "more" / "coffee.jpg"])


# Two photos


def test_whether_two_photos_show_one_person(library, album, probe):
    stranger = album.parent / "left out" / "stranger7.png"
    same = library.verify(probe, album / "Eileen" / "official.jpg")
    assert same.same
    assert same.probability > 0.99
    assert same.fmr == pytest.approx(max(SMALLEST_FMR, RATES.fmr(same.distance)))
    assert (same.prior, same.max_fmr, same.pairs, same.faces) == (0.5, 1e-3, 1, (1, 1))
    other = library.verify(probe, stranger)
    assert not other.same
    assert other.probability < 0.01 < other.fmr
    assert facesearch.verify(probe, stranger).distance == pytest.approx(other.distance)
    itself = library.verify(probe, probe)
    assert itself.distance < 1e-6
    assert itself.same


def test_the_most_alike_of_many_pairs_is_judged_as_such(library, album, probe):
    group = album / "more" / "group.png"
    largest = library.verify(probe, group)
    every = library.verify(probe, group, face=FaceChoice.ALL)
    assert (largest.pairs, every.pairs, every.faces) == (1, 3, (1, 3))
    assert (largest.same, every.same) == (False, True), "a stranger's face is larger"
    assert every.max_distance == pytest.approx(RATES.distance_at(every.max_fmr / 3))
    other = album.parent / "left out" / "stranger7.png"
    alone, among = (library.verify(other, group, face=choice) for choice in (1, FaceChoice.ALL))
    assert among.distance <= alone.distance
    assert among.fmr == pytest.approx(min(1, 3 * RATES.fmr(among.distance)))
    assert among.probability == pytest.approx(RATES.probability(among.distance, 0.5 / 3))
    with pytest.raises(NoFaceFound, match="1 faces"):
        library.verify(group, probe, face=3)


@pytest.mark.parametrize("wrong", [{"prior": 0}, {"prior": 1}, {"max_fmr": 0}, {"max_fmr": 1.5}])
def test_verifying_with_numbers_out_of_range(library, probe, wrong):
    with pytest.raises(InvalidValue, match="above 0 and below 1"):
        library.verify(probe, probe, **wrong)


def test_verifying_what_cannot_be_read(library, album, probe):
    with pytest.raises(PhotoUnreadable):
        facesearch.verify(album / "more" / "text.jpg", probe)
    with pytest.raises(PhotoNotFound):
        library.verify(probe, album / "gone.jpg")


# Models that nobody measured, other models, earlier ones


def test_a_model_without_rates_goes_by_its_own_distance(toys, tmp_path):
    toy_photo = tmp_path / "toy.png"
    draw(RED).save(toy_photo)
    with FaceLibrary.open(tmp_path / "l", options=toys.options()) as library:
        library.index(toy_photo)
        answer = library.query(toy_photo)
        assert answer.limit == facesearch.MatchLimit(MAX_DISTANCE, 1)
        assert answer.faces[0].unnamed[0].probability is None
        assert library.query_person([toy_photo, toy_photo]).limit == answer.limit
        assert library.status().limit == answer.limit
        for ask in (
            lambda: library.query(toy_photo, false_matches=0.1),
            lambda: library.verify(toy_photo, toy_photo),
            library.calibrate,
        ):
            with pytest.raises(RatesMissing, match="toy@1:square"):
                ask()


def test_a_library_keeps_the_model_it_was_begun_with(toys, tmp_path):
    draw(RED).save(tmp_path / "toy.png")
    best = LibraryOptions(embedder=embedder_for(Accuracy.BEST))
    with FaceLibrary.open(tmp_path / "l", options=toys.options()) as library:
        # Both before there is any face: one goes along with what the library becomes.
        open_to_all = FaceLibrary.open(tmp_path / "l")
        determined = FaceLibrary.open(tmp_path / "l", options=best)
        library.index(tmp_path / "toy.png")
    with open_to_all as library:
        assert (library.embedder, library.detector) == ("toy-embedder", "toy-detector")
        assert (library.index().unchanged, library.status().accuracy) == (1, None)
    reindex = r"facesearch reindex --model dlib-resnet34-best,"
    with pytest.raises(LibraryOtherModel, match=rf"toy-embedder.*accuracy best.*{reindex}"):
        FaceLibrary.open(tmp_path / "l", options=best)
    with determined, pytest.raises(LibraryOtherModel, match=r"toy-embedder.*accuracy best"):
        determined.index(tmp_path / "toy.png")


def test_faces_of_a_model_that_is_gone_are_looked_at_again(toys, tmp_path, monkeypatch):
    toy_photo = tmp_path / "toy.png"
    draw(RED, BLUE).save(toy_photo)
    shutil.copy(toy_photo, tmp_path / "copy.png")
    with FaceLibrary.open(tmp_path / "l", options=toys.options()) as library:
        library.index(tmp_path, hidden=False)
        library.name(toy_photo, "Ada")
    # An update brings the same model under another space.
    renewed = replace(catalogue._EMBEDDERS[-1], space="toy@2:square")
    monkeypatch.setattr(catalogue, "_EMBEDDERS", (*catalogue._EMBEDDERS[:-1], renewed))
    toys.embedder.space = "toy@2:square"
    with FaceLibrary.open(tmp_path / "l", options=toys.options()) as library:
        assert library.status().outdated == 2
        with pytest.raises(LibraryOutdated, match="facesearch index"):
            library.query(toy_photo)
        assert library.index().new == 1
        assert library.status().outdated == 0
        assert library.query(toy_photo).faces[0].identities[0].identity.name == "Ada"
        assert library.index().new == 0


# Calibrating


def test_a_library_too_small_to_calibrate(library, album, tmp_path):
    (tmp_path / "photos").mkdir()
    shutil.copy(album / "more" / "group.png", tmp_path / "photos")
    with FaceLibrary.open(tmp_path / "l") as small:
        with pytest.raises(TooFewFaces, match="0 of its faces"):
            small.calibrate()
        small.index(tmp_path / "photos")
        with pytest.raises(TooFewFaces, match="and it takes 200") as caught:
            small.calibrate()
        assert caught.value.found <= 3
        assert small.status().calibration is None


def test_calibrating_a_library_changes_what_its_queries_go_by(copied, album, strangers, probe):
    faces = album.parent / "groups"
    faces.mkdir(exist_ok=True)
    for shift in range(6):  # 10 of 20 strangers, always in other company
        sheet = PIL.Image.new("RGB", (160 * 5, 160 * 2), (128, 128, 128))
        for place, number in enumerate(np.random.default_rng(shift).permutation(20)[:10]):
            sheet.paste(strangers[number], (160 * (place % 5), 160 * (place // 5)))
        sheet.save(faces / f"{shift}.png")
    copied.index(faces)
    before = copied.query(probe).limit
    tried = copied.calibrate(dry_run=True)
    assert not tried.stored
    assert copied.query(probe).limit == before
    report = copied.calibrate()
    assert (report.stored, report.limit_before) == (True, before)
    assert report.impostor_pairs >= 200
    assert [change.fmr for change in report.rates] == [1e-2, 1e-3, 1e-4, 1e-5]
    after = copied.query(probe).limit
    assert after == report.limit_after
    assert after.calibrated
    assert after.max_distance != before.max_distance
    assert copied.verify(probe, probe).calibrated
    status = copied.status()
    assert status.calibration.impostor_pairs == report.impostor_pairs
    assert status.limit == after
    again = copied.calibrate()
    assert again.rates[0].distance_before == again.rates[0].distance_after
    assert copied.forget_calibration()
    assert copied.query(probe).limit == before
    assert not copied.forget_calibration()
    shutil.rmtree(faces)


# Every form a photo can come in


def open_in_forms(path: Path) -> dict[str, object]:
    data = path.read_bytes()
    picture = PIL.Image.open(path)
    return {
        "str": str(path),
        "path": path,
        "bytes": data,
        "bytearray": bytearray(data),
        "memoryview": memoryview(data),
        "file": io.BytesIO(data),
        "Pillow": picture,
        "array": np.asarray(picture),
        "turned-array": np.asarray(picture)[:, :, ::-1].copy()[:, :, ::-1],
    }


FORMS = (
    "str",
    "path",
    "bytes",
    "bytearray",
    "memoryview",
    "file",
    "Pillow",
    "array",
    "turned-array",
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_photo_gives_the_same_answer(library, probe, form):
    expected = library.query(probe)
    answer = library.query(open_in_forms(probe)[form])
    assert len(answer.faces) == 1
    assert answer.faces[0].identities[0].identity.name == "Eileen"
    assert answer.faces[0].embedding.distance(expected.faces[0].embedding) < SAME


def test_what_answers_call_a_photo(library, probe):
    forms = open_in_forms(probe)
    called = {form: library.query(photo).photo for form, photo in forms.items()}
    assert called["str"] == called["path"] == called["Pillow"] == str(probe)
    assert called["bytes"] == "<bytes>"
    assert called["array"] == "<array>"
    with probe.open("rb") as file:
        assert "cut.jpg" in library.query(file).photo
        assert not file.closed


def test_a_relative_path(library, probe, monkeypatch):
    monkeypatch.chdir(probe.parent)
    assert library.query("cut.jpg").photo == str(probe)


@pytest.mark.parametrize("orientation", sorted(STORED))
def test_turned_photos_are_made_upright(library, portraits, orientation):
    """Both as a file and as a Pillow image, which may have been opened without a thought."""
    upright = library.query(encoded(portraits["official"])).faces[0]
    data = encoded(portraits["official"], orientation=orientation)
    for source in (data, PIL.Image.open(io.BytesIO(data))):
        (face,) = library.query(source).faces
        assert face.detection.box.iou(upright.detection.box) > 0.9
        assert face.identities[0].identity.name == "Eileen"
        assert face.embedding.distance(upright.embedding) < 0.003


def test_an_upside_down_photo_is_indexed_upright(tmp_path, portraits):
    folder = tmp_path / "photos"
    folder.mkdir()
    for orientation in (1, 3, 6):
        data = encoded(portraits["official"], orientation=orientation)
        (folder / f"{orientation}.jpg").write_bytes(data)
    with FaceLibrary.open(tmp_path / "l") as library:
        assert library.index(folder).faces == 3
        (first,) = library.faces_of(folder / "1.jpg")
        for orientation in (3, 6):
            (face,) = library.faces_of(folder / f"{orientation}.jpg")
            assert face.box.iou(first.box) > 0.9
            assert face.photo.size == first.photo.size
        (answer,) = library.query(folder / "3.jpg").faces
        assert len(answer.unnamed) == 3


# Which faces


def test_all_faces_largest_first(library, album):
    answer = library.query(album / "more" / "group.png")
    areas = [face.detection.box.area for face in answer.faces]
    assert len(areas) == 3
    assert areas == sorted(areas, reverse=True)
    named = [match.identity.name for face in answer.faces for match in face.identities]
    assert named == ["Eileen"], "one of the three"


def test_choosing_faces(library, album):
    photo = album / "more" / "group.png"
    every = library.query(photo).faces
    for choice in (FaceChoice.ALL, "all"):
        assert len(library.query(photo, face=choice).faces) == 3
    for choice in (FaceChoice.LARGEST, "largest", 1, np.int64(1)):
        (face,) = library.query(photo, face=choice).faces
        assert face.detection.box == every[0].detection.box
    (face,) = library.query(photo, face=3).faces
    assert face.detection.box == every[2].detection.box
    assert face.embedding.distance(every[2].embedding) < SAME
    with pytest.raises(NoFaceFound, match="3 faces"):
        library.query(photo, face=4)


@pytest.mark.parametrize("wrong", [0, -1, "second", 1.5, None])
def test_choices_that_are_none(library, probe, wrong):
    with pytest.raises(InvalidValue, match="largest"):
        library.query(probe, face=wrong)
    with pytest.raises(InvalidValue, match="largest"):
        library.embed(probe, face=wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"top": 0},
        {"top": -3},
        {"top": 2.5},
        {"max_distance": -0.1},
        {"max_distance": 2.1},
        {"max_distance": float("nan")},
        {"false_matches": 0},
        {"false_matches": float("nan")},
        {"max_distance": 0.1, "false_matches": 0.1},
    ],
)
def test_numbers_out_of_range(library, probe, wrong):
    with pytest.raises(InvalidValue):
        library.query(probe, **wrong)


def test_forty_faces(library, album):
    answer = library.query(album / "more" / "crowd.png", top=3)
    assert len(answer.faces) == 40
    assert all(face.identities[0].identity.name == "Eileen" for face in answer.faces)
    assert all(len(face.unnamed) == 3 for face in answer.faces)


# What cannot be answered


def test_a_photo_without_a_face(library, things, album):
    for source in (album / "more" / "coffee.jpg", things["cat"], np.asarray(things["rocket"])):
        with pytest.raises(NoFaceFound, match="no face"):
            library.query(source)
    with pytest.raises(NoFaceFound):
        library.embed(album / "more" / "coffee.jpg", face=FaceChoice.LARGEST)


def test_photos_that_cannot_be_read(library, album, probe):
    with pytest.raises(PhotoNotFound, match="gone"):
        library.query(album / "gone.jpg")
    with pytest.raises(PhotoNotFound):
        library.query("")
    for source, reason in (
        (album, UnreadableReason.NOT_AN_IMAGE),
        (album / "more" / "text.jpg", UnreadableReason.NOT_AN_IMAGE),
        (b"", UnreadableReason.EMPTY),
        (probe.read_bytes()[:3000], UnreadableReason.DAMAGED),
    ):
        with pytest.raises(PhotoUnreadable) as caught:
            library.query(source)
        assert caught.value.reason is reason


@pytest.mark.parametrize("wrong", [None, 5, [1, 2], np.zeros((4, 4)), io.StringIO("text")])
def test_what_is_no_photo_at_all(library, wrong):
    with pytest.raises(InvalidValue):
        library.query(wrong)


def test_an_empty_library(tmp_path, probe):
    with FaceLibrary.open(tmp_path / "l") as library:
        (face,) = library.query(probe).faces
        assert (face.identities, face.unnamed, face.nearest) == ((), (), None)
        status = library.status()
        assert (status.photos, status.faces, status.space, status.index) == (0, 0, None, "none")
        assert (library.failures(), library.identities()) == ([], [])
        assert list(library.photos_with_faces()) == []


# Libraries that change


@pytest.fixture
def copied(library, album, tmp_path):
    """The library and its album, to be changed; a library is a folder, so it can be copied."""
    shutil.copytree(library.folder, tmp_path / "copy.faces")
    with FaceLibrary.open(tmp_path / "copy.faces") as opened:
        yield opened


def test_faces_of_removed_photos_never_appear_again(copied, album, probe, tmp_path):
    extra = tmp_path / "extra"
    extra.mkdir()
    shutil.copy(probe, extra / "probe.jpg")
    (extra / "other.jpg").write_bytes(encoded(PIL.Image.open(probe).resize((250, 250))))
    copied.index(extra)
    with FaceLibrary.open(copied.folder, read_only=True) as other:
        for asked in (copied, other):
            (face,) = asked.query(probe, top=9, face=1).faces
            assert face.nearest.face.photo.paths == (str(extra / "probe.jpg"),)
        (extra / "probe.jpg").unlink()
        copied.index(extra)
        for asked in (copied, other):
            (face,) = asked.query(probe, top=1000, max_distance=2).faces
            hits = [*face.unnamed, *face.identities[0].faces, face.nearest]
            paths = {path for hit in hits for path in hit.face.photo.paths}
            assert str(extra / "other.jpg") in paths
            assert str(extra / "probe.jpg") not in paths


def test_naming_moves_a_face_from_the_unnamed_to_a_person(copied, album, probe):
    crowd = album / "more" / "crowd.png"
    before = copied.query(probe).faces[0]
    face, _ = copied.name(crowd, "Collins")
    after = copied.query(probe, top=50).faces[0]
    assert {match.identity.name for match in after.identities} == {"Eileen", "Collins"}
    assert [match.distance for match in after.identities] == sorted(
        match.distance for match in after.identities
    )
    assert face.id not in [hit.face.id for hit in after.unnamed]
    assert before.identities[0].identity.name == "Eileen"
    copied.name(face.id, "Eileen")
    assert len(copied.query(probe).faces[0].identities[0].faces) == 6


def test_a_library_that_was_opened_stays_true_to_the_file(copied, probe):
    with FaceLibrary.open(copied.folder) as other:
        assert other.query(probe).faces[0].identities[0].identity.name == "Eileen"
        face_id = other.query(probe).faces[0].unnamed[0].face.id
        copied.name(face_id, "Zoë")
        names = {match.identity.name for match in other.query(probe).faces[0].identities}
        assert names == {"Eileen", "Zoë"}


def test_the_same_models_for_all_threads_and_options(album, tmp_path):
    with FaceLibrary.open(tmp_path / "l") as library:
        folder = tmp_path / "photos"
        shutil.copytree(album / "Eileen", folder)
        one = library.index(folder, options=IndexOptions(workers=1, embed_batch=1))
        vectors = {
            path: library.query(path, max_distance=0.001).faces[0].unnamed[0].distance
            for path in library.photos_with_faces()
        }
        assert (one.faces, len(vectors)) == (5, 5)
        assert max(vectors.values()) < SAME


# Opening


def test_where_a_library_lies(monkeypatch, tmp_path, own_home):
    assert default_folder().name == "library.faces"
    assert str(default_folder()).startswith(str(own_home))
    monkeypatch.setenv("FACESEARCH_LIBRARY", str(tmp_path / "mine"))
    assert default_folder() == tmp_path / "mine"
    with FaceLibrary.open() as library:
        assert library.folder == tmp_path / "mine"
    assert (tmp_path / "mine" / "catalog.sqlite").exists()


def test_models_that_there_are_not(tmp_path):
    for options in (LibraryOptions(embedder="crystal ball"), LibraryOptions(detector="dowser")):
        with pytest.raises(UnknownModel, match=r"crystal ball|dowser"):
            FaceLibrary.open(tmp_path / "l", options=options)
    assert not (tmp_path / "l").exists()


def test_a_device_that_there_is_not(tmp_path, album):
    from facesearch.errors import ModelError

    with FaceLibrary.open(tmp_path / "l", options=LibraryOptions(device="abacus")) as library:
        with pytest.raises(ModelError, match="abacus"):
            library.index(album)
        with pytest.raises(ModelError, match="abacus"):
            library.query(album / "more" / "crowd.png")
        with pytest.raises(ModelError, match="abacus"):
            _ = library.device


def test_after_closing(tmp_path, probe):
    library = FaceLibrary.open(tmp_path / "l")
    library.close()
    library.close()
    for use in (library.status, library.failures, lambda: library.query(probe)):
        with pytest.raises(LibraryError, match="closed"):
            use()


def test_the_public_names_are_enough(album, tmp_path, probe):
    """What the package's docstring shows."""
    with facesearch.FaceLibrary.open(tmp_path / "family.faces") as library:
        report: facesearch.IndexReport = library.index([album / "Eileen"])
        answer: facesearch.QueryAnswer = library.query(os.fspath(probe), top=5)
    assert report.faces == 5
    assert len(answer.faces[0].unnamed) == 5
