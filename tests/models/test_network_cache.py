"""A cached network is the one that was built, whatever happens to the cache."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from facesearch.models import dlib_resnet, mtcnn_stages
from facesearch.models.dlib_resnet import DlibResNet
from facesearch.models.mtcnn import Mtcnn
from facesearch.models.network_cache import cache_folder, cached_network

MODEL = bytes(range(256)) * 40


class Builder:
    """Builds MODEL and counts how often."""

    def __init__(self, model: bytes = MODEL) -> None:
        self.model = model
        self.built = 0

    def __call__(self) -> bytes:
        self.built += 1
        return self.model


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of cached networks, not made yet."""
    monkeypatch.setenv("FACESEARCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "networks"


def test_a_network_is_built_once(cache: Path):
    build = Builder()
    assert [cached_network("key", build) for _ in range(3)] == [MODEL] * 3
    assert build.built == 1
    assert [path.name for path in cache.iterdir()] == ["key.onnx"]


def test_another_key_is_another_network(cache: Path):
    assert cached_network("weights-a-1", Builder(b"one")) == b"one"
    assert cached_network("weights-b-1", Builder(b"two")) == b"two"
    assert cached_network("weights-a-2", Builder(b"three")) == b"three"
    assert cached_network("weights-a-1", Builder(b"not built")) == b"one"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:20],
        lambda data: data[:32],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: bytes([data[0] ^ 1]) + data[1:],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: MODEL,
    ],
    ids=["empty", "cut", "no model", "short", "long", "digest", "model", "no digest"],
)
def test_a_damaged_file_is_built_anew(cache: Path, damage: Callable[[bytes], bytes]):
    build = Builder()
    cached_network("key", build)
    path = cache / "key.onnx"
    path.write_bytes(damage(path.read_bytes()))
    assert cached_network("key", build) == MODEL
    assert cached_network("key", build) == MODEL
    assert build.built == 2


def test_the_folder_is_chosen_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FACESEARCH_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.setenv("FACESEARCH_CACHE", "")
    unset = cache_folder()
    monkeypatch.delenv("FACESEARCH_CACHE")
    assert cache_folder() == unset
    assert "facesearch" in unset.parts[-2:]


def test_a_cache_that_is_no_folder_costs_only_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_bytes(b"something else")
    monkeypatch.setenv("FACESEARCH_CACHE", str(tmp_path / "file"))
    build = Builder()
    assert [cached_network("key", build) for _ in range(2)] == [MODEL] * 2
    assert build.built == 2
    assert (tmp_path / "file").read_bytes() == b"something else"


def test_a_folder_in_the_place_of_the_file_costs_only_time(cache: Path):
    (cache / "key.onnx").mkdir(parents=True)
    assert cached_network("key", Builder()) == MODEL
    assert [path.name for path in cache.iterdir()] == ["key.onnx"]


def test_a_cache_without_permission_costs_only_time(
    public_folder: Path,
    unprivileged: Callable[[], AbstractContextManager[None]],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("FACESEARCH_CACHE", str(public_folder))
    public_folder.chmod(0o555)
    build = Builder()
    with unprivileged():
        assert [cached_network("key", build) for _ in range(2)] == [MODEL] * 2
    assert build.built == 2
    assert list(public_folder.iterdir()) == []


def test_a_full_disk_costs_only_time(cache: Path, monkeypatch: pytest.MonkeyPatch):
    def full(source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    assert cached_network("key", Builder()) == MODEL
    assert list(cache.iterdir()) == []


def test_an_interrupt_while_writing_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(source: str, target: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cached_network("key", Builder())
    assert list(cache.iterdir()) == []


def test_what_building_raises_passes_through(cache: Path):
    def fail() -> bytes:
        raise LookupError("no such weights")

    with pytest.raises(LookupError, match="no such weights"):
        cached_network("key", fail)
    assert not cache.exists()
    assert cached_network("key", Builder()) == MODEL


def test_writers_at_once_leave_a_whole_file(cache: Path):
    """Each builds its own; whoever reads meanwhile gets one of them, never a mixture."""
    models = [bytes([number]) * (200_000 + number) for number in range(8)]
    start = threading.Barrier(len(models))
    returned: list[bytes] = []

    def run(model: bytes) -> None:
        start.wait()
        for _ in range(10):
            returned.append(cached_network("key", lambda: model))
            (cache / "key.onnx").unlink(missing_ok=True)

    threads = [threading.Thread(target=run, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(returned) == 80
    assert set(returned) <= set(models)
    assert cached_network("key", Builder(models[0])) in models
    assert [path.name for path in cache.iterdir()] == ["key.onnx"]


def test_the_default_networks_are_cached_by_weights_and_builder(
    detector: Mtcnn, embedder: DlibResNet
):
    """Another weight file or another builder never meets an old network."""
    names = sorted(path.name for path in (cache_folder() / "networks").iterdir())
    version = mtcnn_stages.BUILDER_VERSION
    expected = [
        f"dlib-resnet34-{dlib_resnet.WEIGHTS.sha256[:16]}-{dlib_resnet._BUILDER_VERSION}.onnx"
    ]
    expected += [
        f"mtcnn-{stage}-{file.sha256[:16]}-{version}.onnx"
        for stage, file in mtcnn_stages.WEIGHTS.items()
    ]
    assert [name for name in names if name.startswith(("dlib", "mtcnn"))] == sorted(expected)
