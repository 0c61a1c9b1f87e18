"""A folder of people becomes rates of a space, or a refusal that says what is missing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys as toy
from toys import Toys

from facesearch.errors import (
    InvalidDataset,
    InvalidValue,
    PhotoNotFound,
    RatesMissing,
    TooFewFaces,
    UnknownModel,
)
from facesearch.evaluation.model_rates import MeasuredRates, measure_rates
from facesearch.models import catalogue
from facesearch.rates import measured_rates

LFW = Path(__file__).parents[3] / "shared" / "data" / "lfw"


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def album(folder: Path, people: int, photos: int, *, alike: bool = False) -> Path:
    """People of one colour each; no two photos of quite the same, unless they are alike."""
    random = np.random.default_rng(3)
    middles = random.integers(30, 226, size=(people, 3))
    for who in range(people):
        for number in range(photos):
            colour = middles[who] + (0 if alike else random.integers(-25, 26, size=3))
            red, green, blue = (int(c) for c in colour)
            path = folder / f"person {who:02}" / f"{number}.png"
            toy.photo(path, (red, green, blue), number=100 * who + number)
    return folder


def measure(folder: Path, **more: Any) -> MeasuredRates:
    given = {"detector": "toy-detector", "device": "cpu", "cache_folder": folder.parent / "cache"}
    return measure_rates("toy-embedder", folder, **(given | more))


def test_rates_are_there_from_then_on(toys: Toys, tmp_path: Path, models: Path):
    folder = album(tmp_path / "My People", 9, 7)
    toy.photo(folder / "person 00" / "nobody.png", number=999)
    (folder / "person 01" / "broken.jpg").write_bytes(b"broken")
    with pytest.raises(RatesMissing):
        measured_rates(toy.SPACE)
    told = []
    found = measure(folder, on_progress=told.append)
    assert told[-1].done == told[-1].total == 65
    assert (found.no_face, found.unreadable) == (1, 1)
    assert found.path.parent == models / "rates"
    provenance = found.rates.provenance
    assert (provenance.photos, provenance.people) == (63, 9)
    assert (provenance.genuine_pairs, provenance.impostor_pairs) == (9 * 21, 36 * 49)
    assert provenance.source == "My People"
    assert str(tmp_path) not in found.path.read_text()
    assert found.references == (1, 2, 3, 5)
    assert found.smallest_fmr == pytest.approx(0.01, rel=0.05)
    assert any("9 people" in warning for warning in found.warnings)
    rates = measured_rates(toy.SPACE)
    assert rates.distance_at(1e-2) == found.rates.distance_at(1e-2)
    assert found.to_json()["path"] == str(found.path)
    assert measured_rates(toy.SPACE, references=8).references == 5


def test_a_second_time_photos_are_not_looked_at_again(toys: Toys, tmp_path: Path):
    folder = album(tmp_path / "people", 8, 7)
    first = measure(folder)
    seen = toys.detector.seen
    second = measure(folder)
    assert toys.detector.seen == seen
    assert second.rates.distance_at(1e-2) == first.rates.distance_at(1e-2)


def test_copies_of_a_photo_count_once(toys: Toys, tmp_path: Path):
    folder = album(tmp_path / "people", 8, 7)
    for photo in list((folder / "person 00").iterdir()):
        shutil.copyfile(photo, photo.with_name(f"copy of {photo.name}"))
    found = measure(folder)
    assert found.rates.provenance.photos == 56
    assert "7 of the photos are copies" in found.warnings[0]


@pytest.mark.parametrize(
    ("people", "photos", "words"), [(3, 10, "3 people, and it takes 7"), (8, 3, "pairs of")]
)
def test_too_few_leave_what_was_measured_before(
    toys: Toys, tmp_path: Path, people: int, photos: int, words: str
):
    before = measure(album(tmp_path / "many", 9, 7)).path.read_bytes()
    with pytest.raises(TooFewFaces, match=words):
        measure(album(tmp_path / "few", people, photos))
    assert measure(tmp_path / "many").path.read_bytes() == before


def test_photos_that_all_look_the_same_are_copies(toys: Toys, tmp_path: Path, models: Path):
    with pytest.raises(TooFewFaces, match="36 pairs of two people"):
        measure(album(tmp_path / "people", 9, 7, alike=True))
    assert not models.exists()


def test_a_network_that_knows_two_places_only_gets_no_rates(
    toys: Toys, tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
):
    """Faces lie in one of two places, but for rounding: there is no curve to draw."""

    def two_places(chips: Any) -> Any:
        light = chips.mean((1, 2, 3, 4)) > 128
        vectors = np.where(light[:, None], [1.0, 0, 0, 0], [0, 1.0, 0, 0])
        vectors[:, 2] = chips[:, 0, 4, 4].astype(float) @ [1e-8, 3e-6, 7e-7]
        return vectors.astype(np.float32)

    monkeypatch.setattr(toys.embedder, "embed", two_places)
    with pytest.raises(InvalidDataset, match="did not tell faces apart"):
        measure(album(tmp_path / "people", 9, 7))
    assert not models.exists()


def test_slips_are_said_before_photos_are_looked_at(toys: Toys, tmp_path: Path):
    folder = album(tmp_path / "people", 8, 7)
    with pytest.raises(InvalidValue, match="ship with facesearch"):
        measure_rates("dlib-resnet34", folder)
    with pytest.raises(UnknownModel, match="toy-embedder"):
        measure_rates("toy-embeder", folder)
    with pytest.raises(InvalidValue, match="engine"):
        measure(folder, engine="steam")
    with pytest.raises(PhotoNotFound):
        measure(tmp_path / "nowhere")
    with pytest.raises(InvalidDataset, match="NAME"):
        measure(folder / "person 00")
    assert toys.detector.seen == 0


def test_lfw_with_its_lists_is_read_as_lfw(toys: Toys, tmp_path: Path):
    folder = album(tmp_path / "people", 8, 7)
    for person in list(folder.iterdir()):
        name = person.name.replace(" ", "_")
        (tmp_path / "lfw" / "images" / name).mkdir(parents=True)
        for photo in person.iterdir():
            place = tmp_path / "lfw" / "images" / name / f"{name}_{int(photo.stem) + 1:04d}.jpg"
            shutil.copyfile(photo, place)
    (tmp_path / "lfw" / "pairs.txt").write_text("2\t1\n")
    found = measure(tmp_path / "lfw")
    assert found.rates.provenance.people == 8
    assert found.rates.provenance.source == "Labeled Faces in the Wild (lfw)"


@pytest.mark.skipif(not LFW.exists(), reason="needs LFW in ../shared/data/lfw")
def test_real_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nine people's photos through the real networks, under the name of another space: the
    distance for 1 in 100 is that of the shipped rates, as nearly as nine people can tell."""
    real = catalogue.embedder_spec()
    monkeypatch.setattr(catalogue, "_EMBEDDERS", (_renamed(real), *catalogue._EMBEDDERS))
    everybody = sorted(p for p in (LFW / "images").iterdir() if p.is_dir())
    people = [p for p in everybody if len(list(p.iterdir())) >= 10][:9]
    for person in people:
        for photo in sorted(person.iterdir())[:6]:
            place = tmp_path / "people" / person.name / photo.name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(photo, place)
    found = measure_rates("renamed", tmp_path / "people", cache_folder=tmp_path / "cache")
    assert found.rates.space == "renamed@1:test"
    shipped = measured_rates(real.space)
    assert shipped.fmr(found.rates.distance_at(1e-2)) == pytest.approx(1e-2, abs=0.09)
    assert found.rates.fnmr(shipped.distance_at(1e-3)) < 0.3


def _renamed(spec: catalogue.EmbedderSpec) -> catalogue.EmbedderSpec:
    import dataclasses

    return dataclasses.replace(spec, name="renamed", space="renamed@1:test", learned_from=None)
