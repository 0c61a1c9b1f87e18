"""Digests that were trusted and licences that were accepted are never silently lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

import facesearch
from facesearch.errors import InvalidValue, ModelError
from facesearch.models import store
from facesearch.models.store import Consent, LicenceRecord, Trust, TrustRecord

DIGEST = "ab" * 32


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models of the test's own."""
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def test_looking_makes_no_folder(models: Path):
    assert store.trusted_digest("a.h5") is None
    assert store.accepted_licence("a") is None
    assert store.weights_folder() == models / ".deepface" / "weights"
    assert not models.exists()


def test_deepface_looks_in_the_folder_of_weights(models: Path, monkeypatch: pytest.MonkeyPatch):
    """Said by its own code, so that a later deepface that looks elsewhere is noticed."""
    folder_utils = pytest.importorskip(
        "deepface.commons.folder_utils", reason="deepface's own folders"
    )
    monkeypatch.setenv("DEEPFACE_HOME", str(models))
    folder_utils.initialize_folder()
    assert store.weights_folder().is_dir()


def test_a_digest_is_recorded_and_replaced():
    store.trust("a.h5", DIGEST.upper(), Trust.FIRST_USE)
    store.trust("b/c.onnx", DIGEST, Trust.FIRST_USE)
    store.trust("a.h5", "cd" * 32, Trust.STATED)
    record = store.trusted_digest("a.h5")
    assert record is not None
    assert (record.sha256, record.how) == ("cd" * 32, Trust.STATED)
    assert record.when.tzinfo is not None
    kept = store.trusted_digest("b/c.onnx")
    assert kept is not None
    assert (kept.sha256, kept.how) == (DIGEST, Trust.FIRST_USE)


def test_a_licence_is_recorded():
    store.accept_licence("Modèle", "CC-BY-NC-4.0")
    record = store.accepted_licence("Modèle")
    assert record is not None
    assert (record.licence, record.consent) == ("CC-BY-NC-4.0", Consent.ACCEPTED)


@pytest.mark.parametrize("name", ["", "../a", "/a", "a//b", "a/./b", "C:\\a", "a\\..\\b", "a\0"])
def test_a_name_that_leads_elsewhere_is_refused(name: str):
    with pytest.raises(InvalidValue, match="no place inside a folder"):
        store.trust(name, DIGEST, Trust.STATED)


@pytest.mark.parametrize("digest", ["", "ab", "g" * 64, DIGEST + "0"])
def test_what_is_no_digest_is_refused(digest: str):
    with pytest.raises(InvalidValue, match="64 hexadecimal digits"):
        store.trust("a.h5", digest, Trust.STATED)


def test_records_are_checked_when_made():
    when = datetime.fromisoformat("2025-01-01T00:00:00")
    with pytest.raises(InvalidValue, match="time zone"):
        TrustRecord(DIGEST, Trust.STATED, when)
    with pytest.raises(InvalidValue, match="time zone"):
        LicenceRecord("MIT", Consent.SHOWN, when)
    with pytest.raises(InvalidValue, match="lower case"):
        TrustRecord(DIGEST.upper(), Trust.STATED, when.astimezone())


ENTRY = {"sha256": DIGEST, "how": "stated", "when": "2025-01-01T00:00:00+00:00"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"records": {}}',
        '{"format": 2, "records": {}}',
        '{"format": 1, "records": []}',
        "[" * 100_000,
        "\xff",
        *(
            json.dumps({"format": 1, "records": {"a.h5": entry}})
            for entry in (
                None,
                {},
                ENTRY | {"sha256": "x"},
                ENTRY | {"sha256": 7},
                ENTRY | {"how": "?"},
                ENTRY | {"when": "soon"},
                ENTRY | {"when": 3},
            )
        ),
    ],
)
def test_damaged_records_are_an_error_and_stay_as_they_are(models: Path, text: str):
    path = models / store.DIGESTS_NAME
    models.mkdir()
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ModelError, match=r"is damaged .* delete it and state the digests again"):
        store.trusted_digest("a.h5")
    assert path.read_text(encoding="latin-1") == text


def test_nothing_is_added_to_damaged_records(models: Path):
    path = models / store.LICENCES_NAME
    models.mkdir()
    path.write_text('{"format": 1, "reco', encoding="utf-8")
    with pytest.raises(ModelError, match=r"is damaged .* delete it and agree to licences again"):
        store.accept_licence("a", "MIT")
    assert path.read_text(encoding="utf-8") == '{"format": 1, "reco'


def test_a_licence_that_is_no_text_is_damage(models: Path):
    models.mkdir()
    entry = {"licence": 7, "consent": "shown", "when": ENTRY["when"]}
    document = {"format": 1, "records": {"a": entry}}
    (models / store.LICENCES_NAME).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ModelError, match="is damaged"):
        store.accepted_licence("a")


def test_a_folder_without_permission_is_named(
    public_folder, unprivileged, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FACESEARCH_MODELS", str(public_folder))
    public_folder.chmod(0o555)
    with unprivileged(), pytest.raises(ModelError, match=r"no permission.*FACESEARCH_MODELS"):
        store.trust("a.h5", DIGEST, Trust.STATED)
    (public_folder / store.DIGESTS_NAME).touch(0o600)
    with unprivileged(), pytest.raises(ModelError, match=r"cannot read .*Permission denied"):
        store.trusted_digest("a.h5")


RECORD = """
import sys
from facesearch.models.store import Trust, trust
for number in range(10):
    trust(f"{sys.argv[1]}-{number}", "ab" * 32, Trust.STATED)
"""


def test_processes_that_record_at_once_lose_nothing(models: Path):
    environment = os.environ | {"PYTHONPATH": str(Path(facesearch.__file__).parents[1])}
    processes = [
        subprocess.Popen([sys.executable, "-c", RECORD, name], env=environment)
        for name in ("a", "b")
    ]
    assert [process.wait(60) for process in processes] == [0, 0]
    names = [f"{name}-{number}" for name in ("a", "b") for number in range(10)]
    assert all(store.trusted_digest(name) is not None for name in names)
