"""A plot that can be drawn twice: as SVG for a page, and as PDF for a column of an article.

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

COLUMN_IN = 3.5
"""Width of a column of an IEEE article."""

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
}


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A plot, not drawn yet, and the words that go with it.

    Attributes:
        name: of its file, without an ending, such as "loss".
        title: what it shows, in a few words.
        caption: what is drawn and how to read it.
        alt: what it shows, in numbers, for those who do not see it.
        draws: fills a figure; sizes of text are relative, so that it suits both styles.
        width_in, height_in: on the page, in inches; only their ratio matters.
    """

    name: str
    title: str
    caption: str
    alt: str
    draws: Callable[[Figure], None]
    width_in: float = 6.4
    height_in: float = 4.2

    def plot(self) -> Plot:
        """As SVG, for a page."""
        svg = draw_panels(self.draws, self.width_in, self.height_in)
        return Plot(self.name, self.title, self.caption, self.alt, svg)

    def pdf(self) -> bytes:
        """As PDF, as wide as a column of an article; the same for the same data."""
        import matplotlib
        from matplotlib.figure import Figure

        with matplotlib.rc_context(_PRINTED), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            height = COLUMN_IN * self.height_in / self.width_in
            figure = Figure((COLUMN_IN, height), layout="constrained")
            self.draws(figure)
            data = io.BytesIO()
            figure.savefig(data, format="pdf", metadata={"CreationDate": None})
        return data.getvalue()
