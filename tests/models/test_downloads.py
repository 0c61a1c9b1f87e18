"""Weight files come from servers that break off, lie and redirect, and arrive whole or not."""

from __future__ import annotations

import bz2
import errno
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Server, running

import facesearch
from facesearch.errors import (
    Cancelled,
    DownloadFailed,
    InvalidValue,
    LicenceNotAccepted,
    ModelError,
    WeightsDamaged,
    WeightsMissing,
)
from facesearch.models import files, store, transfers
from facesearch.models.downloads import Origin, Progress, check_licence, fetch
from facesearch.models.store import Consent, Trust
from facesearch.models.weights import Archive, DownloadedFile

CONTENT = bytes(range(256)) * 1600  # 400 KB: several chunks
OTHER = CONTENT[:-1] + b"?"
MODEL = "deepface:Toy"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wanted(*urls: str, digest: str | None = sha256(CONTENT), **options: object) -> DownloadedFile:
    return DownloadedFile("toy_weights.h5", urls, digest, **options)  # type: ignore[arg-type]


def zipped(data: bytes, name: str = "toy_weights.h5") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("some folder/", b"")
        archive.writestr(f"some folder/{name}", data)
    return packed.getvalue()


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models and a home of the test's own, no proxy, and no long pauses."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("DEEPFACE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(transfers, "_BACKOFF_S", 0.001)
    return tmp_path / "models"


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as started:
        yield started


def left_over(models: Path) -> list[str]:
    """What lies in the folder of weights besides the wanted file."""
    folder = models / ".deepface" / "weights"
    return sorted(path.name for path in folder.iterdir() if path.name != "toy_weights.h5")


def test_a_file_is_downloaded_verified_and_put_where_deepface_looks(server: Server, models: Path):
    told: list[Progress] = []
    file = wanted(server.serve("/a", CONTENT))
    result = fetch(file, MODEL, on_progress=told.append)
    assert result.path == models / ".deepface" / "weights" / "toy_weights.h5" == file.locate(MODEL)
    assert result.path.read_bytes() == CONTENT
    assert (result.origin, result.source) == (Origin.DOWNLOAD, server.url("/a"))
    assert (result.size_bytes, result.resumed_from) == (len(CONTENT), 0)
    assert told[-1] == Progress("toy_weights.h5", len(CONTENT), len(CONTENT), 0)
    assert [one.done_bytes for one in told] == sorted(one.done_bytes for one in told)
    assert left_over(models) == []


def test_what_is_there_is_not_asked_for_again(server: Server):
    file = wanted(server.serve("/a", CONTENT))
    fetch(file, MODEL)
    assert fetch(file, MODEL).origin is Origin.PRESENT
    assert len(server.requests) == 1


def test_a_damaged_file_is_replaced(server: Server):
    file = wanted(server.serve("/a", CONTENT))
    fetch(file, MODEL).path.write_bytes(OTHER)
    assert fetch(file, MODEL).origin is Origin.DOWNLOAD
    assert file.read(MODEL) == CONTENT


def test_a_transfer_that_is_cut_off_goes_on_where_it_stopped(server: Server):
    result = fetch(wanted(server.serve("/a", CONTENT, cut_after=[150_000, 70_000])), MODEL)
    assert result.path.read_bytes() == CONTENT
    starts = [int((r or "bytes=0-").split("=")[1].rstrip("-")) for _, r in server.requests]
    assert len(starts) == 3
    assert 0 == starts[0] < starts[1] < starts[2]
    assert result.resumed_from == 0  # nothing of it is from an earlier run


def test_a_server_that_always_breaks_off_is_given_up_and_the_part_kept(
    server: Server, models: Path
):
    file = wanted(server.serve("/a", CONTENT, cut_after=[100_000] + [0] * 50))
    with pytest.raises(DownloadFailed, match=r"cut off after .* bytes are kept"):
        fetch(file, MODEL)
    assert 2 < len(server.requests) < 10
    assert left_over(models) == ["toy_weights.h5.part", "toy_weights.h5.part.json"]
    kept = (models / ".deepface/weights/toy_weights.h5.part").stat().st_size
    server.serve("/a", CONTENT)
    assert fetch(file, MODEL).resumed_from == kept > 0
    assert file.read(MODEL) == CONTENT
    assert left_over(models) == []


