"""Raw results: what each repetition measured, one JSON object a line.

Comes in: records while a run goes on. Goes out: ``results/RUN.jsonl``, and from such
files the samples of the newest complete run of each measure.

A file holds one ``run`` record (machine, commit, effort), a ``contender`` record for
each environment used (versions), ``load`` records (how busy the machine was), one
``sample`` record for every repetition, and one ``done`` record for each measure that
came to its end; samples of a measure without it are never reported.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

Values: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """One repetition of one contender.

    Attributes:
        measure: the measure's name, such as "embedding".
        contender: who was measured.
        way: how it was called, such as "single" or "batches of 8"; "" where there is one way.
        case: what on, such as "lfw"; "" where there is one case.
        repetition: counts from 0; contenders of one repetition ran one after the other.
        trial: True for a first try that only chose between ways; never reported as a figure.
        values: numbers with the unit in the name, such as ``ms_per_face``.
    """

    measure: str
    contender: str
    way: str
    case: str
    repetition: int
    trial: bool
    values: Values


@dataclass(frozen=True, slots=True)
class Run:
    """One run's header and the versions of its contenders."""

    id: str
    started: str
    quick: bool
    commit: str
    effort: Values
    machine: Values
    contenders: dict[str, Values] = field(default_factory=dict)


class Recorder:
    """Appends records to one run's file, so that an interrupted run keeps what it measured."""

    def __init__(self, folder: Path, *, quick: bool, commit: str, effort: Values, machine: Values):
        now = datetime.now(UTC)
        self.run_id = now.strftime("%Y%m%dT%H%M%SZ")
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{self.run_id}.jsonl"
        self._write(
            "run",
            started=now.isoformat(timespec="seconds"),
            quick=quick,
            commit=commit,
            effort=effort,
            machine=machine,
        )

    def contender(self, name: str, versions: Values) -> None:
        """Note the versions in one contender's environment."""
        self._write("contender", name=name, **versions)

    def load(self, measure: str, load_average: Sequence[float]) -> None:
        """Note how busy the machine was when a measure began or ended."""
        self._write("load", measure=measure, load_average=list(load_average))

    def sample(self, sample: Sample) -> None:
        """Note one repetition."""
        self._write(
            "sample",
            measure=sample.measure,
            contender=sample.contender,
            way=sample.way,
            case=sample.case,
            repetition=sample.repetition,
            trial=sample.trial,
            values=sample.values,
        )

    def done(self, measure: str) -> None:
        """Note that a measure came to its end and may be reported."""
        self._write("done", measure=measure)

    def _write(self, kind: str, **fields: Any) -> None:
        record = {"record": kind, "run": self.run_id, **fields}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


@dataclass(frozen=True, slots=True)
class Measured:
    """The newest complete run of one measure: the run and its samples, trials left out."""

    run: Run
    samples: tuple[Sample, ...]

    def of(self, contender: str, *, case: str = "", way: str | None = None) -> tuple[Sample, ...]:
        """The repetitions of one contender on one case, in order."""
        return tuple(
            sample
            for sample in self.samples
            if sample.contender == contender and sample.case == case and way in (None, sample.way)
        )

    def cases(self) -> tuple[str, ...]:
        """The cases there are, in order of first appearance."""
        return tuple(dict.fromkeys(sample.case for sample in self.samples))


def median(samples: Iterable[Sample], value: str) -> float:
    """The median of one value over repetitions."""
    return statistics.median(float(sample.values[value]) for sample in samples)


def read_results(folder: Path, *, quick: bool = False) -> dict[str, Measured]:
    """The newest complete run of each measure in a results folder.

    Args:
        folder: holds ``*.jsonl``.
        quick: take quick runs, too; they only show that the machinery works.
    """
    newest: dict[str, Measured] = {}
    for path in sorted(folder.glob("*.jsonl")):  # names are times: later runs replace earlier ones
        newest.update(_read_run(path, quick=quick))
    return newest


def _read_run(path: Path, *, quick: bool) -> dict[str, Measured]:
    run: Run | None = None
    samples: dict[str, list[Sample]] = {}
    done: set[str] = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        kind, run_id = record.pop("record"), record.pop("run")
        if kind == "run":
            run = Run(id=run_id, **record)
        elif kind == "contender" and run is not None:
            run.contenders[record.pop("name")] = record
        elif kind == "sample" and not record["trial"]:
            samples.setdefault(record["measure"], []).append(Sample(**record))
        elif kind == "done":
            done.add(record["measure"])
    if run is None or (run.quick and not quick):
        return {}
    return {name: Measured(run, tuple(samples.get(name, ()))) for name in sorted(done)}
