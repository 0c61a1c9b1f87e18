"""Several spaces in one library: which one answers, which one grows, and dropping one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from audits import audit, rows
from toys import (
    BLUE,
    DIMENSION,
    GREEN,
    OTHER,
    OTHER_DIMENSION,
    OTHER_SPACE,
    RED,
    SPACE,
    WHITE,
    ToyEmbedder,
    Toys,
    album,
    photo,
)

import facesearch
from facesearch.errors import (
    EngineUnavailable,
    InvalidValue,
    LibraryBusy,
    LibraryOtherModel,
    LibraryReadOnly,
    ModelError,
    UnknownModel,
    UnknownSpace,
)
from facesearch.library import FaceLibrary, LibraryOptions
from facesearch.models import catalogue
from facesearch.models.base import Engine

pytestmark = pytest.mark.usefixtures("no_thread_left", "other")

COLOURS = (RED, GREEN, BLUE)
TOY = "toy-embedder"
WITH_OTHER = LibraryOptions(detector="toy-detector", embedder=OTHER)
SETTINGS = "SELECT name, value FROM settings ORDER BY name"


@pytest.fixture
def indexed(folder: Path, photos: Path, toys: Toys) -> Path:
    """A library of six faces by the first embedder, closed."""
    album(photos, 6, colours=COLOURS)
    with FaceLibrary.open(folder, options=toys.options()) as library:
        library.index([photos])
        library.name(photos / "p000.png", "Ana")
    return folder


@pytest.fixture
def library(indexed: Path) -> Iterator[FaceLibrary]:
    """That library, opened by somebody who leaves the choice of models to it."""
    with FaceLibrary.open(indexed) as opened:
        yield opened


@pytest.fixture
def both(library: FaceLibrary) -> FaceLibrary:
    """The same with a second space, which is not in use."""
    library.reindex(OTHER, switch=False)
    return library


def vectors(folder: Path, name: str = "toy-other_1_square") -> Path:
    return folder / "vectors" / name


# What a library remembers


def test_the_first_index_is_remembered(folder, photos, toys):
    album(photos, 2)
    with FaceLibrary.open(folder, options=toys.options()) as library:
        assert rows(folder, SETTINGS) == []
        library.index([photos])
        status = library.status()
    assert dict(rows(folder, SETTINGS)) == {
        "detector": "toy-detector",
        "embedder": TOY,
        "space": SPACE,
    }
    assert (status.embedder, status.detector, status.spaces) == (TOY, "toy-detector", 1)
    with FaceLibrary.open(folder) as library:
        assert (library.space, library.embedder, library.detector) == (SPACE, TOY, "toy-detector")
        assert library.index().unchanged == 2


def test_a_model_that_cannot_be_loaded_is_not_remembered(folder, photos, toys, monkeypatch):
    def missing(runtime: object) -> None:
        raise ModelError(TOY, "its weights are nowhere")

    album(photos, 1)
    *before, spec, other = catalogue._EMBEDDERS
    assert spec.name == TOY
    broken = (*before, replace(spec, load=missing), other)
    with monkeypatch.context() as patch:
        patch.setattr(catalogue, "_EMBEDDERS", broken)
        with (
            FaceLibrary.open(folder, options=toys.options()) as library,
            pytest.raises(ModelError, match="nowhere"),
        ):
            library.index([photos])
    assert rows(folder, SETTINGS) == []
    with FaceLibrary.open(folder) as library:
        assert library.embedder == catalogue.DEFAULT_EMBEDDER


def test_another_detector_looks_again_and_is_remembered(indexed, photos, toys, monkeypatch):
    detector = replace(catalogue._DETECTORS[-1], name="toy-second", key=lambda options: "second@1")
    monkeypatch.setattr(catalogue, "_DETECTORS", (*catalogue._DETECTORS, detector))
    with FaceLibrary.open(indexed, options=LibraryOptions(detector="toy-second")) as library:
        report = library.index([photos])
        assert (report.new, report.faces) == (6, 6)
        assert [(who.name, faces) for who, faces in library.identities()] == [("Ana", 1)]
    with FaceLibrary.open(indexed) as library:
        assert library.detector == "toy-second"
        assert library.index([photos]).unchanged == 6


def test_a_library_of_before_works_in_the_space_with_most_faces(both, indexed, photos):
    photo(photos / "white.png", WHITE, number=50)
    both.index([photos])
    both.close()
    with FaceLibrary.open(indexed) as opened, opened._catalog._database.write() as connection:
        connection.execute("DELETE FROM settings")
    with FaceLibrary.open(indexed) as opened:
        assert [one.faces for one in opened.spaces() if one.active] == [7]
        assert opened.space == SPACE
    with FaceLibrary.open(indexed, options=LibraryOptions(detector="toy-detector")) as opened:
        assert opened.index([photos]).unchanged == 7
    assert dict(rows(indexed, SETTINGS))["space"] == SPACE


# Which space answers, and which one grows


def test_a_library_opened_for_another_model_answers_in_its_space(both, indexed, photos):
    with FaceLibrary.open(indexed, options=WITH_OTHER, read_only=True) as opened:
        assert opened.query(photos / "p003.png").space == OTHER_SPACE
        (answer,) = opened.query_person([photos / "p003.png"]).faces
        assert answer.embedding.space == OTHER_SPACE
        assert answer.identities[0].identity.name == "Ana"
    assert both.query(photos / "p003.png").space == SPACE


def test_a_question_may_name_its_space(both, photos):
    path = photos / "p003.png"
    for space in (OTHER, OTHER_SPACE):
        answer = both.query(path, space=space)
        assert answer.space == OTHER_SPACE
        assert answer.faces[0].embedding.space == OTHER_SPACE
        assert answer.faces[0].identities[0].identity.name == "Ana"
        assert both.query_person([path], space=space).space == OTHER_SPACE
    assert both.query(path, space=TOY).space == both.query(path).space == SPACE
    with pytest.raises(facesearch.FaceSearchError, match="toy-other@1"):
        both.verify(path, path, space=OTHER)  # it has no rates, and says of which space


@pytest.mark.parametrize("name", ["nothing like it", "dlib-resnet34", OTHER])
def test_a_space_without_faces_cannot_be_asked_or_used(library, photos, name):
    for ask in (
        lambda: library.query(photos / "p000.png", space=name),
        lambda: library.use_space(name),
        lambda: library.drop_space(name),
    ):
        with pytest.raises(UnknownSpace) as caught:
            ask()
        hint = SPACE if name.startswith("nothing") else f"facesearch reindex --model {name},"
        assert hint in str(caught.value)
    assert library.space == SPACE


def test_only_the_space_in_use_takes_new_faces(both, indexed, photos):
    with FaceLibrary.open(indexed, options=WITH_OTHER) as opened:
        with pytest.raises(LibraryOtherModel, match=f"reindex --model {OTHER},") as caught:
            opened.index([photos])
        assert caught.value.reindex == f"--model {OTHER}"
        both.use_space(OTHER)
        assert opened.index([photos]).unchanged == 6


def test_a_model_that_knows_no_face_is_not_opened_for(library, indexed):
    with pytest.raises(LibraryOtherModel, match=rf"{TOY}, and {OTHER}.*reindex --model {OTHER},"):
        FaceLibrary.open(indexed, options=WITH_OTHER)


def test_using_another_space_changes_open_libraries_too(both, indexed, photos, toys):
    with (
        FaceLibrary.open(indexed) as following,
        FaceLibrary.open(indexed) as another,
        FaceLibrary.open(indexed, options=toys.options()) as determined,
    ):
        assert following.query(photos / "p001.png").space == SPACE
        another.use_space(OTHER)
        assert following.query(photos / "p001.png").space == OTHER_SPACE
        assert following.embedder == OTHER
        assert determined.query(photos / "p001.png").space == SPACE
        another.use_space(SPACE)
        assert following.query(photos / "p001.png").space == SPACE


def test_what_spaces_says(both, indexed, photos):
    album(photos / "more", 2, first=20)
    both.index([photos])
    first, second = both.spaces()
    assert (first.space, first.model, first.dimension) == (SPACE, TOY, DIMENSION)
    assert (first.faces, first.missing, first.active) == (8, 0, True)
    assert (second.space, second.model, second.dimension) == (OTHER_SPACE, OTHER, OTHER_DIMENSION)
    assert (second.faces, second.missing, second.active) == (6, 2, False)
    files = sum(path.stat().st_size for path in vectors(indexed).iterdir())
    assert second.bytes == files + 6 * OTHER_DIMENSION * 4
    assert both.status().spaces == 2


def test_faces_that_a_space_lacks_come_with_the_next_index(both, photos, toys):
    album(photos / "more", 2, first=20)
    both.index([photos])
    both.use_space(OTHER)
    assert both.status().outdated == 2
    toys.embedder.batches.clear()
    report = both.index([photos])
    assert (report.unchanged, report.faces) == (6, 8)
    assert both.status().outdated == 0
    assert [one.missing for one in both.spaces()] == [0, 0]
    assert toys.embedder.batches == []


def test_what_leaves_the_library_leaves_the_files_of_every_space(both, indexed, photos):
    face_id = both.faces_of(photos / "p001.png")[0].id
    (photos / "p001.png").unlink()
    both.index([photos])
    both.close()
    for space, dimension in ((SPACE, DIMENSION), (OTHER_SPACE, OTHER_DIMENSION)):
        assert audit(indexed, space, dimension) == 5
    for name in ("toy_1_square", "toy-other_1_square"):
        segments = vectors(indexed, name).glob("rows-*.fsv")
        ids = [path.read_bytes()[64 : 64 + 8 * 6] for path in segments]
        assert ids
        assert all(face_id.to_bytes(8, "little") not in _words(part[: 8 * 5]) for part in ids)


def _words(data: bytes) -> list[bytes]:
    return [data[start : start + 8] for start in range(0, len(data), 8)]


# Engines


@pytest.fixture
def engines(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first embedder on two more engines: on one in its own space, on the other not."""
    spec = next(spec for spec in catalogue._EMBEDDERS if spec.name == TOY)
    same = replace(spec, engine=Engine.NATIVE)
    another = replace(spec, engine=Engine.PYTORCH, space="toy@1:other-arithmetic")
    monkeypatch.setattr(catalogue, "_EMBEDDERS", (*catalogue._EMBEDDERS, same, another))


