"""What a dataset says about itself: dataset.json, chips.csv and labels.txt.

In: values. Out: files; and back, checked, so that a folder whose lists do not belong together
is refused by file and line. dataset.json is written last: a folder that has one is complete.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from facesearch.errors import InvalidDataset
from facesearch.folders import write_whole
from facesearch.photos.files import printable, words_for
from facesearch.training.dataset.options import Split, SplitKind, Storage

MANIFEST, CHIPS, LABELS, FAILURES = "dataset.json", "chips.csv", "labels.txt", "failures.csv"
_FORMAT = 1
_COLUMNS = ("id", "label", "split", "person", "photo", "sha256", "bytes", "file")
_FAILURE_COLUMNS = ("photo", "person", "reason", "detail")


@dataclass(frozen=True, slots=True)
class ChipRow:
    """One chip, as a line of chips.csv.

    Attributes:
        id: 16 hexadecimal digits.
        label: of the person, from 0.
        split: what it is for.
        person: the class's name.
        photo: it was cut from, relative to the source where it lies in it.
        sha256: of its JPEG bytes.
        bytes: how many they are.
        file: that holds it, relative to the dataset.
    """

    id: str
    label: int
    split: Split
    person: str
    photo: str
    sha256: str
    bytes: int
    file: str


@dataclass(frozen=True, slots=True)
class Template:
    """How chips are framed: the family, and five points (x, y) in chip pixels."""

    family: str
    name: str
    points: tuple[tuple[float, float], ...]
    turns: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What dataset.json says.

    Attributes:
        name: of the dataset: its folder's.
        chip_px: width and height of its chips.
        template: how they are framed; None where nobody said.
        storage: how they lie on the disk.
        classes: people in the order of their labels.
        split: BY_PHOTO or BY_PERSON, whichever is true of it.
        published: it was split by its publishers.
        fractions, seed: what it was split with.
        counts: chips of each split.
        people: people of each split.
        digest: of what it holds; see `digest_of`.
        files: bytes of each TFRecord file, by name; empty for folders.
        source: kind and place of the photos.
        options: that it was made with, as `DatasetOptions.document`.
        failures: photos that gave no chip.
        left_out: people who had too few.
        created: date and time in ISO 8601, UTC.
        facesearch: the version that made it.
    """

    name: str
    chip_px: int
    template: Template | None
    storage: Storage
    classes: tuple[str, ...]
    split: SplitKind
    published: bool
    fractions: tuple[float, ...]
    seed: int
    counts: dict[Split, int]
    people: dict[Split, int]
    digest: str
    files: dict[str, int]
    source: dict[str, str]
    options: dict[str, Any]
    failures: int
    left_out: int
    created: str
    facesearch: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; the keys are the attributes' names."""
        return {"format": f"facesearch-dataset-{_FORMAT}", **asdict(self)}


def digest_of(chips: Iterable[ChipRow]) -> str:
    """SHA-256 over each chip's SHA-256, label and split, in their stored order."""
    digest = hashlib.sha256()
    for chip in chips:
        digest.update(f"{chip.sha256} {chip.label} {chip.split.value}\n".encode())
    return digest.hexdigest()


def write_lists(
    folder: Path,
    chips: Iterable[ChipRow],
    classes: Iterable[str],
) -> None:
    """Write chips.csv and labels.txt.

    Raises:
        OSError: they cannot be written.
    """
    rows = ([getattr(chip, column) for column in _COLUMNS] for chip in chips)
    write_whole(folder / CHIPS, _csv(_COLUMNS, rows))
    labels = "".join(f"{name}\n" for name in classes)
    write_whole(folder / LABELS, labels.encode("utf-8", "surrogateescape"))


