"""Weight files are found without importing their packages, and never used unverified."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from facesearch.errors import InvalidValue, ModelError, WeightsDamaged, WeightsMissing
from facesearch.models import dlib_resnet, mtcnn_networks, mtcnn_stages, store
from facesearch.models.weights import DownloadedFile, PackagedFile

CONTENT = bytes(range(256)) * 9
DEFAULTS = {
    "dlib-resnet34": dlib_resnet.WEIGHTS,
    **{f"mtcnn {stage}": file for stage, file in mtcnn_stages.WEIGHTS.items()},
}
BUILDERS: dict[str, Callable[[], bytes]] = {
    "dlib-resnet34": dlib_resnet.build_network,
    **{f"mtcnn {stage}": partial(mtcnn_networks.build, stage) for stage in mtcnn_stages.Stage},
}


def packaged(name: str, content: bytes = CONTENT) -> PackagedFile:
    return PackagedFile(
        name,
        f"{name.replace('_', '-')}==1.2",
        "some/weights.bin",
        hashlib.sha256(content).hexdigest(),
    )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the search path."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(site: Path, name: str, content: bytes = CONTENT) -> Path:
    """A package whose import fails, with a weight file in it."""
    file = site / name / "some" / "weights.bin"
    file.parent.mkdir(parents=True)
    (site / name / "__init__.py").write_text("raise RuntimeError('imported')\n", encoding="utf-8")
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("file", DEFAULTS.values(), ids=DEFAULTS)
def test_the_default_weights_are_installed_and_right(file: PackagedFile):
    assert hashlib.sha256(file.read("model")).hexdigest() == file.sha256


def test_a_file_is_read_from_a_package_that_cannot_be_imported(site: Path):
    install(site, "pack_whole")
    assert packaged("pack_whole").read("model") == CONTENT
    assert "pack_whole" not in sys.modules


@pytest.mark.parametrize("at", [0, 1000, len(CONTENT) - 1])
def test_one_altered_byte_is_refused(site: Path, at: int):
    altered = bytearray(CONTENT)
    altered[at] ^= 1
    path = install(site, f"pack_altered_{at}", bytes(altered))
    with pytest.raises(WeightsDamaged) as caught:
        packaged(f"pack_altered_{at}").read("some model")
    assert caught.value.model == "some model"
    assert str(path) in str(caught.value)
    assert f"--force-reinstall --no-deps pack-altered-{at}==1.2" in str(caught.value)


@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: data + b"\0", lambda _: b""]
)
def test_a_file_of_another_length_is_refused(site: Path, change):
    name = f"pack_length_{len(change(CONTENT))}"
    install(site, name, change(CONTENT))
    with pytest.raises(WeightsDamaged):
        packaged(name).read("model")


def test_a_missing_package_is_named_with_the_command_that_installs_it():
    with pytest.raises(WeightsMissing, match=r"`pip install pack-absent==1\.2`") as caught:
        packaged("pack_absent").read("some model")
    assert caught.value.model == "some model"
    assert isinstance(caught.value, ModelError)


def test_a_package_without_the_file_counts_as_missing(site: Path):
    install(site, "pack_emptied").unlink()
    with pytest.raises(WeightsMissing, match="pip install"):
        packaged("pack_emptied").read("model")


def test_a_module_of_that_name_counts_as_missing(site: Path):
    """A file mtcnn.py of the user's own beside their program."""
    (site / "pack_module.py").write_text("raise RuntimeError('imported')\n", encoding="utf-8")
    with pytest.raises(WeightsMissing, match="pip install"):
        packaged("pack_module").read("model")


def test_an_unreadable_file_is_missing_with_the_reason(site: Path, monkeypatch: pytest.MonkeyPatch):
    install(site, "pack_locked")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(WeightsMissing, match="Permission denied") as caught:
        packaged("pack_locked").read("model")
    assert isinstance(caught.value.__cause__, PermissionError)


