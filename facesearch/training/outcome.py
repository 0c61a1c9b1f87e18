"""What a run tells as it goes, and at its end. Loads no TensorFlow.

In: nothing. Out: types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from facesearch.training.checkpoints import Best
from facesearch.training.folder import Status
from facesearch.training.logs import EpochRow


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is.

    Attributes:
        phase: its name.
        epoch: at hand, counted from 1.
        epochs: at most, over all phases.
        step: how many of the epoch are done.
        steps: of an epoch.
        loss: mean of the epoch so far; NaN before its first step.
        ended: what the epoch came to, where it has just ended; else None.
        settled: before the first epoch of a phase: how many chips the layers that stay as they
            are have seen, and how many there are. None once steps are made.
    """

    phase: str
    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    ended: EpochRow | None = None
    settled: tuple[int, int] | None = None


OnProgress: TypeAlias = Callable[[RunProgress], None]


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run came to.

    Attributes:
        folder: of the run.
        status: FINISHED, or STOPPED where the caller asked to.
        epoch, step: that are done.
        best: the best epoch, whose network is best.keras; None where none was finished.
        seconds: of training, that of earlier starts included.
        resume: the command that goes on with it; empty where it is finished.
        warnings: sentences for the user.
    """

    folder: Path
    status: Status
    epoch: int
    step: int
    best: Best | None
    seconds: float
    resume: str
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; keys are the attribute names."""
        return {
            **asdict(self),
            "folder": str(self.folder),
            "status": self.status.value,
            "warnings": list(self.warnings),
        }
