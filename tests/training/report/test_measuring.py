"""Measuring a run's network: on chips it did not see, once, and what stands in its way."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_training import small

from facesearch.errors import InvalidDataset, InvalidModelFile
from facesearch.models.base import Device
from facesearch.training import answering, measuring
from facesearch.training.dataset import ChipDataset
from facesearch.training.folder import RunFolder, Status
from facesearch.training.logs import read_epochs
from facesearch.training.measuring import measured
from facesearch.training.report.making import Reported
from facesearch.training.report.measured import Measured
from facesearch.training.run import train

pytest.importorskip("tf_keras", reason="training takes TensorFlow and tf-keras")


def measure(run: Path, **more: Any) -> Measured | None:
    opened = RunFolder.open(run)
    return measured(opened, opened.standing(), device=Device.CPU, **more)


def copied(run: Path, to: Path) -> Path:
    return Path(shutil.copytree(run, to))


def by_keras(run: Path, chips: Any) -> list[Any]:
    import tf_keras

    from facesearch.training.recipes import layers  # noqa: F401  (registers them with Keras)

    model = tf_keras.models.load_model(str(run / "best.keras"), compile=False)
    found = model.predict(chips, verbose=0)
    return found if isinstance(found, list) else [found]


def test_people_are_named_as_keras_names_them(naming_run: Path, naming_report: Reported):
    found = naming_report.measured
    assert found is not None
    assert found.naming is not None
    chips, labels = ChipDataset.open(RunFolder.open(naming_run).standing().dataset).arrays("test")
    shares, embeddings = by_keras(naming_run, chips)
    assert found.split == "test"
    assert found.naming.truth == tuple(labels.tolist())
    assert found.naming.named == tuple(shares.argmax(axis=1).tolist())
    assert np.abs(np.array(found.naming.confidence) - shares.max(axis=1)).max() < 1e-4
    assert found.dimension == embeddings.shape[1]
    assert [each.distance for each in found.telling] == ["cosine"]
    assert found.telling[0].chosen is not None
    assert sum(layer.parameters for layer in found.layers) > 0


def test_validation_chips_stand_in_for_test_chips(pairs_run: Path, pairs_report: Reported):
    found = pairs_report.measured
    assert found is not None
    assert (found.split, found.naming, found.chips) == ("validation", None, 48)
    assert [each.distance for each in found.telling] == ["Euclidean", "cosine"]
    assert all(each.chosen is None for each in found.telling)
    # Every pair of the validation that was drawn while training is among those compared here.
    drawn = read_epochs(pairs_run)[found.epoch - 1].validation_accuracy
    assert drawn is not None
    assert found.telling[0].best.accuracy == pytest.approx(drawn, abs=0.15)
    assert any("flatter" in str(remark) for remark in pairs_report.contents.remarks)


def test_errors_are_shown_with_their_chips(naming_report: Reported):
    found = naming_report.measured
    assert found is not None
    assert found.naming is not None
    shown = {chip.position: chip for chip in found.shown}
    wrong = found.naming.wrong()
    assert wrong, "a network that learned this little errs"
    for at in wrong:
        chip = shown[found.naming.positions[at]]
        assert chip.person == found.naming.people[found.naming.truth[at]]
        assert chip.photo.endswith(".png")


def test_a_network_is_measured_once(
    naming_run: Path, naming_report: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = copied(naming_run, tmp_path / "run")
    loaded: list[Path] = []
    load = answering.load_keras

    def counted(path: Path, name: str) -> Any:
        loaded.append(path)
        return load(path, name)

    monkeypatch.setattr(answering, "load_keras", counted)
    first = measure(run)
    assert first == naming_report.measured
    assert loaded == []

    again = measure(run, again=True)
    assert again is not None
    assert first is not None
    assert len(loaded) == 1
    assert replace(again, seconds=0, made="") == replace(first, seconds=0, made="")

    document = json.loads((run / "report.json").read_bytes())
    document["naming"]["truth"][0] = "0"
    (run / "report.json").write_text(json.dumps(document))
    measure(run)
    assert len(loaded) == 2
    with zipfile.ZipFile(run / "best.keras", "a") as file:
        file.comment = b"other bytes"
    measure(run)
    assert len(loaded) == 3


def test_what_was_measured_outlives_its_dataset(
    naming_run: Path, naming_report: Reported, by_photo: Path, tmp_path: Path
):
    run = copied(naming_run, tmp_path / "run")
    state = json.loads((run / "state.json").read_bytes())
    (run / "state.json").write_text(json.dumps(state | {"dataset": str(tmp_path / "gone")}))
    assert measure(run) == naming_report.measured
    (run / "report.json").unlink()
    with pytest.raises(InvalidDataset, match="no finished dataset here"):
        measure(run)
    with pytest.raises(InvalidDataset, match="is another dataset"):
        measure(run, dataset=by_photo)
    found = measure(run, dataset=Path(state["dataset"]))
    assert found is not None
    assert naming_report.measured is not None
    assert found.naming == naming_report.measured.naming


def test_a_damaged_network_is_refused(naming_run: Path, tmp_path: Path):
    run = copied(naming_run, tmp_path / "run")
    (run / "best.keras").write_bytes((run / "best.keras").read_bytes()[:1000])
    with pytest.raises(InvalidModelFile, match=r"best\.keras"):
        measure(run)


def test_a_run_without_an_epoch_has_no_network_yet(naming_run: Path, tmp_path: Path):
    run = copied(naming_run, tmp_path / "run")
    (run / "best.keras").unlink()
    assert measure(run) is None


def test_an_embedding_that_is_not_ready_is_not_judged(by_photo: Path, tmp_path: Path):
    """That of deepface is scaled at the end of a run."""
    out = tmp_path / "run"
    train(small("deepface", "epochs=1", "batch_size=16"), by_photo, out, device=Device.CPU)
    state = json.loads((out / "state.json").read_bytes())
    (out / "state.json").write_text(json.dumps(state | {"status": Status.STOPPED.value}))

    early = measure(out)
    assert early is not None
    assert early.naming is not None
    assert (early.telling, early.places) == ((), None)
    assert "is not judged yet" in early.notes[0]

    (out / "state.json").write_text(json.dumps(state))
    late = measure(out)
    assert late is not None
    assert len(late.telling) == 1
    assert late.naming == early.naming


def test_figures_that_cannot_be_kept_are_given_all_the_same(
    naming_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = copied(naming_run, tmp_path / "run")
    (run / "report.json").unlink(missing_ok=True)

    def full(run: Path, found: Measured) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(measuring, "keep", full)
    found = measure(run)
    assert found is not None
    assert "cannot be written" in found.notes[-1]


def test_two_people_and_one_number(tmp_path: Path):
    """Networks for two people give one probability."""
    from small_training import make_chips

    chips = make_chips(tmp_path, people=2, photos=6)
    train(small("convnet", "epochs=1"), chips, tmp_path / "run", device=Device.CPU)
    found = measure(tmp_path / "run")
    assert found is not None
    assert found.naming is not None
    assert found.dimension == 8
    share = by_keras(tmp_path / "run", ChipDataset.open(chips).arrays("validation")[0])[0]
    assert found.naming.named == tuple((share[:, 0] > 0.5).astype(int).tolist())
