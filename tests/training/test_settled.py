"""Layers that stay as they are see each chip once, and what is learnt is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_training import assert_same, make_chips, small, weights

from facesearch.models.base import Device
from facesearch.training import networks, teaching
from facesearch.training.config import RunConfig
from facesearch.training.dataset import ChipDataset
from facesearch.training.feeding import feed
from facesearch.training.folder import Status
from facesearch.training.logs import read_steps
from facesearch.training.outcome import RunProgress, RunReport
from facesearch.training.run import train
from facesearch.training.settled import Settling, bytes_of_each

pytest.importorskip("tf_keras", reason="training takes TensorFlow and tf-keras")


def over_dlib(*more: str) -> RunConfig:
    """The default embedder as a base, in two phases of two epochs of two steps."""
    settings = ("base=dlib-resnet34", "weights=published", "top_epochs=2", "joint_epochs=2")
    return small("mobilenet", *settings, "batch_size=6", "checkpoint_every_steps=1", *more)


@pytest.fixture(scope="module")
def large_chips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people of eight chips, as large as the base sees them."""
    return make_chips(tmp_path_factory.mktemp("large"), people=3, chip_px=150)


def run(
    config: RunConfig, chips: Path, out: Path, *, asked_at: int = 10**9, resume: bool = False
) -> tuple[RunReport, list[RunProgress]]:
    """Train, and ask to stop when so much was told."""
    told: list[RunProgress] = []
    report = train(
        config,
        chips,
        out,
        resume=resume,
        device=Device.CPU,
        on_progress=told.append,
        cancelled=lambda: len(told) >= asked_at,
    )
    return report, told


def test_batches_are_what_the_layers_give_of_the_same_chips(by_photo: Path):
    import tf_keras

    chips = tf_keras.Input((32, 32, 3), dtype="uint8")
    front = tf_keras.Model(chips, tf_keras.layers.GlobalAveragePooling2D()(chips / 255))
    config, dataset = small("convnet", "batch_size=5"), ChipDataset.open(by_photo)
    people = feed(config, dataset)
    settling = Settling(config, dataset, people)
    seen: list[tuple[int, int]] = []

    def on_seen(done: int, total: int) -> bool:
        seen.append((done, total))
        return True

    found = settling.batches(front, on_seen)
    assert found is not None
    assert seen[-1] == (32, 32)
    assert settling.batches(front, on_seen) is found
    assert settling.batches(None, on_seen) is people
    assert len(seen) == 8  # 16 chips twice, five at a time, and never again
    for ours, theirs in (
        (found.epoch(3, lambda chips: chips), people.epoch(3, lambda chips: chips)),
        (found.validation(), people.validation()),
    ):
        both = list(zip(ours, theirs, strict=True))
        assert len(both) == 4
        for (given, label), (pixels, same) in both:
            np.testing.assert_array_equal(label, same)
            np.testing.assert_allclose(given, np.mean(pixels / 255, axis=(1, 2)), rtol=1e-5)
    assert bytes_of_each(front) == 12


def test_who_asks_to_stop_meanwhile_is_heard(by_photo: Path):
    import tf_keras

    chips = tf_keras.Input((32, 32, 3), dtype="uint8")
    front = tf_keras.Model(chips, tf_keras.layers.Flatten()(chips))
    config, dataset = small("convnet", "batch_size=5"), ChipDataset.open(by_photo)
    settling = Settling(config, dataset, feed(config, dataset))
    assert settling.batches(front, lambda done, total: done < 10) is None
    assert settling.batches(front, lambda done, total: True) is not None


@pytest.fixture(scope="module")
def whole(large_chips: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A run that nothing stopped, and what it told. Not to be changed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    _, told = run(over_dlib(), large_chips, out)
    return out, told


def test_it_learns_what_it_would_learn_from_chips(
    whole: tuple[Path, list[RunProgress]],
    large_chips: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    settled, told = whole
    assert [now.settled for now in told].count((24, 24)) == 2  # once in each phase
    monkeypatch.setattr(teaching, "KEPT_MB", 0)
    _, told = run(over_dlib(), large_chips, tmp_path / "run")
    assert {now.settled for now in told} == {None}

    for one, other in zip(read_steps(settled), read_steps(tmp_path / "run"), strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-3, abs=1e-5)
    both = zip(
        weights(settled / "final.keras"), weights(tmp_path / "run" / "final.keras"), strict=True
    )
    for left, right in both:
        np.testing.assert_allclose(left, right, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("augment", [False, True])
def test_chips_that_change_are_seen_anew(augment: bool):
    config = over_dlib(f"augment={str(augment).lower()}")
    built = networks.build(config, classes=3, chip_px=150)
    for phase in config.recipe.phases(config.network, batch=6):
        teacher = teaching.Teacher(built, config, phase, classes=3, examples=12)
        assert (teacher.front is None) is augment


def test_it_ends_the_same_however_often_it_is_stopped(
    whole: tuple[Path, Any], large_chips: Path, tmp_path: Path
):
    parts = tmp_path / "run"
    # While layers see chips; in an epoch; both again in the second phase; never.
    stops, steps = (2, 5, 13, 5, 10**9), []
    for number, asked_at in enumerate(stops):
        report, _ = run(over_dlib(), large_chips, parts, asked_at=asked_at, resume=number > 0)
        steps.append(report.step)
    assert report.status is Status.FINISHED
    assert steps == [0, 1, 4, 5, 8]
    assert_same(whole[0], parts)
