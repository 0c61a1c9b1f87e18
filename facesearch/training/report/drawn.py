"""A plot that can be drawn twice: as SVG for a page, and as PDF for an article.

In: a function that fills a figure of matplotlib. Out: the drawing in either style.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facesearch.evaluation.report.drawing import GRID, INK, Plot, draw_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NARROW_IN, WIDE_IN = 5.2, 9.6
"""Widths on the page: small enough that text stays legible where a phone shrinks it; and of plots
that take the whole width."""

COLUMN_IN, ACROSS_IN = 3.5, 5.6
"""Widths in an IEEE article: of a column; and of plots over both."""

_PAGE_TEXT = 10.0
_PRINTED: Any = {  # matplotlib's types want each key as a literal
    "pdf.fonttype": 42,  # fonts that publishers take, and whose text can be searched
    "font.family": ["DejaVu Sans"],
    "font.size": 7,
    "text.color": INK,
    "text.parse_math": False,  # a "$" in somebody's name starts no formula
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.4,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "lines.markersize": 2.5,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
}


def scale() -> float:
    """How large text is beside that of a page: sizes of points and lines go with it.

    To be called while drawing.
    """
    import matplotlib

    return float(matplotlib.rcParams["font.size"]) / _PAGE_TEXT


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A plot, not drawn yet, and the words that go with it.

    Attributes:
        name: of its file, without an ending, such as "loss".
        title: what it shows, in a few words.
        caption: what is drawn and how to read it.
        alt: what it shows, in numbers, for those who do not see it.
        draws: fills a figure; sizes of text are relative, so that it suits both styles.
        height: as a share of the width.
        is_wide: whether it takes the whole width of a page or an article.
    """

    name: str
    title: str
    caption: str
    alt: str
    draws: Callable[[Figure], None]
    height: float = 0.66
    is_wide: bool = False

    def plot(self) -> Plot:
        """As SVG, for a page."""
        width_in = WIDE_IN if self.is_wide else NARROW_IN
        svg = draw_panels(self.draws, width_in, width_in * self.height)
        return Plot(self.name, self.title, self.caption, self.alt, svg)

    def pdf(self) -> bytes:
        """As PDF, for an article; the same for the same data."""
        import matplotlib
        from matplotlib.figure import Figure

        with matplotlib.rc_context(_PRINTED), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            width_in = ACROSS_IN if self.is_wide else COLUMN_IN
            figure = Figure((width_in, width_in * self.height), layout="constrained")
            self.draws(figure)
            data = io.BytesIO()
            figure.savefig(data, format="pdf", metadata={"CreationDate": None})
        return data.getvalue()
