"""What tests of several areas share: a home of their own, toy models, photos of faces."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageEnhance
import PIL.ImageOps
import pytest
import skimage.data

# pytest's importlib mode leaves the tests' own folders out of the search path
sys.path.insert(0, str(Path(__file__).parent / "helpers"))
# Before anything imports TensorFlow, which looks once: deepface's networks need Keras 2.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

from toys import Toys, measures

from facesearch import quality
from facesearch.catalog.catalog import Catalog
from facesearch.models import catalogue


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test reads or writes the user's own libraries, caches and settings."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("USERPROFILE", str(home))
        for name in ("DATA", "CACHE", "CONFIG", "STATE"):
            patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
        patch.setenv("LOCALAPPDATA", str(home / "local"))
        patch.setenv("FACESEARCH_CACHE", str(home / "facesearch-cache"))
        patch.delenv("FACESEARCH_LIBRARY", raising=False)
        patch.delenv("FACESEARCH_MODELS", raising=False)
        yield home


@pytest.fixture
def no_thread_left() -> Iterator[None]:
    """Fails where a test leaves a thread running."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        if thread.name == "facesearch-load":  # loads models, then ends
            thread.join(30)
    assert [thread.name for thread in left if thread.is_alive()] == []


@pytest.fixture(scope="session")
def blank_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty library to copy: making one means running the migrations."""
    library = tmp_path_factory.mktemp("blank") / "library"
    Catalog.open(library, create=True, read_only=False).close()
    return library


@pytest.fixture
def folder(tmp_path: Path, blank_library: Path) -> Path:
    """The folder of an empty library of the test's own."""
    return Path(shutil.copytree(blank_library, tmp_path / "library.faces"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """An empty folder for the test's photos."""
    place = tmp_path / "photos"
    place.mkdir()
    return place


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> Toys:
    """Toy models, listed in the catalogue of models while the test runs."""
    made = Toys()
    detector, embedder = made.specs()
    monkeypatch.setattr(catalogue, "_DETECTORS", (*catalogue._DETECTORS, detector))
    monkeypatch.setattr(catalogue, "_EMBEDDERS", (*catalogue._EMBEDDERS, embedder))
    monkeypatch.setattr(quality, "measure_chip", measures)
    return made


@pytest.fixture
def other(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a second toy embedder, listed while the test runs."""
    monkeypatch.setattr(catalogue, "_EMBEDDERS", (*catalogue._EMBEDDERS, toys.other_spec()))
    return toys.other_spec().name


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """An empty folder that every user of the machine may enter (tmp_path is the owner's)."""
    place = Path(tempfile.mkdtemp(prefix="facesearch-test-")).resolve()
    place.chmod(0o755)
    yield place
    for path, _, _ in os.walk(place):
        Path(path).chmod(0o755)
    shutil.rmtree(place)


@pytest.fixture
def unprivileged() -> Callable[[], AbstractContextManager[None]]:
    """`with unprivileged():` permissions hold inside, even where the tests run as root."""
    if os.name != "posix":
        pytest.skip("permissions of this kind exist on POSIX systems only")

    @contextmanager
    def as_nobody() -> Iterator[None]:
        if os.geteuid() != 0:
            yield
            return
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    return as_nobody


# Photographs


@pytest.fixture(scope="session")
def portraits() -> dict[str, PIL.Image.Image]:
    """One person many times: smaller, mirrored, cut, brighter, darker, turned a little."""
    official = PIL.Image.fromarray(skimage.data.astronaut())
    small = official.resize((300, 300), PIL.Image.Resampling.LANCZOS)
    return {
        "official": small,
        "mirrored": PIL.ImageOps.mirror(small),
        "cut": official.crop((80, 0, 400, 320)).resize((280, 280)),
        "brighter": PIL.ImageEnhance.Brightness(small).enhance(1.2),
        "darker": PIL.ImageEnhance.Brightness(small).enhance(0.7),
        "turned": small.rotate(6, resample=PIL.Image.Resampling.BICUBIC),
    }


@pytest.fixture(scope="session")
def things() -> dict[str, PIL.Image.Image]:
    """Photographs without a face."""
    return {
        "coffee": PIL.Image.fromarray(skimage.data.coffee()).resize((300, 200)),
        "cat": PIL.Image.fromarray(skimage.data.chelsea()).resize((300, 200)),
        "rocket": PIL.Image.fromarray(skimage.data.rocket()).resize((320, 214)),
    }


@pytest.fixture(scope="session")
def strangers() -> list[PIL.Image.Image]:
    """Faces of 20 different people, one a picture, 160 x 160, blurred since they were tiny."""
    tiny = (skimage.data.lfw_subset()[:20] * 255).astype(np.uint8)
    pictures = []
    for pixels in tiny:
        picture = PIL.Image.new("RGB", (160, 160), (128, 128, 128))
        face = PIL.Image.fromarray(pixels).resize((100, 100), PIL.Image.Resampling.LANCZOS)
        picture.paste(face.convert("RGB"), (30, 30))
        pictures.append(picture)
    return pictures


@pytest.fixture(scope="session")
def crowd(portraits: dict[str, PIL.Image.Image]) -> PIL.Image.Image:
    """Forty faces in one photo, 8 across and 5 down."""
    face = PIL.Image.fromarray(skimage.data.astronaut()).crop((150, 0, 310, 180)).resize((90, 100))
    sheet = PIL.Image.new("RGB", (800, 500), (60, 60, 60))
    for number in range(40):
        sheet.paste(face, (100 * (number % 8) + 5, 100 * (number // 8)))
    return sheet
