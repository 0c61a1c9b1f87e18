"""The rates of a trained network's space, measured on the people its dataset keeps for judging.

In: an added model, its run and dataset. Out: a table of rates in the folder of models, where
`rates.measured_rates` finds it, and what it says. docs/guide has what rates are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

import facesearch
from facesearch.errors import InvalidDataset, InvalidValue
from facesearch.evaluation.model_rates import ENOUGH_PEOPLE, MeasuredRates
from facesearch.folders import write_whole
from facesearch.models.base import Device
from facesearch.models.catalogue import embedder_spec
from facesearch.models.embedding import embed_faces
from facesearch.models.onnx import Runtime
from facesearch.rates.measuring import PHOTOS_PER_PERSON, Sample, table_of
from facesearch.rates.tables import read_table, user_table
from facesearch.training.dataset.chips import ChipDataset
from facesearch.training.dataset.options import Split
from facesearch.training.folder import RunFolder

_JUDGING = (Split.VALIDATION, Split.TEST)


def measure_trained(
    name: str,
    run: RunFolder,
    dataset: ChipDataset,
    tell: Callable[[str, int, int | None], None],
) -> MeasuredRates:
    """Measure which false match rates the distances of a trained network's space have.

    Args:
        name: of the model, as it was added.
        run: that trained it.
        dataset: of that run.
        tell: told how many photos are embedded.

    Raises:
        TooFewFaces: too few people or pairs; says how many there are and how many it takes.
        InvalidDataset: hardly two faces differ, or a file of the dataset is damaged.
        ModelError: the network cannot be run.
        OSError: the table cannot be written.
    """
    spec = embedder_spec(name)
    runtime = Runtime.on(Device.AUTO)
    embedder = spec.load(runtime)
    chosen = {split: _first_of_each(dataset, split) for split in _JUDGING}
    total = sum(map(len, chosen.values()))
    vectors, people, done = [np.zeros((0, embedder.dimension), np.float32)], [], 0
    for split, positions in chosen.items():
        rows = dataset.rows(split)
        for at in range(0, len(positions), runtime.embed_batch):
            part = positions[at : at + runtime.embed_batch]
            embedded = embed_faces(dataset.read(split, part)[:, None], embedder)
            for position, embedding in zip(part, embedded, strict=True):
                if embedding is not None:
                    vectors.append(embedding.vector[None])
                    people.append(rows[position].person)
            done += len(part)
            tell("measuring rates", done, total)
    found = np.concatenate(vectors)
    # Copies of a photo would pass for easy pairs.
    kept = np.sort(np.unique(found, axis=0, return_index=True)[1])
    seen = _seen(dataset)
    sample = Sample.of(found[kept], [people[row] for row in kept])
    table = table_of(sample, spec.space, source=_source(dataset, seen), made_by=_how(run))
    text = json.dumps(table)
    references = tuple(part["references"] for part in table["tables"])
    try:
        for number in references:
            read_table(text, references=number)
    except InvalidValue as error:
        raise InvalidDataset(
            dataset.manifest.name,
            "no rates can be measured: too many pairs have the same distance, as if the network "
            "did not tell faces apart",
        ) from error
    rates, path = read_table(text), user_table(spec.space)
    write_whole(path, (json.dumps(table, indent=1) + "\n").encode("utf-8"))
    return MeasuredRates(
        embedder=spec.name,
        rates=rates,
        path=path,
        references=references,
        smallest_fmr=float(table["tables"][0]["impostors"]["rates"][0]),
        no_face=0,
        unreadable=0,
        warnings=_warnings(name, seen, rates.provenance.people),
    )


def _first_of_each(dataset: ChipDataset, split: Split) -> list[int]:
    """Positions of the first chips of each person, as many as count."""
    taken: Counter[int] = Counter()
    positions = []
    for position, label in enumerate(dataset.labels(split).tolist()):
        taken[label] += 1
        if taken[label] <= PHOTOS_PER_PERSON:
            positions.append(position)
    return positions


def _seen(dataset: ChipDataset) -> bool:
    """Whether people it is judged by were trained on."""
    trained = set(dataset.labels(Split.TRAIN).tolist())
    return any(trained.intersection(dataset.labels(split).tolist()) for split in _JUDGING)


def _source(dataset: ChipDataset, seen: bool) -> str:
    who = (
        "people whom the network was trained on, so rates for strangers are higher"
        if seen
        else "people whom the network was not trained on"
    )
    return f"{dataset.manifest.name}, photos kept for judging: {who}"


def _how(run: RunFolder) -> str:
    return ", ".join(
        (
            "facesearch models add",
            datetime.now(UTC).date().isoformat(),
            f"all pairs of at most {PHOTOS_PER_PERSON} photos a person",
            f"the epoch of {run.config.recipe.name} was chosen on some of them",
            f"facesearch {facesearch.__version__}",
        )
    )


def _warnings(name: str, seen: bool, people: int) -> tuple[str, ...]:
    found = []
    if seen:
        found.append(
            "the rates were measured on people whom the network was trained on, and flatter it: "
            f"measure them on others with facesearch models calibrate {name} FOLDER"
        )
    if people < ENOUGH_PEOPLE:
        found.append(
            f"rates measured with {people} people may be off by several times; "
            f"{ENOUGH_PEOPLE} or more make them reliable"
        )
    return tuple(found)
