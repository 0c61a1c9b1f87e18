"""Training a network: a configuration and a dataset in, a run's folder with the network out.

Killed at any moment, a run goes on from its last checkpoint and ends with the same weights, bit
for bit on a CPU: what an epoch shows, and the noise of dropout, follow from the seed and the
step, and a checkpoint holds everything else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from facesearch.errors import InvalidValue
from facesearch.models.base import Device
from facesearch.models.tensorflow import TensorFlowRuntime, started_tensorflow
from facesearch.photos.walk import AnyPath
from facesearch.training import folder as run_folder
from facesearch.training.config import RunConfig
from facesearch.training.dataset.chips import ChipDataset
from facesearch.training.dataset.options import SplitKind
from facesearch.training.environment import environment
from facesearch.training.feeding import feed
from facesearch.training.folder import RunFolder, Status
from facesearch.training.loop import Loop
from facesearch.training.outcome import OnProgress, RunReport
from facesearch.training.recipes.base import Task


def train(
    config: RunConfig,
    dataset: AnyPath,
    out: AnyPath,
    *,
    resume: bool = False,
    device: Device = Device.AUTO,
    on_progress: OnProgress | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> RunReport:
    """Train a network.

    With `config.training.deterministic`, TensorFlow computes deterministically in this process
    from then on: it cannot be told to stop that.

    Args:
        config: what to do.
        dataset: folder of one.
        out: folder of the run.
        resume: go on with the run that is there.
        device: what to compute on.
        on_progress: told of each step, and of each epoch when it has ended.
        cancelled: asked after each step whether to stop.

    Raises:
        InvalidDataset: there is no dataset, it is damaged, or of no use to the recipe.
        InvalidValue: there is a run already, or none to go on with, or one that was started
            with another configuration or dataset.
        DeviceUnavailable: the device is not there.
        Diverged: the loss is no number any more.
        ModelError: the disk is full, another process trains in the folder, or the network
            cannot be built.
    """
    chips = ChipDataset.open(dataset)
    shown = feed(config, chips)
    place, name = Path(os.fsdecode(out)), config.recipe.name
    # What is wrong with the folder is said before TensorFlow loads; then it is asked for the
    # device, before anything is written.
    (run_folder.go_on if resume else run_folder.check_free)(place, config, chips)
    runtime = TensorFlowRuntime.on(device)
    with run_folder.held(place, name):
        run = (run_folder.go_on if resume else run_folder.start)(place, config, chips)
        if (done := _finished(run)) is not None:
            return done
        if config.training.deterministic:
            started_tensorflow().config.experimental.enable_op_determinism()
        with computing(runtime) as replicas:
            run.add_environment(environment(runtime.device.value, replicas))
            loop = Loop(run, chips, shown, on_progress or (lambda now: None), cancelled)
            loop.go()
        return _report(run, (*loop.warnings, *_warnings(config, chips)))


@contextmanager
def computing(runtime: TensorFlowRuntime) -> Iterator[int]:
    """Networks that are built and run inside are on the device; on all GPUs, where it is one.

    Yields:
        How many of them share each step.
    """
    tf = started_tensorflow()
    gpus = tf.config.list_logical_devices("GPU")
    if runtime.device is Device.CPU or len(gpus) < 2:
        with runtime.placed():
            yield 1
        return
    strategy = tf.distribute.MirroredStrategy()
    with strategy.scope():
        yield strategy.num_replicas_in_sync


def _finished(run: RunFolder) -> RunReport | None:
    """What a run came to that is finished; None for others, and where going on mends it."""
    try:
        status = run.standing().status
    except InvalidValue:  # no state yet, or a damaged one, which is written anew
        return None
    if status is not Status.FINISHED or not (run.path / run_folder.BEST).exists():
        return None
    return _report(run, ("the run was finished already: nothing was trained",))


def _report(run: RunFolder, warnings: tuple[str, ...]) -> RunReport:
    standing = run.standing()
    finished = standing.status is Status.FINISHED
    return RunReport(
        folder=run.path,
        status=standing.status,
        epoch=standing.epoch,
        step=standing.step,
        best=standing.best,
        seconds=standing.seconds,
        resume="" if finished else run.resume_command(Path(standing.dataset)),
        warnings=warnings,
    )


def _warnings(config: RunConfig, dataset: ChipDataset) -> tuple[str, ...]:
    if config.recipe.task is Task.PAIRS and dataset.split_kind is SplitKind.BY_PHOTO:
        return (
            "the people it was judged by were trained on: with a dataset made with --split "
            "by-person, the accuracy would be that for strangers",
        )
    return ()
