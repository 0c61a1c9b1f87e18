"""Progress, stopping in the middle, and errors from everywhere: nothing lost, nothing hangs."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from audits import audit
from toys import DIMENSION, GREEN, RED, SPACE, album, photo

from facesearch import indexing
from facesearch.catalog.catalog import Catalog
from facesearch.errors import LibraryFull, ModelError, WeightsMissing
from facesearch.indexing import IndexOptions
from facesearch.models.base import DetectorOptions

pytestmark = pytest.mark.usefixtures("no_thread_left")

SMALL_STEPS = IndexOptions(commit_photos=3, workers=2, embed_batch=2)


@pytest.fixture(autouse=True)
def whole_afterwards(folder):
    yield
    audit(folder, SPACE, DIMENSION)


@pytest.fixture
def told_always(monkeypatch):
    """Progress after every single result."""
    monkeypatch.setattr(indexing, "_PROGRESS_EVERY_S", 0.0)


@pytest.fixture
def index_until(library, photos, told_always, toys):
    """`index_until(count)`: cancelled once so many photos were looked at, however fast they are.

    The thread that is asked whether to stop may come late, so photos beyond those wait until
    it has stopped the workers.
    """

    def run(count):
        limit = toys.detector.seen + count
        asked_to_stop = False
        stopped = threading.Event()

        def cancelled():
            nonlocal asked_to_stop
            asked_to_stop = toys.detector.seen >= limit
            return asked_to_stop

        def on_progress(progress):  # told after each asking, when the workers were stopped
            if asked_to_stop:
                stopped.set()

        def hold(image):
            if toys.detector.seen > limit:
                assert stopped.wait(60), "nobody asked whether to stop"

        toys.detector.hook = hold
        return library.index(
            [photos], options=SMALL_STEPS, on_progress=on_progress, cancelled=cancelled
        )

    return run


def test_progress_only_grows_and_ends_at_the_total(library, photos, told_always, toys):
    album(photos, 20)
    library.index([photos])
    album(photos, 20, first=20)
    (photos / "text.jpg").write_text("no picture")
    told = []
    threads = []

    def on_progress(progress):
        told.append(progress)
        threads.append(threading.current_thread())

    library.index([photos], on_progress=on_progress)
    done = [progress.done for progress in told]
    assert done == sorted(done)
    assert len(set(done)) > 10
    totals = {progress.total for progress in told} - {None}
    assert totals == {41}
    assert all(p.done <= p.total for p in told if p.total is not None)
    last = told[-1]
    assert (last.done, last.total, last.faces, last.failed) == (41, 41, 20, 1)
    assert sorted(p.seconds for p in told) == [p.seconds for p in told]
    assert set(threads) == {threading.main_thread()}


def test_progress_is_told_at_least_once(library, photos):
    told = []
    library.index([photos], on_progress=told.append)
    assert (told[-1].done, told[-1].total) == (0, 0)


def test_cancelling_keeps_what_was_committed(library, photos, toys, index_until):
    album(photos, 60)
    (photos / "p000.png").rename(photos.parent / "p000.png")
    library.index([photos])
    (photos / "p030.png").unlink()
    album(photos, 60, first=60)
    report = index_until(15)
    assert report.cancelled
    assert 10 < report.new <= 15 + SMALL_STEPS.workers
    assert report.removed == 0, "a run that was stopped has not seen everything"
    assert library.status().photos == 59 + report.new
    seen = toys.detector.seen
    rest = library.index([photos])
    assert not rest.cancelled
    assert rest.new == 60 - report.new
    assert (rest.photos, rest.faces, rest.removed) == (118, 118, 1)
    assert toys.detector.seen - seen == rest.new


def test_a_run_that_is_cancelled_again_and_again_gets_there(photos, index_until):
    album(photos, 30)
    new = runs = 0
    while True:
        runs += 1
        report = index_until(4)
        new += report.new
        if not report.cancelled:
            break
    assert runs >= 30 / (4 + SMALL_STEPS.workers)
    assert (new, report.photos, report.faces) == (30, 30, 30)


def test_cancelling_while_walking(library, photos, toys):
    album(photos, 5)
    assert library.index([photos], cancelled=lambda: True).cancelled
    assert library.index([photos]).photos == 5


class Stop(Exception):
    """Not one of facesearch's own."""


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt])
@pytest.mark.parametrize("after", [1, 5, 12])
def test_an_error_in_a_callback_ends_the_run(library, photos, told_always, toys, error, after):
    album(photos, 20)

    def on_progress(progress):
        if progress.done >= after:
            raise error

    with pytest.raises(error):
        library.index([photos], options=SMALL_STEPS, on_progress=on_progress)
    seen, stored = toys.detector.seen, library.status().photos
    assert stored <= seen
    report = library.index([photos])
    assert (report.photos, report.faces, report.new) == (20, 20, 20 - stored)


