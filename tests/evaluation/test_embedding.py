"""Embedding photos for an evaluation, and remembering it for the next one."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys as toy
from toys import BLUE, GREEN, RED, Toys

from facesearch.evaluation.cache import EmbeddingCache, SeenPhoto
from facesearch.evaluation.embedding import EmbeddedPhotos, FaceSelection, embed_photos
from facesearch.evaluation.results import EvaluationProgress
from facesearch.photos.walk import FoundFile


@pytest.fixture
def some(tmp_path: Path) -> list[Path]:
    """A face, two faces, none, no picture, a file that is not there."""
    folder = tmp_path / "photos"
    (folder / "broken.jpg").parent.mkdir(parents=True)
    (folder / "broken.jpg").write_bytes(b"not a picture")
    return [
        toy.photo(folder / "red.png", RED),
        toy.photo(folder / "two.png", GREEN, BLUE),
        toy.photo(folder / "none.png"),
        folder / "broken.jpg",
        folder / "gone.jpg",
    ]


def look(paths: Any, cache: EmbeddingCache | None = None, **more: Any) -> EmbeddedPhotos:
    return embed_photos(
        paths, detector="toy-detector", embedder="toy-embedder", device="cpu", cache=cache, **more
    )


def same(one: EmbeddedPhotos, other: EmbeddedPhotos) -> None:
    np.testing.assert_array_equal(one.vectors, other.vectors)
    assert one.failures == other.failures
    assert one.faces == other.faces
    for first, second in zip(one.detections, other.detections, strict=True):
        assert (first is None) == (second is None)
        if first is not None and second is not None:
            assert first.box == second.box
    for good, better in zip(one.qualities, other.qualities, strict=True):
        assert (good is None) == (better is None)
        if good is not None and better is not None:
            assert good.value == pytest.approx(better.value, abs=1e-4)


def test_every_path_keeps_its_row(toys: Toys, some: list[Path]):
    found = look([*some, some[0]])
    assert found.paths == tuple(map(str, [*some, some[0]]))
    np.testing.assert_allclose(found.vectors[0], toy.vector(RED), atol=1e-6)
    np.testing.assert_array_equal(found.vectors[5], found.vectors[0])
    assert found.found.tolist() == [True, True, False, False, False, True]
    assert np.isnan(found.vectors[2:5]).all()
    assert found.faces == (1, 2, 0, 0, 0, 1)
    assert [failure.reason for failure in found.failures] == ["no-face", "not-an-image", "vanished"]
    assert found.qualities[0] is not None
    assert found.space == toy.SPACE


def test_a_photo_with_a_face_that_the_model_says_nothing_of_is_a_failure(
    toys: Toys, some: list[Path], tmp_path: Path
):
    toys.embedder.silent_of = BLUE
    with EmbeddingCache(tmp_path / "cache") as cache:
        first = look(some[:2], cache)
        assert first.found.tolist() == [True, False]
        (failure,) = first.failures
        assert (failure.path, failure.reason) == (str(some[1]), "no-embedding")
        assert "the model says nothing of a face in" in failure.detail
        again = look(some[:2], cache)
    assert again.from_cache == 2
    same(first, again)


def test_central_or_largest(toys: Toys, tmp_path: Path):
    """The larger face, drawn first, lies in the corner; the smaller one nearer the middle."""
    photo = toy.photo(tmp_path / "two.png", GREEN, BLUE)
    central, largest = (look([photo], face=face).vectors[0] for face in FaceSelection)
    np.testing.assert_allclose(central, toy.vector(BLUE), atol=1e-6)
    np.testing.assert_allclose(largest, toy.vector(GREEN), atol=1e-6)


def test_a_second_time_nothing_is_looked_at(toys: Toys, some: list[Path], tmp_path: Path):
    with EmbeddingCache(tmp_path / "cache") as cache:
        first = look(some, cache)
    seen = toys.detector.seen
    told: list[EvaluationProgress] = []
    with EmbeddingCache(tmp_path / "cache") as cache:
        second = look(some, cache, on_progress=told.append)
    assert toys.detector.seen == seen
    assert (first.from_cache, second.from_cache) == (0, 4)  # what is gone is not remembered
    assert told[-1].done == told[-1].total == 5
    same(first, second)


def test_content_counts_and_not_the_name(toys: Toys, some: list[Path], tmp_path: Path):
    with EmbeddingCache(tmp_path / "cache") as cache:
        first = look(some[:3], cache)
        moved = [photo.rename(photo.with_name(f"new-{photo.name}")) for photo in some[:3]]
        seen = toys.detector.seen
        assert look(moved, cache).from_cache == 3
        assert toys.detector.seen == seen
        toy.photo(moved[0], BLUE, number=77)  # another photo under the same name
        changed = look(moved, cache)
    assert changed.from_cache == 2
    np.testing.assert_allclose(changed.vectors[0], toy.vector(BLUE), atol=1e-6)
    np.testing.assert_array_equal(changed.vectors[1], first.vectors[1])


def test_other_options_are_looked_at_anew(toys: Toys, some: list[Path], tmp_path: Path):
    from facesearch.models.base import DetectorOptions

    with EmbeddingCache(tmp_path / "cache") as cache:
        look(some, cache)
        again = look(some, cache, detector_options=DetectorOptions(smallest_face_px=33))
    assert again.from_cache == 0


@pytest.mark.parametrize("damage", ["garbage", "cut", "bits"])
def test_a_damaged_cache_costs_time_only(toys: Toys, some: list[Path], tmp_path: Path, damage: str):
    with EmbeddingCache(tmp_path / "cache") as cache:
        first = look(some, cache)
        path = cache.path
    if damage == "garbage":
        path.write_bytes(b"no database at all " * 500)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        with sqlite3.connect(path) as database:
            database.execute("UPDATE photos SET faces = zeroblob(length(faces))")
        database.close()
    with EmbeddingCache(tmp_path / "cache") as cache:
        again = look(some, cache)
        same(first, again)
    assert bool(again.warnings) == (damage != "bits")
    with EmbeddingCache(tmp_path / "cache") as cache:
        assert look(some, cache).from_cache == 4


def test_a_cache_that_cannot_be_made_costs_time_only(toys: Toys, some: list[Path], tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with EmbeddingCache(tmp_path / "file" / "cache") as cache:
        found = look(some, cache)
    assert found.found.sum() == 2
    assert "not kept" in found.warnings[0]


def _store(folder: Path, first: int) -> None:
    with EmbeddingCache(folder) as cache:
        for number in range(first, first + 40):
            file = FoundFile(f"/p/{number}.jpg", 1, 1, 1, number)
            cache.store("key", [(file, f"{number:064x}", SeenPhoto(None, (), "damaged", "bad"))])
        assert not cache.warnings


def test_two_processes_at_once(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_store, args=(tmp_path, n)) for n in (0, 1000)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    with EmbeddingCache(tmp_path) as cache:
        assert len(cache.known("key")) == 80


@pytest.mark.skipif(os.name != "posix" or os.uname().sysname == "Darwin", reason="names of bytes")
def test_names_may_be_any_bytes(toys: Toys, tmp_path: Path):
    name = os.fsdecode(bytes(tmp_path) + b"/\xff\xfe.png")
    toy.draw(RED).save(tmp_path / "plain.png")
    os.rename(tmp_path / "plain.png", name)
    with EmbeddingCache(tmp_path / "cache") as cache:
        assert look([name], cache).found.all()
        assert look([name], cache).from_cache == 1
