"""The page of a run: contents in, one HTML file that needs nothing else out.

It looks as the pages of evaluations do. Style, plots and chips are inside the page, and its
content security policy forbids the rest. Every name and path is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path

from facesearch.evaluation.report.exhibits import Pictures, gallery_html
from facesearch.evaluation.report.heading import heading
from facesearch.evaluation.report.html import Table, facts, plot, table, words
from facesearch.folders import write_whole
from facesearch.photos.pictures import Picture
from facesearch.training.report.contents import Contents
from facesearch.training.report.measured import ShownChip
from facesearch.values import Box, Size

_ERRORS_AT_ONCE = 9
_LAYERS_AT_ONCE = 20
_STYLES = ("facesearch.evaluation.report", "facesearch.training.report")


def write_page(content: Contents, output: Path) -> None:
    """Write the page, replacing what was at `output` only once the new one is whole.

    Raises:
        OSError: it cannot be written there.
    """
    write_whole(output, render_page(content).encode("utf-8"))


def render_page(content: Contents) -> str:
    """The page as HTML."""
    return "".join(_page(content))


def _page(content: Contents) -> Iterator[str]:
    style = "".join(map(_style, _STYLES))
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="robots" content="noindex">\n'
        f"<title>{words(content.title)} - facesearch training</title>\n"
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
    )
    yield from heading(
        "facesearch training",
        content.title,
        content.about,
        content.highlights,
        [str(remark) for remark in content.remarks],
    )
    yield _parts(content)
    if content.results:
        yield '<section id="figures">\n<h2>Figures</h2>\n<div class="tables">\n'
        yield from map(table, content.results)
        yield "</div>\n</section>\n"
    if content.drawings:
        yield '<section id="plots">\n<h2>Plots</h2>\n<div class="plots">\n'
        yield from (plot(each.plot(), across=each.is_wide) for each in content.drawings)
        yield "</div>\n</section>\n"
    pictures: Pictures = {shot: _picture(chip) for shot, chip in content.chips.items()}
    if content.galleries:
        yield '<div id="errors">\n'
        for gallery in content.galleries:
            yield from gallery_html(gallery, pictures, at_once=_ERRORS_AT_ONCE)
        yield "</div>\n"
    yield from _network(content.network)
    yield '<section id="settings">\n<h2>Settings</h2>\n<div class="texts">\n'
    yield f"{table(content.settings)}</div>\n</section>\n"
    yield '<section id="run">\n<h2>How this came about</h2>\n'
    for title, pairs in (
        ("Run", content.run),
        ("Dataset", content.dataset),
        ("Environment", content.environment),
    ):
        yield f'<h3 class="part">{title}</h3>\n{facts(pairs)}'
        if title == "Dataset":
            yield f'<div class="tables">\n{table(content.splits)}</div>\n'
    yield "</section>\n"
    made = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    yield (
        "</main>\n<footer>\n"
        "<p>Cosine distance is what a search compares, 0 to 2; small is alike. A false match is a "
        "pair of different people taken for one, a false non-match a pair of one person taken for "
        "two.</p>\n"
        f"<p>Made by facesearch on {made}. This page contains pictures of people: mind whom you "
        "send it to.</p>\n</footer>\n</body>\n</html>\n"
    )


def _style(package: str) -> str:
    return resources.files(package).joinpath("style.css").read_text("utf-8")


def _network(network: Sequence[Table]) -> Iterator[str]:
    if not network:
        return
    kinds, layers = network
    few = " open" if len(layers.rows) <= _LAYERS_AT_ONCE else ""
    yield (
        f'<section id="network">\n<h2>Network</h2>\n<div class="tables">\n{table(kinds)}</div>\n'
        f"<details{few}>\n<summary>All {len(layers.rows):,} layers</summary>\n{table(layers)}"
        "</details>\n</section>\n"
    )


def _parts(content: Contents) -> str:
    """Links to the sections that there are."""
    there = (
        ("figures", "Figures", content.results),
        ("plots", "Plots", content.drawings),
        ("errors", "Worst errors", content.galleries),
        ("network", "Network", content.network),
        ("settings", "Settings", content.settings.rows),
        ("run", "How this came about", content.run),
    )
    links = "".join(f'<a href="#{name}">{title}</a>\n' for name, title, part in there if part)
    return f'<nav class="parts" aria-label="Sections">\n{links}</nav>\n'


def _picture(chip: ShownChip) -> Picture:
    import io

    import PIL.Image

    with PIL.Image.open(io.BytesIO(base64.b64decode(chip.jpeg))) as opened:
        size = Size(*opened.size)
    return Picture(f"data:image/jpeg;base64,{chip.jpeg}", size, Box(0, 0, size.width, size.height))
