"""The report's picture: how many times as fast, on a logarithmic axis, as an SVG file.

Comes in: figures in "times as fast". Goes out: SVG text, readable on light and dark pages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

from benchmarks.figures import Figure

BARS_WIDTH, RIGHT_MARGIN = 390, 70
# A character's width in px, at most on average, of the widest of the usual sans-serif fonts.
WIDE, NARROW = 7.4, 6.3
ROW, TOP, BOTTOM = 44, 34, 26
LABEL_ROOM = 36
STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #222 }
.small { font-size: 11px; fill: #666 }
.grid { stroke: #ccc }
.bar { fill: #2f7d5b }
.floor { stroke: #c0392b; stroke-width: 2.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #eee } .small { fill: #aaa } .grid { stroke: #444 } .bar { fill: #4caf82 }
}"""


def draw(figures: Sequence[Figure]) -> str:
    """One bar a figure; a red mark is the floor that was set."""
    largest = max(max(figure.value, figure.limit or 1.0) for figure in figures)
    decades = max(1, math.ceil(math.log10(largest)))
    labels = _label_width(figures)
    width = labels + BARS_WIDTH + RIGHT_MARGIN
    height = TOP + ROW * len(figures) + BOTTOM

    def x(value: float) -> float:
        return labels + BARS_WIDTH * max(math.log10(max(value, 1.0)), 0.0) / decades

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" '
        'aria-label="How many times as fast as each contender facesearch is">',
        f"<style>{STYLE}</style>",
        f'<text x="{labels}" y="18">times as fast (logarithmic); red: the floor</text>',
    ]
    for decade in range(decades + 1):
        at = x(10**decade)
        parts.append(
            f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 6}" '
            f'y2="{height - BOTTOM + 4}"/>'
            f'<text class="small" x="{at:.1f}" y="{height - 8}" text-anchor="middle">'
            f"{10**decade:,}</text>"
        )
    for row, figure in enumerate(figures):
        top = TOP + ROW * row
        parts += [
            f'<text x="{labels - 10}" y="{top + 13}" text-anchor="end">'
            f"{escape(figure.what)}</text>",
            f'<text class="small" x="{labels - 10}" y="{top + 28}" text-anchor="end">'
            f"{escape(figure.against.replace('`', ''))}</text>",
            f'<rect class="bar" x="{labels}" y="{top + 3}" '
            f'width="{x(figure.value) - labels:.1f}" height="22" rx="2"/>',
            f'<text x="{_label_x(x, figure):.1f}" y="{top + 19}">{figure.value:.0f}x</text>',
        ]
        if figure.limit is not None:
            at = x(figure.limit)
            parts.append(
                f'<line class="floor" x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{top + 28}"/>'
            )
    return "\n".join([*parts, "</svg>", ""])


def _label_width(figures: Sequence[Figure]) -> int:
    """So wide that the longest label fits."""
    lines = [(figure.what, WIDE) for figure in figures]
    lines += [(figure.against, NARROW) for figure in figures]
    return math.ceil(max(len(words) * px for words, px in lines)) + 14


def _label_x(x: Callable[[float], float], figure: Figure) -> float:
    """Where a bar's number begins: after the bar, and clear of the mark."""
    end = x(figure.value)
    mark = x(figure.limit) if figure.limit is not None else -math.inf
    return (mark if end - 4 < mark < end + LABEL_ROOM else end) + 6
