"""How every report begins: values in, HTML out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from facesearch.evaluation.report.contents import Highlight
from facesearch.evaluation.report.html import words


def heading(
    kicker: str, title: str, about: str, highlights: Sequence[Highlight], remarks: Sequence[str]
) -> Iterator[str]:
    """Title, what the report is about, its figures at a glance, and what to bear in mind.

    Args:
        kicker: which kind of report, above the title; HTML as it is.
    """
    yield (
        f'<header class="head">\n<p class="kicker">{kicker}</p>\n'
        f'<h1>{words(title)}</h1>\n<p class="about">{words(about)}</p>\n'
    )
    if highlights:
        yield '<ul class="highlights">\n'
        yield from map(_highlight, highlights)
        yield "</ul>\n"
    if remarks:
        yield '<ul class="remarks">\n'
        yield from (f"<li>{words(remark)}</li>\n" for remark in remarks)
        yield "</ul>\n"
    yield "</header>\n"


def _highlight(highlight: Highlight) -> str:
    return (
        f"<li><strong>{words(highlight.value)}</strong> <span>{words(highlight.name)}</span> "
        f"<small>{words(highlight.detail)}</small></li>\n"
    )
