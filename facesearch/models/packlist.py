"""What lies in a folder of packed models: its manifest.

In: the folder, or what was packed. Out: a checked `PackList`, or the JSON to write.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from facesearch.errors import InvalidValue, ModelError
from facesearch.models.files import checked_digest, checked_name, file_digest
from facesearch.models.store import LicenceRecord, TrustRecord

MANIFEST_NAME = "facesearch-models.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file in the folder.

    Attributes:
        name: its place in the folder of weights, or in its model's, with forward slashes.
        sha256: 64 hexadecimal digits.
        size_bytes: at least 0.
        models: that it is for; empty for files of models that users added.

    Raises:
        InvalidValue: the name leads elsewhere, or digest or size are none.
    """

    name: str
    sha256: str
    size_bytes: int
    models: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checked_name(self.name)
        checked_digest(self.sha256)
        if type(self.size_bytes) is not int or self.size_bytes < 0:
            raise InvalidValue(f"a size is a number of bytes, not {self.size_bytes!r}")

    def is_at(self, path: Path) -> bool:
        """Whether that is the file, by its SHA-256."""
        return (
            path.is_file()
            and path.stat().st_size == self.size_bytes
            and file_digest(path) == self.sha256
        )

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Self:
        """From JSON; ValueError, KeyError, TypeError or AttributeError where it is none."""
        models = tuple(str(model) for model in entry.get("models", ()))
        return cls(entry["name"], entry["sha256"], entry["size_bytes"], models)

    def document(self) -> dict[str, Any]:
        """As it is written in JSON."""
        document = {"name": self.name, "sha256": self.sha256, "size_bytes": self.size_bytes}
        return {**document, "models": list(self.models)} if self.models else document


@dataclass(frozen=True, slots=True)
class PackedModel:
    """A model that a user added.

    Attributes:
        name: of its folder.
        files: all that is in it.

    Raises:
        InvalidValue: no name of a folder.
    """

    name: str
    files: tuple[PackedFile, ...]

    def __post_init__(self) -> None:
        if "/" in checked_name(self.name) or self.name.startswith("."):
            raise InvalidValue(f"{self.name!r} is no name of a model")


@dataclass(frozen=True, slots=True)
class PackList:
    """All that was packed.

    Attributes:
        files: weight files.
        own: models that users added.
        trusted: how the digests of weight files without a published one came to count.
        licences: of models, as they were shown or accepted.
    """

    files: tuple[PackedFile, ...]
    own: tuple[PackedModel, ...]
    trusted: Mapping[str, TrustRecord]
    licences: Mapping[str, LicenceRecord]

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        own = (file for model in self.own for file in model.files)
        return sum(file.size_bytes for file in (*self.files, *own))

    def encode(self) -> bytes:
        """As the manifest holds it."""
        document = {
            "format": _FORMAT,
            "files": [file.document() for file in self.files],
            "own_models": [
                {"name": model.name, "files": [file.document() for file in model.files]}
                for model in self.own
            ],
            "trusted_digests": {name: one.document() for name, one in self.trusted.items()},
            "licences": {model: one.document() for model, one in self.licences.items()},
        }
        return json.dumps(document, indent=2, ensure_ascii=False).encode()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """From a folder's manifest.

        Raises:
            ModelError: there is none, or it is damaged or of a later format.
        """
        path = folder / MANIFEST_NAME
        try:
            document = json.loads(path.read_bytes())
            if document["format"] != _FORMAT:
                raise ValueError(f"format {document['format']!r}, this facesearch reads {_FORMAT}")
            return cls(
                tuple(PackedFile.read(entry) for entry in document["files"]),
                tuple(
                    PackedModel(
                        entry["name"], tuple(PackedFile.read(file) for file in entry["files"])
                    )
                    for entry in document["own_models"]
                ),
                {
                    checked_name(name): TrustRecord.read(entry)
                    for name, entry in document["trusted_digests"].items()
                },
                {model: LicenceRecord.read(entry) for model, entry in document["licences"].items()},
            )
        except OSError as error:
            raise pack_error(
                folder, f"it has no readable {MANIFEST_NAME} ({error.strerror}), so it is not whole"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise pack_error(folder, f"its {MANIFEST_NAME} is damaged ({error})") from error


@dataclass(frozen=True, slots=True)
class PackReport:
    """What was packed or unpacked.

    Attributes:
        folder: that was written to or read from.
        files: names of weight files.
        own_models: names of models that users added.
        present: of both, what was there already and stayed.
        skipped: weight files that no model of this facesearch reads, left in the folder.
        size_bytes: of everything in the folder.
    """

    folder: Path
    files: tuple[str, ...]
    own_models: tuple[str, ...]
    present: tuple[str, ...]
    skipped: tuple[str, ...]
    size_bytes: int

    @classmethod
    def of(
        cls,
        folder: Path,
        listed: PackList,
        present: Sequence[str],
        skipped: tuple[str, ...] = (),
    ) -> Self:
        """The report about a folder with that list."""
        return cls(
            folder=folder,
            files=tuple(file.name for file in listed.files if file.name not in skipped),
            own_models=tuple(model.name for model in listed.own),
            present=tuple(present),
            skipped=skipped,
            size_bytes=listed.size_bytes,
        )


def pack_error(folder: Path, problem: str) -> ModelError:
    """The error for a folder that cannot be unpacked: nothing of it was used."""
    return ModelError(
        "models",
        f"cannot unpack {folder}: {problem}. Nothing was put in place. Run `facesearch models "
        "pack` again on the machine it comes from, and copy the whole folder",
    )
