"""What a report says of a network: figures, and the chips that show its errors.

In: what was measured. Out: records that go into a run's report.json and come back from it. Loads
no TensorFlow.
"""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facesearch.folders import write_whole
from facesearch.training.recipes.base import LayerFacts
from facesearch.training.report.naming import Naming
from facesearch.training.report.placing import Places
from facesearch.training.report.records import of_plain, to_plain
from facesearch.training.report.telling import Telling
from facesearch.values import ByteArray

MEASURED_FILE = "report.json"
_FORMAT = "facesearch-training-report-1"
_JPEG_QUALITY = 88


@dataclass(frozen=True, slots=True)
class Key:
    """What figures were measured on: with another key they have to be measured anew.

    Attributes:
        network: SHA-256 of best.keras.
        dataset: digest of the dataset.
        has_embedding: whether the network's embedding was ready to be looked at.
        format: of the file.
    """

    network: str
    dataset: str
    has_embedding: bool
    format: str = _FORMAT


@dataclass(frozen=True, slots=True)
class ShownChip:
    """A chip to show.

    Attributes:
        position: among those that were measured.
        person: who is on it.
        photo: it was cut from, relative to the dataset's source.
        jpeg: the chip, in base64.
    """

    position: int
    person: str
    photo: str
    jpeg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How a network does on chips that it was not trained on.

    Attributes:
        key: what was measured.
        epoch: the network is the one of.
        split: the chips are of.
        chips: that were measured.
        chips_in_split: that there are.
        people: on them, by name, one for each chip.
        dimension: of the embedding.
        layers: of the network, in order.
        naming: how it names people; None where it does not.
        telling: how its embeddings tell people apart; empty where that cannot be judged.
        places: of embeddings on a picture; None where there are too few.
        shown: chips that belong to errors.
        notes: sentences on what could not be measured.
        device: the network ran on.
        seconds: it took.
        made: date and time in ISO 8601, UTC.
        facesearch: the version that measured.
    """

    key: Key
    epoch: int
    split: str
    chips: int
    chips_in_split: int
    people: tuple[str, ...]
    dimension: int
    layers: tuple[LayerFacts, ...]
    naming: Naming | None
    telling: tuple[Telling, ...]
    places: Places | None
    shown: tuple[ShownChip, ...]
    notes: tuple[str, ...]
    device: str
    seconds: float
    made: str
    facesearch: str


def kept(run: Path, key: Key) -> Measured | None:
    """What was measured before; None where nothing was, or of another network or dataset."""
    try:
        document = json.loads((run / MEASURED_FILE).read_bytes())
        found = of_plain(Measured, document)
    except (OSError, ValueError, TypeError, KeyError):
        return None  # it is no one's work: measuring again gives the same
    return found if found.key == key else None


def keep(run: Path, measured: Measured) -> None:
    """Write what was measured into a run's folder.

    Raises:
        OSError: it cannot be written.
    """
    document = json.dumps(to_plain(measured), ensure_ascii=True)
    write_whole(run / MEASURED_FILE, document.encode("ascii") + b"\n")


def as_jpeg(chip: ByteArray) -> str:
    """A chip, uint8 (h, w, 3), as a JPEG in base64."""
    import PIL.Image

    encoded = io.BytesIO()
    PIL.Image.fromarray(np.ascontiguousarray(chip)).save(
        encoded, "JPEG", quality=_JPEG_QUALITY, optimize=True
    )
    return base64.b64encode(encoded.getvalue()).decode("ascii")
