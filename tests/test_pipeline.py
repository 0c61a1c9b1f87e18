"""The pipeline alone: what goes in comes out once, in bounded memory, and threads end."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import toys as toy
from toys import BLUE, GREEN, RED, Toys

from facesearch import pipeline as pipeline_module
from facesearch.errors import ModelError, PhotoUnreadable, UnreadableReason
from facesearch.photos.decode import DecodeLimits
from facesearch.photos.read import PhotoBytes
from facesearch.photos.walk import FoundFile
from facesearch.pipeline import LookedAt, Pipeline
from facesearch.values import Image, Size

pytestmark = pytest.mark.usefixtures("no_thread_left")

COLOURS = (RED, GREEN, BLUE)


@dataclass
class MadePhoto:
    """A photo in memory that is drawn when it is decoded."""

    faces: int
    number: int
    size: ClassVar[Size] = Size(96, 96)
    format: ClassVar[str] = "made"

    def decode(self, *, min_longer_px: int | None = None) -> Image:
        colours = [COLOURS[(self.number + row) % 3] for row in range(self.faces)]
        return Image.of(np.array(toy.draw(*colours, number=self.number)))


def found(number: int) -> FoundFile:
    return FoundFile(f"/made/{number}", 1, 1, 1, number)


def faces_in(number: int) -> int:
    """Faces in the made photo of that number: none, one or several."""
    return (0, 1, 3, 0, 7)[number % 5]


@pytest.fixture
def made_photos(monkeypatch):
    """Files need not exist: photo number N shows `faces_in(N)` faces. Yields what was read."""
    read: list[int] = []

    def read_photo(path: str, *, max_bytes: int) -> PhotoBytes:
        number = int(path.rpartition("/")[2])
        read.append(number)
        if number % 50 == 49:
            raise PhotoUnreadable(path, UnreadableReason.EMPTY, "it is empty")
        return PhotoBytes(number.to_bytes(4, "big"), f"{number:064x}")

    def open_photo(data: bytes, name: str, limits: DecodeLimits) -> MadePhoto:
        number = int.from_bytes(data, "big")
        return MadePhoto(faces_in(number), number)

    monkeypatch.setattr(pipeline_module, "read_photo", read_photo)
    monkeypatch.setattr(pipeline_module, "open_photo", open_photo)
    return read


def build(files: Iterator[FoundFile], toys: Toys, **options: object) -> Pipeline:
    given = {
        "models": lambda: (toys.detector, toys.embedder),
        "is_known": lambda content_hash: False,
        "limits": DecodeLimits(),
        "workers": 3,
        "embed_batch": lambda: 8,
    }
    return Pipeline(files, **(given | options))


def run(files: Iterator[FoundFile], toys: Toys, **options: object) -> list[LookedAt]:
    with build(files, toys, **options) as pipeline:
        return list(pipeline.results(lambda: None, every_s=0.01))


def summary(results: list[LookedAt]) -> dict[str, object]:
    """Results in an order of their own, vectors included."""
    return {
        one.file.path: None
        if one.faces is None
        else [(d.box, e.vector.tobytes()) for d, e, _ in one.faces]
        for one in results
    }


@pytest.mark.parametrize("workers", [1, 2, 7])
@pytest.mark.parametrize("batch", [1, 8, 1000])
def test_each_file_comes_out_once(made_photos, toys, workers, batch):
    results = run(map(found, range(100)), toys, workers=workers, embed_batch=lambda: batch)
    assert Counter(one.file.path for one in results) == {f"/made/{n}": 1 for n in range(100)}
    for one in results:
        number = int(one.file.path.rpartition("/")[2])
        if number % 50 == 49:
            assert one.problem.reason is UnreadableReason.EMPTY
            assert (one.faces, one.known) == (None, False)
            continue
        assert one.problem is None
        assert one.size == Size(96, 96)
        assert one.content_hash == f"{number:064x}"
        assert len(one.faces) == faces_in(number)


def test_how_fast_threads_are_changes_no_result(made_photos, toys):
    """Whichever photos share a batch, each face gets its own vector."""
    expected = summary(run(map(found, range(60)), toys, workers=1))
    waits = random.Random(1)
    for _ in range(4):
        toys.detector.hook = lambda image: time.sleep(waits.uniform(0, 0.003))
        toys.embedder.hook = lambda chips: time.sleep(waits.uniform(0, 0.003))
        results = run(map(found, range(60)), toys, workers=4, embed_batch=lambda: 5)
        assert summary(results) == expected
    for path, faces in expected.items():
        number = int(path.rpartition("/")[2])
        for row, (_, vector) in enumerate(faces or ()):
            assert vector == toy.vector(COLOURS[(number + row) % 3]).tobytes()


def test_chips_of_many_photos_share_batches(made_photos, toys):
    run(map(found, range(50)), toys, embed_batch=lambda: 16)
    faces = sum(faces_in(number) for number in range(49))
    full = toys.embedder.batches.count(16)
    assert sum(toys.embedder.batches) == faces
    assert full >= faces // 16 - 1
    assert max(toys.embedder.batches) == 16


def test_chips_do_not_wait_long_for_a_full_batch(made_photos, toys):
    """The walk finds two photos and then takes its time, as on a sleepy disk."""
    come = threading.Event()

    def slow() -> Iterator[FoundFile]:
        yield found(1)
        yield found(2)
        assert come.wait(30)

    with build(slow(), toys, embed_batch=lambda: 1000, embed_after_s=0.02) as pipeline:
        results = pipeline.results(lambda: None)
        assert {next(results).file.path, next(results).file.path} == {"/made/1", "/made/2"}
        assert pipeline.total is None
        come.set()
        assert list(results) == []
        assert pipeline.total == 2


def test_known_content_is_not_decoded(made_photos, toys):
    results = run(map(found, range(10)), toys, is_known=lambda content_hash: True)
    assert toys.detector.seen == 0
    assert all(one.known and one.faces is None and one.content_hash for one in results)


def test_models_are_not_asked_for_without_need(made_photos, toys):
    def models() -> object:
        raise AssertionError("nobody needs the models")

    results = run(map(found, [49, 99]), toys, models=models)
    assert len(results) == 2
    assert run(iter(()), toys, models=models) == []
    known = run(map(found, range(5)), toys, models=models, is_known=lambda content_hash: True)
    assert len(known) == 5


def test_a_slow_reader_of_results_stops_the_work(made_photos, toys, monkeypatch):
    """Whatever the number of photos, what waits between the stages is bounded."""
    monkeypatch.setattr(pipeline_module, "RESULTS_WAITING", 20)
    workers, batch, files_ahead = 3, 8, 50
    asked = 0

    def endless() -> Iterator[FoundFile]:
        nonlocal asked
        while True:
            yield found(asked)
            asked += 1

    # Chips that wait: less than a batch, and what each worker brings before it looks again.
    most_faces = 7
    in_flight = 20 + workers + (batch + workers * most_faces)
    with build(
        endless(), toys, workers=workers, embed_batch=lambda: batch, files_ahead=files_ahead
    ) as pipeline:
        results = pipeline.results(lambda: None)
        for taken in range(1, 40):
            next(results)
            if taken % 10 == 0:
                time.sleep(0.05)
                assert len(made_photos) <= taken + in_flight
                assert asked <= len(made_photos) + files_ahead + 1
    assert len(made_photos) <= 40 + in_flight


def test_large_photos_are_decoded_one_after_the_other(made_photos, toys, monkeypatch):
    monkeypatch.setattr(pipeline_module, "PIXEL_BUDGET", 96 * 96 * 3 + 1)
    monkeypatch.setattr(
        pipeline_module, "open_photo", lambda data, name, limits: MadePhoto(1, data[-1])
    )
    now = most = 0
    lock = threading.Lock()

    def hook(image: Image) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.002)
        with lock:
            now -= 1

    toys.detector.hook = hook
    assert len(run(map(found, range(20)), toys, workers=5)) == 20
    assert most == 1


def test_photos_larger_than_the_whole_budget_come_through(made_photos, toys, monkeypatch):
    monkeypatch.setattr(pipeline_module, "PIXEL_BUDGET", 100)
    assert len(run(map(found, range(20)), toys, workers=4)) == 20


def test_stopping_drops_what_is_not_ready(made_photos, toys):
    with build(map(found, range(100_000)), toys) as pipeline:
        results = []
        for one in pipeline.results(lambda: None):
            results.append(one)
            if len(results) == 25:
                pipeline.stop()
        read = len(made_photos)
    assert 25 <= len(results) <= read
    assert all(one.problem or one.known or one.faces is not None for one in results)
    assert len(made_photos) == read < 100_000


def test_stopping_from_the_poll_while_nothing_gets_ready(made_photos, toys):
    come = threading.Event()
    polls = 0

    def stuck(image: Image) -> None:
        assert come.wait(30)

    def poll() -> None:
        nonlocal polls
        polls += 1
        if polls == 3:
            pipeline.stop()
            come.set()

    toys.detector.hook = stuck
    with build(map(found, range(100)), toys) as pipeline:
        list(pipeline.results(poll, every_s=0.01))
    assert polls >= 3


def test_leaving_early_ends_the_threads(made_photos, toys):
    with build(map(found, range(100_000)), toys) as pipeline:
        next(pipeline.results(lambda: None))
    with (
        pytest.raises(ZeroDivisionError),
        build(map(found, range(100_000)), toys) as pipeline,
    ):
        _ = len(next(pipeline.results(lambda: None)).file.path) / 0
    with build(map(found, range(100_000)), toys):
        pass  # results are never asked for


def test_an_error_of_the_walk_arrives(made_photos, toys):
    def broken() -> Iterator[FoundFile]:
        yield from map(found, range(20))
        raise OSError("the disk made a noise")

    with pytest.raises(OSError, match="noise"):
        run(broken(), toys)
    with pytest.raises(OSError, match="noise"):
        run(broken(), toys, workers=1, files_ahead=1)


@pytest.mark.parametrize("where", ["models", "is_known", "detect", "embed", "batch"])
def test_an_error_of_a_stage_arrives(made_photos, toys, where):
    def fail(*args: object) -> None:
        raise ModelError("toy", "it broke")

    options: dict[str, object] = {}
    if where == "detect":
        toys.detector.hook = fail
    elif where == "embed":
        toys.embedder.hook = fail
    else:
        options[{"batch": "embed_batch"}.get(where, where)] = fail
    for workers in (1, 4):
        with pytest.raises(ModelError, match="it broke"):
            run(map(found, range(5000)), toys, workers=workers, **options)
    assert len(made_photos) < 5000


def test_too_few_vectors_are_noticed(made_photos, toys, monkeypatch):
    monkeypatch.setattr(
        type(toys.embedder), "embed", lambda self, chips: np.ones((1, 1), np.float32)
    )
    with pytest.raises(ValueError, match="shorter"):
        run(map(found, [4]), toys)


def test_a_thread_that_does_not_start(made_photos, toys, monkeypatch):
    start = threading.Thread.start
    started = []

    def limited(thread: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    with pytest.raises(RuntimeError, match="new thread"):
        run(map(found, range(1000)), toys)


def test_the_total_is_known_once_the_walk_is_through(made_photos, toys):
    with build(map(found, range(30)), toys) as pipeline:
        assert len(list(pipeline.results(lambda: None))) == 30
        assert pipeline.total == 30
