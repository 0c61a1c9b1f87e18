"""What a run writes down as it goes: a line for each step and each epoch, and TensorBoard's events.

In: what a step, or an epoch, came to. Out: steps.csv, log.csv and events. A run that goes on
drops the lines after its checkpoint first, so the logs are those of a run never stopped, but
for the seconds.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import shutil
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar

import numpy as np

from facesearch.errors import InvalidValue
from facesearch.folders import write_whole
from facesearch.models.tensorflow import started_tensorflow
from facesearch.photos.files import printable, words_for
from facesearch.training.checkpoints import RunState

EPOCHS_FILE, STEPS_FILE, EVENTS_FOLDER = "log.csv", "steps.csv", "tensorboard"

_MEND = ". Mend it, or delete the file: curves are drawn from it, and nothing else needs it"

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """What one step came to.

    Attributes:
        step: counted from 1, over all phases.
        epoch: the one it belongs to, counted from 1, over all phases.
        loss, accuracy: of its examples, before the weights changed by it; None where the
            recipe has no accuracy.
        learning_rate, beta1: it was made with; None where the optimizer has no beta1.
    """

    step: int
    epoch: int
    loss: float
    accuracy: float | None
    learning_rate: float
    beta1: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRow:
    """What one epoch came to.

    Attributes:
        epoch: counted from 1, over all phases.
        phase: its name.
        step: after which it ended.
        loss, accuracy: of all its steps, while the weights changed.
        validation_loss, validation_accuracy: at its end.
        threshold: the distance that separates the validation pairs best; None where there
            are none.
        learning_rate, beta1: of its last step.
        seconds: it took, validation included.
    """

    epoch: int
    phase: str
    step: int
    loss: float
    accuracy: float | None
    validation_loss: float
    validation_accuracy: float | None
    threshold: float | None
    learning_rate: float
    beta1: float | None
    seconds: float


def read_steps(folder: Path, *, whole: bool = True) -> list[StepRow]:
    """The steps of the run in a folder.

    Args:
        whole: the run has ended; else a last line that breaks off is left out.

    Raises:
        InvalidValue: its log cannot be read, or was changed.
    """
    return _read(folder / STEPS_FILE, StepRow, whole=whole)


def read_epochs(folder: Path, *, whole: bool = True) -> list[EpochRow]:
    """The epochs of the run in a folder; see `read_steps`."""
    return _read(folder / EPOCHS_FILE, EpochRow, whole=whole)


class Logs:
    """The logs of a run, open to be added to; a context.

    Attributes:
        last_step: the last row of steps; None before there is one.
        has_gaps: whether steps or epochs that were done are not there.

    Args:
        folder: of the run.
        state: where it goes on; what was logged after that is dropped.

    Raises:
        InvalidValue: the logs that are there were changed.
        OSError: they cannot be written.
    """

    def __init__(self, folder: Path, state: RunState) -> None:
        steps = [row for row in _kept(folder / STEPS_FILE, StepRow) if row.step <= state.step]
        epochs = [row for row in _kept(folder / EPOCHS_FILE, EpochRow) if row.epoch <= state.epoch]
        self.last_step = steps[-1] if steps else None
        self.has_gaps = (len(steps), len(epochs)) != (state.step, state.epoch)
        write_whole(folder / STEPS_FILE, _text(StepRow, steps))
        write_whole(folder / EPOCHS_FILE, _text(EpochRow, epochs))
        shutil.rmtree(folder / EVENTS_FOLDER, ignore_errors=True)
        self._events = _Events(folder / EVENTS_FOLDER)
        for step in steps:
            self._events.step(step)
        for epoch in epochs:
            self._events.epoch(epoch)
        self._events.flush()
        self._steps = _appending(folder / STEPS_FILE)
        self._epochs = _appending(folder / EPOCHS_FILE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._events.close()
        self._steps.close()
        self._epochs.close()

    def step(self, row: StepRow) -> None:
        """Add a step; it is on its way to the disk with the next epoch, or `flush`."""
        csv.writer(self._steps, lineterminator="\n").writerow(_cells(row))
        self._events.step(row)
        self.last_step = row

    def epoch(self, row: EpochRow) -> None:
        """Add an epoch."""
        csv.writer(self._epochs, lineterminator="\n").writerow(_cells(row))
        self._events.epoch(row)
        self.flush()

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._steps.flush()
        self._epochs.flush()
        self._events.flush()


class _Events:
    """TensorBoard's events: curves of training and of validation."""

    def __init__(self, folder: Path) -> None:
        self._tf = started_tensorflow()
        make = self._tf.summary.create_file_writer
        about = self._tf.compat.v1.SummaryMetadata
        self._metadata = about(
            plugin_data=about.PluginData(plugin_name="scalars"), data_class="DATA_CLASS_SCALAR"
        )
        with self._tf.device("/CPU:0"):
            self._writers = [make(str(folder / name)) for name in ("train", "validation")]

    def step(self, row: StepRow) -> None:
        names = ("loss", "accuracy", "learning_rate", "beta1")
        self._add(0, row.step, {name: getattr(row, name) for name in names})

    def epoch(self, row: EpochRow) -> None:
        values = {"loss": row.validation_loss, "accuracy": row.validation_accuracy}
        self._add(1, row.step, {**values, "threshold": row.threshold})

    def _add(self, writer: int, step: int, values: dict[str, float | None]) -> None:
        with self._tf.device("/CPU:0"), self._writers[writer].as_default():
            for name, value in values.items():
                if value is not None:
                    # As `tf.summary.scalar`, which asks for the package tensorboard.
                    self._tf.summary.write(
                        name, np.float32(value), step=step, metadata=self._metadata
                    )

    def flush(self) -> None:
        for writer in self._writers:
            writer.flush()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


def _appending(path: Path) -> IO[str]:
    return path.open("a", encoding="utf-8", newline="")


def _kept(path: Path, kind: type[_Row]) -> list[_Row]:
    return _read(path, kind, whole=False) if path.exists() else []


def _read(path: Path, kind: type[_Row], *, whole: bool = True) -> list[_Row]:
    """The rows of a log; with `whole` False a last line that breaks off is left out."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = words_for(error) if isinstance(error, OSError) else str(error)
        raise InvalidValue(f"cannot read {printable(str(path))}: {why}") from error
    if not whole:
        text = text[: text.rfind("\n") + 1]
    rows = csv.reader(io.StringIO(text, newline=""))
    names = next(rows, [])
    readers = _readers(kind)
    if names != list(readers):
        raise InvalidValue(
            f"{printable(str(path))}: expected the columns {', '.join(readers)}{_MEND}"
        )
    found = []
    for cells in rows:
        try:
            values = {
                name: reader(cell)
                for (name, reader), cell in zip(readers.items(), cells, strict=True)
            }
        except ValueError as error:
            raise InvalidValue(
                f"{printable(str(path))}, line {rows.line_num}: malformed ({error}){_MEND}"
            ) from error
        found.append(kind(**values))
    return found


def _readers(kind: type[Any]) -> dict[str, Callable[[str], Any]]:
    hints = typing.get_type_hints(kind)
    return {
        field.name: hints[field.name] if hints[field.name] in (int, float, str) else _number
        for field in dataclasses.fields(kind)
    }


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _text(kind: type[Any], rows: Iterable[Any]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in dataclasses.fields(kind))
    writer.writerows(_cells(row) for row in rows)
    return text.getvalue().encode("utf-8")


def _cells(row: Any) -> list[str]:
    values = (getattr(row, field.name) for field in dataclasses.fields(row))
    return ["" if value is None else str(value) for value in values]
