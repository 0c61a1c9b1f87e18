"""Small pieces of HTML: values in, markup out, in which no name can do harm."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from facesearch.evaluation.report.drawing import Plot
from facesearch.photos.files import printable


@dataclass(frozen=True, slots=True)
class Table:
    """A table of words and numbers, for a page and for a terminal alike.

    Attributes:
        title: what it holds.
        columns: headings; the first column names the row.
        rows: as many cells each as there are columns.
        note: how to read it; empty where nothing needs saying.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def words(text: str) -> str:
    """Text as HTML: nothing in it can end a tag or an attribute, or turn the line around.

    Names and paths come from strangers' disks. Control characters and bytes that are no
    text become escapes such as ``\\x1b``.
    """
    return escape(printable(text), quote=True)


def breakable(path: str) -> str:
    """A path, or a name, as HTML that breaks between its parts rather than within them."""
    return words(path).replace("/", "/<wbr>").replace("\\", "\\<wbr>").replace("_", "_<wbr>")


def table(content: Table) -> str:
    """A table with a caption and headings that a screen reader can follow."""
    heads = "".join(f'<th scope="col">{words(title)}</th>' for title in content.columns)
    body = "".join(
        f'<tr><th scope="row">{breakable(row[0])}</th>'
        + "".join(f"<td>{words(cell)}</td>" for cell in row[1:])
        + "</tr>\n"
        for row in content.rows
    )
    note = f'<p class="note">{words(content.note)}</p>\n' if content.note else ""
    wide = " wide" if len(content.columns) > 3 else ""
    return (
        f'<div class="table{wide}">\n<table>\n<caption>{words(content.title)}</caption>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n{note}</div>\n"
    )


def plot(content: Plot, *, across: bool = False) -> str:
    """A plot as a picture, its caption below. As a picture it keeps its names to itself.

    Args:
        content: the plot.
        across: whether it takes the whole width of the page.
    """
    encoded = base64.b64encode(content.svg.encode("utf-8")).decode("ascii")
    picture = f'<img src="data:image/svg+xml;base64,{encoded}" alt="{words(content.alt)}">'
    if across:
        picture = f'<div class="scroll">{picture}</div>'
    return (
        f'<figure class="plot{" across" if across else ""}" id="plot-{words(content.name)}">\n'
        f"<h3>{words(content.title)}</h3>\n"
        f"{picture}\n"
        f"<figcaption>{words(content.caption)}</figcaption>\n</figure>\n"
    )


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """What a run was: names and their values."""
    inside = "".join(
        f"<dt>{words(name)}</dt><dd>{breakable(value)}</dd>\n" for name, value in pairs
    )
    return f'<dl class="facts">\n{inside}</dl>\n'
