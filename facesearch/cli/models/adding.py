"""`facesearch models add`, `remove` and `export`: networks that users bring along."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli import text
from facesearch.cli.exits import errors_shown
from facesearch.cli.models import trained
from facesearch.cli.screen import Column, Screen, Table
from facesearch.cli.session import Session

if TYPE_CHECKING:
    from facesearch.models.own.adding import AddedModel


class TemplateName(StrEnum):
    """What --template may say: the names of `facesearch.models.templates.TemplateFamily`."""

    ARCFACE = "arcface"
    DLIB = "dlib"
    FACENET = "facenet"
    NONE = "none"


class HeadName(StrEnum):
    """What --detector may say: the names of `facesearch.models.heads.Head`."""

    SCRFD = "scrfd"
    RETINAFACE = "retinaface"
    YUNET = "yunet"


class ChannelName(StrEnum):
    """What --channels may say: the names of `facesearch.models.preprocessing.Channels`."""

    RGB = "rgb"
    BGR = "bgr"


class LayoutName(StrEnum):
    """What --layout may say: the names of `facesearch.models.preprocessing.Layout`."""

    NCHW = "nchw"
    NHWC = "nhwc"


def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is to be called here.")],
    file: Annotated[
        Path,
        typer.Argument(
            help="An ONNX file, a Keras network (.keras, .h5 or a SavedModel folder), or the "
            "folder of a training run."
        ),
    ],
    size: Annotated[
        int | None,
        typer.Option(
            "--input",
            min=1,
            metavar="PX",
            show_default="as the file says",
            help="Width and height of what the network sees.",
        ),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            show_default="as the file says, of a detector what its family has, else asked for",
            help="Subtracted from pixels 0..255: one number, or three with commas for red, "
            "green, blue. Fractions such as 1/127.5 are understood.",
        ),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            show_default="likewise",
            help="Multiplied afterwards, written in the same way.",
        ),
    ] = None,
    standardise: Annotated[
        bool,
        typer.Option(
            "--standardise", help="Instead: each chip's own mean and deviation, as FaceNet has it."
        ),
    ] = False,
    channels: Annotated[
        ChannelName | None,
        typer.Option(
            metavar="rgb|bgr",
            show_default="rgb, of a detector what its family has",
            help="The order of colours.",
        ),
    ] = None,
    layout: Annotated[
        LayoutName | None,
        typer.Option(
            metavar="nchw|nhwc",
            show_default="as the file says",
            help="Where the network has its channels.",
        ),
    ] = None,
    template: Annotated[
        TemplateName | None,
        typer.Option(
            metavar="arcface|dlib|facenet|none",
            show_default="arcface, of a training run that of its dataset",
            help="How faces were aligned when the network was trained.",
        ),
    ] = None,
    detector: Annotated[
        HeadName | None,
        typer.Option(
            metavar="scrfd|retinaface|yunet",
            help="It is a detector of this family; without this it is an embedder.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Which output, or which layer of a Keras network, is taken."
        ),
    ] = None,
    licence: Annotated[
        str, typer.Option(metavar="TEXT", help="Of the weights, to be shown in lists.")
    ] = "not stated",
    force: Annotated[
        bool, typer.Option("--force", help="Add it though it tells the sample faces apart badly.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="In place of an added model of the same name.")
    ] = False,
    dataset: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Of a training run: where its dataset lies now, if it was moved."
        ),
    ] = None,
) -> None:
    """Add an embedder or a detector of your own. It is tried on sample faces first."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        if file.is_dir() and trained.is_run(file):
            given = {
                "--input": size,
                "--mean": mean,
                "--scale": scale,
                "--standardise": standardise or None,
                "--channels": channels,
                "--layout": layout,
                "--detector": detector,
                "--output": output,
            }
            said = [option for option, value in given.items() if value is not None]
            if said:
                raise typer.BadParameter(
                    f"{', '.join(said)}: a training run says this itself, and makes embedders only"
                )
            trained.add_run(
                name,
                file,
                licence=licence,
                replace=replace,
                dataset=dataset,
                template=None if template is None else template.value,
            )
            return
        if dataset is not None:
            raise typer.BadParameter(
                f"--dataset goes with the folder of a training run, not {file}"
            )
        from facesearch.models.heads import Head
        from facesearch.models.own.adding import add_detector, add_embedder, parse_number
        from facesearch.models.preprocessing import Channels, Layout
        from facesearch.models.templates import TemplateFamily

        means = None if mean is None else parse_number(mean)
        scales = None if scale is None else parse_number(scale)
        colours = None if channels is None else Channels(channels.value)
        if detector is not None:
            added = add_detector(
                name,
                file,
                head=Head(detector.value),
                input_px=size,
                mean=means,
                scale=scales,
                channels=colours,
                licence=licence,
                force=force,
                replace=replace,
            )
        else:
            added = add_embedder(
                name,
                file,
                template=TemplateFamily((template or TemplateName.ARCFACE).value),
                input_px=size,
                mean=means,
                scale=scales,
                channels=colours,
                layout=None if layout is None else Layout(layout.value),
                standardise=standardise,
                output=output,
                licence=licence,
                force=force,
                replace=replace,
            )
        show_added(added)
        screen = Screen()
        if added.kind == "embedder":
            screen.line(
                "Nobody measured yet what its distances mean. With a folder of photos for each "
                "person:"
            )
            screen.line((f"facesearch models calibrate {added.name} FOLDER", "bold"))


def remove(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="Of a model that was added.")]
) -> None:
    """Remove a model that was added. Libraries keep what it knows of their faces."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.models.own.storing import remove_model

        remove_model(name)
        Screen().line(f"{name} is removed.")


def export(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Of an added Keras network.")],
    target: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="Must not exist.")],
) -> None:
    """Write a Keras network as ONNX, its preprocessing inside, and check that both agree."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.models.own.exporting import export_added

        report = export_added(name, target)
        screen = Screen()
        size = text.size_on_disk(report.size_bytes)
        screen.line(f"{target}, {size}: takes uint8 RGB chips, preprocessing is inside.")
        screen.line(f"Largest difference from Keras on sample faces: {report.max_difference:.1e}.")


def show_added(added: AddedModel) -> None:
    """What the file told, and how it did on the sample faces."""
    screen = Screen()
    screen.line((added.name, "bold"), f" is added, {added.kind}.")
    table = Table((Column(style="dim"), Column()))
    for what, value in added.described():
        table.add(what, value)
    screen.print(table)
