"""`facesearch dataset`: chips of known people to train networks with.

In: photos whose people are known. Out: a folder that `facesearch train` takes; what is in it.
"""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.evaluate import FaceName
from facesearch.cli.exits import ExitCode, complain, errors_shown
from facesearch.cli.session import DeviceOption, Session, WorkersOption, on_device

if TYPE_CHECKING:
    from facesearch.training.dataset.options import Split
    from facesearch.training.dataset.sources import Source

dataset = typer.Typer(
    no_args_is_help=True,
    help="Make datasets of aligned faces to train networks with, and look into them.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class TemplateName(StrEnum):
    """What --template may say: the names of `facesearch.models.templates.TemplateFamily`."""

    ARCFACE = "arcface"
    DLIB = "dlib"
    FACENET = "facenet"
    NONE = "none"


class SplitName(StrEnum):
    """What --split may say: the names of `facesearch.training.dataset.options.SplitKind`."""

    BY_PHOTO = "by-photo"
    BY_PERSON = "by-person"
    PUBLISHED = "published"


class StorageName(StrEnum):
    """What --storage may say: the names of `facesearch.training.dataset.options.Storage`."""

    TFRECORDS = "tfrecords"
    FOLDERS = "folders"


def _finite(value: float) -> float:
    """An option's check: a range lets "nan" and "inf" through.

    Raises:
        typer.BadParameter: it is one of these.
    """
    if not math.isfinite(value):
        raise typer.BadParameter("a number")
    return value


def _fractions(value: str) -> tuple[float, ...]:
    """An option's parser: shares of the splits.

    Raises:
        typer.BadParameter: there is something else than numbers.
    """
    try:
        shares = tuple(float(part) for part in value.split(","))
    except ValueError as error:
        raise typer.BadParameter("shares separated by commas, such as 0.7,0.3") from error
    if not all(map(math.isfinite, shares)):
        raise typer.BadParameter("shares separated by commas, such as 0.7,0.3")
    return shares


@dataset.command()
def make(
    ctx: typer.Context,
    target: Annotated[Path, typer.Argument(help="The dataset's folder: new, or begun before.")],
    from_folders: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Photos in a folder for each person: NAME/*.jpg in DIR."),
    ] = None,
    from_library: Annotated[
        Path | None,
        typer.Option(metavar="LIBRARY", help="The faces of a library that have a name."),
    ] = None,
    from_celeba: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="CelebA: identity_CelebA.txt, list_eval_partition.txt, img_align_celeba/.",
        ),
    ] = None,
    from_vggface2: Annotated[
        Path | None, typer.Option(metavar="DIR", help="VGGFace2: train/ and test/ in DIR.")
    ] = None,
    part: Annotated[
        list[str] | None,
        typer.Option(
            metavar="train|validation|test",
            show_default="all",
            help="Of CelebA or VGGFace2, take this published part; may be given several times.",
        ),
    ] = None,
    people: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default="everybody",
            help="Take only these people: a name a line, what follows a tab aside, as in LFW's "
            "peopleDevTrain.txt.",
        ),
    ] = None,
    min_photos: Annotated[
        int, typer.Option(min=1, help="Leave out people with fewer usable photos.")
    ] = 2,
    max_photos: Annotated[
        int | None,
        typer.Option(min=1, show_default="all", help="Of each person, so many at random."),
    ] = None,
    size: Annotated[
        int, typer.Option(min=16, max=1024, metavar="PX", help="Width and height of the chips.")
    ] = 112,
    template: Annotated[
        TemplateName | None,
        typer.Option(
            metavar="NAME",
            show_default="arcface",
            help="Where eyes, nose and mouth lie in a chip: arcface, dlib, facenet or none "
            "(faces are not turned upright).",
        ),
    ] = None,
    already_aligned: Annotated[
        bool,
        typer.Option(
            "--already-aligned",
            help="The photos are chips: look for no face, and resize the square in the middle.",
        ),
    ] = False,
    face: Annotated[
        FaceName,
        typer.Option(
            metavar="central|largest", help="Which face counts where a photo shows several."
        ),
    ] = FaceName.CENTRAL,
    detector: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default="mtcnn", help="What finds faces."),
    ] = None,
    split: Annotated[
        SplitName,
        typer.Option(
            metavar="KIND",
            help="by-photo (everybody is trained on: to classify), by-person (people who judge "
            "are not trained on: to verify) or published (as CelebA and VGGFace2 say).",
        ),
    ] = SplitName.BY_PHOTO,
    fractions: Annotated[
        str,
        typer.Option(
            metavar="A,B[,C]",
            help="Shares to train and to validate with, and perhaps to test with.",
        ),
    ] = "0.7,0.3",
    seed: Annotated[
        int, typer.Option(min=0, help="Of all random choices: one seed, one dataset.")
    ] = 0,
    storage: Annotated[
        StorageName, typer.Option(metavar="tfrecords|folders", help="How chips lie on the disk.")
    ] = StorageName.TFRECORDS,
    shard_size: Annotated[
        float,
        typer.Option(
            min=0.1, metavar="MB", callback=_finite, help="TFRecord files are about this large."
        ),
    ] = 32.0,
    quality: Annotated[
        int, typer.Option(min=1, max=100, help="JPEG quality of the stored chips.")
    ] = 95,
    device: DeviceOption = None,
    workers: WorkersOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document at the end.")] = False,
) -> None:
    """Make a dataset of aligned chips from photos of known people. Run it again to go on."""
    session = on_device(Session.of(ctx), device)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout, render_dataset
        from facesearch.cli.evaluate_output import progress_shown
        from facesearch.cli.interrupts import cancel_on_interrupt
        from facesearch.evaluation.embedding import FaceSelection
        from facesearch.models.catalogue import DEFAULT_DETECTOR
        from facesearch.models.templates import TemplateFamily
        from facesearch.training.dataset.making import make_dataset
        from facesearch.training.dataset.options import DatasetOptions, SplitKind, Storage
        from facesearch.training.dataset.sources import read_people

        chosen = TemplateFamily(template.value) if template is not None else None
        if chosen is None and not already_aligned:
            chosen = TemplateFamily.ARCFACE
        options = DatasetOptions(
            chip_px=size,
            template=chosen,
            already_aligned=already_aligned,
            face=FaceSelection(face.value),
            detector=detector or DEFAULT_DETECTOR,
            jpeg_quality=quality,
            min_photos=min_photos,
            max_photos=max_photos,
            people=None if people is None else read_people(people),
            split=SplitKind(split.value),
            fractions=_fractions(fractions),
            seed=seed,
            storage=Storage(storage.value),
            shard_bytes=round(shard_size * 1e6),
            device=session.device.value,
            workers=workers,
        )
        source = _source(from_folders, from_library, from_celeba, from_vggface2, part or [])
        with (
            progress_shown() as show,
            cancel_on_interrupt(render_dataset.stopping) as cancelled,
        ):
            report = make_dataset(
                source,
                target,
                options,
                on_progress=lambda far: show(far.stage.value, far.done, far.total),
                cancelled=cancelled,
            )
        for warning in report.warnings:
            complain(f"warning: {warning}")
        if as_json:
            jsonout.write(render_dataset.report_document(report))
        else:
            render_dataset.show_report(report)
        if report.cancelled:
            raise typer.Exit(ExitCode.INTERRUPTED)


@dataset.command()
def info(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Of a finished dataset.")],
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Also draw chips of some people, with their names."),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Also compare every chip with its SHA-256.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show what is in a dataset: people, chips, split, files; what its chips look like."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout, render_dataset
        from facesearch.cli.evaluate_output import progress_shown
        from facesearch.training.dataset.chips import ChipDataset
        from facesearch.training.dataset.sheet import write_sheet

        if sheet is not None and sheet.suffix.lower() != ".png":
            raise typer.BadParameter("a sheet is a PNG: its name must end in .png")
        opened = ChipDataset.open(folder)
        if verify:
            total = sum(opened.manifest.counts.values())
            with progress_shown() as show:
                opened.verify(lambda done: show("chips compared", done, total))
        if sheet is not None:
            write_sheet(opened, sheet)
        if as_json:
            jsonout.write(render_dataset.info_document(opened, sheet, verified=verify))
        else:
            render_dataset.show_info(opened, sheet, verified=verify)


def _source(
    folders: Path | None,
    library: Path | None,
    celeba: Path | None,
    vggface2: Path | None,
    parts: list[str],
) -> Source:
    """Where photos come from.

    Raises:
        typer.BadParameter: nowhere, from several places, or parts of what has none.
    """
    from facesearch.training.dataset.options import Split
    from facesearch.training.dataset.published import CelebASource, VggFace2Source
    from facesearch.training.dataset.sources import FolderSource, LibrarySource

    if sum(place is not None for place in (folders, library, celeba, vggface2)) != 1:
        raise typer.BadParameter(
            "say where photos come from, with one of --from-folders, --from-library, "
            "--from-celeba and --from-vggface2"
        )
    try:
        wanted: list[Split] = [Split(part) for part in parts]
    except ValueError as error:
        raise typer.BadParameter("--part is train, validation or test") from error
    if celeba is not None:
        return CelebASource(celeba, wanted)
    if vggface2 is not None:
        return VggFace2Source(vggface2, wanted)
    if wanted:
        raise typer.BadParameter("--part goes with --from-celeba and --from-vggface2")
    if library is not None:
        return LibrarySource(library)
    assert folders is not None, "counted above"
    return FolderSource(folders)
