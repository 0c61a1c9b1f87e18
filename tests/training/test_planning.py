"""What a run would be, told without training."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_training import small

from facesearch.errors import InvalidValue
from facesearch.models.base import Device
from facesearch.training.planning import plan

pytest.importorskip("tf_keras", reason="networks are built by TensorFlow and tf-keras")


def test_a_plan_counts_numbers_steps_and_memory(by_photo: Path, tmp_path: Path):
    config = small("convnet", "batch_size=6", "epochs=5")

    found = plan(config, by_photo, tmp_path / "run", device=Device.CPU)

    layers = {layer.name: layer.parameters for layer in found.layers}
    assert layers["conv_1"] == 3 * 3 * 3 * 4 + 4
    assert layers["hidden"] == 6 * 6 * 4 * 8 + 8
    assert layers["people"] == 8 * 4 + 4
    assert sum(layers.values()) == found.parameters == found.phases[0].learned
    assert (found.steps_per_epoch, found.steps, found.people) == (3, 15, 4)
    assert found.chips == {"train": 16, "validation": 16, "test": 0}
    memory = found.memory
    assert memory.weights == memory.gradients == 4 * found.parameters
    assert memory.optimizer == 2 * memory.weights
    of_one = 32 * 32 * 3 * 5 + 4 * (30 * 30 * 4 + 15 * 15 * 4 + 13 * 13 * 4 + 6 * 6 * 4 * 2)
    assert memory.activations == 6 * (of_one + 4 * (8 + 8 + 4 + 4))
    assert memory.total == sum((memory.weights, memory.gradients, memory.optimizer,
                                memory.activations, memory.chips))  # fmt: skip
    assert not found.is_too_large
    assert not (tmp_path / "run").exists()
    assert found.to_json()["memory"]["total"] == memory.total


def test_pairs_hold_chips_in_memory_and_momentum_is_one_number_each(
    by_person: Path, by_photo: Path
):
    siamese = plan(small("siamese-densenet", "batch_size=8"), by_person, device=Device.CPU)
    deepface = plan(small("deepface"), by_photo, device=Device.CPU)

    assert siamese.memory.chips == 96 * 32 * 32 * 3
    assert siamese.steps_per_epoch == 2 * 48 // 8
    assert deepface.memory.optimizer == deepface.memory.gradients


def test_a_plan_refuses_what_a_run_would(by_photo: Path, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InvalidValue, match="is there already"):
        plan(small("convnet"), by_photo, tmp_path, device=Device.CPU)