def stop_after(file: DownloadedFile, enough: int) -> None:
    done = [0]

    def note(progress: Progress) -> None:
        done[0] = progress.done_bytes

    with pytest.raises(Cancelled, match="are kept"):
        fetch(file, MODEL, on_progress=note, cancelled=lambda: done[0] >= enough)


def test_a_cancelled_download_is_gone_on_with(server: Server):
    file = wanted(server.serve("/a", CONTENT))
    stop_after(file, 100_000)
    assert not file.is_present()
    told: list[Progress] = []
    result = fetch(file, MODEL, on_progress=told.append)
    assert result.resumed_from >= 100_000
    assert told[0].done_bytes == told[0].resumed_bytes == result.resumed_from
    assert server.requests[-1] == ("/a", f"bytes={result.resumed_from}-")
    assert file.read(MODEL) == CONTENT


@pytest.mark.parametrize(
    "changes",
    [{"etag": '"2"'}, {"ranges": False}],
    ids=["the file changed there", "Range is ignored"],
)
def test_a_part_that_cannot_be_gone_on_with_is_replaced(server: Server, changes: dict[str, object]):
    file = wanted(server.serve("/a", OTHER))
    stop_after(file, 100_000)
    server.serve("/a", CONTENT, **changes)
    assert fetch(file, MODEL).resumed_from == 0
    assert file.read(MODEL) == CONTENT
    assert len(server.requests) == 2


def test_two_versions_in_one_are_noticed_where_the_server_says_nothing(server: Server):
    """Without an ETag a part is gone on with; the digest tells, and it starts over."""
    file = wanted(server.serve("/a", b"?" * len(CONTENT), etag=None))
    stop_after(file, 100_000)
    server.serve("/a", CONTENT, etag=None)
    assert fetch(file, MODEL).resumed_from == 0
    assert [bool(asked) for _, asked in server.requests] == [False, True, False]
    assert file.read(MODEL) == CONTENT


def test_a_part_of_unknown_digest_is_not_gone_on_with_blindly(server: Server):
    file = wanted(server.serve("/a", OTHER, etag=None), digest=None)
    with pytest.raises(Cancelled):
        fetch(file, MODEL, trust=True, cancelled=lambda: True)
    part = file.path().with_name("toy_weights.h5.part")
    part.write_bytes(OTHER[:1000])
    server.serve("/a", CONTENT, etag=None)
    assert fetch(file, MODEL, trust=True).sha256 == sha256(CONTENT)


def test_a_part_that_was_whole_already_needs_no_server(server: Server, models: Path):
    """Killed between the last byte and the new name."""
    file = wanted(server.serve("/a", CONTENT))
    stop_after(file, 1)
    (models / ".deepface/weights/toy_weights.h5.part").write_bytes(CONTENT)
    asked = len(server.requests)
    assert fetch(file, MODEL).resumed_from == len(CONTENT)
    assert len(server.requests) == asked
    assert file.read(MODEL) == CONTENT


def test_416_means_whole_or_start_over(server: Server, models: Path):
    url = server.serve("/a", CONTENT)
    file = wanted(url)
    for part, resumed in ((CONTENT, len(CONTENT)), (CONTENT + b"more", 0)):
        folder = models / ".deepface" / "weights"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "toy_weights.h5").unlink(missing_ok=True)
        (folder / "toy_weights.h5.part").write_bytes(part)
        notes = {"url": url, "validator": '"1"', "total_bytes": None}
        (folder / "toy_weights.h5.part.json").write_text(json.dumps(notes))
        assert fetch(file, MODEL).resumed_from == resumed
        assert file.read(MODEL) == CONTENT


@pytest.mark.parametrize("notes", ["", "{", "[]", '{"url": 1, "validator": 2, "total_bytes": "x"}'])
def test_unreadable_notes_cost_the_part_only(server: Server, notes: str):
    file = wanted(server.serve("/a", CONTENT))
    stop_after(file, 100_000)
    file.path().with_name("toy_weights.h5.part.json").write_text(notes)
    assert fetch(file, MODEL).resumed_from == 0
    assert file.read(MODEL) == CONTENT


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_the_next_address_is_tried(server: Server, status: int):
    bad, good = server.serve("/bad", status=status), server.serve("/good", CONTENT)
    assert fetch(wanted(bad, good), MODEL).source == good


