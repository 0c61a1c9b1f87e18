"""Models are carried to another machine whole, verified, with what was decided about them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from facesearch.errors import ModelError, WeightsDamaged, WeightsMissing
from facesearch.models import catalogue, files, packing, store
from facesearch.models.packing import pack, unpack
from facesearch.models.packlist import MANIFEST_NAME
from facesearch.models.store import Consent, Trust
from facesearch.models.weights import DownloadedFile

PINNED, TRUSTED = b"pinned" * 1000, b"trusted" * 1000
FILE = DownloadedFile("pinned.h5", (), hashlib.sha256(PINNED).hexdigest())
UNPINNED = DownloadedFile("deep/trusted.onnx", (), None)
WANTED = (("toy-a", FILE), ("toy-b", UNPINNED), ("toy-c", FILE))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with two weight files, a model of its user's own, and two decisions."""
    spec = replace(catalogue._EMBEDDERS[0], name="toy", files=(FILE, UNPINNED))
    monkeypatch.setattr(catalogue, "_EMBEDDERS", (*catalogue._EMBEDDERS, spec))
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "here"))
    put(FILE, PINNED)
    put(UNPINNED, TRUSTED)
    store.trust(UNPINNED.name, hashlib.sha256(TRUSTED).hexdigest(), Trust.FIRST_USE)
    store.accept_licence("toy-a", "CC-BY-NC-4.0")
    own = store.own_models_folder() / "mine"
    (own / "more").mkdir(parents=True)
    (own / "network.onnx").write_bytes(b"network")
    (own / "more" / "model.json").write_bytes(b"{}")
    return tmp_path / "here"


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    pack(tmp_path / "stick", WANTED)
    return tmp_path / "stick"


@pytest.fixture
def there(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """From now on, the test is on another machine, which has nothing."""
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "there"))
    return tmp_path / "there"


def put(file: DownloadedFile, content: bytes) -> None:
    file.path().parent.mkdir(parents=True, exist_ok=True)
    file.path().write_bytes(content)


def weights_in(models: Path) -> list[str]:
    return sorted(path.name for path in models.rglob("*") if path.suffix in (".h5", ".onnx"))


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / MANIFEST_NAME
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def test_files_models_and_decisions_arrive(packed: Path, there: Path):
    report = unpack(packed)
    assert report.files == ("pinned.h5", "deep/trusted.onnx")
    assert report.own_models == ("mine",)
    assert (report.present, report.skipped) == ((), ())
    assert report.size_bytes == len(PINNED) + len(TRUSTED) + len(b"network{}")
    assert FILE.read("toy-a") == PINNED
    assert UNPINNED.read("toy-b") == TRUSTED
    assert (there / "own" / "mine" / "network.onnx").read_bytes() == b"network"
    assert (there / "own" / "mine" / "more" / "model.json").read_bytes() == b"{}"
    digest, licence = store.trusted_digest(UNPINNED.name), store.accepted_licence("toy-a")
    assert digest is not None
    assert digest.how is Trust.FIRST_USE
    assert licence is not None
    assert (licence.licence, licence.consent) == ("CC-BY-NC-4.0", Consent.ACCEPTED)
    assert not list(there.glob("unpacking-*"))


def test_the_manifest_says_what_each_file_is_for(packed: Path):
    document = json.loads((packed / MANIFEST_NAME).read_bytes())
    assert [(file["name"], file["models"]) for file in document["files"]] == [
        ("pinned.h5", ["toy-a", "toy-c"]),
        ("deep/trusted.onnx", ["toy-b"]),
    ]
    assert list(document["trusted_digests"]) == [UNPINNED.name]


def test_packing_and_unpacking_again_copies_nothing(packed: Path, there: Path, here: Path):
    assert unpack(packed).present == ()
    everything = ("pinned.h5", "deep/trusted.onnx", "mine")
    assert unpack(packed).present == everything
    assert pack(packed, WANTED).present == everything


def test_only_what_runs_is_packed(tmp_path: Path):
    put(FILE, PINNED + b"?")
    with pytest.raises(WeightsDamaged):
        pack(tmp_path / "stick", WANTED)
    FILE.path().unlink()
    with pytest.raises(WeightsMissing):
        pack(tmp_path / "stick", WANTED)
    assert not (tmp_path / "stick").exists()


def test_further_models_are_packed_but_no_two_of_one_name(tmp_path: Path, here: Path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "network.onnx").write_bytes(b"another")
    report = pack(tmp_path / "stick", (), [other, here / "own" / "mine"])
    assert report.own_models == ("mine", "other")
    (tmp_path / "x" / "mine").mkdir(parents=True)
    with pytest.raises(ModelError, match="one name"):
        pack(tmp_path / "stick", (), [tmp_path / "x" / "mine"])


@pytest.mark.parametrize(
    "name", ["weights/pinned.h5", "weights/deep/trusted.onnx", "own/mine/more/model.json"]
)
@pytest.mark.parametrize("damage", ["missing", "cut", "altered", "longer"])
def test_one_bad_file_and_nothing_is_put_in_place(
    packed: Path, there: Path, name: str, damage: str
):
    path = packed / name
    data = path.read_bytes()
    path.write_bytes(
        {"cut": data[:-1], "altered": b"?" + data[1:], "longer": data + b"?"}.get(damage, b"")
    )
    if damage == "missing":
        path.unlink()
    with pytest.raises(ModelError, match=r"Nothing was put in place.*models pack") as caught:
        unpack(packed)
    assert name.split("/", 1)[1].removeprefix("mine/") in str(caught.value)
    assert weights_in(there) == []
    assert store.accepted_licence("toy-a") is None
    assert store.trusted_digest(UNPINNED.name) is None
    assert not list(there.glob("unpacking-*"))


