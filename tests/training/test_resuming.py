"""Going on with a run somebody laid hands on: refused or mended, and nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from small_training import small

from facesearch.errors import Diverged, InvalidValue, ModelError
from facesearch.models.base import Device
from facesearch.training.folder import RunFolder, Status
from facesearch.training.logs import read_epochs
from facesearch.training.outcome import RunReport
from facesearch.training.run import train

pytest.importorskip("tf_keras", reason="training takes TensorFlow and tf-keras")

SETTINGS = ("batch_size=8", "epochs=3", "checkpoint_every_steps=1")


@pytest.fixture(scope="module")
def stopped(by_photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped in its third epoch. Not to be changed."""
    out = tmp_path_factory.mktemp("stopped") / "run"
    told: list[object] = []
    train(
        small("convnet", *SETTINGS),
        by_photo,
        out,
        device=Device.CPU,
        on_progress=told.append,
        cancelled=lambda: len(told) >= 7,
    )
    assert RunFolder.open(out).standing().status is Status.STOPPED
    return out


@pytest.fixture
def run(stopped: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(stopped, tmp_path / "run"))


@pytest.fixture
def go_on(by_photo: Path, run: Path) -> Callable[[], RunReport]:
    def resume() -> RunReport:
        """As the command line does it: with the settings of the run's own file."""
        return train(RunFolder.open(run).config, by_photo, run, resume=True, device=Device.CPU)

    return resume


def files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if "tensorboard" not in str(path)
    }


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def checkpoints(run: Path) -> list[Path]:
    return sorted((run / "checkpoints").glob("step-*"))


@pytest.mark.parametrize("setting", ["epochs = 3", "hidden_units = 8", "learning_rate = 0.01"])
def test_settings_edited_in_the_folder_are_refused(
    run: Path, go_on: Callable[[], RunReport], setting: str
):
    name, before = setting.split(" = ")
    edit(run / "config.toml", setting, f"{name} = {before}1")
    there = files(run)

    with pytest.raises(InvalidValue, match=f"{name} was {before} and is {before}1. Change it"):
        go_on()

    assert files(run) == there


def test_checkpoints_nobody_can_read_stay(run: Path, go_on: Callable[[], RunReport]):
    for path in checkpoints(run):
        (path / "weights.index").write_bytes(b"nothing")
    there = files(run)

    with pytest.raises(ModelError, match=r"no checkpoint in .* can be read: put it back"):
        go_on()

    assert files(run) == there


@pytest.mark.parametrize("text", ["{}", None])
def test_a_checkpoint_that_does_not_say_how_far_it_is_is_passed_over(
    run: Path, go_on: Callable[[], RunReport], text: str | None
):
    before, newest = checkpoints(run)
    if text is None:
        edit(newest / "state.json", '"phase": 0', '"phase": 3')
    else:
        (newest / "state.json").write_text(text)

    report = go_on()

    step = int(before.name.split("-")[1])
    assert report.warnings == (f"the newest checkpoint was damaged: went on from step {step}",)
    assert report.status is Status.FINISHED


def test_a_run_does_not_begin_anew_where_its_checkpoints_are_gone(
    run: Path, go_on: Callable[[], RunReport]
):
    shutil.rmtree(run / "checkpoints")
    there = files(run)

    with pytest.raises(ModelError, match=r"there are no checkpoints in .* any more"):
        go_on()

    assert files(run) - {"run.lock"} == there - {"run.lock"}
    assert (run / "best.keras").exists()


@pytest.mark.parametrize("file", ["config.toml", "dataset.json"])
def test_a_deleted_description_is_named(run: Path, go_on: Callable[[], RunReport], file: str):
    (run / file).unlink()
    with pytest.raises(InvalidValue, match=f"holds a run whose {file} was deleted: put it back"):
        go_on()


def test_a_damaged_state_is_written_anew(run: Path, go_on: Callable[[], RunReport]):
    (run / "state.json").write_text('{"format": 3}')
    assert go_on().status is Status.FINISHED
    assert RunFolder.open(run).standing().status is Status.FINISHED


def test_a_deleted_best_network_comes_back_from_its_copy(run: Path, go_on: Callable[[], RunReport]):
    for path in (run / "checkpoints").glob("best-*"):
        path.unlink()
    assert go_on().status is Status.FINISHED
    (run / "best.keras").unlink()

    go_on()  # finished before, but for that

    assert (run / "best.keras").exists()


def test_a_best_network_that_is_gone_for_good_is_refused_before_training(
    run: Path, go_on: Callable[[], RunReport]
):
    for path in ((run / "checkpoints").glob("best-*"), [run / "best.keras"]):
        for each in path:
            each.unlink()
    there = files(run)

    with pytest.raises(
        ModelError, match=r"the network of the best epoch, .*, is gone: put it back"
    ):
        go_on()

    assert files(run) == there


def test_deleted_logs_are_told_and_damaged_ones_refused(run: Path, go_on: Callable[[], RunReport]):
    with (run / "steps.csv").open("a") as file:
        file.write("nonsense\n")
    with pytest.raises(InvalidValue, match=r"malformed .*\. Mend it, or delete the file"):
        go_on()
    (run / "steps.csv").unlink()
    (run / "log.csv").unlink()

    report = go_on()

    assert report.warnings == ("the logs were changed or deleted: curves will have gaps",)
    assert [row.epoch for row in read_epochs(run)] == [3]


def test_weights_that_gave_no_number_are_not_kept_as_good(by_photo: Path, tmp_path: Path):
    """A checkpoint after each step, and weights that leave all bounds at the first one."""
    config = small("convnet", "learning_rate=1e30", "batch_size=4", "checkpoint_every_steps=1")
    with pytest.raises(Diverged, match=r"at step 2\. .* the weights of step 0 are kept"):
        train(config, by_photo, tmp_path / "run", device=Device.CPU)
    assert [path.name for path in checkpoints(tmp_path / "run")] == ["step-000000000-epoch-00000"]


def test_what_a_start_killed_at_once_left_is_no_reason_to_refuse(by_photo: Path, tmp_path: Path):
    out = tmp_path / "run"
    out.mkdir()
    (out / f".{'0f' * 8}.tmp").write_text("half a config.toml")
    config = small("convnet", "batch_size=8", "epochs=1")
    assert train(config, by_photo, out, device=Device.CPU).status is Status.FINISHED


def test_a_folder_that_cannot_be_made_is_said_as_such(by_photo: Path, tmp_path: Path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(ModelError, match="cannot be written: Not a directory: choose another"):
        train(small("convnet"), by_photo, tmp_path / "file/run", device=Device.CPU)
