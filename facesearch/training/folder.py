"""A run's folder: what it is told to do, on what, where, and how far it is.

In: a path. Out: the files of a run, made or read. A folder describes itself: config.toml,
environment.json, the dataset's dataset.json, logs, checkpoints, and the networks.
"""

from __future__ import annotations

import errno
import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from facesearch.errors import InvalidDataset, InvalidValue, ModelError
from facesearch.file_lock import file_lock
from facesearch.folders import is_temporary, write_whole
from facesearch.photos.files import printable, words_for
from facesearch.training.checkpoints import Best, Checkpoints, RunState
from facesearch.training.config import RunConfig, read_config
from facesearch.training.dataset.chips import ChipDataset
from facesearch.training.dataset.manifest import MANIFEST, Manifest, read_manifest
from facesearch.training.dataset.options import differences

CONFIG, ENVIRONMENT, STATE = "config.toml", "environment.json", "state.json"
BEST, FINAL, CHECKPOINTS = "best.keras", "final.keras", "checkpoints"
_LOCK = "run.lock"
_FORMAT = "facesearch-run-1"


class Status(StrEnum):
    """How a run stands. One that was killed still says that it is running."""

    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a run's state.json says.

    Attributes:
        status: how it stands.
        why: it failed; empty else.
        dataset: its absolute path.
        epoch, step: that are done.
        best: the best epoch; None where none was finished.
        seconds: of training.
    """

    status: Status
    why: str
    dataset: str
    epoch: int
    step: int
    best: Best | None
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class RunFolder:
    """The folder of a run that was started.

    Attributes:
        path: of it.
        config: what it is told to do.
        dataset: what its dataset says of itself.
    """

    path: Path
    config: RunConfig
    dataset: Manifest

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The run in a folder.

        Raises:
            InvalidValue: there is none, or its files cannot be read.
        """
        missing = [name for name in (CONFIG, MANIFEST) if not (path / name).is_file()]
        if missing and (path / CHECKPOINTS).exists():
            raise InvalidValue(
                f"{printable(str(path))} holds a run whose {' and '.join(missing)} was deleted: "
                "put it back, or train anew with another --out"
            )
        if missing:
            raise InvalidValue(
                f"{printable(str(path))} holds no run: facesearch train RECIPE DATASET --out "
                "FOLDER makes one"
            )
        return cls(path, read_config(path / CONFIG), read_manifest(path))

    def chips_at(self, place: Path) -> ChipDataset:
        """The dataset that was trained on, from where it lies now.

        Raises:
            InvalidDataset: there is none, it is damaged, or another one.
        """
        chips = ChipDataset.open(place)
        if chips.digest != self.dataset.digest:
            raise InvalidDataset(
                printable(str(place)), "is another dataset than the one that was trained on"
            )
        return chips

    def standing(self) -> Standing:
        """How it stands.

        Raises:
            InvalidValue: its state.json is missing, or was changed.
        """
        path = self.path / STATE
        try:
            document = json.loads(path.read_bytes())
            if document.pop("format") != _FORMAT:
                raise ValueError("of another format")
            best = document["best"]
            document["best"] = None if best is None else Best(**best)
            document["status"] = Status(document["status"])
            return Standing(**document)
        except OSError as error:
            raise InvalidValue(f"cannot read {printable(str(path))}: {words_for(error)}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidValue(
                f"{printable(str(path))} is not what a run wrote ({error}): go on with --resume, "
                "which writes it anew"
            ) from error

    def stand(self, status: Status, state: RunState, dataset: Path, why: str = "") -> None:
        """Write how it stands.

        Raises:
            OSError: it cannot be written.
        """
        standing = Standing(
            status=status,
            why=why,
            dataset=str(dataset.absolute()),
            epoch=state.epoch,
            step=state.step,
            best=state.best,
            seconds=state.seconds,
        )
        _write_json(self.path / STATE, {"format": _FORMAT, **asdict(standing)})

    def add_environment(self, environment: dict[str, Any]) -> None:
        """Add what the run was started, or gone on with, on.

        Raises:
            OSError: it cannot be written.
        """
        path = self.path / ENVIRONMENT
        starts: list[Any] = []
        if path.exists():
            try:
                starts = json.loads(path.read_bytes())["starts"]
            except (ValueError, KeyError, TypeError) as error:
                raise InvalidValue(
                    f"{printable(str(path))} is not what a run wrote: delete it, and only what "
                    "earlier starts ran on is forgotten"
                ) from error
        _write_json(path, {"starts": [*starts, environment]})

    def resume_command(self, dataset: Path) -> str:
        """What goes on with it, in words for a shell."""
        paths = (printable(str(dataset)), printable(str(self.path)))
        chips, out = map(shlex.quote, paths)
        return f"facesearch train {self.config.recipe.name} {chips} --out {out} --resume"