def test_a_file_that_was_exchanged_with_its_digest_is_refused(packed: Path, there: Path):
    """The manifest agrees with the file; the digest that is pinned here does not."""
    (packed / "weights" / "pinned.h5").write_bytes(b"evil")
    digest = hashlib.sha256(b"evil").hexdigest()

    def exchange(document: dict[str, Any]) -> None:
        document["files"][0].update(sha256=digest, size_bytes=4)

    change_manifest(packed, exchange)
    with pytest.raises(ModelError, match=rf"{digest}, expected {FILE.sha256}"):
        unpack(packed)
    assert weights_in(there) == []


def test_a_digest_that_is_trusted_here_is_not_replaced(packed: Path, there: Path):
    store.trust(UNPINNED.name, "0" * 64, Trust.STATED)
    with pytest.raises(ModelError, match="expected " + "0" * 64):
        unpack(packed)
    record = store.trusted_digest(UNPINNED.name)
    assert record is not None
    assert record.sha256 == "0" * 64


def test_a_file_that_nobody_vouches_for_is_refused(packed: Path, there: Path):
    change_manifest(packed, lambda document: document["trusted_digests"].clear())
    with pytest.raises(ModelError, match="no digest is published or recorded"):
        unpack(packed)
    assert weights_in(there) == []


def test_a_licence_accepted_here_stays_accepted(packed: Path, there: Path):
    change_manifest(packed, lambda d: d["licences"]["toy-a"].update(consent="shown"))
    store.accept_licence("toy-a", "CC-BY-NC-4.0")
    unpack(packed)
    record = store.accepted_licence("toy-a")
    assert record is not None
    assert record.consent is Consent.ACCEPTED


def test_a_file_that_no_model_reads_is_left(packed: Path, there: Path, monkeypatch):
    """Packed by a later facesearch."""
    spec = replace(catalogue._EMBEDDERS[-1], files=(UNPINNED,))
    monkeypatch.setattr(catalogue, "_EMBEDDERS", (*catalogue._EMBEDDERS[:-1], spec))
    report = unpack(packed)
    assert report.skipped == ("pinned.h5",)
    assert report.files == (UNPINNED.name,)
    assert weights_in(there) == ["network.onnx", "trusted.onnx"]


def test_another_model_of_the_same_name_is_not_overwritten(packed: Path, there: Path):
    own = there / "own" / "mine"
    own.mkdir(parents=True)
    (own / "network.onnx").write_bytes(b"another")
    with pytest.raises(ModelError, match="models remove mine"):
        unpack(packed)
    assert (own / "network.onnx").read_bytes() == b"another"
    assert not FILE.is_present()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(format=2),
        lambda d: d.pop("own_models"),
        lambda d: d["files"][0].update(name="../../evil.h5"),
        lambda d: d["files"][0].update(sha256="abc"),
        lambda d: d["files"][0].update(size_bytes=-1),
        lambda d: d["files"][0].update(size_bytes="1"),
        lambda d: d["own_models"][0].update(name=".."),
        lambda d: d["own_models"][0].update(name="a/b"),
        lambda d: d["own_models"][0].update(name=".hidden"),
        lambda d: d["own_models"][0]["files"][0].update(name="/etc/evil"),
        lambda d: d["trusted_digests"][UNPINNED.name].update(how="because"),
        lambda d: d["licences"].update({"toy": None}),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(packed: Path, there: Path, change):
    change_manifest(packed, change)
    with pytest.raises(ModelError, match=r"facesearch-models\.json is damaged"):
        unpack(packed)
    assert not there.exists()


def test_a_folder_without_manifest_is_not_whole(packed: Path, there: Path, tmp_path: Path):
    (packed / MANIFEST_NAME).unlink()
    for folder in (packed, tmp_path / "absent"):
        with pytest.raises(ModelError, match="not whole"):
            unpack(folder)
    assert not there.exists()


def test_packing_that_breaks_off_leaves_no_manifest(
    packed: Path, here: Path, monkeypatch: pytest.MonkeyPatch
):
    """Not even that of an earlier time."""
    put(UNPINNED, b"new")
    store.trust(UNPINNED.name, hashlib.sha256(b"new").hexdigest(), Trust.STATED)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "write_all", full)
    with pytest.raises(ModelError, match=r"no space left in .*choose another folder"):
        pack(packed, WANTED)
    assert not (packed / MANIFEST_NAME).exists()
    assert not list(packed.rglob("*.new"))


def test_a_full_disk_while_unpacking_leaves_nothing(
    packed: Path, there: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "write_all", full)
    with pytest.raises(ModelError, match=r"no space left in .*more bytes are needed"):
        unpack(packed)
    assert weights_in(there) == []
    assert not list(there.glob("unpacking-*"))


def test_what_a_killed_unpacking_left_is_removed(packed: Path, there: Path):
    left = there / "unpacking-killed"
    left.mkdir(parents=True)
    (left / "half.h5").write_bytes(b"half")
    unpack(packed)
    assert not left.exists()


def test_a_stick_that_may_not_be_written_is_named(
    public_folder, unprivileged, here: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FACESEARCH_MODELS", str(public_folder / "none"))
    public_folder.chmod(0o555)
    with unprivileged(), pytest.raises(ModelError, match="no permission"):
        packing.pack(public_folder / "stick", ())
