"""`facesearch evaluate`: how good the answers are, measured on labelled photos.

In: folders whose photos say who or where somebody is. Out: tables on stdout or one JSON
document, and where wanted a page and plots. No library is opened or changed.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from facesearch.cli.evaluate_output import check_page, check_plots
from facesearch.cli.exits import complain, errors_shown
from facesearch.cli.index import AccuracyName
from facesearch.cli.session import EngineName, EngineOption, Session
from facesearch.errors import PhotoNotFound

if TYPE_CHECKING:
    from facesearch.cli.evaluate_output import ShowProgress
    from facesearch.evaluation.results import EvaluationProgress

evaluate = typer.Typer(
    no_args_is_help=True,
    help="Measure how good the answers are, on photos whose people are known.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class View(StrEnum):
    """Which published lists of pairs are judged."""

    ONE = "1"
    TWO = "2"
    BOTH = "both"


class FaceName(StrEnum):
    """What --face may say: the names of `facesearch.evaluation.embedding.FaceSelection`."""

    CENTRAL = "central"
    LARGEST = "largest"


_Accuracy: TypeAlias = Annotated[
    AccuracyName | None,
    typer.Option(
        metavar="fast|best",
        show_default="fast",
        help="Which setting is measured; see also --model.",
    ),
]
_Model: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Measure this embedder, in place of --accuracy."),
]
_Detector: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--detector",
        metavar="NAME",
        show_default="mtcnn",
        help="What finds the faces; see facesearch models.",
    ),
]
_Photos: TypeAlias = Annotated[
    int,
    typer.Option(
        min=2, help="Photos of one person in comparing all pairs: nobody should dominate."
    ),
]
_Seed: TypeAlias = Annotated[
    int, typer.Option(min=0, help="Of all random choices: one seed, one result.")
]
_Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="One JSON document in place of tables.")
]
_Output: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        callback=check_page,
        help="Also write a page with plots and the worst pairs, such as report.html.",
    ),
]
_Plots: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", callback=check_plots, help="Also write each plot as an SVG file there."
    ),
]


@evaluate.command()
def lfw(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Holds pairs.txt and the photos.")],
    view: Annotated[
        View, typer.Option(help="View 1 (development), View 2 (the published one), or both.")
    ] = View.TWO,
    all_pairs: Annotated[
        bool,
        typer.Option(
            "--all-pairs",
            help="Compare every photo with every other one, too, and search for each.",
        ),
    ] = False,
    leave_out_missing: Annotated[
        bool,
        typer.Option(
            "--leave-out-missing",
            help="Leave out pairs that name a photo which is not there; else they are an error.",
        ),
    ] = False,
    accuracy: _Accuracy = None,
    model: _Model = None,
    engine: EngineOption = EngineName.AUTO,
    detector: _Detector = None,
    max_photos_per_person: _Photos = 10,
    seed: _Seed = 0,
    as_json: _Json = False,
    output: _Output = None,
    plots: _Plots = None,
) -> None:
    """Measure on Labeled Faces in the Wild, by its published protocol."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli.evaluate_output import finish, progress_shown
        from facesearch.evaluation.lfw import evaluate_lfw
        from facesearch.evaluation.measured_records import figures_of, remember_measured
        from facesearch.evaluation.runs import EvaluationOptions

        options = EvaluationOptions(
            device=session.device.value,
            embedder=_embedder(accuracy, model),
            engine=engine.value,
            detector=_detector(detector),
            max_photos_per_person=max_photos_per_person,
            seed=seed,
        )
        _check_folder(folder)
        with progress_shown() as show:
            result = evaluate_lfw(
                folder,
                view1=view is not View.TWO,
                view2=view is not View.ONE,
                all_pairs=all_pairs,
                leave_out_missing=leave_out_missing,
                options=options,
                on_progress=_shown(show),
            )
        figures = figures_of(result)
        warning = None if figures is None else remember_measured(figures)
        if warning is not None:
            complain(f"warning: {warning}")
        finish(result, as_json=as_json, output=output, plots=plots)


