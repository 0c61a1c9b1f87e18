"""Models that were added, as the catalogue has them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from own_networks import square_finder, tiny

from facesearch.errors import WeightsDamaged
from facesearch.models.base import DetectorOptions, Engine
from facesearch.models.catalogue import (
    detector_spec,
    detectors,
    embedder_of_space,
    embedder_spec,
    embedders,
    is_ready,
)
from facesearch.models.heads import Head
from facesearch.models.onnx import Runtime
from facesearch.models.own.adding import add_detector, add_embedder
from facesearch.models.own.records import RECORD_NAME
from facesearch.models.own.specs import own_detectors, own_embedders
from facesearch.models.templates import TemplateFamily


@pytest.fixture
def added(write) -> None:
    """One model of each kind."""
    add_embedder(
        "my-means",
        write(tiny(("n", 3, 112, 112))),
        template=TemplateFamily.ARCFACE,
        mean=0.0,
        scale=1 / 255,
        force=True,
    )
    add_detector("my-squares", write(square_finder(Head.SCRFD)), head=Head.SCRFD, force=True)


def test_nothing_added_is_nothing_listed(models_folder: Path):
    assert (own_embedders(), own_detectors()) == ((), ())
    assert not models_folder.exists()


def test_added_models_are_listed_with_the_others(added):
    (embedder,), (detector,) = own_embedders(), own_detectors()
    assert (embedder.name, embedder.engine, embedder.dimension) == ("my-means", Engine.ONNX, 3)
    assert embedder.source.startswith("added by you on 2")
    assert (embedder.licence, detector.licence) == ("unknown", "unknown")
    assert [spec.name for spec in embedders()].count("my-means") == 1
    assert [spec.name for spec in detectors()].count("my-squares") == 1
    assert is_ready(embedder_spec("my-means"))
    assert is_ready(detector_spec("my-squares"))


def test_listing_loads_no_engine_and_nothing_heavy(added):
    program = (
        "import sys\nfrom facesearch.models.base import DetectorOptions\n"
        "from facesearch.models.own.specs import own_detectors, own_embedders\n"
        "assert [spec.name for spec in own_embedders()] == ['my-means']\n"
        "assert [spec.name for spec in own_detectors()] == ['my-squares']\n"
        "assert own_detectors()[0].key(DetectorOptions())\n"
        "print(*{'onnx', 'onnxruntime', 'cv2', 'tensorflow', 'deepface'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert ended.stdout.strip() == b""


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_a_file_that_is_not_what_was_added_is_never_run(
    added, models_folder: Path, runtime: Runtime, what: str
):
    for path in models_folder.glob("own/*/*.onnx"):
        if what == "gone":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes() + b"\0")
    message = "cannot read" if what == "gone" else "is not the file that was added"
    with pytest.raises(WeightsDamaged, match=message):
        embedder_spec("my-means").load(runtime)
    with pytest.raises(WeightsDamaged, match=message):
        detector_spec("my-squares").load(runtime, DetectorOptions())


def test_a_damaged_record_fails_when_it_is_used_and_others_work(
    added, models_folder: Path, runtime: Runtime
):
    path = models_folder / "own" / "my-means" / RECORD_NAME
    space = embedder_spec("my-means").space
    path.write_bytes(b'{"kind": "embedder"}')
    assert embedder_of_space(space) is None
    broken = embedder_spec("my-means")
    assert "damaged" in broken.source
    with pytest.raises(WeightsDamaged, match=r"cannot be read .*facesearch models remove my-means"):
        broken.load(runtime)
    assert [spec.name for spec in own_detectors()] == ["my-squares"]
    detector_spec("my-squares").load(runtime, DetectorOptions())


def test_a_record_of_which_nothing_is_left_is_listed_as_both(
    added, models_folder: Path, runtime: Runtime
):
    (models_folder / "own" / "my-squares" / RECORD_NAME).write_bytes(b"")
    assert {spec.name for spec in own_detectors()} == {"my-squares"}
    assert {spec.name for spec in own_embedders()} == {"my-means", "my-squares"}
    broken = detector_spec("my-squares")
    for use in (lambda: broken.key(DetectorOptions()), lambda: broken.load(runtime, None)):
        with pytest.raises(WeightsDamaged, match="record of my-squares"):
            use()
