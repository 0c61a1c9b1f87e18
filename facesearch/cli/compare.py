"""`facesearch compare`: two models or more on the same photos, one table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from facesearch.cli.exits import errors_shown
from facesearch.cli.session import DeviceOption, EngineName, EngineOption, Session, on_device


def compare(
    ctx: typer.Context,
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL MODEL... FOLDER",
            help="Two embedders or more, then the folder: LFW with its pairs.txt, or a folder of "
            "photos for each person. A -- may stand before it.",
        ),
    ],
    on: Annotated[
        Path | None,
        typer.Option("--on", metavar="FOLDER", help="The folder, in place of naming it last."),
    ] = None,
    engine: EngineOption = EngineName.AUTO,
    detector: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default="mtcnn", help="What finds the faces, for all."),
    ] = None,
    device: DeviceOption = None,
    max_photos_per_person: Annotated[
        int,
        typer.Option(
            min=2, help="Photos of one person in comparing all pairs: nobody should dominate."
        ),
    ] = 10,
    seed: Annotated[
        int, typer.Option(min=0, help="Of all random choices: one seed, one result.")
    ] = 0,
    leave_out_missing: Annotated[
        bool,
        typer.Option(
            "--leave-out-missing",
            help="LFW: leave out pairs that name a photo which is not there; else they are an "
            "error.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document in place of the table.")
    ] = False,
) -> None:
    """Compare models on photos whose people are known, and say what is more than luck."""
    session = on_device(Session.of(ctx), device)
    names, folder = _parted(models, on)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli import jsonout, render_compare
        from facesearch.cli.evaluate_output import progress_shown
        from facesearch.evaluation.compare import compare_models
        from facesearch.evaluation.runs import EvaluationOptions
        from facesearch.models.catalogue import DEFAULT_DETECTOR

        options = EvaluationOptions(
            device=session.device.value,
            engine=engine.value,
            detector=DEFAULT_DETECTOR if detector is None else detector,
            max_photos_per_person=max_photos_per_person,
            seed=seed,
        )
        with progress_shown() as show:
            result = compare_models(
                names,
                folder,
                leave_out_missing=leave_out_missing,
                options=options,
                on_progress=lambda model, now: show(f"{model}: photos", now.done, now.total),
            )
        if as_json:
            jsonout.write(result.to_json())
        else:
            render_compare.show_comparison(result)


def _parted(words: Sequence[str], on: Path | None) -> tuple[Sequence[str], Path]:
    """The models, and the folder that was named after them or by --on.

    Raises:
        typer.BadParameter: there are fewer than two models, or no folder.
    """
    names, folder = (words, on) if on is not None else (words[:-1], Path(words[-1]))
    if len(names) < 2 and not folder.is_dir():
        raise typer.BadParameter(
            f"there is no folder {words[-1]}: name two models or more, then the folder of photos, "
            "as in facesearch compare A B -- FOLDER"
        )
    if len(names) < 2:
        raise typer.BadParameter(
            "name two models or more, then the folder of photos, as in "
            "facesearch compare A B -- FOLDER; facesearch evaluate measures one model"
        )
    if not folder.is_dir():
        what = "is a file, no folder" if folder.exists() else "is no folder"
        raise typer.BadParameter(
            f"{folder} {what}: name the folder of photos last, or with --on FOLDER"
        )
    return names, folder