@evaluate.command("folder")
def folder_of_people(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Holds a folder of photos for each person.")],
    face: Annotated[
        FaceName,
        typer.Option(
            metavar="central|largest", help="Which face counts where a photo shows several."
        ),
    ] = FaceName.CENTRAL,
    groups: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            show_default="FOLDER/groups.csv, where there is one",
            help="Which person belongs to which group: columns name and group.",
        ),
    ] = None,
    accuracy: _Accuracy = None,
    model: _Model = None,
    engine: EngineOption = EngineName.AUTO,
    detector: _Detector = None,
    max_photos_per_person: _Photos = 10,
    seed: _Seed = 0,
    as_json: _Json = False,
    output: _Output = None,
    plots: _Plots = None,
) -> None:
    """Measure on photos of your own people: NAME/*.jpg in FOLDER, and groups.csv if you like."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli.evaluate_output import finish, progress_shown
        from facesearch.evaluation.embedding import FaceSelection
        from facesearch.evaluation.folder import evaluate_folder
        from facesearch.evaluation.runs import EvaluationOptions

        options = EvaluationOptions(
            device=session.device.value,
            embedder=_embedder(accuracy, model),
            engine=engine.value,
            detector=_detector(detector),
            face=FaceSelection(face.value),
            max_photos_per_person=max_photos_per_person,
            seed=seed,
        )
        _check_folder(folder)
        with progress_shown() as show:
            result = evaluate_folder(
                folder, groups=groups, options=options, on_progress=_shown(show)
            )
        finish(result, as_json=as_json, output=output, plots=plots)


@evaluate.command()
def detection(
    ctx: typer.Context,
    photos: Annotated[Path, typer.Argument(help="The folder that the file of boxes speaks of.")],
    boxes: Annotated[
        list[Path],
        typer.Option(
            metavar="FILE.xml", help="The true faces, as imglab writes them; may be given often."
        ),
    ],
    min_overlap: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=1.0,
            metavar="IOU",
            help="A find is a marked face from this intersection over union on.",
        ),
    ] = 0.5,
    detector: _Detector = None,
    as_json: _Json = False,
    output: _Output = None,
    plots: _Plots = None,
) -> None:
    """Measure how many faces are found, against boxes that somebody drew."""
    session = Session.of(ctx)
    with errors_shown(verbose=session.verbose):
        from facesearch import __version__
        from facesearch.cli.evaluate_output import finish_detection, progress_shown
        from facesearch.evaluation.detection import evaluate_detection, find_faces, read_boxes
        from facesearch.models.base import DetectorOptions
        from facesearch.models.catalogue import detector_spec
        from facesearch.models.engines import device_named, runtime_on

        _check_folder(photos)
        labelled = [photo for file in boxes for photo in read_boxes(file, folder=photos)]
        spec, options = detector_spec(_detector(detector)), DetectorOptions()
        runtime = runtime_on(spec.engine, device_named(session.device.value))
        with progress_shown() as show:
            found = find_faces(
                labelled,
                spec.load(runtime, options),
                on_progress=lambda done, total: show("looking for faces", done, total),
            )
        finish_detection(
            evaluate_detection(labelled, found, min_iou=min_overlap),
            (
                ("Photos", str(photos)),
                ("Boxes", ", ".join(str(file) for file in boxes)),
                ("Detector", f"{spec.name} ({spec.key(options)})"),
                ("Ran on", runtime.device.value),
                ("facesearch", __version__),
            ),
            as_json=as_json,
            output=output,
            plots=plots,
        )


def _embedder(accuracy: AccuracyName | None, model: str | None) -> str:
    from facesearch.models.catalogue import Accuracy, embedder_for, embedder_spec

    if model is None:
        return embedder_for(Accuracy((accuracy or AccuracyName.FAST).value))
    if accuracy is not None:
        raise typer.BadParameter("say --accuracy or --model, not both")
    return embedder_spec(model).name


def _detector(name: str | None) -> str:
    from facesearch.models.catalogue import DEFAULT_DETECTOR

    return DEFAULT_DETECTOR if name is None else name


def _check_folder(folder: Path) -> None:
    """What is plainly wrong is said before models are loaded.

    Raises:
        PhotoNotFound: nothing is there, or no folder.
    """
    if not folder.exists():
        raise PhotoNotFound(str(folder), f"no such folder: {folder}")
    if not folder.is_dir():
        raise PhotoNotFound(str(folder), f"{folder} is a file: name the folder it lies in")


def _shown(show: ShowProgress) -> Callable[[EvaluationProgress], None]:
    from facesearch.evaluation.results import Stage

    stages = {Stage.EMBED: "photos", Stage.COMPARE: "comparing photos"}
    return lambda progress: show(stages[progress.stage], progress.done, progress.total)
