"""Checkpoints: whole or not there, the last two kept, and with them the best networks they name."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facesearch.training.checkpoints import Best, Checkpoints, RunState, Sums

tf = pytest.importorskip("tensorflow", reason="training takes TensorFlow and tf-keras")
tf_keras = pytest.importorskip("tf_keras", reason="training takes TensorFlow and tf-keras")


def network(value: float) -> tuple[Any, Any]:
    """A model with all its weights, and all its optimizer remembers, of one value."""
    model = tf_keras.Sequential([tf_keras.layers.Dense(2, input_shape=(3,))])
    optimizer = tf_keras.optimizers.Adam(0.1)
    optimizer.build(model.trainable_variables)
    for variable in (*model.variables, *optimizer.variables):
        variable.assign(tf.cast(tf.fill(variable.shape, value), variable.dtype))
    return model, optimizer


def best(step: int) -> Best:
    return Best(
        epoch=1, step=step, loss=0.1, accuracy=None, threshold=1 / 3, file=f"best-{step:09d}.keras"
    )


STATE = RunState(
    phase=1,
    epoch=2,
    step=7,
    epoch_step=1,
    sums=Sums().plus(3, 0.1, 0.2).plus(2, 1 / 3, None),
    losses=(0.3, 1e-17),
    best=best(6),
    seconds=1.5,
)


def test_a_network_its_optimizer_and_the_state_come_back_as_they_were(tmp_path: Path):
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.last() is None
    checkpoints.save(*network(3), STATE)
    model, optimizer = network(0)

    assert checkpoints.last() == STATE
    assert checkpoints.restore(model, optimizer, *checkpoints.kept())

    for variable in (*model.variables, *optimizer.variables):
        assert np.all(variable.numpy() == 3), variable.name


def test_the_last_two_are_kept_and_the_best_networks_they_name(tmp_path: Path):
    checkpoints = Checkpoints(tmp_path)
    for step in range(1, 6):
        named = best(2 if step < 5 else 5)
        checkpoints.best_path(named).write_text("a network")
        checkpoints.save(*network(step), RunState(step=step, epoch=step, best=named))

    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "step-000000004-epoch-00004",
        "step-000000005-epoch-00005",
        "best-000000002.keras",
        "best-000000005.keras",
    }


@pytest.mark.parametrize("file", ["weights.index", "weights.data-00000-of-00001"])
@pytest.mark.parametrize("content", [b"", b"nothing", None])
def test_one_that_cannot_be_read_is_told_and_stays(
    tmp_path: Path, file: str, content: bytes | None
):
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2):
        checkpoints.save(*network(step), RunState(step=step))
    damaged = tmp_path / "step-000000002-epoch-00000" / file
    damaged.write_bytes(damaged.read_bytes()[:100] if content is None else content)

    newest, before = checkpoints.kept()
    assert not checkpoints.restore(*network(0), newest)
    assert checkpoints.restore(*network(0), before)
    assert damaged.exists()
    checkpoints.delete(newest)
    assert checkpoints.last() == RunState(step=1)


@pytest.mark.parametrize("text", ["{", "[]", '{"step": 1}', '{"phase": "0", "epoch": 0}'])
def test_one_that_does_not_say_how_far_it_is_is_listed_all_the_same(tmp_path: Path, text: str):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(*network(1), RunState(step=1))
    (tmp_path / "step-000000001-epoch-00000/state.json").write_text(text)

    (kept,) = checkpoints.kept()
    assert kept.state is None
    assert checkpoints.last() is None


def test_each_says_what_the_run_was_told(tmp_path: Path):
    checkpoints = Checkpoints(tmp_path, {"seed": 3, "filters": [4, 5], "l2": 0.1})
    checkpoints.save(*network(1), STATE)
    assert [kept.settings for kept in Checkpoints(tmp_path).kept()] == [
        {"seed": 3, "filters": [4, 5], "l2": 0.1}
    ]


def test_one_of_another_network_is_not_taken(tmp_path: Path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(*network(1), STATE)
    other = tf_keras.Sequential([tf_keras.layers.Dense(5, input_shape=(3,))])
    optimizer = tf_keras.optimizers.Adam(0.1)
    optimizer.build(other.trainable_variables)

    assert not checkpoints.restore(other, optimizer, *checkpoints.kept())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file sizes")
def test_where_it_cannot_be_written_nothing_of_it_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import resource
    import shutil

    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(*network(1), RunState(step=1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match=r"."):
            checkpoints.save(*network(2), RunState(step=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10))
    with pytest.raises(OSError, match="No space") as caught:
        checkpoints.save(*network(3), RunState(step=3))

    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000001-epoch-00000"]
    assert checkpoints.restore(*network(0), *checkpoints.kept())
