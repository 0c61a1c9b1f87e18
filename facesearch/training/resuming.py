"""Where a run goes on: at its newest checkpoint that can be read, or at its beginning.

In: the folder of a run. Out: a network as it was there, and how far the run is. Nothing that
somebody may still want is deleted on the way: a run whose checkpoints cannot be read is refused
as it lies there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from facesearch.errors import InvalidValue, ModelError
from facesearch.photos.files import printable
from facesearch.training.checkpoints import Checkpoints, Kept, RunState
from facesearch.training.folder import BEST, STATE, RunFolder
from facesearch.training.teaching import Teacher


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run goes on.

    Attributes:
        teacher: of the phase, with the network as it was.
        state: how far the run is.
        warnings: sentences for the user.
    """

    teacher: Teacher
    state: RunState
    warnings: tuple[str, ...] = ()


def started(
    run: RunFolder, checkpoints: Checkpoints, teacher: Callable[[int], Teacher], phases: int
) -> Start:
    """The network as the newest checkpoint has it that can be read, or as it was built.

    Args:
        checkpoints: of the run. A new run gets its first one; damaged ones go, where there is
            one to go on from.
        teacher: makes that of a phase, counted from 0.
        phases: how many the run has.

    Raises:
        ModelError: there are checkpoints and none can be read, or there were some.
        OSError: the disk is full, or not to be written to.
    """
    name, damaged = run.config.recipe.name, list[Kept]()
    for kept in checkpoints.kept():
        if kept.state is not None and kept.state.phase < phases:
            taught = teacher(kept.state.phase)
            if checkpoints.restore(taught.model, taught.optimizer, kept):
                _keep_best(run, checkpoints, kept.state)
                for each in damaged:
                    checkpoints.delete(each)
                said = f"the newest checkpoint was damaged: went on from step {kept.state.step:,}"
                return Start(taught, kept.state, (said,) if damaged else ())
        damaged.append(kept)
    shown = printable(str(checkpoints.folder))
    if damaged:
        raise ModelError(
            name,
            f"no checkpoint in {shown} can be read: put it back, or train anew with another --out",
        )
    if any((run.path / file).exists() for file in (STATE, BEST)):
        raise ModelError(
            name,
            f"there are no checkpoints in {shown} any more to go on from: put them back, or train "
            "anew with another --out",
        )
    first = Start(teacher(0), RunState())
    checkpoints.save(first.teacher.model, first.teacher.optimizer, first.state)
    return first


def _keep_best(run: RunFolder, checkpoints: Checkpoints, state: RunState) -> None:
    """See that the network of the best epoch is there: later it cannot be made again.

    Raises:
        ModelError: it is gone.
        OSError: it cannot be written.
    """
    if state.best is None:
        return
    path, copy = checkpoints.best_path(state.best), run.path / BEST
    if path.exists():
        return
    try:
        is_copied = copy.exists() and run.standing().best == state.best
    except InvalidValue:  # nobody knows which epoch the copy is of
        is_copied = False
    if not is_copied:
        raise ModelError(
            run.config.recipe.name,
            f"the network of the best epoch, {printable(str(path))}, is gone: put it back, or "
            "train anew with another --out",
        )
    shutil.copyfile(copy, path)