def is_run(path: Path) -> bool:
    """Whether there is a run in a folder: its configuration and dataset.json are there."""
    return (path / CONFIG).is_file() and (path / MANIFEST).is_file()


def check_free(path: Path, config: RunConfig, dataset: ChipDataset) -> None:
    """Check that a new run may be made in a folder.

    Raises:
        InvalidValue: there is a run already, or something else.
    """
    if is_run(path):
        raise InvalidValue(
            f"{printable(str(path))} holds a run already: go on with it by --resume, or choose "
            "another --out"
        )
    if path.exists() and not (path.is_dir() and all(map(_is_start, path.iterdir()))):
        raise InvalidValue(f"{printable(str(path))} is there already: choose another --out")


def _is_start(file: Path) -> bool:
    """Whether a start that was killed at once may have left it behind."""
    return file.name in (_LOCK, CONFIG, MANIFEST) or is_temporary(file)


def start(path: Path, config: RunConfig, dataset: ChipDataset) -> RunFolder:
    """Make the folder of a new run.

    Raises:
        InvalidValue: there is a run already, or something else.
        OSError: it cannot be made.
    """
    check_free(path, config, dataset)
    path.mkdir(parents=True, exist_ok=True)
    write_whole(path / CONFIG, config.toml().encode("utf-8"))
    write_whole(path / MANIFEST, (dataset.folder / MANIFEST).read_bytes())
    return RunFolder(path, config, dataset.manifest)


def go_on(path: Path, config: RunConfig, dataset: ChipDataset) -> RunFolder:
    """Open the folder of a run to go on with it.

    Raises:
        InvalidValue: there is none, or it was started with another configuration or dataset;
            says what differs.
    """
    run = RunFolder.open(path)
    _check_unchanged(run)
    changed = differences(run.config.document(), config.document())
    if run.dataset.digest != dataset.digest:
        changed += [f"dataset: {each}" for each in _dataset_differences(run.dataset, dataset)]
    if changed:
        raise InvalidValue(
            f"{printable(str(path))} cannot be gone on with, because it was started otherwise: "
            f"{'; '.join(changed)}. Use the same, or choose another --out"
        )
    return RunFolder(path, config, run.dataset)


def _check_unchanged(run: RunFolder) -> None:
    """Check that config.toml says what it said when the checkpoints were written.

    Raises:
        InvalidValue: it was changed since; says what differs.
    """
    now = run.config.document()
    before = next((kept.settings for kept in Checkpoints(run.path / CHECKPOINTS).kept()), {})
    known = {name: value for name, value in before.items() if name in now}
    changed = differences(known, {name: now[name] for name in known})
    if changed:
        raise InvalidValue(
            f"{printable(str(run.path / CONFIG))} was changed since the run was started: "
            f"{'; '.join(changed)}. Change it back, or train with it as --config and another --out"
        )


def _dataset_differences(before: Manifest, now: ChipDataset) -> list[str]:
    def about(manifest: Manifest) -> dict[str, Any]:
        return {
            "digest": manifest.digest[:12],
            "people": len(manifest.classes),
            **{f"{split.value} chips": count for split, count in manifest.counts.items()},
            "split": manifest.split.value,
            "seed": manifest.seed,
        }

    return differences(about(before), about(now.manifest))


@contextmanager
def held(path: Path, called: str) -> Iterator[None]:
    """Keep other processes from training in a folder; what the disk reports is put into words.

    Raises:
        ModelError: another process trains in it, or the disk is full, or not to be written to.
    """

    def busy(process: int | None) -> ModelError:
        who = "another process" if process is None else f"process {process}"
        return ModelError(called, f"{who} is training in {printable(str(path))}: wait for it")

    with _writing(path, called):
        path.mkdir(parents=True, exist_ok=True)
    errors = partial(_writing, path, called)
    with file_lock(path / _LOCK, 0, busy=busy, errors=errors), errors():
        yield


@contextmanager
def _writing(path: Path, called: str) -> Iterator[None]:
    """Raise what the operating system reports as an error that says what to do."""
    try:
        yield
    except OSError as error:
        shown = printable(str(path))
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            what, cure = f"no space is left in {shown}", "free some"
        else:
            place = shown if error.filename is None else printable(error.filename)
            what, cure = f"{place} cannot be written: {error.strerror or error}", "mend that"
        begun = any(kept.state is not None for kept in Checkpoints(path / CHECKPOINTS).kept())
        if begun:
            then = f"{cure} and go on with --resume: the last checkpoint is whole"
        else:
            then = f"{cure} and run again with --resume" if is_run(path) else "choose another --out"
        raise ModelError(called, f"{what}: {then}") from error


def _write_json(path: Path, document: dict[str, Any]) -> None:
    write_whole(path, json.dumps(document, indent=1).encode("ascii") + b"\n")
