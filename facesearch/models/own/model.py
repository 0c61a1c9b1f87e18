"""What is known of a model that a user added.

In: a record as JSON, or what adding found out. Out: an `OwnModel`, its place, its checked bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from facesearch.errors import InvalidValue, WeightsDamaged
from facesearch.models.base import Engine
from facesearch.models.files import checked_digest
from facesearch.models.heads import Head
from facesearch.models.own.content import content_digest
from facesearch.models.preprocessing import Channels, Layout, Number, Preprocessing
from facesearch.models.store import own_models_folder
from facesearch.models.templates import TemplateFamily, template_name

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FORMAT = 1
_FED_DIGITS, _FILE_DIGITS = 6, 16


class OwnKind(StrEnum):
    """What a model is for."""

    EMBEDDER = "embedder"
    DETECTOR = "detector"


class FileFormat(StrEnum):
    """What wrote the model file."""

    ONNX = "onnx"
    KERAS = "keras"

    @property
    def engine(self) -> Engine:
        """What runs it."""
        return Engine.ONNX if self is FileFormat.ONNX else Engine.TENSORFLOW


@dataclass(frozen=True, slots=True)
class Embeds:
    """What it takes to embed with a network.

    Attributes:
        template: how faces were aligned when it was trained; cut at the size of its input.
        dimension: numbers in an embedding, at least 1.
        output: the output to take; None where there is one.

    Raises:
        InvalidValue: no dimension.
    """

    template: TemplateFamily
    dimension: int
    output: str | None = None

    def __post_init__(self) -> None:
        if self.dimension < 1:
            raise InvalidValue(f"an embedding has at least 1 number, not {self.dimension}")


@dataclass(frozen=True, slots=True)
class Detects:
    """What it takes to find faces with a network: the decoding of its outputs."""

    head: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnModel:
    """A model that a user added.

    Attributes:
        name: what users call it.
        use: what it is for, and what that takes.
        file_format: of its file; decides the engine.
        file: its name in the model's folder. A Keras SavedModel is a folder.
        sha256: of the stored file; see `content_digest`.
        given_sha256: of what the user gave, which names the space. Another one than `sha256`
            where the file was stored with a free batch.
        size_bytes: of the stored file.
        preprocessing: what the network is fed.
        licence: as the user states it; empty where nothing was said.
        added: when, with a time zone.

    Raises:
        InvalidValue: no name, file, digest or time.
    """

    name: str
    use: Embeds | Detects
    file_format: FileFormat
    file: str
    sha256: str
    given_sha256: str
    size_bytes: int
    preprocessing: Preprocessing
    licence: str
    added: datetime

    def __post_init__(self) -> None:
        if NAME_PATTERN.fullmatch(self.name) is None:
            raise InvalidValue(f"{self.name!r} is no name of a model")
        if Path(self.file).name != self.file or self.file in ("", ".", ".."):
            raise InvalidValue(f"{self.file!r} is no file in the model's own folder")
        for digest in (self.sha256, self.given_sha256):
            if checked_digest(digest) != digest:
                raise InvalidValue(f"digests are recorded in lower case, not as {digest!r}")
        if self.added.tzinfo is None:
            raise InvalidValue(f"records carry times with a time zone, not {self.added}")

    @property
    def kind(self) -> OwnKind:
        """What it is for."""
        return OwnKind.EMBEDDER if isinstance(self.use, Embeds) else OwnKind.DETECTOR

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return own_models_folder() / self.name

    @property
    def path(self) -> Path:
        """The model file; not checked."""
        return self.folder / self.file

    def checked_path(self) -> Path:
        """The model file, or folder, after checking its SHA-256.

        Raises:
            WeightsDamaged: it is gone, cannot be read, or is not the one that was added.
        """
        try:
            found = content_digest(self.path)
        except OSError as error:
            raise self._unreadable(error) from error
        self._check(found)
        return self.path

    def checked_bytes(self) -> bytes:
        """The model file's bytes, after checking their SHA-256.

        Raises:
            WeightsDamaged: it is gone, cannot be read, or is not the one that was added.
        """
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise self._unreadable(error) from error
        self._check(hashlib.sha256(data).hexdigest())
        return data

    def _check(self, found: str) -> None:
        if found != self.sha256:
            raise WeightsDamaged(
                self.name,
                f"{self.path} is not the file that was added: its SHA-256 is {found}, expected "
                f"{self.sha256}. Nothing was run with it: {what_to_do(self.name)}",
            )

    def _unreadable(self, error: OSError) -> WeightsDamaged:
        return WeightsDamaged(
            self.name,
            f"cannot read {self.path} ({error.strerror or error}): {what_to_do(self.name)}",
        )

    def document(self) -> dict[str, Any]:
        """As it is written in JSON."""
        return {
            "format": _FORMAT,
            "name": self.name,
            "kind": self.kind,
            **asdict(self.use),
            "file_format": self.file_format,
            "engine": self.file_format.engine,
            "file": self.file,
            "sha256": self.sha256,
            "given_sha256": self.given_sha256,
            "size_bytes": self.size_bytes,
            "preprocessing": asdict(self.preprocessing),
            "licence": self.licence,
            "added": self.added.isoformat(),
        }

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Self:
        """From JSON; ValueError, KeyError or TypeError where it is none."""
        if entry["format"] != _FORMAT:
            raise ValueError(f"format {entry['format']!r}, expected {_FORMAT}")
        fed = entry["preprocessing"]
        return cls(
            name=_text(entry["name"]),
            use=_use(entry),
            file_format=FileFormat(entry["file_format"]),
            file=_text(entry["file"]),
            sha256=_text(entry["sha256"]),
            given_sha256=_text(entry["given_sha256"]),
            size_bytes=int(entry["size_bytes"]),
            preprocessing=Preprocessing(
                width_px=int(fed["width_px"]),
                height_px=int(fed["height_px"]),
                channels=Channels(fed["channels"]),
                layout=Layout(fed["layout"]),
                mean=_three(fed["mean"]),
                scale=_three(fed["scale"]),
                standardise=bool(fed["standardise"]),
                number=Number(fed["number"]),
            ),
            licence=_text(entry["licence"]),
            added=datetime.fromisoformat(entry["added"]),
        )


def space_of(model: OwnModel, use: Embeds) -> str:
    """The space of an embedder: its file, its template and what the network is fed.

    Two ways of feeding one file are two spaces.
    """
    about = json.dumps([asdict(model.preprocessing), use.output], sort_keys=True)
    fed = hashlib.sha256(about.encode()).hexdigest()[:_FED_DIGITS]
    aligned = template_name(use.template, model.preprocessing.side_px)
    return f"{model.name}@{model.given_sha256[:8]}:{aligned}-{fed}"


def stored_name(sha256: str, suffix: str) -> str:
    """What a model file is called in the model's folder."""
    return f"{sha256[:_FILE_DIGITS]}{suffix}"


def now() -> datetime:
    """The time for records: UTC, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def what_to_do(name: str) -> str:
    """How to get rid of a damaged model, in words."""
    return f"add {name} again with --replace, or remove it with facesearch models remove {name}"


def _use(entry: Mapping[str, Any]) -> Embeds | Detects:
    if OwnKind(entry["kind"]) is OwnKind.DETECTOR:
        return Detects(Head(entry["head"]))
    output = entry["output"]
    return Embeds(
        TemplateFamily(entry["template"]),
        int(entry["dimension"]),
        None if output is None else _text(output),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, found {value!r}")
    return value


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