def test_wrong_bytes_are_removed_and_the_next_address_tried(server: Server):
    bad, good = server.serve("/bad", OTHER), server.serve("/good", CONTENT)
    file = wanted(bad, good)
    assert fetch(file, MODEL).source == good
    assert file.read(MODEL) == CONTENT


def test_wrong_bytes_everywhere_name_both_digests(server: Server, models: Path):
    file = wanted(server.serve("/bad", OTHER), server.serve("/gone", status=404))
    with pytest.raises(WeightsDamaged) as caught:
        fetch(file, MODEL)
    said = str(caught.value)
    assert sha256(OTHER) in said
    assert sha256(CONTENT) in said
    assert "404" in said
    assert left_over(models) == []
    assert not file.is_present()


def test_a_web_page_does_not_replace_what_was_downloaded(server: Server, models: Path):
    """Such as the login page of a hotel's network."""
    file = wanted(server.serve("/a", CONTENT))
    stop_after(file, 100_000)
    login = b"<html>log in</html>"
    server.serve("/a", login, content_type="text/html; charset=utf-8", ranges=False)
    with pytest.raises(DownloadFailed, match="web page"):
        fetch(file, MODEL)
    with pytest.raises(DownloadFailed, match="web page"):
        fetch(wanted(server.url("/a"), digest=None), MODEL, trust=True)
    server.serve("/a", CONTENT)
    assert fetch(file, MODEL).resumed_from >= 100_000


def test_redirects_are_followed(server: Server):
    server.serve("/b", location="c")
    server.serve("/c", CONTENT)
    file = wanted(server.serve("/a", location=server.url("/b")))
    assert fetch(file, MODEL).source == server.url("/a")
    assert file.read(MODEL) == CONTENT


def test_redirects_without_end_are_given_up(server: Server):
    with pytest.raises(DownloadFailed, match="redirects without end"):
        fetch(wanted(server.serve("/a", location="/a")), MODEL)


@pytest.mark.parametrize("location", ["http://there/x", "//there/y", "/z", "https://there/x"])
def test_no_redirect_leads_away_from_https(location: str):
    if location.startswith("http://"):
        with pytest.raises(transfers.SourceFailed, match="redirected from https"):
            transfers.redirected("https://here/a", location)
    else:
        assert transfers.redirected("https://here/a", location).startswith("https://")


def test_no_redirect_leads_to_a_file_of_this_machine(server: Server, tmp_path: Path):
    (tmp_path / "secret").write_bytes(CONTENT)
    with pytest.raises(DownloadFailed, match="not followed"):
        fetch(wanted(server.serve("/a", location=f"file://{tmp_path}/secret")), MODEL)


def test_without_network_the_way_by_hand_is_told():
    url = "http://127.0.0.1:9/toy_weights.h5"  # nobody listens on the discard port
    file = wanted(url)
    with pytest.raises(DownloadFailed) as caught:
        fetch(file, MODEL)
    said = str(caught.value)
    for part in (url, sha256(CONTENT), str(file.path()), f"models get {MODEL} --from FILE"):
        assert part in said
    assert "Is there a network" in said
    assert caught.value.model == MODEL


def test_a_silent_server_is_given_up(server: Server):
    release = threading.Event()
    url = server.serve("/a", CONTENT, wait=lambda: release.wait(30))
    try:
        with pytest.raises(DownloadFailed, match="cut off after 0 of"):
            fetch(wanted(url), MODEL, timeout_s=0.05)
    finally:
        release.set()


def test_a_slow_server_is_waited_for(server: Server):
    url = server.serve(
        "/a", CONTENT, chunk_bytes=20_000, wait=lambda: threading.Event().wait(0.005)
    )
    assert fetch(wanted(url), MODEL).path.read_bytes() == CONTENT


def test_the_proxy_of_the_environment_is_asked(server: Server, monkeypatch: pytest.MonkeyPatch):
    server.serve("/toy.h5", CONTENT)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.port}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
    file = wanted("http://weights.invalid/toy.h5")
    assert fetch(file, MODEL).path.read_bytes() == CONTENT
    assert server.requests == [("http://weights.invalid/toy.h5", None)]


