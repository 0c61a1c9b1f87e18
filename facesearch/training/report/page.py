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

_MORE_STYLE = """
.texts th, .texts td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.texts td:nth-child(2) { min-width: 8em; }
details { margin-top: 22px; }
summary { cursor: pointer; color: var(--soft); }
details .table { margin-top: 14px; }
.facts + .tables, .tables + .facts { margin-top: 22px; }
h3.part { font-size: 1.1rem; margin: 26px 0 10px; }
#plot-confusion, #plot-embeddings { grid-row: span 2; }
"""


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
    style = resources.files("facesearch.evaluation.report").joinpath("style.css").read_text("utf-8")
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="robots" content="noindex">\n'
        f"<title>{words(content.title)} - facesearch training</title>\n"
        f"<style>\n{style}{_MORE_STYLE}</style>\n</head>\n<body>\n<main>\n"
    )
    yield from heading(
        "facesearch training", content.title, content.about, content.highlights, content.remarks
    )
    if content.results:
        yield '<section id="figures">\n<h2>Figures</h2>\n<div class="tables">\n'
        yield from map(table, content.results)
        yield "</div>\n</section>\n"
    if content.drawings:
        yield '<section id="plots">\n<h2>Plots</h2>\n<div class="plots">\n'
        yield from (plot(drawing.plot()) for drawing in content.drawings)
        yield "</div>\n</section>\n"
    pictures: Pictures = {shot: _picture(chip) for shot, chip in content.chips.items()}
    for gallery in content.galleries:
        yield from gallery_html(gallery, pictures)
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


def _network(network: Sequence[Table]) -> Iterator[str]:
    if not network:
        return
    kinds, layers = network
    yield (
        f'<section id="network">\n<h2>Network</h2>\n<div class="tables">\n{table(kinds)}</div>\n'
        f"<details>\n<summary>All {len(layers.rows):,} layers</summary>\n{table(layers)}"
        "</details>\n</section>\n"
    )


def _picture(chip: ShownChip) -> Picture:
    import io

    import PIL.Image

    with PIL.Image.open(io.BytesIO(base64.b64decode(chip.jpeg))) as opened:
        size = Size(*opened.size)
    return Picture(f"data:image/jpeg;base64,{chip.jpeg}", size, Box(0, 0, size.width, size.height))
