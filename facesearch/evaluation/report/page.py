"""The page of an evaluation: contents in, one HTML file that needs nothing else out.

Style, plots and pictures are inside the page, and its content security policy forbids
the rest. Every name and path is escaped. Pictures are cut from the photos when the page
is made; a photo that is gone by then leaves a note in its place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path

from facesearch.evaluation.report.contents import Contents
from facesearch.evaluation.report.exhibits import Pictures, gallery_html, take_pictures
from facesearch.evaluation.report.heading import heading
from facesearch.evaluation.report.html import Table, facts, plot, table, words
from facesearch.evaluation.results import PhotoFailure

# A folder of ten thousand broken photos must not make a page that no browser opens.
_FAILURES_SHOWN = 500


def render_page(contents: Contents) -> str:
    """The page as HTML."""
    return "".join(_page(contents, take_pictures(contents.galleries)))


def write_page(contents: Contents, output: Path) -> None:
    """Write the page, replacing what was at `output` only once the new page is whole.

    Raises:
        OSError: the page cannot be written there.
    """
    page = render_page(contents)
    unfinished = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)


def _page(contents: Contents, pictures: Pictures) -> Iterator[str]:
    style = resources.files("facesearch.evaluation.report").joinpath("style.css").read_text("utf-8")
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="robots" content="noindex">\n'
        f"<title>{words(contents.title)} - facesearch evaluation</title>\n"
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
    )
    yield from heading(
        "facesearch evaluation",
        contents.title,
        contents.about,
        contents.highlights,
        contents.remarks,
    )
    yield '<section>\n<h2>Figures</h2>\n<div class="tables">\n'
    yield from (table(content) for content in contents.tables)
    yield "</div>\n</section>\n"
    if contents.plots:
        yield '<section>\n<h2>Plots</h2>\n<div class="plots">\n'
        yield from (plot(content) for content in contents.plots)
        yield "</div>\n</section>\n"
    for gallery in contents.galleries:
        yield from gallery_html(gallery, pictures)
    yield from _failures(contents.failures)
    yield from _details(contents.details, contents.run)
    made = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    yield (
        "</main>\n<footer>\n"
        "<p>Distance is the cosine distance between two faces, 0 to 2; small is alike. Photos in "
        "which no face was found count against the system and never drop out. A false match is "
        "a pair of different people taken for one, a false non-match a pair of one person taken "
        "for two.</p>\n"
        f"<p>Made by facesearch on {made}. This page contains pictures of people: mind whom you "
        "send it to.</p>\n</footer>\n</body>\n</html>\n"
    )


def _failures(failures: Sequence[PhotoFailure]) -> Iterator[str]:
    yield '<section id="failures">\n<h2>Failures</h2>\n'
    if not failures:
        yield '<p class="note">None: every photo could be judged.</p>\n</section>\n'
        return
    left_out = len(failures) - _FAILURES_SHOWN
    yield table(
        Table(
            "They count as misses",
            ("Photo", "Reason", "What is wrong"),
            tuple((f.path, f.reason, f.detail) for f in failures[:_FAILURES_SHOWN]),
            f"and {left_out:,} more; --json has them all." if left_out > 0 else "",
        )
    )
    yield "</section>\n"


def _details(details: Sequence[Table], run: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield '<section id="run">\n<h2>How this was measured</h2>\n<div class="tables">\n'
    yield facts(run)
    yield from (table(content) for content in details)
    yield "</div>\n</section>\n"
