"""What the `evaluate` commands share: how far they are, and where their results go.

In: progress and contents of reports. Out: a bar or lines on stderr, tables on stdout, a
page and plots on disk. Where nothing can be written is found out before the long work.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import typer

from facesearch.cli import text
from facesearch.cli.text import printable

if TYPE_CHECKING:
    from facesearch.evaluation.detection import DetectionResult
    from facesearch.evaluation.report.contents import Contents
    from facesearch.evaluation.report.html import Table
    from facesearch.evaluation.results import FolderResult, LfwResult

_LINE_EVERY_S = 10.0

ShowProgress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with what is done, such as "embedding photos", how many are, and how many there are."""


def check_page(value: Path | None) -> Path | None:
    """An option's callback: refuse what cannot become a page.

    Raises:
        typer.BadParameter: it ends otherwise, its folder is missing or not to be written to.
    """
    if value is None:
        return None
    # A slip such as `--output holiday.jpg` must not cost a photo.
    if value.suffix.lower() not in (".html", ".htm"):
        raise typer.BadParameter("a report is a page: its name must end in .html")
    if value.is_dir():
        raise typer.BadParameter(f"{printable(str(value))} is a folder: name a file in it")
    _must_be_writable(value.absolute().parent)
    return value


def check_plots(value: Path | None) -> Path | None:
    """An option's callback: refuse what cannot become a folder of plots.

    Raises:
        typer.BadParameter: there is a file in its place, or it cannot be made or written to.
    """
    if value is None:
        return None
    if value.exists() and not value.is_dir():
        raise typer.BadParameter(f"{printable(str(value))} is a file: name a folder")
    _must_be_writable(value.absolute() if value.is_dir() else value.absolute().parent)
    return value


def _must_be_writable(folder: Path) -> None:
    import tempfile  # no other command needs it

    if not folder.is_dir():
        raise typer.BadParameter(f"no such folder: {printable(str(folder))}")
    try:  # permissions alone do not tell: the disk may be read-only, or the rights another's
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        shown = printable(str(folder))
        raise typer.BadParameter(f"cannot write in {shown}: {error.strerror}") from error


@contextmanager
def progress_shown() -> Iterator[ShowProgress]:
    """Yield a function that shows progress: a moving bar on a terminal, else lines."""
    if sys.stderr.isatty():
        from rich.console import Console

        console = Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
        if not console.is_dumb_terminal:
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                BarColumn(bar_width=30),
                TextColumn("{task.description}", markup=False),
                TimeRemainingColumn(),
            )
            with Progress(*columns, console=console, transient=True) as bar:
                task = bar.add_task("reading the folder", total=None)
                yield lambda what, done, total: bar.update(
                    task, total=total, completed=done, description=_line(what, done, total)
                )
            return
    last = time.monotonic()

    def show(what: str, done: int, total: int | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _LINE_EVERY_S:
            last = now
            print(f"facesearch: {_line(what, done, total)}", file=sys.stderr, flush=True)

    yield show


def _line(what: str, done: int, total: int | None) -> str:
    return f"{what}: {done:,}" + ("" if total is None else f" of {total:,}")


def finish(
    result: LfwResult | FolderResult, *, as_json: bool, output: Path | None, plots: Path | None
) -> None:
    """Show a result, and write what was asked for.

    Raises:
        OSError: the page or the plots cannot be written.
    """
    from facesearch.cli import jsonout
    from facesearch.evaluation.report import tables
    from facesearch.evaluation.report.contents import folder_contents, lfw_contents
    from facesearch.evaluation.results import LfwResult

    if output is not None or plots is not None:
        contents = (
            lfw_contents(result) if isinstance(result, LfwResult) else folder_contents(result)
        )
        _write(contents, output, plots)
    if as_json:
        jsonout.write(result.to_json())
        return
    run, notes = result.run, result.run.warnings
    if isinstance(result, LfwResult):
        shown = tables.lfw_tables(result)
    else:
        shown, notes = tables.folder_tables(result), (*notes, *result.notes)
    _show(tables.about(run), shown, notes, len(run.failures), output, plots)


def finish_detection(
    result: DetectionResult,
    run: Sequence[tuple[str, str]],
    *,
    as_json: bool,
    output: Path | None,
    plots: Path | None,
) -> None:
    """Show how well faces were found, and write what was asked for.

    Raises:
        OSError: the page or the plots cannot be written.
    """
    from facesearch.cli import jsonout
    from facesearch.evaluation.report import tables
    from facesearch.evaluation.report.contents import detection_contents

    if output is not None or plots is not None:
        _write(detection_contents(result, run), output, plots)
    if as_json:
        jsonout.write(result.to_json())
        return
    about = f"{text.count(result.photos, 'photo')}, {text.count(result.faces, 'marked face')}"
    shown = tables.detection_tables(result)
    _show(about, shown, (), len(result.failures), output, plots)


def _write(contents: Contents, output: Path | None, plots: Path | None) -> None:
    if plots is not None:
        plots.mkdir(exist_ok=True)
        for plot in contents.plots:
            (plots / f"{plot.name}.svg").write_text(plot.svg, encoding="utf-8")
    if output is not None:
        from facesearch.evaluation.report.page import write_page

        write_page(contents, output)


def _show(
    about: str,
    tables: Sequence[Table],
    remarks: Sequence[str],
    failures: int,
    output: Path | None,
    plots: Path | None,
) -> None:
    """Every table on stdout, what is to be said about it, and where the rest lies."""
    from facesearch.cli import screen

    page = screen.Screen()
    page.line((about, "bold"))
    for table in tables:
        page.blank()
        page.line((table.title, "bold"))
        shown = screen.Table(
            [
                screen.Column(name, is_number=number > 0, style="cyan" if number == 1 else "")
                for number, name in enumerate(table.columns)
            ]
        )
        for row in table.rows:
            shown.add(*row)
        page.print(shown)
        if table.note:
            page.line((table.note, "dim"))
    remarks = list(remarks)
    if failures:
        photos = text.count(failures, "photo")
        remarks.append(f"{photos} without a face, counted as a miss: see --json or --output")
    closing = [(remark, "yellow") for remark in remarks]
    if output is not None:
        closing.append((f"Page: {output}", "dim"))
    elif page.is_terminal:  # a hint for whoever is looking
        closing.append(("For plots and the worst pairs as photos: --output report.html", "dim"))
    if plots is not None:
        closing.append((f"Plots: {plots}", "dim"))
    if closing:
        page.blank()
    for line in closing:
        page.line(line)
