"""A learned map is read only when it is the right one, and makes unit rows."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

from facesearch.errors import WeightsDamaged, WeightsMissing
from facesearch.models import projection
from facesearch.models.dlib_resnet import BEST, FAST, DlibSetting
from facesearch.models.projection import Projection, read_projection, unit_rows
from facesearch.models.weights import PackagedFile
from facesearch.values import check_unit_rows


def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> PackagedFile:
    """The bytes as a pinned file."""
    path = tmp_path / "map.npy"
    path.write_bytes(data)
    monkeypatch.setattr(PackagedFile, "find", lambda self, model: path)
    return PackagedFile("toy", "toy", "map.npy", hashlib.sha256(data).hexdigest())


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_rows_are_mapped_and_of_length_1():
    rows = np.array([[3, 4], [0, -2]], np.float32)
    found = Projection(np.array([[2, 0], [0, 1]], np.float32)).apply(rows)
    check_unit_rows(found)
    np.testing.assert_allclose(found, [[6 / 52**0.5, 4 / 52**0.5], [0, -1]], atol=1e-6)


@pytest.mark.parametrize("setting", [FAST, BEST], ids=lambda setting: setting.alignment)
def test_the_shipped_maps_are_the_pinned_ones_and_say_where_they_come_from(setting: DlibSetting):
    found = read_projection(setting.projection, "dlib-resnet34", 128)
    assert found.matrix.shape == (128, 128)
    # Near enough to no change at all: nobody is turned into somebody else.
    assert np.linalg.norm(found.matrix - np.eye(128)) < 1
    path = Path(projection.__file__).parent / "projections" / Path(setting.projection.path).name
    about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert about["sha256"] == setting.projection.sha256
    assert about["space"] == setting.space
    assert about["people"] > 5000


@pytest.mark.parametrize(
    "data",
    [b"", b"no array", saved(np.eye(3)), saved(np.ones((2, 3), np.float32))],
    ids=["empty", "text", "doubles", "shape"],
)
def test_what_is_no_map_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes):
    """Should it ever be pinned by mistake."""
    with pytest.raises(WeightsDamaged, match=r"map\.npy"):
        read_projection(packaged(tmp_path, monkeypatch, data), "toy", 3)


def test_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = packaged(tmp_path, monkeypatch, saved(np.eye(3, dtype=np.float32)))
    file.find("toy").write_bytes(saved(np.ones((3, 3), np.float32)))
    with pytest.raises(WeightsDamaged, match="SHA-256"):
        read_projection(file, "toy", 3)


def test_a_missing_file_is_said():
    with pytest.raises(WeightsMissing, match="pip install facesearch"):
        read_projection(PackagedFile("facesearch", "facesearch", "models/no.npy", "0"), "toy", 3)


def test_unit_rows_keep_their_direction():
    np.testing.assert_allclose(unit_rows(np.array([[0, 5]], np.float32)), [[0, 1]])