def engine_of(folder: Path, **options: str) -> Engine:
    with FaceLibrary.open(folder, options=LibraryOptions(**options)) as library:
        return library._view().embedder.engine


@pytest.mark.usefixtures("engines")
def test_an_engine_may_be_chosen_where_the_space_stays_the_same(indexed, photos):
    assert engine_of(indexed) is Engine.ONNX
    assert engine_of(indexed, engine="native") is Engine.NATIVE
    assert engine_of(indexed, engine="native", embedder=TOY) is Engine.NATIVE
    with FaceLibrary.open(indexed, options=LibraryOptions(engine="native")) as library:
        assert library.index([photos]).unchanged == 6
        assert library.query(photos / "p003.png").faces[0].identities


@pytest.mark.usefixtures("engines")
@pytest.mark.parametrize("embedder", [None, TOY])
def test_an_engine_that_makes_another_space_is_another_model(indexed, embedder):
    options = LibraryOptions(engine="pytorch", embedder=embedder)
    with pytest.raises(LibraryOtherModel, match=f"reindex --model {TOY} --engine pytorch,"):
        FaceLibrary.open(indexed, options=options)


def test_a_model_may_be_reindexed_to_its_space_on_another_engine(library, photos, monkeypatch):
    space = "toy@1:other-arithmetic"
    spec = next(spec for spec in catalogue._EMBEDDERS if spec.name == TOY)
    embedder = ToyEmbedder(space=space)
    other = replace(spec, engine=Engine.NATIVE, space=space, load=lambda runtime: embedder)
    monkeypatch.setattr(catalogue, "_EMBEDDERS", (*catalogue._EMBEDDERS, other))
    report = library.reindex(TOY, engine="native")
    assert (report.space, report.embedded, report.switched) == (space, 6, True)
    assert library.query(photos / "p003.png").space == library.space == space
    assert library.index([photos]).unchanged == 6


