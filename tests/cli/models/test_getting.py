"""`facesearch models get`, `pack` and `unpack`, without a network."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

CONTENT = b"not a network, but it has a digest"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "brought-along.bin"
    path.write_bytes(CONTENT)
    return path


def variant(facesearch, name, engine):
    (document,) = map(json.loads, facesearch("models", "show", name, "--json").stdout.splitlines())
    return next(v for v in document["variants"] if v["engine"] == engine)


def test_a_file_without_published_digest_has_to_be_vouched_for(facesearch, file):
    result = facesearch("models", "get", "Facenet512", "--engine", "onnx", "--from", file)
    assert result.exit_code == 5
    assert "--sha256" in result.stderr
    assert "--trust" in result.stderr
    assert not variant(facesearch, "Facenet512", "onnx")["files"][0]["present"]


@pytest.mark.parametrize("vouched", [["--trust"], ["--sha256", DIGEST]])
def test_a_file_that_is_vouched_for_is_taken_and_no_other(facesearch, file, vouched):
    command = ("models", "get", "Facenet512", "--engine", "onnx", "--from", file)
    result = facesearch(*command, *vouched)
    assert result.exit_code == 0, result.output
    assert "licence: MIT" in result.stdout
    taken = variant(facesearch, "Facenet512", "onnx")
    assert taken["weights"] == "cached"
    assert taken["files"][0]["sha256"] == DIGEST
    assert f"@{DIGEST[:8]}:" in taken["space"]
    assert facesearch(*command).exit_code == 0, "there is nothing to do"
    Path(taken["files"][0]["path"]).unlink()
    file.write_bytes(CONTENT + b"!")
    again = facesearch(*command)
    assert again.exit_code == 5
    assert DIGEST in again.stderr


def test_a_wrong_file_is_refused_and_nothing_is_left(facesearch, file):
    result = facesearch("models", "get", "SFace", "--from", file)
    assert result.exit_code == 5
    assert DIGEST in result.stderr
    assert "0ba9fbfa" in result.stderr
    assert not variant(facesearch, "SFace", "onnx")["files"][0]["present"]


def test_a_licence_that_forbids_commercial_use_is_agreed_to_first(facesearch, file):
    command = ("models", "get", "VGG-Face", "--engine", "onnx", "--from", file, "--trust")
    refused = facesearch(*command)
    assert refused.exit_code == 5
    assert "CC-BY-NC-4.0" in refused.stderr
    assert "--accept-license" in refused.stderr
    assert not variant(facesearch, "VGG-Face", "onnx")["files"][0]["present"]
    assert facesearch(*command, "--accept-license").exit_code == 0


def test_without_network_it_says_where_the_file_belongs(facesearch, monkeypatch):
    # A proxy that nobody runs: every source is out of reach.
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    result = facesearch("models", "get", "SFace")
    assert result.exit_code == 5
    where = variant(facesearch, "SFace", "onnx")["files"][0]["path"]
    for told in ("face_recognition_sface_2021dec.onnx", "0ba9fbfa", where, "--from FILE"):
        assert told in result.stderr


def test_packages_need_no_download(facesearch):
    result = facesearch("models", "get", "dlib-resnet34")
    assert result.exit_code == 0, result.output
    assert "nothing to download" in result.stdout


def test_models_are_carried_to_another_machine(facesearch, file, tmp_path, monkeypatch):
    facesearch("models", "get", "Facenet512", "--engine", "onnx", "--from", file, "--trust")
    packed = facesearch("models", "pack", tmp_path / "stick")
    assert packed.exit_code == 0, packed.output
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "elsewhere"))
    assert not variant(facesearch, "Facenet512", "onnx")["files"][0]["present"]
    unpacked = facesearch("models", "unpack", tmp_path / "stick")
    assert unpacked.exit_code == 0, unpacked.output
    taken = variant(facesearch, "Facenet512", "onnx")["files"][0]
    assert (taken["present"], taken["sha256"]) == (True, DIGEST)


def test_what_was_altered_on_the_way_is_refused(facesearch, file, tmp_path, monkeypatch):
    facesearch("models", "get", "Facenet512", "--engine", "onnx", "--from", file, "--trust")
    facesearch("models", "pack", tmp_path / "stick")
    (packed,) = (tmp_path / "stick").rglob("facenet512_weights.onnx")
    packed.write_bytes(CONTENT + b"!")
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "elsewhere"))
    result = facesearch("models", "unpack", tmp_path / "stick")
    assert result.exit_code == 5
    assert "facenet512_weights.onnx" in result.stderr
    assert not variant(facesearch, "Facenet512", "onnx")["files"][0]["present"]
