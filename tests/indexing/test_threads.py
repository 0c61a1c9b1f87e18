"""One library, many threads: some index, some ask."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from audits import audit
from toys import BLUE, DIMENSION, GREEN, RED, SPACE, album, photo

from facesearch.errors import LibraryBusy
from facesearch.indexing import IndexOptions
from facesearch.library import FaceLibrary

pytestmark = pytest.mark.usefixtures("no_thread_left")

COLOURS = (RED, GREEN, BLUE)
WAIT_S = 60


@pytest.fixture(autouse=True)
def whole_afterwards(folder):
    yield
    audit(folder, SPACE, DIMENSION)


@pytest.fixture
def paused(toys) -> tuple[threading.Event, threading.Event]:
    """The detector says when it got its first photo, and goes on when told."""
    reached, go_on = threading.Event(), threading.Event()

    def hook(image: object) -> None:
        reached.set()
        assert go_on.wait(WAIT_S)

    toys.detector.hook = hook
    return reached, go_on


def test_a_second_index_waits_for_the_first(library, photos, paused):
    reached, go_on = paused
    album(photos / "a", 10)
    album(photos / "b", 10, first=10)
    waited = []

    def on_wait(process):
        waited.append(process)
        go_on.set()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(library.index, [photos / "a"])
        assert reached.wait(WAIT_S)
        second = pool.submit(
            library.index,
            [photos / "b"],
            options=IndexOptions(wait_s=WAIT_S),
            on_wait=on_wait,
        )
        assert (first.result(WAIT_S).new, second.result(WAIT_S).new) == (10, 10)
    assert waited
    assert library.status().photos == 20


def test_a_second_index_that_may_not_wait_says_so(library, photos, paused):
    reached, go_on = paused
    album(photos, 3)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(library.index, [photos])
        assert reached.wait(WAIT_S)
        with pytest.raises(LibraryBusy):
            library.index([photos], options=IndexOptions(wait_s=0))
        go_on.set()
        assert first.result(WAIT_S).new == 3


def test_two_libraries_on_one_folder_wait_for_each_other(library, folder, photos, paused, toys):
    reached, go_on = paused
    album(photos, 3)
    with (
        FaceLibrary.open(folder, options=toys.options()) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(library.index, [photos])
        assert reached.wait(WAIT_S)
        with pytest.raises(LibraryBusy):
            other.index([photos], options=IndexOptions(wait_s=0))
        go_on.set()
        assert first.result(WAIT_S).new == 3
        assert other.index([photos]).unchanged == 3


def test_questions_are_answered_while_an_index_runs(library, photos, toys):
    album(photos / "first", 9, colours=COLOURS)
    library.index([photos / "first"])
    library.name(photos / "first" / "p000.png", "Ana")
    album(photos / "more", 200, first=10, colours=COLOURS)
    probe = photo(photos.parent / "probe.png", RED, number=999)
    found: list[int] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            (answer,) = library.query(probe).faces
            assert answer.identities[0].identity.name == "Ana"
            found.append(len(answer.identities[0].faces) + len(answer.unnamed))
            library.status()

    with ThreadPoolExecutor(3) as pool:
        askers = [pool.submit(ask) for _ in range(2)]
        report = library.index([photos], options=IndexOptions(commit_photos=5))
        done.set()
        for asker in askers:
            asker.result(WAIT_S)
    assert report.new == 200
    assert min(found) >= 1
    (answer,) = library.query(probe, top=500).faces
    assert len(answer.unnamed) == 3 + 66 - 1


def test_many_threads_ask_at_once(library, photos):
    album(photos, 30, colours=COLOURS)
    library.index([photos])
    for number, name in enumerate(("Ana", "Bo", "Cy")):
        library.name(photos / f"p{number:03}.png", name)

    def ask(number: int) -> str:
        (answer,) = library.query(photos / f"p{number % 30:03}.png").faces
        return answer.identities[0].identity.name

    with ThreadPoolExecutor(12) as pool:
        names = list(pool.map(ask, range(120)))
    assert names == ["Ana", "Bo", "Cy"] * 40


def test_many_threads_ask_a_library_that_nobody_asked_before(folder, photos, toys):
    """The models and the vector index are loaded once, by whoever comes first."""
    album(photos, 30, colours=COLOURS)
    with FaceLibrary.open(folder, options=toys.options()) as library:
        library.index([photos])
    loaded = toys.loaded
    with FaceLibrary.open(folder, options=toys.options()) as library:
        together = threading.Barrier(8)

        def ask(number: int) -> int:
            together.wait(WAIT_S)
            (answer,) = library.query(photos / f"p{number:03}.png", top=50).faces
            return len(answer.unnamed)

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(ask, range(8))) == {10}
    assert toys.loaded == loaded + 1


def test_asking_naming_and_removing_at_once(library, photos):
    album(photos, 40, colours=COLOURS)
    library.index([photos])
    ids = [library.faces_of(photos / f"p{number:03}.png")[0].id for number in range(40)]
    probe = photo(photos.parent / "probe.png", GREEN, number=999)

    def ask() -> None:
        for _ in range(30):
            (answer,) = library.query(probe, top=50).faces
            for hit in answer.unnamed:
                assert hit.face.id in ids

    def name() -> None:
        for number in range(20):
            library.name(ids[number], f"Person {number % 4}")

    def remove() -> None:
        for number in range(39, 29, -1):
            (photos / f"p{number:03}.png").unlink()
            library.index([photos])

    jobs: list[Callable[[], None]] = [ask, name, remove, ask]
    with ThreadPoolExecutor(len(jobs)) as pool:
        for job in [pool.submit(one) for one in jobs]:
            job.result(WAIT_S)
    assert library.status().photos == 30
    assert sum(faces for _, faces in library.identities()) == 20