def test_engines_that_there_are_not(indexed):
    with pytest.raises(InvalidValue, match=r"steam.*auto, onnx"):
        LibraryOptions(engine="steam")
    with pytest.raises(EngineUnavailable, match=f"{TOY} does not run on tensorflow"):
        FaceLibrary.open(indexed, options=LibraryOptions(engine="tensorflow"))


def test_a_ready_engine_of_another_space_does_not_win(indexed, monkeypatch):
    """What the library holds decides, not what happens to be installed."""
    spec = next(spec for spec in catalogue._EMBEDDERS if spec.name == TOY)
    others = tuple(one for one in catalogue._EMBEDDERS if one is not spec)
    another = replace(spec, engine=Engine.PYTORCH, space="toy@1:other-arithmetic")
    monkeypatch.setattr(catalogue, "_EMBEDDERS", (*others, another, spec))
    assert catalogue.embedder_spec(TOY) is another
    assert engine_of(indexed) is Engine.ONNX


# Models that are not here any more


def test_a_library_whose_model_is_not_here_opens_and_says_what_to_do(library, photos, monkeypatch):
    folder = library.folder
    kept = tuple(spec for spec in catalogue._EMBEDDERS if spec.name != TOY)
    monkeypatch.setattr(catalogue, "_EMBEDDERS", kept)
    monkeypatch.setattr(catalogue, "_DETECTORS", catalogue._DETECTORS[:-1])
    with FaceLibrary.open(folder) as opened:
        status = opened.status()
        assert (status.faces, status.embedder, status.space) == (6, TOY, SPACE)
        assert [(one.model, one.active) for one in opened.spaces()] == [(None, True)]
        assert opened.identities()
        for use in (lambda: opened.query(photos / "p000.png", max_distance=1), opened.index):
            with pytest.raises(UnknownModel, match="which is not here"):
                use()
        assert opened.reindex(OTHER).switched
        assert [one.active for one in opened.spaces()] == [False, True]
        with pytest.raises(UnknownModel, match="no model here makes"):
            opened.use_space(SPACE)
        assert opened.drop_space(SPACE) == 6
    with pytest.raises(LibraryOtherModel):
        FaceLibrary.open(folder, options=LibraryOptions(embedder=catalogue.DEFAULT_EMBEDDER))


