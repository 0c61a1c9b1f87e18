"""What was measured of a model is kept, and told without loading anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from facesearch.evaluation.measured_records import (
    AllPairsFigures,
    MeasuredModel,
    SpeedFigures,
    View2Figures,
    is_all_of_lfw,
    is_all_of_view2,
    machine_name,
    measured,
    remember_measured,
    shipped_measures,
)
from facesearch.models.catalogue import embedder_spec

SPACE = "mine@12345678:arcface"
SPEED = SpeedFigures(1.5, "cpu", "onnx", "a machine", "0.1.0", "2026-11-24")
VIEW2 = View2Figures(0.98, 0.002, "0.1.0", "2026-11-24")
PAIRS = AllPairsFigures(0.05, None, "all pairs", "0.1.0", "2026-11-24")


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def test_parts_are_kept_beside_each_other_and_newer_ones_count():
    assert measured(SPACE) is None
    assert remember_measured(MeasuredModel(space=SPACE, speed=SPEED)) is None
    assert remember_measured(MeasuredModel(space=SPACE, view2=VIEW2, all_pairs=PAIRS)) is None
    found = measured(SPACE)
    assert found == MeasuredModel(space=SPACE, view2=VIEW2, all_pairs=PAIRS, speed=SPEED)
    document = found.to_document()
    assert (document["lfw_accuracy"], document["fnmr_1e3"], document["fnmr_1e4"]) == (
        0.98,
        0.05,
        None,
    )
    assert document["ms_per_face"] == 1.5
    json.dumps(document, allow_nan=False)
    newer = View2Figures(0.99, 0.001, "0.2.0", "2027-01-01")
    remember_measured(MeasuredModel(space=SPACE, view2=newer))
    found = measured(SPACE)
    assert found is not None
    assert (found.view2, found.speed) == (newer, SPEED)


def test_shipped_models_have_their_published_figures_until_measured():
    assert set(shipped_measures()) == {
        embedder_spec(name).space for name in ("dlib-resnet34", "dlib-resnet34-best")
    }
    space = embedder_spec().space
    found = measured(space)
    assert found is not None
    assert found.view2 is not None
    assert (found.view2.accuracy, found.speed) == (0.9927, None)
    remember_measured(MeasuredModel(space=space, speed=SPEED))
    found = measured(space)
    assert found is not None
    assert found.view2 is not None
    assert (found.view2.accuracy, found.speed) == (0.9927, SPEED)


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b"\xff", b'{"format": 2}', b'{"format": 1, "space": "x"}']
)
def test_a_damaged_file_is_no_figure_and_is_made_anew(models: Path, damage: bytes):
    remember_measured(MeasuredModel(space=SPACE, view2=VIEW2))
    (path,) = (models / "measured").iterdir()
    path.write_bytes(damage)
    assert measured(SPACE) is None
    assert remember_measured(MeasuredModel(space=SPACE, speed=SPEED)) is None
    assert measured(SPACE) == MeasuredModel(space=SPACE, speed=SPEED)


def test_a_folder_that_cannot_be_written_costs_the_record_only(models: Path):
    models.write_text("in the way")
    told = remember_measured(MeasuredModel(space=SPACE, speed=SPEED))
    assert told is not None
    assert "not remembered" in told
    assert measured(SPACE) is None


def test_parts_of_lfw_do_not_pass_for_lfw():
    assert is_all_of_view2(10, 6000)
    assert not is_all_of_view2(2, 6000)
    assert not is_all_of_view2(10, 600)
    assert is_all_of_lfw(13_232)
    assert not is_all_of_lfw(7_701)


def test_the_machine_has_a_name():
    assert machine_name().strip()


def test_reading_loads_no_network_and_no_photo_code():
    code = (
        "import sys; from facesearch.evaluation.measured_records import measured; "
        "measured('x@1:y'); "
        "print([m for m in ('onnxruntime', 'cv2', 'PIL', 'sqlite3') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ)
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