def test_no_proxy_is_honoured(server: Server, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    file = wanted(server.serve("/a", CONTENT))
    with pytest.raises(DownloadFailed, match="proxy does not answer"):
        fetch(file, MODEL)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    assert fetch(file, MODEL).origin is Origin.DOWNLOAD


@pytest.mark.parametrize(("archive", "pack"), [(Archive.ZIP, zipped), (Archive.BZ2, bz2.compress)])
def test_packed_files_are_unpacked(server: Server, models: Path, archive, pack):
    file = wanted(server.serve("/a", pack(CONTENT)), archive=archive, size_bytes=len(CONTENT))
    result = fetch(file, MODEL)
    assert result.path.read_bytes() == CONTENT
    assert left_over(models) == []


@pytest.mark.parametrize(
    "sent",
    [
        zipped(OTHER),
        zipped(CONTENT)[:-200],
        zipped(CONTENT).replace(b"toy_weights.h5", b"toy_weights.h6") + b"\0",
        zipped(CONTENT)[:50] + b"\xff" * 50 + zipped(CONTENT)[100:],
        b"BZh9 or so",
        b"",
        b"neither",
    ],
    ids=["other", "cut", "renamed", "damaged", "bz2", "empty", "no archive"],
)
def test_what_does_not_unpack_to_the_file_is_refused(server: Server, models: Path, sent: bytes):
    file = wanted(server.serve("/a", sent), archive=Archive.ZIP)
    if b"h6" in sent:  # one file of another name is taken for it: the digest decides
        assert fetch(file, MODEL).path.read_bytes() == CONTENT
        return
    with pytest.raises(WeightsDamaged, match=sha256(CONTENT)):
        fetch(file, MODEL)
    assert left_over(models) == []


def test_a_zip_of_several_files_must_hold_the_name(tmp_path: Path):
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.h5", CONTENT)
        archive.writestr("b.h5", OTHER)
    with pytest.raises(WeightsDamaged, match=r"does not hold toy_weights\.h5, but a\.h5, b\.h5"):
        fetch(wanted(), MODEL, source=path)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("toy_weights.h5", CONTENT),
        ("renamed.download", CONTENT),
        ("toy_weights.h5.zip", zipped(CONTENT)),
        ("x.bin", bz2.compress(CONTENT)),
    ],
)
def test_a_file_that_was_brought_along_is_taken(tmp_path: Path, name: str, data: bytes):
    """The address is never asked: there would be no answer."""
    path = tmp_path / name
    path.write_bytes(data)
    file = wanted("http://127.0.0.1:9/x")
    result = fetch(file, MODEL, source=path)
    assert (result.origin, result.source) == (Origin.FILE, str(path))
    assert file.read(MODEL) == CONTENT
    assert path.read_bytes() == data


def test_a_wrong_file_that_was_brought_along_is_not_taken(server: Server, tmp_path: Path):
    path = tmp_path / "toy_weights.h5"
    path.write_bytes(OTHER)
    file = wanted(server.serve("/a", CONTENT))
    with pytest.raises(WeightsDamaged, match=f"{sha256(OTHER)}.*{sha256(CONTENT)}"):
        fetch(file, MODEL, source=path)
    with pytest.raises(WeightsMissing, match="there is no file"):
        fetch(file, MODEL, source=tmp_path / "absent")
    assert not file.is_present()
    assert server.requests == []


@pytest.mark.parametrize("variable", [True, False])
def test_a_file_of_deepfaces_own_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: bool
):
    home = tmp_path / ("elsewhere" if variable else "home")
    if variable:
        monkeypatch.setenv("DEEPFACE_HOME", str(home))
    path = home / ".deepface" / "weights" / "toy_weights.h5"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    file = wanted("http://127.0.0.1:9/x")
    result = fetch(file, MODEL)
    assert (result.origin, result.source) == (Origin.DEEPFACE, str(path))
    assert file.read(MODEL) == CONTENT


def test_a_file_of_deepfaces_own_is_copied_where_it_cannot_be_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "home" / ".deepface" / "weights" / "toy_weights.h5"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    file = wanted()
    assert fetch(file, MODEL).origin is Origin.DEEPFACE
    path.write_bytes(OTHER)
    assert file.read(MODEL) == CONTENT


