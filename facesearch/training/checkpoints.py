"""Checkpoints: all that a run needs to go on exactly where it was, whole on disk or not there.

In: a network, its optimizer, how far the run is and what it was told to do. Out: a folder of a
checkpoint, which gets its name once all of it is on disk, and the same back. The last two are
kept, and the networks of the best epochs that they speak of. One that cannot be read is deleted
by whoever found another one to go on from, and never before.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from facesearch.folders import sync_folder, write_whole
from facesearch.models.files import require_space
from facesearch.models.tensorflow import started_tensorflow
from facesearch.training.disk import as_disk_errors

KEPT = 2
_STATE, _WEIGHTS, _PART = "state.json", "weights", ".part"
_SETTINGS = "settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best epoch so far.

    Attributes:
        epoch: counted from 1, over all phases.
        step: after which it ended, counted from the start of the run.
        loss: on the validation chips, or pairs.
        accuracy: on the same; None where the recipe has none.
        threshold: the distance that separates pairs best there; None where there are no pairs.
        file: with the network of that epoch, in the folder of checkpoints.
    """

    epoch: int
    step: int
    loss: float
    accuracy: float | None
    threshold: float | None
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What the steps of the epoch at hand add up to, weighted by their examples."""

    examples: int = 0
    loss: float = 0.0
    accuracy: float = 0.0

    def plus(self, examples: int, loss: float, accuracy: float | None) -> Sums:
        """With one more step."""
        return Sums(
            examples=self.examples + examples,
            loss=self.loss + examples * loss,
            accuracy=self.accuracy + examples * (accuracy or 0.0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """How far a run is.

    Attributes:
        phase: which one, counted from 0.
        epoch: epochs that are done, over all phases.
        step: steps that are done, over all phases.
        epoch_step: of these, in the epoch at hand.
        sums: of that epoch.
        losses: on the validation chips, of the epochs of this phase.
        best: the best epoch; None before the first one is done.
        seconds: of training so far.
    """

    phase: int = 0
    epoch: int = 0
    step: int = 0
    epoch_step: int = 0
    sums: Sums = field(default_factory=Sums)
    losses: tuple[float, ...] = ()
    best: Best | None = None
    seconds: float = 0.0

    @classmethod
    def read(cls, document: dict[str, Any]) -> Self:
        """From JSON; KeyError, TypeError or ValueError where it is none."""
        for name in ("phase", "epoch", "step", "epoch_step"):
            if type(document[name]) is not int or document[name] < 0:
                raise ValueError(f"{name} is a whole number, not {document[name]!r}")
        best = document["best"]
        return cls(
            **{
                **document,
                "sums": Sums(**document["sums"]),
                "losses": tuple(document["losses"]),
                "best": None if best is None else Best(**best),
            }
        )

    def document(self) -> dict[str, Any]:
        """As it is written in JSON; numbers come back as they were."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkpoint on disk.

    Attributes:
        path: its folder.
        state: how far the run was; None where that cannot be read.
        settings: what the run was told to do, by name; empty where nobody wrote that down.
    """

    path: Path
    state: RunState | None
    settings: dict[str, Any]


class Checkpoints:
    """The checkpoints of a run.

    Attributes:
        folder: where they lie; made where it is missing.

    Args:
        settings: that the run was told, in plain JSON types; kept in each checkpoint.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self._settings = dict(settings or {})

    def save(self, model: Any, optimizer: Any, state: RunState) -> None:
        """Write a checkpoint, then delete those that are no longer kept.

        Raises:
            OSError: it cannot be written; the ones before are still there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / f"step-{state.step:09d}-epoch-{state.epoch:05d}"
        temporary = target.with_suffix(_PART)
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            require_space(self.folder, self._last_size())
            temporary.mkdir()
            with as_disk_errors(self.folder):
                _saved(model, optimizer).write(os.fspath(temporary / _WEIGHTS))
            for file in temporary.iterdir():
                with file.open("rb+") as written:
                    os.fsync(written.fileno())
            document = {**state.document(), _SETTINGS: self._settings}
            write_whole(temporary / _STATE, json.dumps(document, indent=1).encode())
            sync_folder(temporary)
            shutil.rmtree(target, ignore_errors=True)  # of a run that ended here and goes on
            temporary.rename(target)
            sync_folder(self.folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        self._prune()

    def kept(self) -> list[Kept]:
        """All that are there, newest first."""
        return [_read(path) for path in reversed(self._paths())]

    def last(self) -> RunState | None:
        """How far the newest checkpoint is whose state can be read; None where there is none."""
        return next((kept.state for kept in self.kept() if kept.state is not None), None)

    def restore(self, model: Any, optimizer: Any, kept: Kept) -> bool:
        """Give a network and its optimizer what they had at a checkpoint.

        Args:
            optimizer: made, and built, for the phase of that checkpoint.

        Returns:
            Whether it could be read. Where not, the network is not to be used as it is.
        """
        tf = started_tensorflow()
        try:
            reading = _saved(model, optimizer).read(os.fspath(kept.path / _WEIGHTS))
            reading.assert_existing_objects_matched().assert_consumed()
        # A file that breaks off is an IndexError.
        except (tf.errors.OpError, AssertionError, ValueError, IndexError):
            return False
        return True

    def delete(self, kept: Kept) -> None:
        """Delete a checkpoint that nothing is gone on from.

        Raises:
            OSError: it cannot be deleted.
        """
        shutil.rmtree(kept.path)

    def best_path(self, best: Best) -> Path:
        """Where the network of a best epoch lies."""
        return self.folder / best.file

    def _paths(self) -> list[Path]:
        """Of checkpoints, oldest first."""
        found = self.folder.glob("step-*-epoch-*")
        return sorted(path for path in found if path.suffix != _PART)

    def _last_size(self) -> int:
        paths = self._paths()
        return sum(file.stat().st_size for file in paths[-1].iterdir()) if paths else 0

    def _prune(self) -> None:
        paths = self._paths()
        for path in paths[:-KEPT]:
            shutil.rmtree(path)
        states = [_read(path).state for path in paths[-KEPT:]]
        spoken_of = {state.best.file for state in states if state is not None and state.best}
        for path in self.folder.glob("best-*.keras"):
            if path.name not in spoken_of:
                path.unlink()


def _read(path: Path) -> Kept:
    try:
        document = json.loads((path / _STATE).read_bytes())
        settings = document.pop(_SETTINGS, {})
        return Kept(path, RunState.read(document), dict(settings))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Kept(path, None, {})  # cut off, or changed by somebody


def _saved(model: Any, optimizer: Any) -> Any:
    return started_tensorflow().train.Checkpoint(model=model, optimizer=optimizer)
