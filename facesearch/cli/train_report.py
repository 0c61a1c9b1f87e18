"""`facesearch train report`: what a run came to, as a page, plots, and an article.

In: the folder of a run. Out: a page beside it or where it was asked for, tables on stdout.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.evaluate_output import check_page, check_plots
from facesearch.cli.exits import errors_shown
from facesearch.cli.session import DeviceOption, Session, on_device

if TYPE_CHECKING:
    from facesearch.training.report.making import Reported

PAGE = "report.html"


def report(
    ctx: typer.Context,
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run; it need not be finished.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            show_default=f"RUN/{PAGE}",
            help="The page, with everything in it; replaced where it exists.",
            callback=check_page,
        ),
    ] = None,
    ieee: Annotated[
        Path | None,
        typer.Option(
            "--ieee",
            metavar="DIR",
            help="Also write an article of two columns in LaTeX, figures and tables filled in; "
            "without photos.",
            callback=check_plots,
        ),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Also write each plot as an SVG here.", callback=check_plots
        ),
    ] = None,
    dataset: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", show_default="as the run says", help="The dataset, where it was moved."
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Measure anew, although RUN/report.json has the figures."),
    ] = False,
    device: DeviceOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document with all that was measured.")
    ] = False,
) -> None:
    """Report on a run: curves, figures on unseen photos, the worst errors, how it was made.

    Figures are those of its best network on the test photos, or those of the validation where
    there are none. They are measured once.
    """
    session = on_device(Session.of(ctx), device)
    with errors_shown(verbose=session.verbose):
        from facesearch.cli.evaluate_output import progress_shown
        from facesearch.models.base import Device
        from facesearch.training.report import article, making, page

        if ieee is not None:
            article.check_free(ieee)  # before the long work
        with progress_shown() as show:
            made = making.report(
                run,
                dataset=dataset,
                device=Device(session.device.value),
                again=again,
                on_progress=show,
            )
        place = run / PAGE if output is None else output
        page.write_page(made.contents, place)
        if plots is not None:
            making.write_plots(made.contents, plots)
        if ieee is not None:
            article.write_article(made, ieee)
        if as_json:
            _write_document(made)
        else:
            _show(made, place, plots, ieee)


def _write_document(made: Reported) -> None:
    from facesearch.cli import jsonout
    from facesearch.training.report.records import to_plain

    document = {} if made.measured is None else to_plain(made.measured)
    document.pop("shown", None)  # pictures are for the page
    jsonout.write(
        {
            "run": str(made.facts.run.path),
            "status": made.facts.standing.status.value,
            "remarks": [str(remark) for remark in made.contents.remarks],
            "measured": document or None,
        }
    )


def _show(made: Reported, place: Path, plots: Path | None, ieee: Path | None) -> None:
    from facesearch.cli.screen import Column, Screen, Table

    screen = Screen()
    screen.line((made.contents.title, "bold"))
    for table in made.contents.results:
        screen.blank()
        screen.line((table.title, "bold"))
        shown = Table(
            [
                Column(name, is_number=number > 0, style="cyan" if number == 1 else "")
                for number, name in enumerate(table.columns)
            ]
        )
        for row in table.rows:
            shown.add(*row)
        screen.print(shown)
    screen.blank()
    for remark in made.contents.remarks:
        screen.line((str(remark), "yellow"))
    for what, where in (("Page", place), ("Plots", plots), ("Article", ieee)):
        if where is not None:
            screen.line((f"{what}: {where}", "dim"))