# Dropping


def test_dropping_a_space(both, indexed, photos):
    assert vectors(indexed).exists()
    with pytest.raises(InvalidValue, match="works in the space"):
        both.drop_space(TOY)
    assert both.drop_space(OTHER) == 6
    assert not vectors(indexed).exists()
    assert [one.space for one in both.spaces()] == [SPACE]
    assert both.query(photos / "p003.png").faces[0].identities[0].identity.name == "Ana"
    with pytest.raises(UnknownSpace):
        both.drop_space(OTHER)
    with pytest.raises(UnknownSpace):
        both.query(photos / "p003.png", space=OTHER)
    assert audit(indexed, SPACE, DIMENSION) == 6


def test_a_library_that_is_open_in_a_space_that_is_dropped(both, indexed, photos):
    with FaceLibrary.open(indexed, options=WITH_OTHER) as opened:
        opened.query(photos / "p003.png")
        both.drop_space(OTHER)
        with pytest.raises(UnknownSpace, match=f"facesearch reindex --model {OTHER}"):
            opened.query(photos / "p003.png")


def test_the_old_index_of_a_space_that_was_dropped_and_filled_again(
    both, indexed, photos, tmp_path
):
    shutil.copytree(vectors(indexed), tmp_path / "old")
    both.drop_space(OTHER)
    for number in range(6):  # as many faces again, all of them others
        photo(photos / f"p{number:03}.png", WHITE, number=70 + number)
    both.index([photos])
    both.reindex(OTHER, switch=False)
    both.close()
    shutil.rmtree(vectors(indexed))
    shutil.copytree(tmp_path / "old", vectors(indexed))
    with FaceLibrary.open(indexed) as opened:
        (answer,) = opened.query(photos / "p000.png", top=9, space=OTHER).faces
        assert len(answer.unnamed) == 6
    assert audit(indexed, OTHER_SPACE, OTHER_DIMENSION) == 6


def test_files_that_were_left_when_a_drop_was_cut_off(both, indexed):
    """Killed between the last transaction and the files."""
    both._catalog.drop_space(OTHER_SPACE)
    assert vectors(indexed).exists()
    assert both.drop_space(OTHER) == 0
    assert not vectors(indexed).exists()


def test_a_calibration_goes_with_its_space(both):
    both._catalog.store_calibration(OTHER_SPACE, "{}")
    both.drop_space(OTHER)
    both.reindex(OTHER, switch=False)
    assert both._catalog.calibration(OTHER_SPACE) is None


def test_nothing_is_dropped_or_used_while_somebody_writes(both, indexed, monkeypatch):
    monkeypatch.setattr("facesearch.library_spaces._WAIT_S", 0)
    for lock in (both._catalog.writer_lock, both._catalog.reindex_lock):
        with lock(0), pytest.raises(LibraryBusy):
            both.drop_space(OTHER)
    with both._catalog.writer_lock(0), pytest.raises(LibraryBusy):
        both.use_space(OTHER)
    with FaceLibrary.open(indexed, read_only=True) as reading:
        for use in (lambda: reading.drop_space(OTHER), lambda: reading.use_space(OTHER)):
            with pytest.raises(LibraryReadOnly):
                use()
    assert [one.faces for one in both.spaces()] == [6, 6]
