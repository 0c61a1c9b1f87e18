"""Runs: they end the same however often they are stopped, and say what is in the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_training import assert_same, make_chips, small, weights

from facesearch.errors import (
    DeviceUnavailable,
    Diverged,
    InvalidDataset,
    InvalidValue,
    ModelError,
)
from facesearch.models.base import Device
from facesearch.training import folder as run_folder
from facesearch.training.checkpoints import Checkpoints
from facesearch.training.config import RunConfig
from facesearch.training.dataset import ChipDataset
from facesearch.training.folder import RunFolder, Status
from facesearch.training.logs import read_epochs, read_steps
from facesearch.training.outcome import RunProgress, RunReport
from facesearch.training.recipes.base import Phase
from facesearch.training.recipes.deepface import DeepfaceConfig
from facesearch.training.run import train
from facesearch.training.schedules import Stopping

pytest.importorskip("tf_keras", reason="training takes TensorFlow and tf-keras")


class Killed(BaseException):
    """Ends a run as abruptly as a kill does."""


def run(
    config: RunConfig,
    chips: Path,
    out: Path,
    *,
    killed_at: int | None = None,
    stopped_at: int | None = None,
    resume: bool = False,
) -> RunReport | None:
    """Train on the CPU; None where it was killed, after so many steps and ends of epochs."""
    told: list[RunProgress] = []

    def tell(now: RunProgress) -> None:
        told.append(now)
        if len(told) == killed_at:
            raise Killed

    try:
        return train(
            config,
            chips,
            out,
            resume=resume,
            device=Device.CPU,
            on_progress=tell,
            cancelled=lambda: stopped_at is not None and len(told) >= stopped_at,
        )
    except Killed:
        return None


SETTINGS = ("batch_size=8", "epochs=4", "augment=true", "checkpoint_every_steps=1", "seed=4")
"""Augmentation and dropout, and a checkpoint after each of the two steps of an epoch."""


@pytest.fixture(scope="module")
def whole(by_photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of these settings that nothing stopped. Not to be changed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    run(small("convnet", *SETTINGS), by_photo, out)
    return out


def test_a_run_that_was_killed_goes_on_to_the_same_weights(
    whole: Path, by_photo: Path, tmp_path: Path
):
    """Killed in the middle of the third epoch, by the system."""
    program = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from small_training import small\n"
        "from facesearch.models.base import Device; from facesearch.training.run import train\n"
        "def tell(now):\n"
        "    if (now.epoch, now.step) == (3, 2): os.kill(os.getpid(), signal.SIGKILL)\n"
        "train(small('convnet', *sys.argv[4:]), Path(sys.argv[2]), Path(sys.argv[3]),"
        " device=Device.CPU, on_progress=tell)\n"
    )
    helpers = Path(__file__).parents[1] / "helpers"
    words = [sys.executable, "-c", program, helpers, by_photo, tmp_path / "killed", *SETTINGS]
    ended = subprocess.run(list(map(os.fspath, words)), capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    killed = RunFolder.open(tmp_path / "killed")
    assert (killed.standing().status, killed.standing().epoch) == (Status.RUNNING, 2)

    run(small("convnet", *SETTINGS), by_photo, tmp_path / "killed", resume=True)

    assert_same(whole, tmp_path / "killed")
    assert len(json.loads((tmp_path / "killed/environment.json").read_text())["starts"]) == 2


def test_pairs_are_the_same_after_a_stop(by_person: Path, tmp_path: Path):
    """Those of an epoch follow from the network at its start, so it goes on from there."""
    settings = ("batch_size=16", "epochs=2", "semi_hard=true", "augment=true")
    config = small("siamese-densenet", *settings)
    run(config, by_person, tmp_path / "whole")

    stopped = run(config, by_person, tmp_path / "stopped", stopped_at=9)
    assert stopped is not None
    assert stopped.status is Status.STOPPED
    assert stopped.resume.endswith(f"--out {tmp_path / 'stopped'} --resume")
    finished = run(config, by_person, tmp_path / "stopped", resume=True)

    assert finished is not None
    assert (finished.status, finished.epoch, finished.resume) == (Status.FINISHED, 2, "")
    assert finished.best is not None
    assert finished.best.accuracy is not None
    assert finished.best.accuracy > 0.8  # two people of one colour cannot be told apart
    assert finished.best.threshold is not None
    assert_same(tmp_path / "whole", tmp_path / "stopped")


def in_two_phases(config: RunConfig) -> RunConfig:
    """A convnet trained as fine-tuning goes: its last layer first, then another one with it."""
    top = Phase(
        name="top", epochs=40, learning_rate=5, free=("people",), stopping=Stopping(patience=1)
    )
    joint = Phase(name="joint", epochs=2, learning_rate=1e-5, free=("hidden", "people"))
    recipe = replace(config.recipe, phases=lambda config, batch: (top, joint))
    return replace(config, recipe=recipe)


def test_each_phase_begins_at_the_best_of_the_one_before(by_photo: Path, tmp_path: Path):
    """Killed in the second phase, before its first checkpoint."""
    config = in_two_phases(small("convnet", "batch_size=8"))
    run(config, by_photo, tmp_path / "whole")
    rows = read_epochs(tmp_path / "whole")
    top = [row for row in rows if row.phase == "top"]
    assert [row.phase for row in rows] == ["top"] * len(top) + ["joint"] * 2
    assert [row.learning_rate for row in rows] == [5] * len(top) + [1e-5] * 2
    # It ended because its last epoch was not the best one, and so low a rate changes little.
    best = min(row.validation_loss for row in top)
    assert top[-1].validation_loss > best
    assert rows[-2].validation_loss == pytest.approx(best, rel=1e-3)

    run(config, by_photo, tmp_path / "killed", killed_at=3 * len(top) + 1)
    run(config, by_photo, tmp_path / "killed", resume=True)
    assert_same(tmp_path / "whole", tmp_path / "killed")


def test_it_learns_to_tell_colours_apart(by_photo: Path, tmp_path: Path):
    network = ("hidden_units=32", "filters=16", "kernel_px=5", "pool_px=8", "dropout=0", "l2=0")
    teaching = ("learning_rate=0.003", "epochs=12", "batch_size=4")
    run(small("convnet", *network, *teaching), by_photo, tmp_path / "people")

    assert max(row.validation_accuracy or 0 for row in read_epochs(tmp_path / "people")) == 1


def test_it_stops_early_and_keeps_the_best(by_photo: Path, tmp_path: Path):
    config = small("convnet", "learning_rate=0.3", "stopping_patience=2", "epochs=40")

    report = run(config, by_photo, tmp_path / "run")

    losses = [row.validation_loss for row in read_epochs(tmp_path / "run")]
    stopping = Stopping(patience=2)
    assert len(losses) < 40
    assert stopping.is_due(losses)
    assert not stopping.is_due(losses[:-1])
    assert report is not None
    assert report.best is not None
    assert (report.best.loss, report.best.epoch) == (min(losses), 1 + losses.index(min(losses)))


def test_deepface_lowers_its_rate_and_scales_its_features_at_the_end(
    by_photo: Path, tmp_path: Path
):
    import tf_keras

    config = small("deepface", "epochs=4", "batch_size=16", "plateau_patience=1", "momentum=0")
    run(config, by_photo, tmp_path / "run")

    rows = read_epochs(tmp_path / "run")
    assert isinstance(config.network, DeepfaceConfig)
    start, losses = rows[0].learning_rate, [row.validation_loss for row in rows]
    expected = [config.network.plateau.rate(start, losses[:done]) for done in range(4)]
    assert [row.learning_rate for row in rows] == pytest.approx(expected)
    weights(tmp_path / "run/best.keras")  # registers the layers
    model = tf_keras.models.load_model(str(tmp_path / "run/best.keras"), compile=False)
    chips, _ = ChipDataset.open(by_photo).arrays("train")
    _, scaled = model.predict(chips, verbose=0)
    largest = model.get_layer("F7_scaled").largest.numpy()
    assert scaled.max(axis=0)[largest > 0.05] == pytest.approx(1, abs=1e-5)


def test_a_loss_that_is_no_number_ends_the_run_with_the_good_weights_kept(
    by_photo: Path, tmp_path: Path
):
    config = small("convnet", "learning_rate=1e30", "batch_size=16", "epochs=9")

    with pytest.raises(Diverged, match=r"loss is (nan|inf).* step \d") as caught:
        run(config, by_photo, tmp_path / "run")

    folder = tmp_path / "run"
    assert "Train anew with a lower learning rate" in str(caught.value)
    standing = RunFolder.open(folder).standing()
    assert (standing.status, standing.why) == (Status.FAILED, str(caught.value))
    newest = max((folder / "checkpoints").glob("step-*")) / "weights"
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(newest))
    numbers = [
        reader.get_tensor(name)
        for name in reader.get_variable_to_dtype_map()
        if name.startswith("model/")
    ]
    assert len(numbers) == 8
    assert all(np.isfinite(each).all() for each in numbers)


def test_a_folder_tells_all_of_its_run(whole: Path, by_photo: Path):
    folder = RunFolder.open(whole)
    assert folder.config.document() == small("convnet", *SETTINGS).document()
    assert folder.dataset.digest == ChipDataset.open(by_photo).digest
    standing = folder.standing()
    assert (standing.status, standing.epoch, standing.step) == (Status.FINISHED, 4, 8)
    assert Path(standing.dataset) == by_photo
    assert standing.seconds >= sum(row.seconds for row in read_epochs(whole))
    (start,) = json.loads((whole / "environment.json").read_text())["starts"]
    assert start["packages"]["tensorflow"]
    assert (start["device"], start["replicas"], start["command"]) == ("cpu", 1, sys.argv)
    steps, epochs = read_steps(whole), read_epochs(whole)
    assert [(row.step, row.epoch) for row in steps] == [(n, (n + 1) // 2) for n in range(1, 9)]
    for epoch in epochs:
        own = [row for row in steps if row.epoch == epoch.epoch]
        assert epoch.loss == pytest.approx(np.mean([row.loss for row in own]))
        assert epoch.accuracy == pytest.approx(np.mean([row.accuracy for row in own]))
    assert {"train", "validation"} == {
        each.name for each in (folder.path / "tensorboard").iterdir()
    }


def test_a_finished_run_is_not_trained_again(whole: Path, by_photo: Path):
    files = [path for path in sorted(whole.rglob("*.*")) if path.suffix != ".lock"]
    before = [path.stat().st_mtime_ns for path in files]

    report = run(small("convnet", *SETTINGS), by_photo, whole, resume=True, killed_at=1)

    assert report is not None
    assert report.warnings == ("the run was finished already: nothing was trained",)
    assert [path.stat().st_mtime_ns for path in files] == before


def test_what_is_in_the_way_is_said_before_anything_is_written(
    by_photo: Path, by_person: Path, tmp_path: Path
):
    config, out = small("convnet", "epochs=1", "batch_size=8"), tmp_path / "run"
    with pytest.raises(InvalidValue, match="holds no run"):
        run(config, by_photo, out, resume=True)
    with pytest.raises(InvalidDataset, match="is not one of them: make a dataset with --split"):
        run(config, by_person, out)
    with pytest.raises(InvalidDataset, match="no finished dataset here"):
        run(config, tmp_path / "none", out)
    with pytest.raises(DeviceUnavailable, match="no cuda device"):
        train(config, by_photo, out, device=Device.CUDA)
    assert not out.exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    with pytest.raises(InvalidValue, match="is there already"):
        run(config, by_photo, tmp_path / "mine")


def test_a_run_goes_on_only_as_it_was_started(by_photo: Path, tmp_path: Path):
    out = tmp_path / "run"
    run(small("convnet", "epochs=2", "batch_size=8"), by_photo, out, killed_at=2)
    other = make_chips(tmp_path / "other", photos=6)

    with pytest.raises(InvalidValue, match="holds a run already"):
        run(small("convnet", "epochs=2"), by_photo, out)
    with pytest.raises(InvalidValue, match="started otherwise: epochs was 2 and is 3; seed was 0"):
        run(small("convnet", "epochs=3", "batch_size=8", "seed=1"), by_photo, out, resume=True)
    with pytest.raises(InvalidValue, match="dataset: train chips was 16 and is 12"):
        run(small("convnet", "epochs=2", "batch_size=8"), other, out, resume=True)
    with pytest.raises(InvalidValue, match="recipe was convnet and is deepface"):
        run(small("deepface"), by_photo, out, resume=True)


def test_two_processes_do_not_train_in_one_folder(by_photo: Path, tmp_path: Path):
    config, out = small("convnet", "epochs=1", "batch_size=8"), tmp_path / "run"
    with (
        run_folder.held(out, "convnet"),
        pytest.raises(ModelError, match=f"process {os.getpid()} is training in"),
    ):
        run(config, by_photo, out)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file sizes")
def test_a_full_disk_leaves_whole_checkpoints_and_a_damaged_one_is_passed_over(
    whole: Path, by_photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import resource

    config = small("convnet", *SETTINGS)
    out, limits = tmp_path / "full", resource.getrlimit(resource.RLIMIT_FSIZE)
    saved = Checkpoints.save

    def save(self: Checkpoints, model: Any, optimizer: Any, state: Any) -> None:
        if state.epoch == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        saved(self, model, optimizer, state)

    monkeypatch.setattr(Checkpoints, "save", save)
    try:
        with pytest.raises(ModelError, match="go on with --resume: the last checkpoint is whole"):
            run(config, by_photo, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    monkeypatch.undo()
    names = sorted(path.name for path in (out / "checkpoints").glob("step-*"))
    assert names == ["step-000000002-epoch-00001", "step-000000003-epoch-00001"]
    newest = out / "checkpoints" / names[1] / "weights.data-00000-of-00001"
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 255
    newest.write_bytes(data)

    report = run(config, by_photo, out, resume=True)

    assert report is not None
    assert report.warnings == ("the newest checkpoint was damaged: went on from step 2",)
    assert_same(whole, out)


def test_no_space_is_found_out_before_a_checkpoint_is_begun(
    by_photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import shutil

    usage: Callable[..., Any] = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(path)._replace(free=1000))
    with pytest.raises(ModelError, match=r"no space is left in .*: free some and go on"):
        run(small("convnet", "batch_size=8", "epochs=2"), by_photo, tmp_path / "run")
    (kept,) = (tmp_path / "run/checkpoints").glob("step-*")
    assert kept.name == "step-000000000-epoch-00000"
