"""What a run's folder says of the run, for its report.

In: the folder. Out: `RunFacts`. Loads no TensorFlow. A run that is not finished, or was killed,
gives what there is.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facesearch.errors import InvalidValue
from facesearch.photos.files import printable, words_for
from facesearch.training.folder import CONFIG, ENVIRONMENT, RunFolder, Standing, Status
from facesearch.training.logs import (
    EPOCHS_FILE,
    STEPS_FILE,
    EpochRow,
    StepRow,
    read_epochs,
    read_steps,
)


@dataclass(frozen=True, slots=True, eq=False)
class RunFacts:
    """A run as its folder tells it.

    Attributes:
        run: its configuration, and what its dataset says of itself.
        standing: how it stands.
        epochs, steps: as logged.
        starts: what it ran on, once for each start.
        sources: where each setting's value came from, by its name.
    """

    run: RunFolder
    standing: Standing
    epochs: tuple[EpochRow, ...]
    steps: tuple[StepRow, ...]
    starts: tuple[dict[str, Any], ...]
    sources: dict[str, str]

    @property
    def is_finished(self) -> bool:
        """Whether it came to its end."""
        return self.standing.status is Status.FINISHED

    @property
    def title(self) -> str:
        """The recipe and the dataset, in a few words."""
        return f"{self.run.config.recipe.name} on {self.run.dataset.name}"

    @property
    def again(self) -> str:
        """The command, in words for a shell, that makes the same run again."""
        words = (
            "facesearch",
            "train",
            self.run.config.recipe.name,
            printable(self.standing.dataset),
            "--config",
            printable(str(self.run.path / CONFIG)),
            "--out",
            "NEW_RUN",
        )
        return shlex.join(words)


def read_facts(path: Path) -> RunFacts:
    """What a run's folder says.

    Raises:
        InvalidValue: there is no run, or one of its files is damaged; says which.
    """
    run = RunFolder.open(path)
    standing = run.standing()
    ended = standing.status is Status.FINISHED
    has_epochs, has_steps = ((path / name).exists() for name in (EPOCHS_FILE, STEPS_FILE))
    if ended and not (has_epochs and has_steps):
        missing = STEPS_FILE if has_epochs else EPOCHS_FILE
        raise InvalidValue(
            f"{printable(str(path / missing))} is missing: copy the whole folder of the run anew"
        )
    return RunFacts(
        run,
        standing,
        # A run that goes on, or was killed, may have written half a line.
        tuple(read_epochs(path, whole=ended)) if has_epochs else (),
        tuple(read_steps(path, whole=ended)) if has_steps else (),
        _starts(path / ENVIRONMENT),
        _sources(path / CONFIG, run.config.sources),
    )


def _sources(path: Path, otherwise: Mapping[str, str]) -> dict[str, str]:
    """What stands behind each value in a run's config.toml.

    Args:
        path: of it.
        otherwise: for settings with nothing behind them.
    """
    found = dict(otherwise)
    table = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            table = f"{line.strip().strip('[]')}."
        name, equals, _ = line.partition(" = ")
        if not equals:
            continue
        # A value may have the sign of comments in it: what stands before one is whole.
        for at in (each.start() for each in re.finditer("  # ", line)):
            try:
                tomllib.loads(line[:at])
            except tomllib.TOMLDecodeError:
                continue
            found[table + name] = line[at + 4 :]
            break
    return found


def _starts(path: Path) -> tuple[dict[str, Any], ...]:
    shown = printable(str(path))
    try:
        starts = json.loads(path.read_bytes())["starts"]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise InvalidValue(f"cannot read {shown}: {words_for(error)}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidValue(f"{shown} is not what a run wrote ({error})") from error
    if not isinstance(starts, list) or not all(isinstance(each, dict) for each in starts):
        raise InvalidValue(f"{shown} is not what a run wrote: its starts are no list of objects")
    return tuple(starts)
