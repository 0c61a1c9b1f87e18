"""The loop of a run: phases, epochs and steps, from the last checkpoint to the end.

In: an opened run, its dataset and feed. Out: networks, checkpoints and logs in its folder.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path

from facesearch.errors import Diverged, FaceSearchError, ModelError
from facesearch.photos.files import printable
from facesearch.training import networks
from facesearch.training.checkpoints import Best, Checkpoints, RunState, Sums
from facesearch.training.dataset.chips import ChipDataset
from facesearch.training.explaining import explained
from facesearch.training.feeding import Batches, Feed
from facesearch.training.folder import BEST, CHECKPOINTS, FINAL, RunFolder, Status
from facesearch.training.logs import EpochRow, Logs, StepRow
from facesearch.training.outcome import OnProgress, RunProgress
from facesearch.training.recipes.base import Phase
from facesearch.training.resuming import started
from facesearch.training.settled import Settling
from facesearch.training.teaching import Teacher

_GAPS = "the logs were changed or deleted: curves will have gaps"


class Loop:
    """A run while it lasts.

    Attributes:
        warnings: sentences for the user.
    """

    def __init__(
        self,
        run: RunFolder,
        dataset: ChipDataset,
        shown: Feed,
        on_progress: OnProgress,
        cancelled: Callable[[], bool],
    ) -> None:
        config = run.config
        self.warnings: tuple[str, ...] = ()
        self._run, self._config, self._dataset, self._feed = run, config, dataset, shown
        self._settling = Settling(config, dataset, shown)
        self._tell, self._cancelled = on_progress, cancelled
        self._name = config.recipe.name
        self._phases = config.recipe.phases(config.network, batch=config.batch)
        self._checkpoints = Checkpoints(run.path / CHECKPOINTS, config.document())
        self._built = networks.build(
            config, classes=dataset.trained_classes, chip_px=dataset.chip_px
        )
        self._whole = networks.whole(self._built)
        # An epoch whose pairs follow from the network at its start cannot be begun in its middle.
        self._may_part = not config.recipe.wants_embeddings(config.network)
        self._state = RunState()
        self._clock_s = 0.0  # when it would have begun, had it never been stopped
        self._stopping = False

    def go(self) -> None:
        """Train to the end, or until the caller asks to stop.

        Raises:
            Diverged: the loss is no number any more.
            ModelError: the network cannot be built or run, or checkpoints not be read.
            InvalidDataset: chips are damaged.
            OSError: the disk is full, or not to be written to.
        """
        start = started(
            self._run,
            self._checkpoints,
            lambda phase: self._teacher(self._phases[phase]),
            len(self._phases),
        )
        self._state, self.warnings = start.state, start.warnings
        self._clock_s = time.monotonic() - start.state.seconds
        self._stand(Status.RUNNING)
        try:
            with Logs(self._run.path, self._state) as logs:
                if logs.has_gaps:
                    self.warnings += (_GAPS,)
                self._go_through(start.teacher, logs)
        except Diverged as error:
            self._drop_spoiled()
            told = Diverged(self._name, f"{error}. {self._kept()}")
            self._stand(Status.FAILED, str(told))
            raise told from error
        except FaceSearchError as error:
            self._stand(Status.FAILED, str(error))
            raise
        except OSError as error:
            with suppress(OSError):  # where the disk is full, not even that may fit
                self._stand(Status.FAILED, error.strerror or str(error))
            raise
        self._stand(Status.STOPPED if self._stopping else Status.FINISHED)

    def _go_through(self, teacher: Teacher, logs: Logs) -> None:
        while not self._stopping:
            if not self._is_over(teacher.phase):
                self._epoch(teacher, logs)
            elif self._state.phase + 1 < len(self._phases):
                teacher = self._next(teacher)
            else:
                self._finish()
                return

    def _teacher(self, phase: Phase) -> Teacher:
        classes, examples = self._dataset.trained_classes, self._feed.examples
        return Teacher(self._built, self._config, phase, classes=classes, examples=examples)

    def _is_over(self, phase: Phase) -> bool:
        losses = self._state.losses
        due = phase.stopping is not None and phase.stopping.is_due(losses)
        return due or len(losses) >= phase.epochs

    def _next(self, teacher: Teacher) -> Teacher:
        """Begin the next phase, from the best weights where this one waited for better ones."""
        if teacher.phase.stopping is not None:
            self._load_best()
        self._state = replace(self._state, phase=self._state.phase + 1, losses=())
        return self._teacher(self._phases[self._state.phase])

    def _epoch(self, teacher: Teacher, logs: Logs) -> None:
        """Teach an epoch, or the rest of one, then see how the network does."""
        start = self._state
        began_s = time.monotonic()
        shown = self._shown(teacher)
        if shown is None:
            self._stopping = True
            self._part(teacher, logs)
            return
        teacher.set_rate(start.losses)
        rates = teacher.rates()

        def on_step(examples: int, loss: float, accuracy: float | None) -> bool:
            nonlocal rates
            self._state = now = replace(
                self._state,
                step=self._state.step + 1,
                epoch_step=self._state.epoch_step + 1,
                sums=self._state.sums.plus(examples, loss, accuracy),
                seconds=time.monotonic() - self._clock_s,
            )
            logs.step(
                StepRow(
                    step=now.step,
                    epoch=now.epoch + 1,
                    loss=loss,
                    accuracy=accuracy,
                    learning_rate=rates[0],
                    beta1=rates[1],
                )
            )
            rates = teacher.rates()
            self._tell(self._progress(teacher))
            self._stopping = self._cancelled()
            every = self._config.training.checkpoint_every_steps
            if every and now.step % every == 0 and now.epoch_step < teacher.steps_per_epoch:
                self._part(teacher, logs)
            return not self._stopping

        with self._explained():
            batches = shown.epoch(start.epoch, teacher.embedded)
            teacher.teach(batches, step=start.step, skipped=start.epoch_step, on_step=on_step)
        if self._stopping:
            self._part(teacher, logs)
            return
        with self._explained():
            judged = teacher.judge(shown.validation())
        if not math.isfinite(judged.loss):
            raise Diverged(
                self._name,
                f"the validation loss is {judged.loss} after step {self._state.step:,}, epoch "
                f"{start.epoch + 1}",
            )
        sums, last = self._state.sums, logs.last_step
        has_accuracy = last is not None and last.accuracy is not None
        if last is not None:  # else all steps were made before, and their log deleted
            rates = (last.learning_rate, last.beta1)
        row = EpochRow(
            epoch=start.epoch + 1,
            phase=teacher.phase.name,
            step=self._state.step,
            loss=sums.loss / sums.examples,
            accuracy=sums.accuracy / sums.examples if has_accuracy else None,
            validation_loss=judged.loss,
            validation_accuracy=judged.accuracy,
            threshold=judged.threshold,
            learning_rate=rates[0],
            beta1=rates[1],
            seconds=time.monotonic() - began_s,
        )
        ended = replace(self._progress(teacher), ended=row)
        logs.epoch(row)
        self._keep(teacher, row)
        self._tell(ended)

    def _shown(self, teacher: Teacher) -> Batches | None:
        """What a phase is taught by; None where the caller asked to stop on the way."""
        state, epochs = self._state, sum(phase.epochs for phase in self._phases)

        def on_seen(done: int, total: int) -> bool:
            now = (teacher.phase.name, state.epoch + 1, epochs, 0, teacher.steps_per_epoch)
            self._tell(RunProgress(*now, math.nan, settled=(done, total)))
            return not self._cancelled()

        with self._explained():
            return self._settling.batches(teacher.front, on_seen)

    def _part(self, teacher: Teacher, logs: Logs) -> None:
        """Keep the middle of an epoch, where it can be gone on from there."""
        logs.flush()
        if self._may_part:
            self._checkpoints.save(teacher.model, teacher.optimizer, self._state)
        elif self._stopping and (kept := self._checkpoints.last()) is not None:
            self._state = kept

    def _keep(self, teacher: Teacher, row: EpochRow) -> None:
        """Keep what an epoch came to: the network, where it is the best, and a checkpoint."""
        best = self._state.best
        is_best = best is None or row.validation_loss < best.loss
        if is_best:
            best = Best(
                epoch=row.epoch,
                step=row.step,
                loss=row.validation_loss,
                accuracy=row.validation_accuracy,
                threshold=row.threshold,
                file=f"best-{row.step:09d}.keras",
            )
            networks.save(self._whole, self._checkpoints.best_path(best))
        self._state = replace(
            self._state,
            epoch=row.epoch,
            epoch_step=0,
            sums=Sums(),
            losses=(*self._state.losses, row.validation_loss),
            best=best,
            seconds=time.monotonic() - self._clock_s,
        )
        self._checkpoints.save(teacher.model, teacher.optimizer, self._state)
        if is_best:
            self._name_best()
        self._stand(Status.RUNNING)

    def _finish(self) -> None:
        """Leave the networks as they are to be used."""
        networks.save(self._whole, self._run.path / FINAL)
        self._name_best()
        finish = self._config.recipe.finish
        if finish is not None:
            self._load_best()
            with self._explained():
                finish(self._built, self._feed.batches())
            networks.save(self._whole, self._run.path / BEST)

    def _load_best(self) -> None:
        path = self._best_path()
        try:
            networks.load_weights(self._whole, path)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                self._name,
                f"the network of the best epoch, {printable(str(path))}, cannot be read ({error}): "
                "train anew with another --out",
            ) from error

    def _name_best(self) -> None:
        networks.name(self._best_path(), self._run.path / BEST)

    def _best_path(self) -> Path:
        assert self._state.best is not None, "a phase has an epoch, whose loss is a number"
        return self._checkpoints.best_path(self._state.best)

    def _progress(self, teacher: Teacher) -> RunProgress:
        state = self._state
        return RunProgress(
            phase=teacher.phase.name,
            epoch=state.epoch + 1,
            epochs=sum(phase.epochs for phase in self._phases),
            step=state.epoch_step,
            steps=teacher.steps_per_epoch,
            loss=state.sums.loss / state.sums.examples,
        )

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self._name, self._dataset)

    def _stand(self, status: Status, why: str = "") -> None:
        self._run.stand(status, self._state, self._dataset.folder, why)

    def _drop_spoiled(self) -> None:
        """Drop the checkpoint whose weights gave the loss that is no number, for the one before.

        One at the end of an epoch is none: with these the validation loss was a number.
        """
        found = self._checkpoints.kept()
        newest = found[0].state if len(found) > 1 else None
        if newest is not None and newest.epoch_step and newest.step == self._state.step:
            self._checkpoints.delete(found[0])

    def _kept(self) -> str:
        """What is left of a run whose loss is no number any more."""
        best, last = self._state.best, self._checkpoints.last()
        step = 0 if last is None else last.step
        kept = f"the weights of step {step:,} are kept in {CHECKPOINTS}"
        if best is not None:
            kept += f", those of epoch {best.epoch} (validation loss {best.loss:.4g}) in {BEST}"
        return (
            f"In {printable(str(self._run.path))} {kept}. Train anew with a lower learning rate, "
            "another --seed or another --batch, and another --out"
        )
