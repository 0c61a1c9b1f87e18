"""Models that come and go: wholly or not at all, under names that are free."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import multiprocessing
import os
import signal
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from facesearch.errors import InvalidValue, ModelError, UnknownModel, WeightsDamaged
from facesearch.models.heads import Head
from facesearch.models.own import storing
from facesearch.models.own.content import content_digest, copy_content, write_content
from facesearch.models.own.model import (
    Detects,
    Embeds,
    FileFormat,
    OwnKind,
    OwnModel,
    space_of,
    stored_name,
)
from facesearch.models.own.records import RECORD_NAME, BrokenModel, own_model, own_models
from facesearch.models.own.storing import check_name, remove_model, store_model
from facesearch.models.preprocessing import Channels, Layout, Number, Preprocessing
from facesearch.models.templates import TemplateFamily

CONTENT = b"a network" * 100
FED = Preprocessing(
    width_px=96,
    height_px=112,
    channels=Channels.BGR,
    layout=Layout.NHWC,
    mean=(1.5, 2.0, 3.25),
    scale=(1 / 3, 0.1, 1 / 127.5),
    number=Number.FLOAT16,
)


def model(name: str = "mine", content: bytes = CONTENT, **changes: object) -> OwnModel:
    digest = hashlib.sha256(content).hexdigest()
    return dataclasses.replace(
        OwnModel(
            name=name,
            use=Embeds(TemplateFamily.ARCFACE, 512, "embedding"),
            file_format=FileFormat.ONNX,
            file=stored_name(digest, ".onnx"),
            sha256=digest,
            given_sha256="ab" * 32,
            size_bytes=len(content),
            preprocessing=FED,
            licence="MIT",
            added=datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC),
        ),
        **changes,
    )


def stored(name: str = "mine", content: bytes = CONTENT, **changes: object) -> OwnModel:
    made = model(name, content, **changes)
    store_model(made, partial(write_content, content), replace=True)
    return made


def test_looking_makes_nothing(models_folder: Path):
    assert own_models() == []
    assert own_model("mine") is None
    check_name("mine")
    assert not models_folder.exists()


@pytest.mark.parametrize("use", [Embeds(TemplateFamily.NONE, 128), Detects(Head.YUNET)])
def test_what_was_stored_is_found_again(models_folder: Path, use: Embeds | Detects):
    made = stored(use=use)
    assert own_models() == [made]
    assert own_model("MINE") == made
    assert made.kind is (OwnKind.EMBEDDER if isinstance(use, Embeds) else OwnKind.DETECTOR)
    assert made.checked_bytes() == CONTENT
    assert made.checked_path() == models_folder / "own" / "mine" / f"{made.sha256[:16]}.onnx"
    assert sorted(path.name for path in made.folder.iterdir()) == [made.file, RECORD_NAME]
    record = json.loads((made.folder / RECORD_NAME).read_text(encoding="utf-8"))
    assert record["format"] == 1
    assert (record["engine"], record["licence"]) == ("onnx", "MIT")


def test_models_are_listed_by_name():
    for name in ("zoe", "Bob", "anna"):
        stored(name)
    assert [own.name for own in own_models()] == ["Bob", "anna", "zoe"]


def test_a_folder_is_stored_as_one_thing(tmp_path: Path):
    """As TensorFlow writes a SavedModel."""
    folder = tmp_path / "saved"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "data").write_bytes(b"weights")
    (folder / "variables" / "data").chmod(0o444)
    digest = content_digest(folder)
    made = model(sha256=digest, file=stored_name(digest, ""), file_format=FileFormat.KERAS)
    for _ in range(2):
        store_model(made, partial(copy_content, folder), replace=True)
        assert content_digest(made.checked_path()) == digest
    (made.path / "variables" / "data").write_bytes(b"other")
    with pytest.raises(WeightsDamaged, match="is not the file that was added"):
        made.checked_path()
    remove_model("mine")
    assert own_models() == []


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "-x", "a/b", "a\\b", "a b", "ä", "a:b", "x" * 65, "a\n"]
)
def test_names_that_are_none(name: str):
    with pytest.raises(ModelError, match="is no name for a model: take up to 64 letters"):
        check_name(name)


@pytest.mark.parametrize("name", ["mtcnn", "MTCNN", "dlib-resnet34", "dlib-resnet34-best"])
def test_names_of_the_catalogue_are_taken(name: str):
    with pytest.raises(ModelError, match="is the name of a model of the catalogue"):
        check_name(name, replace=True)


def test_short_names_of_the_catalogue_are_taken():
    from facesearch.models.deepface.specs import deepface_embedders

    names = {spec.name for spec in deepface_embedders()}
    assert "deepface:Facenet512" in names
    with pytest.raises(ModelError, match="is the name of a model of the catalogue"):
        check_name("facenet512")


def test_a_name_is_taken_once():
    stored("mine")
    with pytest.raises(ModelError, match=r"there is a model 'mine' already.*--replace"):
        check_name("mine")
    check_name("mine", replace=True)
    with pytest.raises(ModelError, match="there is a model 'mine' already"):
        check_name("Mine", replace=True)
    with pytest.raises(ModelError, match="there is a model 'mine' already"):
        store_model(model(), partial(write_content, CONTENT))


def test_a_model_replaces_another_and_leaves_nothing_of_it():
    stored()
    other = stored(content=b"another network")
    assert own_models() == [other]
    assert sorted(path.name for path in other.folder.iterdir()) == sorted((other.file, RECORD_NAME))


def test_adding_a_damaged_model_again_repairs_it():
    made = stored()
    made.path.write_bytes(b"bits fell over")
    with pytest.raises(WeightsDamaged, match=r"SHA-256 is .*expected.*Nothing was run with it"):
        made.checked_bytes()
    stored()
    assert made.checked_bytes() == CONTENT
    made.path.unlink()
    for read in (made.checked_bytes, made.checked_path):
        with pytest.raises(WeightsDamaged, match=r"cannot read .* add mine again with --replace"):
            read()


def full(where: Path) -> None:
    where.write_bytes(CONTENT[:50])
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(where))


def test_a_full_disk_leaves_nothing(models_folder: Path):
    with pytest.raises(ModelError, match=r"no space left.*900 more bytes.*FACESEARCH_MODELS"):
        store_model(model(), full)
    assert own_models() == []
    assert list((models_folder / "own").iterdir()) == []


def test_a_disk_with_too_little_space_is_not_written_to(monkeypatch: pytest.MonkeyPatch):
    written: list[Path] = []
    made = model(size_bytes=1 << 60)
    with pytest.raises(ModelError, match="no space left"):
        store_model(made, written.append)
    assert written == []


@pytest.mark.parametrize("fails_at", ["file", "record"])
def test_a_full_disk_leaves_what_was_there_before(fails_at: str, monkeypatch: pytest.MonkeyPatch):
    before = stored()
    write = full if fails_at == "file" else partial(write_content, b"another network")
    if fails_at == "record":
        monkeypatch.setattr(storing, "write_whole", lambda path, data: full(path.parent / "x"))
    with pytest.raises(ModelError, match="no space left"):
        store_model(model(content=b"another network"), write, replace=True)
    assert own_models() == [before]
    assert before.checked_bytes() == CONTENT
    assert sorted(path.name for path in before.folder.iterdir()) == [before.file, RECORD_NAME]


def test_a_file_that_changes_meanwhile_is_not_stored():
    with pytest.raises(WeightsDamaged, match="changed while it was copied"):
        store_model(model(), partial(write_content, b"something else"))
    assert own_models() == []


def _store_slowly(name: str, content: bytes) -> None:
    def write(where: Path) -> None:
        where.write_bytes(content[:10])
        time.sleep(60)

    store_model(model(name, content), write, replace=True)


@pytest.mark.skipif(os.name == "nt", reason="signals of this kind exist on POSIX systems only")
def test_killed_in_the_middle_there_is_the_old_model_or_none(models_folder: Path):
    before = stored("old")
    for name, after in (("old", [before]), ("new", [before])):
        process = multiprocessing.get_context("fork").Process(
            target=_store_slowly, args=(name, b"another network")
        )
        process.start()
        part = models_folder / "own" / name / f".{model(content=b'another network').file}.part"
        while not part.is_file():
            assert process.is_alive()
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert own_models() == after
    assert before.checked_bytes() == CONTENT
    stored("new")
    assert sorted(path.name for path in model("new").folder.iterdir()) == [
        model("new").file,
        RECORD_NAME,
    ]


def test_removing():
    made = stored()
    stored("other")
    remove_model("MINE")
    assert [own.name for own in own_models()] == ["other"]
    assert not made.folder.exists()
    with pytest.raises(UnknownModel, match="no model 'mine' was added; added were: other"):
        remove_model("mine")


DAMAGES = {
    "not JSON": b"{",
    "no object": b"[]",
    "no text": b"\xff\xfe",
    "too deep": b"[" * 100_000,
    "another format": {"format": 2},
    "no digest": {"sha256": "12"},
    "another model's": {"name": "other"},
    "a file elsewhere": {"file": "../../secret"},
    "no number": {"dimension": "many"},
    "no template": {"template": "round"},
    "no dimension": {"dimension": 0},
    "no time zone": {"added": "2025-01-01"},
    "no size": {"preprocessing": {}},
    "no licence": {"licence": None},
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_is_told_and_others_are_listed(damage: str):
    stored("whole")
    made = stored()
    change = DAMAGES[damage]
    path = made.folder / RECORD_NAME
    if isinstance(change, dict):
        change = json.dumps({**json.loads(path.read_bytes()), **change}).encode()
    path.write_bytes(change)
    broken, whole = own_models()
    assert isinstance(broken, BrokenModel)
    assert (broken.name, whole.name) == ("mine", "whole")
    assert broken.kind is (None if isinstance(DAMAGES[damage], bytes) else OwnKind.EMBEDDER)
    error = broken.error()
    assert error.model == "mine"
    assert "cannot be read" in str(error)
    assert "facesearch models remove mine" in str(error)
    stored()
    assert own_models()[0] == made
    path.write_bytes(b"{")
    remove_model("mine")
    assert [own.name for own in own_models()] == ["whole"]


def test_a_missing_entry_is_named():
    made = stored()
    path = made.folder / RECORD_NAME
    record = json.loads(path.read_bytes())
    del record["licence"]
    path.write_text(json.dumps(record))
    (broken,) = own_models()
    assert isinstance(broken, BrokenModel)
    assert "'licence' is missing" in broken.problem


def test_a_record_that_may_not_be_read(unprivileged, public_folder, monkeypatch):
    monkeypatch.setenv("FACESEARCH_MODELS", str(public_folder))
    made = stored()
    (made.folder / RECORD_NAME).chmod(0)
    with unprivileged():
        (broken,) = own_models()
    assert isinstance(broken, BrokenModel)
    assert broken.problem == "Permission denied"


def test_a_folder_that_may_not_be_read_or_written(unprivileged, public_folder, monkeypatch):
    monkeypatch.setenv("FACESEARCH_MODELS", str(public_folder))
    stored()
    (public_folder / "own").chmod(0)
    with unprivileged(), pytest.raises(ModelError, match="no permission"):
        own_models()
    monkeypatch.setenv("FACESEARCH_MODELS", str(public_folder / "own" / "inside"))
    with unprivileged(), pytest.raises(ModelError, match="no permission"):
        stored()


def test_two_ways_of_feeding_one_file_are_two_spaces():
    def space(**changes: object) -> str:
        own = model(**changes)
        assert isinstance(own.use, Embeds)
        return space_of(own, own.use)

    assert space() == space(licence="other", added=datetime(2020, 1, 1, tzinfo=UTC))
    # What is stored may have a free batch; what was given counts.
    assert space() == space(sha256="cd" * 32)
    spaces = {
        space(),
        space(name="other"),
        space(given_sha256="cd" * 32),
        space(use=Embeds(TemplateFamily.DLIB, 512, "embedding")),
        space(use=Embeds(TemplateFamily.ARCFACE, 512)),
        *(
            space(preprocessing=dataclasses.replace(FED, **change))
            for change in (
                {"mean": (0.0, 0.0, 0.0)},
                {"scale": (1.0, 1.0, 1.0)},
                {"channels": Channels.RGB},
                {"standardise": True},
                {"width_px": 112},
            )
        ),
    }
    assert len(spaces) == 10
    assert space().startswith("mine@abababab:arcface-112-")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "a/b"},
        {"file": "a/b"},
        {"file": ".."},
        {"sha256": "AB" * 32},
        {"given_sha256": "ab"},
        {"added": datetime(2025, 1, 1)},
    ],
)
def test_records_are_checked(changes: dict[str, object]):
    with pytest.raises(InvalidValue):
        model(**changes)
