"""`facesearch index`: find every face in folders of photos."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.exits import ExitCode, complain, errors_shown
from facesearch.cli.session import (
    BatchOption,
    DeviceName,
    DeviceOption,
    EngineName,
    EngineOption,
    Session,
    WaitOption,
    WorkersOption,
    on_device,
)
from facesearch.errors import Cancelled, PhotoNotFound

if TYPE_CHECKING:
    from facesearch.cli.progress import ProgressDisplay
    from facesearch.models.base import DetectorOptions
    from facesearch.photos.decode import DecodeLimits


class AccuracyName(StrEnum):
    """What --accuracy may say: the names of `facesearch.models.catalogue.Accuracy`.

    That module is too slow to import for a help text; a test holds the two together.
    """

    FAST = "fast"
    BEST = "best"


def index(
    ctx: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders, with all that is in them, or single photos. "
            "None: the folders indexed before.",
            show_default=False,
        ),
    ] = None,
    people_from_folders: Annotated[
        bool,
        typer.Option(
            "--people-from-folders",
            help="Each folder is called after a person: it names the largest face of its photos.",
        ),
    ] = False,
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Look into hidden folders and files too.")
    ] = False,
    remove_emptied: Annotated[
        bool,
        typer.Option(
            "--remove-emptied",
            help="A folder that holds no photos any more was emptied: forget what it held. "
            "Without this it counts as an unplugged disk.",
        ),
    ] = False,
    accuracy: Annotated[
        AccuracyName | None,
        typer.Option(
            metavar="fast|best",
            show_default="what the library was begun with, else fast",
            help="How much work goes into telling people apart; one setting per library.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default="what the library was begun with",
            help="What tells people apart, in place of --accuracy; see facesearch models.",
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default="what the library was last looked at with, else mtcnn",
            help="What finds faces. With another one all photos are looked at again.",
        ),
    ] = None,
    engine: EngineOption = EngineName.AUTO,
    device: DeviceOption = None,
    smallest_face: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            metavar="FRACTION",
            show_default="0.02",
            help="Smallest face looked for, as a fraction of a photo's longer side.",
        ),
    ] = None,
    smallest_face_px: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            metavar="PIXELS",
            show_default="20",
            help="No smaller faces than this many pixels, whatever the fraction says.",
        ),
    ] = None,
    max_megapixels: Annotated[
        float | None,
        typer.Option(min=0.001, show_default="250", help="Larger photos are refused and reported."),
    ] = None,
    batch_size: BatchOption = None,
    workers: WorkersOption = None,
    wait: WaitOption = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="One event per line.")] = False,
) -> None:
    """Find every face in PATHS. Run it again later: it looks only at what is new."""
    session = on_device(Session.of(ctx), device)
    embedder = _embedder(accuracy, model)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout, progress, render
        from facesearch.cli.interrupts import cancel_on_interrupt
        from facesearch.indexing import IndexOptions

        for path in paths or ():  # before a library is made for a slip of the keyboard
            if not os.path.lexists(path):
                raise PhotoNotFound(str(path), f"no such file or folder: {path}")
        options = IndexOptions(
            workers=workers, embed_batch=batch_size, wait_s=wait, remove_emptied=remove_emptied
        )
        with session.open_for_writing(
            create=bool(paths),
            embedder=embedder,
            engine=engine,
            detector=detector,
            detector_options=_detector_options(smallest_face, smallest_face_px),
            limits=_limits(max_megapixels),
        ) as library:
            # Asking for the device is slow where nothing is new, but who named one is told
            # that it is not there even then.
            if as_json:
                roots = [os.path.abspath(path) for path in paths] if paths else None
                jsonout.write(jsonout.start_event(str(library.folder), library.device, roots))
            elif session.verbose or session.device is not DeviceName.AUTO:
                complain(f"networks run on: {library.device}")
            with (
                progress.display_for(as_json=as_json) as display,
                cancel_on_interrupt(display.stopping) as cancelled,
            ):
                report = library.index(
                    paths or None,
                    people_from_folders=people_from_folders,
                    hidden=hidden,
                    options=options,
                    on_progress=display.update,
                    on_wait=_waiting(display, cancelled),
                    cancelled=cancelled,
                )
            for warning in report.warnings:
                if as_json:
                    jsonout.write(jsonout.warning_event(warning))
                else:
                    complain(f"warning: {warning}")
            if as_json:
                jsonout.write(jsonout.done_event(report))
            else:
                ran_on = library.device if report.new else None
                render.show_report(report, str(library.folder), ran_on)
        if report.cancelled:
            raise typer.Exit(ExitCode.INTERRUPTED)


def _waiting(
    display: ProgressDisplay, cancelled: Callable[[], bool]
) -> Callable[[int | None], None]:
    """What to do while another process writes to the library: say so, or stop waiting."""

    def wait(process: int | None) -> None:
        if cancelled():
            raise Cancelled("stopped while waiting for another process; nothing was done")
        display.waiting(process)

    return wait


def _embedder(accuracy: AccuracyName | None, model: str | None) -> str | None:
    if accuracy is None:
        return model
    if model is not None:
        raise typer.BadParameter("say --accuracy or --model, not both")
    from facesearch.models.catalogue import Accuracy, embedder_for

    return embedder_for(Accuracy(accuracy.value))


def _detector_options(fraction: float | None, px: float | None) -> DetectorOptions | None:
    if fraction is None and px is None:
        return None
    from facesearch.models.base import DetectorOptions

    default = DetectorOptions()
    return DetectorOptions(
        smallest_face_fraction=default.smallest_face_fraction if fraction is None else fraction,
        smallest_face_px=default.smallest_face_px if px is None else px,
    )


def _limits(max_megapixels: float | None) -> DecodeLimits | None:
    if max_megapixels is None:
        return None
    from facesearch.photos.decode import DecodeLimits

    return DecodeLimits(max_pixels=round(max_megapixels * 1e6))