def write_failures(folder: Path, failures: Iterable[tuple[str, str, str, str]]) -> None:
    """Write failures.csv: photo, person, reason and a sentence of what gave no chip.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(folder / FAILURES, _csv(_FAILURE_COLUMNS, failures))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write dataset.json: the dataset is complete.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(manifest.to_json(), indent=1, ensure_ascii=True)
    write_whole(folder / MANIFEST, text.encode("ascii") + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """What dataset.json says.

    Raises:
        InvalidDataset: there is no such folder or no dataset in it, it was not finished, or a
            later facesearch made it.
    """
    shown = printable(str(folder))
    try:
        document = json.loads((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InvalidDataset(
            shown,
            "no finished dataset here: make one with facesearch dataset make; run again, it goes "
            "on where it was stopped",
        ) from error
    except OSError as error:
        raise InvalidDataset(shown, f"dataset.json cannot be read: {words_for(error)}") from error
    except ValueError as error:
        raise InvalidDataset(f"{shown}/{MANIFEST}", "is no JSON; make the dataset anew") from error
    kind = document.get("format") if isinstance(document, dict) else None
    if kind != f"facesearch-dataset-{_FORMAT}":
        raise InvalidDataset(
            f"{shown}/{MANIFEST}",
            f"format {kind} is not known here: it is of a later facesearch, or no dataset",
        )
    try:
        return _manifest(document)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidDataset(
            f"{shown}/{MANIFEST}", f"lacks something or was changed ({error}); make it anew"
        ) from error


def read_chips(folder: Path, manifest: Manifest) -> Iterator[ChipRow]:
    """The lines of chips.csv, in stored order.

    Raises:
        InvalidDataset: naming file and line: malformed, or at odds with the classes.
    """
    shown = f"{printable(str(folder))}/{CHIPS}"
    text = _text(folder / CHIPS, shown)
    rows = csv.reader(io.StringIO(text, newline=""))
    if tuple(next(rows, ())) != _COLUMNS:
        raise InvalidDataset(shown, f"expected the columns {', '.join(_COLUMNS)}", line=1)
    for row in rows:
        try:
            id, label, split, person, photo, sha256, size, file = row
            chip = ChipRow(id, int(label), Split(split), person, photo, sha256, int(size), file)
            is_known = 0 <= chip.label < len(manifest.classes)
        except ValueError as error:
            raise InvalidDataset(shown, f"malformed: {error}", line=rows.line_num) from error
        if not is_known or manifest.classes[chip.label] != person:
            raise InvalidDataset(
                shown,
                f"label {label} is not {printable(person)} in {LABELS}; make the dataset anew",
                line=rows.line_num,
            )
        yield chip


def check_labels(folder: Path, manifest: Manifest) -> None:
    """Check that labels.txt says what dataset.json says.

    Raises:
        InvalidDataset: naming the first line that differs.
    """
    shown = f"{printable(str(folder))}/{LABELS}"
    lines = _text(folder / LABELS, shown).split("\n")[:-1]
    for number, name in enumerate(manifest.classes, 1):
        found = lines[number - 1] if number <= len(lines) else None
        if found != name:
            what = "it ends there" if found is None else f"found {printable(found)}"
            raise InvalidDataset(
                shown,
                f"does not fit the dataset: expected {printable(name)}, {what}; copy the folder "
                "anew, or make it anew",
                line=number,
            )
    if len(lines) > len(manifest.classes):
        raise InvalidDataset(
            shown,
            f"does not fit the dataset: more than its {len(manifest.classes)} classes",
            line=len(manifest.classes) + 1,
        )


def _manifest(document: Mapping[str, Any]) -> Manifest:
    values = {name: document[name] for name in Manifest.__dataclass_fields__}
    if (framed := values["template"]) is not None:
        points = tuple((float(x), float(y)) for x, y in framed["points"])
        values["template"] = Template(framed["family"], framed["name"], points, framed["turns"])
    values["classes"] = tuple(values["classes"])
    values["fractions"] = tuple(values["fractions"])
    values["storage"] = Storage(values["storage"])
    values["split"] = SplitKind(values["split"])
    for name in ("counts", "people"):
        values[name] = {split: int(values[name][split]) for split in Split}
    # The size is stated twice: whoever changed one of the two is found out.
    if type(values["chip_px"]) is not int or values["chip_px"] != values["options"]["chip_px"]:
        raise ValueError(f"chip_px is {values['chip_px']}")
    return Manifest(**values)


def _text(path: Path, shown: str) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise InvalidDataset(
            shown, f"cannot be read: {words_for(error)}; make the dataset anew"
        ) from error


def _csv(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")