def test_an_error_in_cancelled_ends_the_run(library, photos):
    album(photos, 5)

    def cancelled():
        raise Stop

    with pytest.raises(Stop):
        library.index([photos], cancelled=cancelled)
    assert library.index([photos]).photos == 5


@pytest.mark.parametrize("at", ["detector", "embedder"])
@pytest.mark.parametrize("workers", [1, 4])
def test_an_error_in_a_network_ends_the_run(library, photos, toys, at, workers):
    album(photos, 30)

    def fail(given):
        if toys.detector.seen > 10:
            raise ModelError("toy", "running toy failed: out of memory")

    model = getattr(toys, at)
    before, model.hook = model.hook, fail
    options = IndexOptions(commit_photos=2, workers=workers, embed_batch=1)
    with pytest.raises(ModelError, match="out of memory"):
        library.index([photos], options=options)
    model.hook = before
    report = library.index([photos])
    assert (report.photos, report.faces) == (30, 30)


def test_models_that_do_not_load_end_the_run(library, photos, monkeypatch):
    album(photos, 30)

    def missing(*args):
        raise WeightsMissing("toy", "the weights of toy are missing")

    from facesearch import model_loading

    with monkeypatch.context() as patch:
        patch.setattr(model_loading.LoadedModels, "both", missing)
        with pytest.raises(WeightsMissing):
            library.index([photos])
    assert library.index([photos]).new == 30


def test_what_no_network_should_return_ends_the_run(library, photos, toys):
    album(photos, 3)

    class Broken:
        def __getattr__(self, name):
            return getattr(toys.embedder, name)

        def embed(self, chips):
            return np.full((len(chips), DIMENSION), np.nan, np.float32)

    library._models._loaded = (toys.detector, Broken())
    with pytest.raises(ValueError, match="length"):
        library.index([photos])
    assert library.status().photos == 0


def test_an_error_while_walking_ends_the_run(library, photos, monkeypatch):
    album(photos, 10)
    walk = indexing.walk

    def broken(roots, **options):
        for number, file in enumerate(walk(roots, **options)):
            if number == 5:
                raise OSError("the disk made a noise")
            yield file

    with monkeypatch.context() as patch:
        patch.setattr(indexing, "walk", broken)
        with pytest.raises(OSError, match="noise"):
            library.index([photos])
    assert library.index([photos]).photos == 10


def test_an_error_while_committing_ends_the_run(library, photos, monkeypatch):
    album(photos, 20)
    store = Catalog.store
    calls = []

    def full(catalog, batch):
        calls.append(batch)
        if len(calls) == 3:
            raise LibraryFull("here", "no space left")
        return store(catalog, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Catalog, "store", full)
        with pytest.raises(LibraryFull):
            library.index([photos], options=SMALL_STEPS)
    assert library.status().photos == 6
    assert library.index([photos]).photos == 20


def test_what_was_committed_before_an_error_is_found(library, photos, toys, monkeypatch):
    album(photos, 4, colours=(RED, GREEN))
    library.index([photos])
    photo(photos / "z.png", GREEN, number=100)
    monkeypatch.setattr(library._vectors, "save", lambda: None)  # as if killed right there
    library.index([photos])
    (answer,) = library.query(photos / "z.png").faces
    assert len(answer.unnamed) == 3


def test_detector_options_of_another_library_do_not_matter(folder, photos, toys):
    """Two open libraries share nothing."""
    from facesearch.library import FaceLibrary

    album(photos, 2)
    options = toys.options(detector_options=DetectorOptions(smallest_face_px=30))
    with (
        FaceLibrary.open(folder, options=toys.options()) as one,
        FaceLibrary.open(folder.with_name("other"), options=options) as two,
    ):
        assert one.index([photos]).new == 2
        assert two.index([photos]).new == 2
        assert one.index([photos]).unchanged == 2
