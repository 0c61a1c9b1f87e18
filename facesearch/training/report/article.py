"""The report of a run as an article of two columns: the skeleton, with everything measured in it.

In: a report. Out: a folder with article.tex, for IEEEtran, and its figures as PDF. Text that only
the author knows is asked for in comments. Photos of people are not part of it: who is on them
was not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from facesearch.errors import InvalidValue
from facesearch.evaluation.report.html import Table
from facesearch.folders import write_whole
from facesearch.photos.files import printable
from facesearch.training.dataset.options import SplitKind
from facesearch.training.report import latex, papers, wording
from facesearch.training.report.drawn import Drawing
from facesearch.training.report.making import Reported

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
\usepackage{array}
\extrafloats{50}
% Many tables and figures: let pages take more of them than they would.
\setcounter{topnumber}{6}
\setcounter{dbltopnumber}{4}
\setcounter{totalnumber}{8}
\renewcommand{\topfraction}{0.92}
\renewcommand{\dbltopfraction}{0.92}
\renewcommand{\textfraction}{0.06}
\renewcommand{\floatpagefraction}{0.85}
\renewcommand{\dblfloatpagefraction}{0.85}
\renewcommand{\arraystretch}{1.15}
% A table that is wider than its column is made smaller.
\newsavebox{\tablebox}
\newenvironment{fitting}{\begin{lrbox}{\tablebox}}{\end{lrbox}%
\ifdim\wd\tablebox>\linewidth\resizebox{\linewidth}{!}{\usebox{\tablebox}}%
\else\usebox{\tablebox}\fi}
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
    yield f"\\title{{{latex.escaped(wording.title(reported))}}}"
    yield (
        "% Names, affiliations and addresses of the authors.\n"
        "\\author{\\IEEEauthorblockN{First Author}\n\\IEEEauthorblockA{Institution\\\\\n"
        "City, Country}}\n\\maketitle\n\\suppressfloats[t]"  # no table above the abstract
    )
    yield f"\\begin{{abstract}}\n{latex.escaped(wording.abstract(reported))}\n\\end{{abstract}}"
    yield f"\\begin{{IEEEkeywords}}\n{wording.keywords(reported)}\n\\end{{IEEEkeywords}}"
    yield (
        "\\section{Introduction}\n% What the work is for, what others have done, what is new.\n"
        f"{latex.escaped(wording.introduction(reported))}"
    )
    yield from _data(reported)
    yield from _method(reported)
    yield from _results(reported)
    yield (
        "\\section{Conclusion}\n% What follows from the results, and what does not.\n"
        f"{latex.escaped(wording.conclusion(reported))}"
    )
    yield from _repeating(reported)


def _data(reported: Reported) -> Iterator[str]:
    content, data = reported.contents, reported.facts.run.dataset
    split = (
        "Everybody is trained on; photos are split."
        if data.split is SplitKind.BY_PHOTO
        else "People are split, so that nobody who is tested on was trained on."
    )
    yield (
        "\\section{Data}\n% Where the photos come from, under which licence, and who consented.\n"
        f"The dataset {latex.escaped(data.name)} has {sum(data.counts.values()):,} chips, pictures "
        f"cut around one face, of {len(data.classes):,} people. {papers.data(data)}Chips have "
        f"${data.chip_px} \\times {data.chip_px}$ pixels. {split} "
        f"{latex.references(['tab:splits'])} lists the parts."
    )
    yield from latex.tables(content.splits, "splits")


def _method(reported: Reported) -> Iterator[str]:
    content, config = reported.contents, reported.facts.run.config
    yield f"\\section{{Method}}\n{papers.method(config)}"
    labels = ["tab:settings"]
    # Layer by layer where that fits, else by their kinds.
    network = [table for table in content.network[1:] if len(table.rows) <= _LAYERS_UP_TO]
    network = network or list(content.network[:1])
    labels = [f"tab:network-{number}" for number in range(1, len(network) + 1)] + labels
    yield f"The network and all settings are in {latex.references(labels)}."
    for number, table in enumerate(network, 1):
        columns = "llrr" if len(table.columns) == 4 else "lrr"
        yield from latex.tables(table, f"network-{number}", columns=columns)
    ragged = ">{\\raggedright\\arraybackslash}"
    columns = f"l{ragged}p{{0.16\\textwidth}}{ragged}p{{0.58\\textwidth}}"
    yield from latex.tables(content.settings, "settings", columns=columns, wide=True)


def _results(reported: Reported) -> Iterator[str]:
    content, measured = reported.contents, reported.measured
    yield f"\\section{{Results}}\n{latex.escaped(wording.training(reported))}"
    curves = [drawing for drawing in content.drawings if drawing.name in _CURVES]
    others = [drawing for drawing in content.drawings if drawing.name not in _CURVES]
    if curves:
        yield f"{_pointed(curves)} the course of the training."
        yield from map(_figure, curves)
    yield f"\n{latex.escaped(wording.findings(measured))}"
    if measured is not None and measured.naming is not None:
        yield "Intervals of accuracy are Wilson's~\\cite{wilson1927}."
    tables = [_shortened(table) for table in content.results]
    if tables:
        labels = [f"tab:result-{number}" for number in range(1, len(tables) + 1)]
        yield f"{latex.references(labels)} {'give' if len(labels) > 1 else 'gives'} the figures."
        for label, table in zip(labels, tables, strict=True):
            yield from latex.tables(table, label.removeprefix("tab:"))
    if others:
        yield f"{_pointed(others)} the results."
        yield from map(_figure, others)
    if measured is not None and measured.places is not None:
        yield papers.places(measured.places)
    if content.remarks:
        yield "\\subsection{Limits}\n\\begin{itemize}"
        yield from (f"\\item {latex.escaped(remark.said)}" for remark in content.remarks)
        yield "\\end{itemize}"


def _pointed(drawings: Sequence[Drawing]) -> str:
    """Figures, and the verb that follows."""
    shows = "show" if len(drawings) > 1 else "shows"
    return f"{latex.references([f'fig:{each.name}' for each in drawings])} {shows}"


def _figure(drawing: Drawing) -> str:
    return latex.figure(drawing.name, drawing.caption, wide=drawing.is_wide)


def _shortened(table: Table) -> Table:
    left_out = len(table.rows) - _PEOPLE_UP_TO
    if left_out <= 0:
        return table
    note = f"{table.note} {left_out:,} further rows are left out.".strip()
    return Table(table.title, table.columns, table.rows[:_PEOPLE_UP_TO], note)


def _repeating(reported: Reported) -> Iterator[str]:
    content = reported.contents
    yield (
        "\\section*{Reproducibility}\n% Paths are those of the machine it was trained on.\n"
        f"The command\n\\begin{{flushleft}}\\footnotesize\n{latex.typed(reported.facts.again)}\n"
        "\\end{flushleft}\n\\noindent trains the same network."
    )
    rows = [*content.environment, ("Dataset digest", reported.facts.run.dataset.digest[:16])]
    listed = Table("Environment", ("what", "value"), tuple(rows))
    yield f"{latex.references(['tab:environment'])} says what it ran on."
    columns = "l>{\\raggedright\\arraybackslash}p{0.68\\columnwidth}"
    yield from latex.tables(listed, "environment", columns=columns)
