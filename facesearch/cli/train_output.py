"""What `facesearch train` shows: a plan, a line for each epoch, what came of it.

In: a configuration and folders. Out: text, or JSON documents, on stdout; progress on stderr.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from facesearch.cli import jsonout, text
from facesearch.cli.evaluate_output import progress_shown
from facesearch.cli.exits import ExitCode, complain
from facesearch.cli.interrupts import cancel_on_interrupt
from facesearch.cli.screen import Column, Screen, Table

if TYPE_CHECKING:
    from facesearch.models.base import Device
    from facesearch.training.config import RunConfig
    from facesearch.training.logs import EpochRow
    from facesearch.training.outcome import RunProgress, RunReport
    from facesearch.training.planning import Plan

_STOPPING = "stopping after this step; Ctrl-C again stops at once"


def show_plan(
    config: RunConfig, dataset: Path, out: Path | None, device: Device, *, as_json: bool
) -> None:
    """Show what a run would be."""
    from facesearch.training.planning import plan

    found = plan(config, dataset, out, device=device)
    if as_json:
        jsonout.write({**found.to_json(), "config": config.document()})
        return
    screen = Screen()
    layers = Table((Column("layer"), Column("kind"), Column("gives"), Column("numbers", True)))
    for layer in found.layers:
        shape = " x ".join("?" if size is None else str(size) for size in layer.shape)
        layers.add(layer.name, layer.kind, shape, f"{layer.parameters:,}")
    screen.print(layers)
    screen.blank()
    about = Table((Column(style="dim"), Column()))
    for what, value in _rows(found):
        about.add(what, value)
    screen.print(about)
    screen.blank()
    screen.line(("Settings", "bold"), " (--set NAME=VALUE changes one):")
    for line in config.toml().splitlines():
        screen.line(line)
    if found.is_too_large:
        complain("this takes more memory than the machine has: see --batch and --image-size")


def _rows(plan: Plan) -> list[tuple[str, str]]:
    memory = plan.memory
    parts = ", ".join(
        f"{what} {text.size_on_disk(size)}"
        for what, size in (
            ("weights", memory.weights),
            ("gradients", memory.gradients),
            ("optimizer", memory.optimizer),
            ("a batch's activations", memory.activations),
            ("chips", memory.chips),
        )
        if size
    )
    devices = plan.device.value if plan.replicas == 1 else f"{plan.replicas} x {plan.device.value}"
    rows = [
        ("Numbers", f"{plan.parameters:,}"),
        ("Embedding", text.count(plan.dimension, "number")),
        ("People", f"{plan.people:,} to train on"),
        ("Chips", ", ".join(f"{name} {count:,}" for name, count in plan.chips.items())),
        ("Device", devices),
        ("Memory", f"about {text.size_on_disk(memory.total)}: {parts}"),
    ]
    rows += [
        (
            f"Phase {phase.name}",
            f"at most {text.count(phase.epochs, 'epoch')}, learning rate from "
            f"{phase.learning_rate:.3g}, {phase.learned:,} numbers learn",
        )
        for phase in plan.phases
    ]
    rows.append(
        ("Steps", f"{plan.steps_per_epoch:,} an epoch of {plan.batch}, at most {plan.steps:,}")
    )
    return [*rows, *plan.notes.items()]


def run(
    config: RunConfig, dataset: Path, out: Path, device: Device, *, resume: bool, as_json: bool
) -> ExitCode:
    """Train, showing how far it is, and what came of it.

    Returns:
        DONE, or INTERRUPTED where Ctrl-C ended it.
    """
    from facesearch.training.folder import Status
    from facesearch.training.run import train

    with (
        cancel_on_interrupt(lambda: None) as asked,
        progress_shown() as show,
    ):
        told = False

        def cancelled() -> bool:
            nonlocal told
            if asked() and not told:
                told = True
                complain(_STOPPING)
            return asked()

        def tell(now: RunProgress) -> None:
            if now.settled is not None:
                show("chips through the layers that stay as they are", *now.settled)
            elif now.ended is None:
                what = f"epoch {now.epoch} of at most {now.epochs}, loss {now.loss:.4g}, step"
                show(what, now.step, now.steps)
            elif as_json:
                jsonout.write(_epoch_document(now.ended))
            else:
                print(_epoch_line(now), file=sys.stderr, flush=True)

        report = train(
            config,
            dataset,
            out,
            resume=resume,
            device=device,
            on_progress=tell,
            cancelled=cancelled,
        )
    if as_json:
        jsonout.write({"event": "end", **report.to_json()})
    else:
        _show(report)
    return ExitCode.INTERRUPTED if report.status is Status.STOPPED else ExitCode.DONE


def _epoch_document(row: EpochRow) -> dict[str, object]:
    from dataclasses import asdict

    return {"event": "epoch", **asdict(row)}


def _epoch_line(now: RunProgress) -> str:
    row = now.ended
    assert row is not None, "shown at the end of an epoch"
    parts = [f"loss {row.loss:.4f}"]
    if row.accuracy is not None:
        parts.append(f"accuracy {row.accuracy:.1%}")
    parts.append(f"validation loss {row.validation_loss:.4f}")
    if row.validation_accuracy is not None:
        parts.append(f"accuracy {row.validation_accuracy:.1%}")
    if row.threshold is not None:
        parts.append(f"at distance {row.threshold:.3f}")
    parts.append(f"learning rate {row.learning_rate:.3g}")
    parts.append(text.duration(row.seconds))
    return f"facesearch: {now.phase}, epoch {row.epoch}: {', '.join(parts)}"


def _show(report: RunReport) -> None:
    screen = Screen()
    for warning in report.warnings:
        complain(warning)
    best = report.best
    ended = "Stopped" if report.resume else "Finished"
    screen.line(
        (ended, "bold"),
        f" after {text.count(report.epoch, 'epoch')}, {text.count(report.step, 'step')}, "
        f"{text.duration(report.seconds)}: {report.folder}",
    )
    if best is not None:
        found = f"validation loss {best.loss:.4f}"
        if best.accuracy is not None:
            found += f", accuracy {best.accuracy:.1%}"
        if best.threshold is not None:
            found += f" at distance {best.threshold:.3f}"
        screen.line(f"Best: epoch {best.epoch}, {found}; in {report.folder / 'best.keras'}")
    if report.resume:
        screen.line("Go on with it: ", (report.resume, "bold"))
    else:
        folder = shlex.quote(text.printable(str(report.folder)))
        screen.line("How well it does: ", (f"facesearch train report {folder}", "bold"))
        screen.line("Search with it: ", (f"facesearch models add NAME {folder}", "bold"))
