"""The report of a run as an article of two columns: the skeleton, with everything measured in it.

In: a report. Out: a folder with article.tex, for IEEEtran, and its figures as PDF. Text that only
the author knows is asked for in comments. Photos of people are not part of it: who is on them
was not asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from facesearch.errors import InvalidValue
from facesearch.evaluation.report.html import Table
from facesearch.folders import write_whole
from facesearch.photos.files import printable
from facesearch.training.dataset.options import Split, SplitKind
from facesearch.training.recipes.base import Task
from facesearch.training.report import latex, papers
from facesearch.training.report.contents import Contents
from facesearch.training.report.making import Reported
from facesearch.training.report.measured import Measured

ARTICLE, FIGURES = "article.tex", "figures"
_CURVES = ("loss", "accuracy", "learning-rate")
_LAYERS_UP_TO = latex.ROWS_AT_ONCE
# Tables with a row for each person grow with the dataset; an article shows the hardest.
_PEOPLE_UP_TO = 2 * latex.ROWS_AT_ONCE

_PREAMBLE = r"""% Compile: pdflatex article, twice. Needs the class IEEEtran (texlive-publishers).
\documentclass[conference]{IEEEtran}
\usepackage{iftex}
\ifPDFTeX
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
%DECLARATIONS%\else
\usepackage{fontspec}
\fi
\usepackage{amsmath}
\usepackage{graphicx}
\extrafloats{50}
\sloppy
"""


def check_free(folder: Path) -> None:
    """Check that an article may be written into a folder.

    Raises:
        InvalidValue: there is one, which may have been worked on.
    """
    if (folder / ARTICLE).exists():
        raise InvalidValue(
            f"{printable(str(folder / ARTICLE))} is there already, and may have been worked on: "
            "choose another folder, or remove it"
        )


def write_article(reported: Reported, folder: Path) -> None:
    """Write the article and its figures.

    Raises:
        InvalidValue: there is an article already.
        OSError: it cannot be written.
    """
    check_free(folder)
    for drawing in reported.contents.drawings:
        write_whole(folder / FIGURES / f"{drawing.name}.pdf", drawing.pdf())
    write_whole(folder / ARTICLE, article(reported).encode("utf-8"))


def article(reported: Reported) -> str:
    """The article as LaTeX."""
    body = "\n".join(_body(reported))
    bibliography = latex.bibliography(papers.cited(body))
    preamble = _PREAMBLE.replace("%DECLARATIONS%", latex.declarations(body))
    return f"{preamble}\n\\begin{{document}}\n{body}\n{bibliography}\n\\end{{document}}\n"


def _body(reported: Reported) -> Iterator[str]:
    content, measured = reported.contents, reported.measured
    yield f"\\title{{{latex.escaped(_title(reported))}}}"
    yield (
        "% Names, affiliations and addresses of the authors.\n"
        "\\author{\\IEEEauthorblockN{First Author}\n\\IEEEauthorblockA{Institution\\\\\n"
        "City, Country}}\n\\maketitle"
    )
    yield f"\\begin{{abstract}}\n{_abstract(reported)}\n\\end{{abstract}}"
    yield "\\begin{IEEEkeywords}\nface recognition, deep learning\n\\end{IEEEkeywords}"
    yield (
        "\\section{Introduction}\n% What the work is for, what others have done, what is new.\n"
        f"{latex.escaped(_introduction(reported))}"
    )
    yield from _data(reported)
    yield from _method(reported)
    yield from _results(content, measured)
    yield (
        "\\section{Conclusion}\n% What follows from the results, and what does not.\n"
        f"{latex.escaped(_findings(measured))}"
    )
    yield from _repeating(reported)


def _title(reported: Reported) -> str:
    config = reported.facts.run.config
    what = "Telling People Apart" if config.recipe.task is Task.PAIRS else "Naming People"
    return f"{what} with {config.recipe.name} on {reported.facts.run.dataset.name}"


def _abstract(reported: Reported) -> str:
    facts = reported.facts
    data, name = facts.run.dataset, facts.run.config.recipe.name
    unfinished = ""
    if not facts.is_finished:
        unfinished = (
            f" The run is not finished: this is how it stands after {facts.standing.epoch} epochs."
        )
    return latex.escaped(
        f"The network {name} is trained on {data.counts[Split.TRAIN]:,} pictures of faces of "
        f"{data.people[Split.TRAIN]:,} people. {_findings(reported.measured)}{unfinished}"
    )


def _findings(measured: Measured | None) -> str:
    """What was found, in sentences."""
    if measured is None:
        return "Its network was not measured."
    found = []
    if measured.naming is not None:
        accuracy = measured.naming.accuracy
        found.append(
            f"It names {100 * accuracy.value:.2f} % of {len(measured.naming.truth):,} "
            f"{measured.split} pictures rightly (95 % interval {100 * accuracy.low:.2f} to "
            f"{100 * accuracy.high:.2f} %); naming always the same person would give "
            f"{100 * measured.naming.by_guessing:.2f} %."
        )
    for each in measured.telling[:1]:
        at = each.separation
        found.append(
            f"One {each.distance} distance, {at.threshold:.3f}, separates pairs of one person from "
            f"pairs of two with an accuracy of {100 * at.accuracy:.2f} %; the area under the ROC "
            f"curve is {each.auc:.4f}."
        )
    return " ".join(found) or "It could not be judged."


def _data(reported: Reported) -> Iterator[str]:
    content, data = reported.contents, reported.facts.run.dataset
    split = (
        "Everybody is trained on; photos are split."
        if data.split is SplitKind.BY_PHOTO
        else "People are split, so that nobody who is tested on was trained on."
    )
    yield (
        "\\section{Data}\n% Where the photos come from, under which licence, and who consented.\n"
        f"{papers.data(data)}Chips have ${data.chip_px} \\times {data.chip_px}$ pixels. {split} "
        f"{latex.references(['tab:splits'])} lists the parts."
    )
    yield from latex.tables(content.splits, "splits")


def _method(reported: Reported) -> Iterator[str]:
    content, config = reported.contents, reported.facts.run.config
    yield f"\\section{{Method}}\n{papers.method(config)}"
    labels = ["tab:settings"]
    network = [
        table
        for table in content.network
        if len(table.rows) <= _LAYERS_UP_TO or table is content.network[0]
    ]
    labels = [f"tab:network-{number}" for number in range(1, len(network) + 1)] + labels
    yield f"The network and all settings are in {latex.references(labels)}."
    for number, table in enumerate(network, 1):
        columns = "llrr" if len(table.columns) == 4 else "lrr"
        yield from latex.tables(table, f"network-{number}", columns=columns)
    columns = "lp{0.2\\textwidth}p{0.5\\textwidth}"
    yield from latex.tables(content.settings, "settings", columns=columns, wide=True)


def _results(content: Contents, measured: Measured | None) -> Iterator[str]:
    yield "\\section{Results}"
    curves = [drawing for drawing in content.drawings if drawing.name in _CURVES]
    others = [drawing for drawing in content.drawings if drawing.name not in _CURVES]
    if curves:
        yield f"{latex.references([f'fig:{each.name}' for each in curves])} show the training."
        yield from (latex.figure(each.name, each.caption) for each in curves)
    yield latex.escaped(_findings(measured))
    if measured is not None and measured.naming is not None:
        yield "Intervals of accuracy are Wilson's~\\cite{wilson1927}."
    tables = [_shortened(table) for table in content.results]
    if tables:
        labels = [f"tab:result-{number}" for number in range(1, len(tables) + 1)]
        yield f"{latex.references(labels)} give the figures."
        for label, table in zip(labels, tables, strict=True):
            yield from latex.tables(table, label.removeprefix("tab:"))
    if others:
        yield f"{latex.references([f'fig:{each.name}' for each in others])} picture the results."
        yield from (latex.figure(each.name, each.caption) for each in others)
    if measured is not None and measured.places is not None:
        yield papers.places(measured.places)
    if content.remarks:
        yield "\\subsection{How to read these figures}\n\\begin{itemize}"
        yield from (f"\\item {latex.escaped(remark)}" for remark in content.remarks)
        yield "\\end{itemize}"


def _shortened(table: Table) -> Table:
    left_out = len(table.rows) - _PEOPLE_UP_TO
    if left_out <= 0:
        return table
    note = f"{table.note} {left_out:,} further rows are left out.".strip()
    return Table(table.title, table.columns, table.rows[:_PEOPLE_UP_TO], note)


def _repeating(reported: Reported) -> Iterator[str]:
    content = reported.contents
    yield (
        "\\section*{Repeating this}\n% Paths are those of the machine it was trained on.\n"
        f"The command\n\\begin{{flushleft}}\\footnotesize\n{latex.typed(reported.facts.again)}\n"
        "\\end{flushleft}\ntrains the same network."
    )
    rows = [*content.environment, ("Dataset digest", reported.facts.run.dataset.digest[:16])]
    listed = Table("Environment", ("what", "value"), tuple(rows))
    yield f"{latex.references(['tab:environment'])} says what it ran on."
    yield from latex.tables(listed, "environment", columns="lp{0.65\\columnwidth}")


def _introduction(reported: Reported) -> str:
    recipe = reported.facts.run.config.recipe
    return f"This article reports a run of facesearch's recipe {recipe.name} ({recipe.about})."
