"""Measuring the rates of a model on photos of known people.

In: the name of an embedder and a folder. Out: a table of rates of its space in the folder of
models, where `rates.measured_rates` finds it from then on, and what it says.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import facesearch
from facesearch.errors import InvalidDataset, InvalidValue
from facesearch.evaluation.embedding import NO_FACE, EmbeddedPhotos, OnProgress
from facesearch.evaluation.people_folder import PeopleFolder, find_people
from facesearch.evaluation.runs import EvaluationOptions, Run
from facesearch.folders import write_whole
from facesearch.models.catalogue import DEFAULT_DETECTOR, embedder_spec
from facesearch.options import engine_named
from facesearch.photos.files import printable
from facesearch.photos.walk import AnyPath
from facesearch.rates import SpaceRates
from facesearch.rates.measuring import PHOTOS_PER_PERSON, Sample, table_of
from facesearch.rates.tables import has_shipped_rates, read_table, user_table

ENOUGH_PEOPLE = 50
"""From so many people on, rates hold within a factor of two or so; see `measuring.table_of`."""


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredRates:
    """What was measured, and where it lies.

    Attributes:
        embedder: its name.
        rates: of single faces; `rates.space` and `rates.provenance` say of what.
        path: of the table.
        references: faces fused into the probe, for each part of the table.
        smallest_fmr: the smallest rate that was seen; smaller ones are drawn on along a line.
        no_face, unreadable: photos that gave no vector; they take no part.
        warnings: sentences for the user.
    """

    embedder: str
    rates: SpaceRates
    path: Path
    references: tuple[int, ...]
    smallest_fmr: float
    no_face: int
    unreadable: int
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; keys are the attribute names, but `rates` is told by its parts."""
        return {
            "embedder": self.embedder,
            "space": self.rates.space,
            "path": str(self.path),
            "provenance": dataclasses.asdict(self.rates.provenance),
            "references": list(self.references),
            "smallest_fmr": self.smallest_fmr,
            "no_face": self.no_face,
            "unreadable": self.unreadable,
            "warnings": list(self.warnings),
        }


def measure_rates(
    embedder: str,
    folder: AnyPath,
    *,
    engine: str = "auto",
    detector: str = DEFAULT_DETECTOR,
    device: str = "auto",
    workers: int | None = None,
    keep_embeddings: bool = True,
    cache_folder: Path | None = None,
    on_progress: OnProgress | None = None,
) -> MeasuredRates:
    """Measure which false match rates the distances of an embedder's space have.

    Args:
        embedder: name in the catalogue of models.
        folder: NAME/*.jpg, or LFW with its pairs.txt. At least `measuring.LEAST_PEOPLE` people.
        engine, detector, device, workers, keep_embeddings, cache_folder: as for
            `EvaluationOptions`.
        on_progress: told how far it is.

    Raises:
        PhotoNotFound: no such folder.
        InvalidDataset: there are no such photos, or hardly two faces differ.
        InvalidValue: the rates of this space ship with facesearch, and those are used.
        TooFewFaces: too few people or pairs; says how many there are and how many it takes.
        UnknownModel, ModelError: the models are unknown or cannot be loaded.
        OSError: the table cannot be written.
    """
    spec = embedder_spec(embedder, engine_named(engine))
    options = EvaluationOptions(
        embedder=spec.name,
        engine=engine,
        detector=detector,
        device=device,
        workers=workers,
        keep_embeddings=keep_embeddings,
        cache_folder=cache_folder,
    )
    if has_shipped_rates(spec.space):
        raise InvalidValue(
            f"the rates of {spec.name} ship with facesearch, measured on millions of pairs, and "
            "are used as they are; facesearch calibrate fits them to the faces of a library"
        )
    files = find_people(folder)
    photos = Run(options, on_progress).embed(files.paths)
    kept, warnings = _without_copies(photos)
    sample = Sample.of(photos.vectors[kept], [files.people[row] for row in kept])
    table = table_of(sample, photos.space, source=_last(files), made_by=_how(photos))
    warnings = [*files.warnings, *warnings, *photos.warnings]
    result = _described(spec.name, table, user_table(photos.space), photos, warnings)
    write_whole(result.path, (json.dumps(table, indent=1) + "\n").encode("utf-8"))
    return result


def _described(
    name: str, table: dict[str, Any], path: Path, photos: EmbeddedPhotos, warnings: list[str]
) -> MeasuredRates:
    """What a table says, after reading it as whoever uses it will."""
    text = json.dumps(table)
    references = tuple(part["references"] for part in table["tables"])
    try:
        for number in references:
            read_table(text, references=number)
    except InvalidValue as error:
        raise InvalidDataset(
            table["provenance"]["source"],
            f"no rates can be measured with {name}: too many pairs have the same distance, as if "
            "many photos showed one picture, or the network did not tell faces apart",
        ) from error
    rates = read_table(text)
    people = rates.provenance.people
    if people < ENOUGH_PEOPLE:
        warnings.append(
            f"rates measured with {people} people may be off by several times; "
            f"{ENOUGH_PEOPLE} or more make them reliable"
        )
    no_face = sum(failure.reason == NO_FACE for failure in photos.failures)
    return MeasuredRates(
        embedder=name,
        rates=rates,
        path=path,
        references=references,
        smallest_fmr=float(table["tables"][0]["impostors"]["rates"][0]),
        no_face=no_face,
        unreadable=len(photos.failures) - no_face,
        warnings=tuple(warnings),
    )


def _without_copies(photos: EmbeddedPhotos) -> tuple[list[int], list[str]]:
    """Rows of photos with a face, each face once: copies would pass for easy pairs."""
    found = np.flatnonzero(photos.found)
    _, first = np.unique(photos.vectors[found], axis=0, return_index=True)
    kept = found[np.sort(first)].tolist()
    copies = len(found) - len(kept)
    if not copies:
        return kept, []
    return kept, [f"{copies:,} of the photos are copies of others, and were left out"]


def _last(files: PeopleFolder) -> str:
    if files.lfw is not None:
        return f"Labeled Faces in the Wild ({printable(Path(files.folder).name)})"
    return printable(Path(files.folder).name)


def _how(photos: EmbeddedPhotos) -> str:
    return ", ".join(
        (
            "facesearch models calibrate",
            datetime.now(UTC).date().isoformat(),
            f"all pairs of at most {PHOTOS_PER_PERSON} photos a person",
            "the face nearest to the middle of each photo",
            f"detector {photos.detector_key}",
            f"facesearch {facesearch.__version__}",
        )
    )