def test_a_wrong_file_of_deepfaces_own_is_passed_over(server: Server, tmp_path: Path):
    path = tmp_path / "home" / ".deepface" / "weights" / "toy_weights.h5"
    path.parent.mkdir(parents=True)
    path.write_bytes(OTHER)
    assert fetch(wanted(server.serve("/a", CONTENT)), MODEL).origin is Origin.DOWNLOAD
    assert path.read_bytes() == OTHER


def test_without_any_digest_nothing_is_downloaded(server: Server):
    file = wanted(server.serve("/a", CONTENT), digest=None)
    with pytest.raises(WeightsMissing, match=r"--sha256 DIGEST.*--trust"):
        fetch(file, MODEL)
    assert server.requests == []


def test_trust_on_first_use_refuses_other_content_later(server: Server):
    file = wanted(server.serve("/a", CONTENT), digest=None)
    assert fetch(file, MODEL, trust=True).sha256 == sha256(CONTENT)
    record = store.trusted_digest(file.name)
    assert record is not None
    assert (record.sha256, record.how) == (sha256(CONTENT), Trust.FIRST_USE)
    assert file.read(MODEL) == CONTENT
    file.path().unlink()
    server.serve("/a", OTHER)
    with pytest.raises(WeightsDamaged, match=f"{sha256(OTHER)}.*{sha256(CONTENT)}"):
        fetch(file, MODEL, trust=True)
    # Only a stated digest replaces what was trusted.
    fetch(file, MODEL, sha256=sha256(OTHER).upper())
    assert file.read(MODEL) == OTHER
    record = store.trusted_digest(file.name)
    assert record is not None
    assert record.how is Trust.STATED


def test_trusting_an_own_file_takes_that_and_not_what_lies_there(tmp_path: Path):
    file = wanted(digest=None)
    file.path().parent.mkdir(parents=True)
    file.path().write_bytes(b"junk")
    path = tmp_path / "mine"
    path.write_bytes(CONTENT)
    fetch(file, MODEL, source=path, trust=True)
    assert file.read(MODEL) == CONTENT


def test_an_empty_file_is_never_trusted(server: Server):
    file = wanted(server.serve("/a", b""), digest=None)
    with pytest.raises(WeightsDamaged):
        fetch(file, MODEL, trust=True)
    assert store.trusted_digest(file.name) is None


def test_a_stated_digest_is_checked_before_it_is_recorded(server: Server):
    file = wanted(server.serve("/a", CONTENT), digest=None)
    with pytest.raises(WeightsDamaged):
        fetch(file, MODEL, sha256=sha256(OTHER))
    assert store.trusted_digest(file.name) is None
    fetch(file, MODEL, sha256=sha256(CONTENT))
    assert file.digest() == sha256(CONTENT)


def test_a_stated_digest_cannot_contradict_a_pinned_one():
    with pytest.raises(InvalidValue, match=f"{sha256(CONTENT)}, not {sha256(OTHER)}"):
        fetch(wanted(), MODEL, sha256=sha256(OTHER))
    with pytest.raises(InvalidValue, match="64 hexadecimal"):
        fetch(wanted(), MODEL, sha256="abc")


def test_a_disk_that_fills_up_keeps_the_part_and_says_how_much_is_needed(
    server: Server, models: Path, monkeypatch: pytest.MonkeyPatch
):
    file = wanted(server.serve("/a", CONTENT))
    written = [0]

    def fills_up(out: io.RawIOBase, data: bytes) -> None:
        if written[0] >= 100_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written[0] += len(data)
        files.write_all(out, data)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(transfers, "write_all", fills_up)
        with pytest.raises(DownloadFailed) as caught:
            fetch(file, MODEL)
    left = len(CONTENT) - written[0]
    assert f"{left:,} more bytes are needed" in str(caught.value)
    assert str(models / ".deepface" / "weights") in str(caught.value)
    assert fetch(file, MODEL).resumed_from == written[0]


