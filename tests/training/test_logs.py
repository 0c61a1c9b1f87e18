"""Logs: rows come back as they were, and a run that goes on drops those after its checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facesearch.errors import InvalidValue
from facesearch.training.checkpoints import RunState
from facesearch.training.logs import EpochRow, Logs, StepRow, read_epochs, read_steps

tf = pytest.importorskip("tensorflow", reason="events are written by TensorFlow")


def step(number: int) -> StepRow:
    return StepRow(
        step=number, epoch=1 + number // 3, loss=1 / number, accuracy=None,
        learning_rate=1e-4, beta1=0.9,
    )  # fmt: skip


def epoch(number: int) -> EpochRow:
    return EpochRow(
        epoch=number, phase="a, b", step=2 * number, loss=0.1 + 0.2, accuracy=0.5,
        validation_loss=1e-17, validation_accuracy=None, threshold=None, learning_rate=1e-4,
        beta1=None, seconds=1.0,
    )  # fmt: skip


def scalars(folder: Path) -> list[tuple[str, int, float]]:
    """Every value in TensorBoard's events below a folder."""
    found = []
    for path in sorted(folder.rglob("events*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event: Any = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                found.append((value.tag, event.step, float(tf.make_ndarray(value.tensor))))
    return found


def test_rows_come_back_and_those_after_a_checkpoint_are_dropped(tmp_path: Path):
    with Logs(tmp_path, RunState()) as logs:
        assert logs.last_step is None
        for number in range(1, 6):
            logs.step(step(number))
        logs.epoch(epoch(1))
        logs.epoch(epoch(2))
    assert read_steps(tmp_path) == [step(number) for number in range(1, 6)]
    assert read_epochs(tmp_path) == [epoch(1), epoch(2)]
    with (tmp_path / "steps.csv").open("a") as file:
        file.write("6,2,0.1")  # where the power went

    with Logs(tmp_path, RunState(step=3, epoch=1)) as logs:
        assert logs.last_step == step(3)
        logs.step(step(4))

    assert read_steps(tmp_path) == [step(number) for number in range(1, 5)]
    assert read_epochs(tmp_path) == [epoch(1)]
    losses = [event[1:] for event in scalars(tmp_path / "tensorboard/train") if event[0] == "loss"]
    assert [at for at, _ in losses] == [1, 2, 3, 4]
    assert [loss for _, loss in losses] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
    validation = scalars(tmp_path / "tensorboard/validation")
    assert [event[:2] for event in validation] == [("loss", 2)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "expected the columns step, epoch"),
        ("step,epoch,loss,accuracy,learning_rate,beta1\n1,1,low,,1,1\n", "line 2: malformed"),
        ("step,epoch,loss,accuracy,learning_rate,beta1\n1,1\n", "line 2: malformed"),
    ],
)
def test_a_log_that_was_changed_is_refused(tmp_path: Path, text: str, said: str):
    (tmp_path / "steps.csv").write_text(text)
    with pytest.raises(InvalidValue, match=said):
        read_steps(tmp_path)


def test_a_log_that_is_missing_is_said(tmp_path: Path):
    with pytest.raises(InvalidValue, match=r"cannot read .*log\.csv"):
        read_epochs(tmp_path)
