"""What a run notes of what it ran on: what made its numbers, and nothing private."""

from __future__ import annotations

import pytest

from facesearch.training.environment import environment

pytest.importorskip("tf_keras", reason="training takes TensorFlow and tf-keras")


def test_variables_that_change_numbers_are_noted_and_no_others(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("TF_API_TOKEN", "not to be told")
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    noted = environment("cpu", 1)["environment"]
    assert noted["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert noted["OMP_NUM_THREADS"] == "3"
    assert "XLA_FLAGS" not in noted
    assert "not to be told" not in noted.values()


def test_versions_and_machine_are_noted():
    noted = environment("cpu", 2)
    assert (noted["device"], noted["replicas"]) == ("cpu", 2)
    assert noted["packages"]["tensorflow"]
    assert noted["cpus"] >= 1
