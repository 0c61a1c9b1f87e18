"""The folder of models on this machine, and what its user decided about them.

In: names of weight files and models. Out: where they lie, which SHA-256 counts for files that
have none published, and which licences were shown or accepted. The records are two small JSON
files in the folder, replaced whole, one process at a time. Looking never makes the folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from facesearch.errors import InvalidValue, ModelError
from facesearch.file_lock import file_lock
from facesearch.folders import models_folder, sync_folder, write_whole
from facesearch.models.files import checked_digest, checked_name, disk_errors

DIGESTS_NAME = "trusted-digests.json"
LICENCES_NAME = "licences.json"
_FORMAT = 1


def weights_folder() -> Path:
    """Where downloaded weight files lie.

    deepface's own loaders look in $DEEPFACE_HOME/.deepface/weights: with DEEPFACE_HOME set to
    `models_folder()` they find the verified files here, and nothing is copied.
    """
    return models_folder() / ".deepface" / "weights"


def own_models_folder() -> Path:
    """Where models that users added lie, each in a folder of its own."""
    return models_folder() / "own"


class Trust(StrEnum):
    """How a digest that nobody published came to count."""

    STATED = "stated"
    FIRST_USE = "trusted on first use"


@dataclass(frozen=True, slots=True)
class TrustRecord:
    """A digest that counts on this machine.

    Attributes:
        sha256: 64 hexadecimal digits, lower case.
        how: who vouches for it: the user, or the first download.
        when: it was recorded, with a time zone.

    Raises:
        InvalidValue: no SHA-256, or a time without a zone.
    """

    sha256: str
    how: Trust
    when: datetime

    def __post_init__(self) -> None:
        if checked_digest(self.sha256) != self.sha256:
            raise InvalidValue(f"digests are recorded in lower case, not as {self.sha256!r}")
        _check_zone(self.when)

    def document(self) -> dict[str, Any]:
        """As it is written in JSON."""
        return {"sha256": self.sha256, "how": self.how.value, "when": self.when.isoformat()}

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Self:
        """From JSON; ValueError, KeyError or TypeError where it is none."""
        return cls(entry["sha256"], Trust(entry["how"]), datetime.fromisoformat(entry["when"]))


class Consent(StrEnum):
    """What became of a licence."""

    SHOWN = "shown"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class LicenceRecord:
    """A licence that the user of this machine has seen.

    Attributes:
        licence: its text or identifier, as the catalogue had it.
        consent: whether it was agreed to, or only shown.
        when: with a time zone.

    Raises:
        InvalidValue: a time without a zone.
    """

    licence: str
    consent: Consent
    when: datetime

    def __post_init__(self) -> None:
        _check_zone(self.when)

    def document(self) -> dict[str, Any]:
        """As it is written in JSON."""
        return {
            "licence": self.licence,
            "consent": self.consent.value,
            "when": self.when.isoformat(),
        }

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Self:
        """From JSON; ValueError, KeyError or TypeError where it is none."""
        licence = entry["licence"]
        if not isinstance(licence, str):
            raise ValueError(f"a licence is text, not {licence!r}")
        return cls(licence, Consent(entry["consent"]), datetime.fromisoformat(entry["when"]))


def trusted_digest(name: str) -> TrustRecord | None:
    """The record for a weight file; None where there is none.

    Raises:
        ModelError: the records cannot be read.
    """
    entries = _entries(DIGESTS_NAME)
    return _read(TrustRecord, DIGESTS_NAME, entries[name]) if name in entries else None


def trust(name: str, sha256: str, how: Trust) -> None:
    """Record that only this content counts as that weight file, in place of any other record.

    Raises:
        InvalidValue: no name of a weight file, or no SHA-256.
        ModelError: it cannot be recorded.
    """
    record = TrustRecord(checked_digest(sha256), how, datetime.now(UTC))
    adopt({checked_name(name): record}, {})


def accepted_licence(model: str) -> LicenceRecord | None:
    """What is recorded about a model's licence; None where it was never shown.

    Raises:
        ModelError: the records cannot be read.
    """
    entries = _entries(LICENCES_NAME)
    return _read(LicenceRecord, LICENCES_NAME, entries[model]) if model in entries else None


def accept_licence(model: str, licence: str, consent: Consent = Consent.ACCEPTED) -> None:
    """Record that a licence was agreed to, or shown.

    Raises:
        ModelError: it cannot be recorded.
    """
    adopt({}, {model: LicenceRecord(licence, consent, datetime.now(UTC))})


def adopt(trusted: Mapping[str, TrustRecord], licences: Mapping[str, LicenceRecord]) -> None:
    """Record digests by file name and licences by model, in place of any other record of them.

    Raises:
        ModelError: they cannot be recorded.
    """
    for name, records in ((DIGESTS_NAME, trusted), (LICENCES_NAME, licences)):
        if records:
            _add(name, records)


@contextmanager
def lock(
    name: str,
    model: str,
    *,
    wait_s: float = 60.0,
    on_wait: Callable[[int | None], None] | None = None,
) -> Iterator[None]:
    """Keep other processes from changing what has that name in the folder of models.

    Args:
        name: of a weight file or of records.
        model: that errors are about.
        wait_s: how long to wait for another process; infinity waits on.
        on_wait: called with its process id, None when unknown, about five times a second
            while waiting; what it raises ends that.

    Raises:
        ModelError: the lock file cannot be made, or the waiting time ran out.
    """
    folder = models_folder() / "locks"
    with disk_errors(model, folder):
        folder.mkdir(parents=True, exist_ok=True)

    def busy(holder: int | None) -> ModelError:
        who = "another process" if holder is None else f"process {holder}"
        return ModelError(
            model,
            f"{who} is changing {name} in {models_folder()} and did not finish within "
            f"{wait_s:g} s; wait for it, or stop it, then run again",
        )

    with file_lock(
        folder / f"{name.replace('/', '--')}.lock",
        wait_s,
        busy=busy,
        errors=lambda: disk_errors(model, folder),
        on_wait=on_wait,
    ):
        yield


class _Record(Protocol):
    def document(self) -> dict[str, Any]: ...


def _add(name: str, records: Mapping[str, _Record]) -> None:
    with lock(name, name):
        entries = {**_entries(name), **{key: one.document() for key, one in records.items()}}
        document = {"format": _FORMAT, "records": dict(sorted(entries.items()))}
        with disk_errors(name, models_folder()):
            data = json.dumps(document, indent=2, ensure_ascii=False).encode()
            write_whole(models_folder() / name, data)
            sync_folder(models_folder())


def _entries(name: str) -> dict[str, Any]:
    try:
        data = (models_folder() / name).read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ModelError(
            name,
            f"cannot read {models_folder() / name} ({error.strerror}): allow reading it, or set "
            "FACESEARCH_MODELS to another folder",
        ) from error
    try:
        document = json.loads(data)
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']!r}, expected {_FORMAT}")
        entries = document["records"]
        if not isinstance(entries, dict):
            raise ValueError(f"records are {type(entries).__name__}, expected an object")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(name, error) from error
    return entries


_Kind = TypeVar("_Kind", TrustRecord, LicenceRecord)


def _read(kind: type[_Kind], name: str, entry: Any) -> _Kind:
    try:
        return kind.read(entry)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> ModelError:
    path = models_folder() / name
    again = {
        DIGESTS_NAME: "delete it and state the digests again, with `facesearch models get MODEL "
        "--sha256 DIGEST`",
        LICENCES_NAME: "delete it and agree to licences again, with `facesearch models get MODEL "
        "--accept-license`",
    }[name]
    return ModelError(
        name, f"{path} is damaged ({error}); nothing was changed. Put back a copy, or {again}"
    )


def _check_zone(when: datetime) -> None:
    if when.tzinfo is None:
        raise InvalidValue(f"records carry times with a time zone, not {when}")