@pytest.mark.parametrize("name", DEFAULTS)
def test_no_network_is_built_from_altered_weights(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Least of all is the file unpickled, which could run code."""
    data = bytearray(DEFAULTS[name].read("model"))
    data[len(data) // 2] ^= 0x10
    copy = tmp_path / "weights"
    copy.write_bytes(data)
    monkeypatch.setattr(PackagedFile, "find", lambda self, model: copy)
    import joblib

    def never(*_: object) -> None:
        raise AssertionError("unpickled unverified")

    monkeypatch.setattr(joblib, "load", never)
    with pytest.raises(WeightsDamaged, match="SHA-256"):
        BUILDERS[name]()


LOADING = """
import sys
from facesearch.models.catalogue import detector_spec, embedder_spec
from facesearch.models.base import DetectorOptions
from facesearch.models.onnx import Runtime
detector_spec().load(Runtime.on(), DetectorOptions())
embedder_spec().load(Runtime.on())
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
WEIGHT_PACKAGES = {"mtcnn", "face_recognition_models"}
NEVER_NEEDED = {"tensorflow", "keras", "tf_keras", "dlib", "pkg_resources", "deepface"}
ONLY_FOR_BUILDING = {"onnx", "joblib", "lz4"}


def test_loading_imports_no_more_than_it_needs(tmp_path: Path):
    """Not the packages that carry weights; and once built, nothing that only builds."""
    environment = {**os.environ, "FACESEARCH_CACHE": str(tmp_path)}
    imported = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", LOADING],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        imported.append(set(done.stdout.split()))
    built, loaded = imported
    assert built >= ONLY_FOR_BUILDING
    assert not built & (WEIGHT_PACKAGES | NEVER_NEEDED)
    assert not loaded & (WEIGHT_PACKAGES | NEVER_NEEDED | ONLY_FOR_BUILDING)


def downloaded(content: bytes | None = CONTENT, **options: object) -> DownloadedFile:
    digest = None if content is None else hashlib.sha256(content).hexdigest()
    urls = ("https://a.invalid/toy.h5", "https://b.invalid/toy.h5")
    return DownloadedFile("some/toy.h5", urls, digest, **options)  # type: ignore[arg-type]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models of the test's own."""
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def put(file: DownloadedFile, content: bytes) -> Path:
    file.path().parent.mkdir(parents=True, exist_ok=True)
    file.path().write_bytes(content)
    return file.path()


def test_a_file_put_in_place_by_hand_is_verified_and_used(models: Path):
    file = downloaded()
    assert not file.is_present()
    path = put(file, CONTENT)
    assert path == models / ".deepface" / "weights" / "some" / "toy.h5"
    assert file.is_present()
    assert file.locate("toy") == path
    assert file.read("toy") == CONTENT


def test_missing_weights_say_how_to_get_them_with_and_without_network(models: Path):
    file = downloaded()
    with pytest.raises(WeightsMissing) as caught:
        file.locate("toy")
    assert file.sha256 is not None
    for part in ("`facesearch models get toy`", "--from FILE", file.sha256, str(file.path())):
        assert part in str(caught.value)
    assert all(url in str(caught.value) for url in file.urls)
    assert not models.exists()
    with pytest.raises(WeightsMissing, match=r"no SHA-256 is published.*--sha256 DIGEST"):
        downloaded(None).read("toy")


@pytest.mark.parametrize("load", [DownloadedFile.locate, DownloadedFile.read])
def test_an_altered_file_is_refused_at_every_load(models: Path, load):
    """Also after it was found right once: what is remembered is gone with the next change."""
    file = downloaded()
    put(file, CONTENT)
    load(file, "toy")
    put(file, CONTENT[:-1] + b"?")
    for _ in range(2):
        with pytest.raises(WeightsDamaged, match="Nothing was run with it") as caught:
            load(file, "toy")
    assert f"expected {file.sha256}" in str(caught.value)
    assert hashlib.sha256(CONTENT[:-1] + b"?").hexdigest() in str(caught.value)
    assert "`facesearch models get toy`" in str(caught.value)


@pytest.mark.parametrize("load", [DownloadedFile.locate, DownloadedFile.read])
def test_a_file_without_any_digest_never_runs(models: Path, load):
    file = downloaded(None)
    put(file, CONTENT)
    assert file.is_present()
    with pytest.raises(WeightsMissing, match=r"never run unverified.*--sha256 DIGEST.*--trust"):
        load(file, "toy")
    store.trust(file.name, hashlib.sha256(CONTENT).hexdigest(), store.Trust.STATED)
    load(file, "toy")
    put(file, CONTENT + b"?")
    with pytest.raises(WeightsDamaged):
        load(file, "toy")


def test_a_pinned_digest_counts_more_than_a_recorded_one(models: Path):
    file = downloaded()
    store.trust(file.name, "0" * 64, store.Trust.STATED)
    assert file.digest() == file.sha256


def test_a_file_that_cannot_be_read_is_said(models: Path, monkeypatch: pytest.MonkeyPatch):
    file = downloaded()
    put(file, CONTENT)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(WeightsMissing, match="Permission denied"):
        file.locate("toy")


@pytest.mark.parametrize("name", ["", "../toy.h5", "/toy.h5", "a\\b"])
def test_no_name_leads_out_of_the_folder(name: str):
    with pytest.raises(InvalidValue, match="no place inside a folder"):
        DownloadedFile(name, (), None)


@pytest.mark.parametrize("digest", ["abc", "A" * 64])
def test_a_pinned_digest_is_checked(digest: str):
    with pytest.raises(InvalidValue):
        DownloadedFile("toy.h5", (), digest)


def test_a_packaged_file_is_verified_where_only_its_path_is_wanted(site: Path):
    path = install(site, "pack_path")
    assert packaged("pack_path").locate("model") == path
    path.write_bytes(CONTENT + b"?")
    with pytest.raises(WeightsDamaged, match="SHA-256"):
        packaged("pack_path").locate("model")
