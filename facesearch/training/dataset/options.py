"""What a dataset is to be: how chips are cut, which people, how they are split and stored.

In: numbers and names. Out: `DatasetOptions`, checked, and as a document that says whether two
datasets are the same.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from facesearch.errors import InvalidValue
from facesearch.evaluation.embedding import FaceSelection
from facesearch.models.catalogue import DEFAULT_DETECTOR
from facesearch.models.templates import TemplateFamily

SMALLEST_CHIP_PX, LARGEST_CHIP_PX = 16, 1024


class Split(StrEnum):
    """What a chip is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class SplitKind(StrEnum):
    """How chips are told apart.

    BY_PHOTO: each person's photos are divided, so that all people are trained on: for
    classification. BY_PERSON: people are divided, so that nobody who is judged was trained
    on: for verification. PUBLISHED: as the publishers of CelebA and VGGFace2 divided them.
    """

    BY_PHOTO = "by-photo"
    BY_PERSON = "by-person"
    PUBLISHED = "published"


class Storage(StrEnum):
    """How chips lie on the disk: many in each TFRecord file, or SPLIT/NAME/*.jpg."""

    TFRECORDS = "tfrecords"
    FOLDERS = "folders"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetOptions:
    """What a dataset is to be.

    Attributes:
        chip_px: width and height of the chips.
        template: where the landmarks lie in them; None only for `already_aligned` pictures
            whose framing has no name here.
        already_aligned: the photos are chips: no face is looked for, the largest square in
            their middle is resized.
        face: which face counts where a photo shows several.
        detector: what finds faces, by its name in the catalogue.
        jpeg_quality: of the stored chips, 1..100.
        min_photos: people with fewer usable photos are left out. With 1, people with one
            photo are trained on and never validated (by photo).
        max_photos: photos taken of each person, chosen at random; None for all. May be fewer
            than `min_photos`, which is about the photos that there are.
        people: names to take; None for everybody.
        split, fractions: how, and into which shares: train and validation, or train,
            validation and test; they add up to 1.
        seed: of all random choices.
        storage: how chips lie on the disk.
        shard_bytes: TFRecord files are about this large.
        device: what the detector runs on. Not part of what a dataset is, as `workers`.
        workers: threads; None for one per CPU.

    Raises:
        InvalidValue: out of range.
    """

    chip_px: int = 112
    template: TemplateFamily | None = TemplateFamily.ARCFACE
    already_aligned: bool = False
    face: FaceSelection = FaceSelection.CENTRAL
    detector: str = DEFAULT_DETECTOR
    jpeg_quality: int = 95
    min_photos: int = 2
    max_photos: int | None = None
    people: tuple[str, ...] | None = None
    split: SplitKind = SplitKind.BY_PHOTO
    fractions: tuple[float, ...] = (0.7, 0.3)
    seed: int = 0
    storage: Storage = Storage.TFRECORDS
    shard_bytes: int = 32_000_000
    device: str = "auto"
    workers: int | None = None

    def __post_init__(self) -> None:
        if not SMALLEST_CHIP_PX <= self.chip_px <= LARGEST_CHIP_PX:
            raise InvalidValue(
                f"chips are {SMALLEST_CHIP_PX} to {LARGEST_CHIP_PX} px wide, not {self.chip_px}"
            )
        if self.template is None and not self.already_aligned:
            raise InvalidValue("a template is needed to cut chips with: arcface, dlib, ...")
        if not 1 <= self.jpeg_quality <= 100:
            raise InvalidValue(f"JPEG quality is 1 to 100, not {self.jpeg_quality}")
        if self.min_photos < 1:
            raise InvalidValue(f"at least 1 photo of each person is needed, not {self.min_photos}")
        if self.max_photos is not None and self.max_photos < 1:
            raise InvalidValue(f"at least 1 photo of each person is taken, not {self.max_photos}")
        if self.people is not None and not self.people:
            raise InvalidValue("the list of people to take names nobody")
        _check_fractions(self.fractions)
        if self.seed < 0:
            raise InvalidValue(f"a seed is 0 or more, not {self.seed}")
        if self.shard_bytes < 100_000:
            raise InvalidValue(f"a shard holds at least 0.1 MB, not {self.shard_bytes} bytes")
        if self.workers is not None and self.workers < 1:
            raise InvalidValue(f"at least 1 thread is needed, not {self.workers}")

    @property
    def shares(self) -> dict[Split, float]:
        """The share of each split, 0 for one that is not wanted."""
        return dict(zip(Split, (*self.fractions, 0.0)[:3], strict=True))

    def chip_document(self) -> dict[str, Any]:
        """What decides how a chip looks; chips made under the same can be gone on from."""
        return {
            "chip_px": self.chip_px,
            "template": None if self.template is None else self.template.value,
            "already_aligned": self.already_aligned,
            "face": self.face.value,
            "detector": self.detector,
            "jpeg_quality": self.jpeg_quality,
        }

    def document(self) -> dict[str, Any]:
        """All that decides what is in the dataset, in plain JSON types."""
        people: dict[str, Any] | None = None
        if self.people is not None:
            names = sorted(set(self.people))
            digest = hashlib.sha256("\n".join(names).encode("utf-8", "surrogatepass"))
            people = {"names": len(names), "sha256": digest.hexdigest()}
        return {
            **self.chip_document(),
            "min_photos": self.min_photos,
            "max_photos": self.max_photos,
            "people": people,
            "split": self.split.value,
            "fractions": list(self.fractions),
            "seed": self.seed,
            "storage": self.storage.value,
            "shard_bytes": self.shard_bytes,
        }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two documents, in words such as "seed was 0 and is 1"."""
    return [
        f"{name} was {_shown(before.get(name))} and is {_shown(now.get(name))}"
        for name in dict.fromkeys((*before, *now))
        if before.get(name) != now.get(name)
    ]


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(str(part) for part in value.values())
    return "not said" if value is None else str(value)


def _check_fractions(fractions: tuple[float, ...]) -> None:
    sound = (
        len(fractions) in (2, 3)
        and all(math.isfinite(share) and 0 <= share <= 1 for share in fractions)
        and fractions[0] > 0
        and abs(sum(fractions) - 1) < 1e-6
    )
    if not sound:
        raise InvalidValue(
            "fractions are two or three shares that add up to 1, for train, validation and test, "
            f"such as 0.7,0.3 or 0.7,0.15,0.15, not {','.join(f'{s:g}' for s in fractions)}"
        )
