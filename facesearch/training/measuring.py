"""How a trained network does on chips it was not trained on, for the report of its run.

In: a run's folder and its dataset. Out: `Measured`, kept in the run's report.json, so that the
network runs once for each state of it, however often the report is made.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import facesearch
from facesearch.errors import InvalidModelFile, InvalidValue
from facesearch.models.base import Device
from facesearch.models.tensorflow import TensorFlowRuntime
from facesearch.photos.files import printable, words_for
from facesearch.training.answering import Answering, Answers, OnProgress
from facesearch.training.dataset.chips import ChipDataset
from facesearch.training.dataset.options import Split
from facesearch.training.folder import BEST, RunFolder, Standing, Status
from facesearch.training.recipes.base import Task
from facesearch.training.report.comparing import Compared, Distance, of_unit_length
from facesearch.training.report.measured import (
    MEASURED_FILE,
    Key,
    Measured,
    ShownChip,
    as_jpeg,
    keep,
    kept,
)
from facesearch.training.report.naming import WORST, Naming
from facesearch.training.report.placing import COLOURED, MOST_POINTS, Places, place
from facesearch.training.report.telling import Telling, tell

_FEWEST_PLACES = 3


def measured(
    run: RunFolder,
    standing: Standing,
    *,
    dataset: Path | None = None,
    device: Device = Device.AUTO,
    again: bool = False,
    on_progress: OnProgress | None = None,
) -> Measured | None:
    """How the best network of a run does, on the test chips, or those of the validation.

    Args:
        run: the run.
        standing: how it stands.
        dataset: of the run, where it was moved.
        device: to run the network on.
        again: measure, although figures of this network were kept.
        on_progress: told how far it is.

    Returns:
        The figures; None where no epoch is finished, so there is no network yet.

    Raises:
        InvalidDataset: the dataset is gone, damaged, or another one.
        InvalidModelFile: the network's file is damaged.
        ModelError: TensorFlow is not there, has no such device, or cannot run the network.
    """
    path = run.path / BEST
    if standing.best is None or not path.exists():
        return None
    is_ready = run.config.recipe.finish is None or standing.status is Status.FINISHED
    key = Key(_sha256(path, run.config.recipe.name), run.dataset.digest, is_ready)
    if not again and (found := kept(run.path, key)) is not None:
        return found
    chips = run.chips_at(Path(standing.dataset) if dataset is None else dataset)
    found = _Measuring(run, chips, key, device, on_progress or (lambda what, done, total: None))(
        standing.best.epoch
    )
    try:
        keep(run.path, found)
    except OSError as error:
        shown = printable(str(run.path / MEASURED_FILE))
        why = f"{shown} cannot be written ({words_for(error)}): the next report measures anew"
        return replace(found, notes=(*found.notes, why))
    return found


class _Measuring:
    """One network, measured once."""

    def __init__(
        self, run: RunFolder, chips: ChipDataset, key: Key, device: Device, tell: OnProgress
    ) -> None:
        self._run, self._chips, self._key, self._tell = run, chips, key, tell
        self._seed = run.config.training.seed
        self._runtime = TensorFlowRuntime.on(device)
        self._notes: list[str] = []

    def __call__(self, epoch: int) -> Measured:
        started = time.monotonic()
        split = Split.TEST if self._chips.count(Split.TEST) else Split.VALIDATION
        network = Answering(self._run, self._chips, self._runtime, self._tell)
        answers = network(split)
        naming = None
        if answers.shares is not None:
            people = self._chips.classes[: self._chips.trained_classes]
            naming = self._naming(answers, people)
        telling: tuple[Telling, ...] = ()
        places = None
        if self._key.has_embedding:
            judged = None if split is Split.VALIDATION else network(Split.VALIDATION)
            telling = tuple(self._telling(answers, judged))
            self._tell("drawing embeddings", 0, None)
            places = self._places(answers)
        else:
            self._notes.append(
                f"the embedding of {self._run.config.recipe.name} gets its last touch at the end "
                "of the run, so how it tells people apart is not judged yet"
            )
        return Measured(
            key=self._key,
            epoch=epoch,
            split=split.value,
            chips=len(answers.labels),
            chips_in_split=self._chips.count(split),
            people=tuple(answers.people),
            dimension=answers.embeddings.shape[1],
            layers=network.layers,
            naming=naming,
            telling=telling,
            places=places,
            shown=self._shown(split, naming, telling),
            notes=tuple(self._notes),
            device=self._runtime.device.value,
            seconds=round(time.monotonic() - started, 2),
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            facesearch=facesearch.__version__,
        )

    def _naming(self, answers: Answers, people: tuple[str, ...]) -> Naming | None:
        assert answers.shares is not None, "only networks that name people come here"
        try:
            return Naming.of(answers.shares, answers.labels, people)
        except InvalidValue:
            self._notes.append(
                "everybody on these chips is a stranger to the network, so it cannot name anybody"
            )
            return None

    def _telling(self, answers: Answers, judged: Answers | None) -> Iterator[Telling]:
        without = int((np.linalg.norm(answers.embeddings, axis=1) == 0).sum())
        if without:
            self._notes.append(
                f"{without:,} chips have an embedding of zeros, which has no direction; they are "
                "compared with none"
            )
        kinds = [Distance.COSINE]
        if self._run.config.recipe.task is Task.PAIRS:
            kinds.insert(0, Distance.EUCLIDEAN)
        for kind in kinds:
            self._tell(f"{kind.value} distances", 0, None)
            try:
                validated = None
                if judged is not None:
                    validated = Compared.of(judged.embeddings, judged.people, kind, seed=self._seed)
                yield tell(
                    answers.embeddings,
                    answers.people,
                    kind,
                    seed=self._seed,
                    validated=validated,
                )
            except InvalidValue as error:
                self._notes.append(str(error))
                return

    def _places(self, answers: Answers) -> Places | None:
        unit = of_unit_length(answers.embeddings)
        usable = np.flatnonzero(np.isfinite(unit).all(axis=1))
        # First those of the people that get a colour.
        _, person, counts = np.unique(
            answers.labels[usable], return_inverse=True, return_counts=True
        )
        coloured = np.argsort(-counts, kind="stable")[:COLOURED]
        order = np.argsort(~np.isin(person, coloured), kind="stable")
        chosen = np.sort(usable[order[:MOST_POINTS]])
        if len(chosen) < _FEWEST_PLACES:
            return None
        method, points = place(unit[chosen])
        x, y = (tuple(axis.round(4).tolist()) for axis in points.T)
        return Places(method, tuple(chosen.tolist()), x, y)

    def _shown(
        self, split: Split, naming: Naming | None, telling: tuple[Telling, ...]
    ) -> tuple[ShownChip, ...]:
        wanted: set[int] = set()
        if naming is not None:
            for at in naming.wrong()[:WORST]:
                typical = naming.typical(naming.named[at])
                places = [at] if typical is None else [at, typical]
                wanted.update(naming.positions[each] for each in places)
        for each in telling[:1]:
            for pair in (*each.false_matches, *each.false_non_matches):
                wanted |= {pair.first, pair.second}
        positions = sorted(wanted)
        rows = self._chips.rows(split)
        return tuple(
            ShownChip(position, rows[position].person, rows[position].photo, as_jpeg(chip))
            for position, chip in zip(positions, self._chips.read(split, positions), strict=True)
        )


def _sha256(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        shown = printable(str(path))
        raise InvalidModelFile(name, f"cannot read {shown}: {words_for(error)}") from error