def test_too_little_space_is_noticed_before_anything_is_written(
    server: Server, models: Path, monkeypatch: pytest.MonkeyPatch
):
    packed = zipped(CONTENT)
    url = server.serve("/a", packed)
    file = wanted(url, archive=Archive.ZIP, size_bytes=len(CONTENT))
    needed = len(packed) + len(CONTENT)
    usage = files.shutil.disk_usage(models.parent)._replace(free=needed - 1)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DownloadFailed, match=f"no space left.*{needed:,} more bytes"):
        fetch(file, MODEL)
    assert (models / ".deepface/weights/toy_weights.h5.zip.part").stat().st_size == 0


def test_a_folder_that_may_not_be_written_is_named(
    server: Server, public_folder, unprivileged, monkeypatch: pytest.MonkeyPatch
):
    closed = public_folder / "models"
    closed.mkdir()
    closed.chmod(0o555)
    monkeypatch.setenv("FACESEARCH_MODELS", str(closed))
    with unprivileged(), pytest.raises(ModelError, match=r"no permission.*FACESEARCH_MODELS"):
        fetch(wanted(server.serve("/a", CONTENT)), MODEL)


FETCH = """
import hashlib, sys
from facesearch.models.downloads import fetch
from facesearch.models.weights import DownloadedFile
def said(progress):
    print(progress.done_bytes, flush=True)
result = fetch(DownloadedFile("toy_weights.h5", (sys.argv[1],), sys.argv[2]), "m", on_progress=said)
print(result.origin.value)
"""


def start(url: str) -> subprocess.Popen[str]:
    source = Path(facesearch.__file__).parents[1]
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, url, sha256(CONTENT)],
        env=os.environ | {"PYTHONPATH": str(source)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_of_two_processes_one_downloads_and_the_other_waits(server: Server):
    both_ask = threading.Event()
    url = server.serve("/a", CONTENT, wait=lambda: both_ask.wait(60))
    processes = [start(url) for _ in range(2)]
    try:
        while not server.requests:
            assert all(process.poll() is None for process in processes)
            both_ask.wait(0.01)
        # One holds the lock now; this thread finds it taken, as the other process does.
        with pytest.raises(Cancelled, match="was getting"):
            fetch(wanted(url), MODEL, cancelled=lambda: True)
        both_ask.set()
        ends = sorted(process.communicate(timeout=60)[0].split()[-1] for process in processes)
    finally:
        both_ask.set()
        for process in processes:
            process.kill()
    assert ends == ["download", "present"]
    assert len(server.requests) == 1


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is of POSIX systems")
def test_a_killed_download_is_gone_on_with(server: Server, models: Path):
    hold = threading.Event()
    sent = [0]

    def wait() -> None:
        sent[0] += 1
        if sent[0] > 3:
            hold.wait(60)

    url = server.serve("/a", CONTENT, wait=wait)
    process = start(url)
    assert process.stdout is not None
    while int(process.stdout.readline()) < 100_000:
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    hold.set()
    server.serve("/a", CONTENT)
    file = wanted(url)
    assert not file.is_present()
    assert fetch(file, MODEL).resumed_from >= 100_000
    assert file.read(MODEL) == CONTENT
    assert left_over(models) == []


def test_licences_that_forbid_commercial_use_are_agreed_to_once():
    with pytest.raises(LicenceNotAccepted, match=r"CC-BY-NC-4\.0.*--accept-license") as caught:
        check_licence(MODEL, "CC-BY-NC-4.0", True, False)
    assert caught.value.model == MODEL
    assert store.accepted_licence(MODEL) is None
    assert check_licence(MODEL, "CC-BY-NC-4.0", True, True)
    assert not check_licence(MODEL, "CC-BY-NC-4.0", True, False)
    with pytest.raises(LicenceNotAccepted):
        check_licence(MODEL, "CC-BY-NC-ND-4.0", True, False)


def test_other_licences_are_recorded_as_shown_which_is_no_agreement():
    assert check_licence(MODEL, "MIT", False, False)
    assert not check_licence(MODEL, "MIT", False, False)
    record = store.accepted_licence(MODEL)
    assert record is not None
    assert (record.licence, record.consent) == ("MIT", Consent.SHOWN)
    with pytest.raises(LicenceNotAccepted):
        check_licence(MODEL, "MIT", True, False)
    assert not check_licence(MODEL, "MIT", True, True)
    assert not check_licence(MODEL, "MIT", True, False)
