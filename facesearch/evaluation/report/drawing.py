"""How every plot looks: a drawing function in, one SVG that suits light and dark pages out.

Matplotlib is used through `Figure` alone, never through pyplot: no windows, no state
shared with the program around us. The SVG keeps its text as text, needs nothing from
outside, is the same for the same data, and where the page that shows it is dark its
colours change with it. Viewers that know no style sheets show the light colours.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1d1b18"
SOFT = "#6b665e"
GRID = "#dcd6cc"

SERIES = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#8a6d00", "#3b3b98")
"""Colours that stay apart for colour-blind eyes (after Okabe and Ito); lines of one plot
differ in their dashes too, so that print without colours shows which is which."""

DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    "-",
    (0, (5, 2)),
    (0, (1.5, 1.5)),
    (0, (6, 2, 1.5, 2)),
    (0, (8, 3)),
    (0, (3, 1, 1, 1, 1, 1)),
)

# What each colour becomes on a dark page; the names are those above.
_DARK = {
    INK: "#f1ede6",
    SOFT: "#a49d92",
    GRID: "#3a3630",
    SERIES[0]: "#5ab8f2",
    SERIES[1]: "#ff9655",
    SERIES[2]: "#3ecfa4",
    SERIES[3]: "#e38fd4",
    SERIES[4]: "#d9b64a",
    SERIES[5]: "#9a9af0",
}

_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
_STYLE: Any = {  # matplotlib's types want each key as a literal
    "svg.fonttype": "none",
    "svg.hashsalt": "facesearch",
    "font.family": ["DejaVu Sans"],  # ships with matplotlib; only measures the text here
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,  # a "$" in somebody's name starts no formula
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.9,
    "lines.solid_capstyle": "round",
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A finished plot and the words that go with it.

    Attributes:
        name: of its file, without an ending, such as "det".
        title: what it shows, in a few words.
        caption: what is drawn and how to read it.
        alt: what it shows, in numbers, for those who do not see it.
        svg: the drawing.
    """

    name: str
    title: str
    caption: str
    alt: str
    svg: str


def draw(drawing: Callable[[Axes], None], *, width_in: float = 6.4, height_in: float = 4.2) -> str:
    """One pair of axes, filled by `drawing`, as SVG."""
    return draw_panels(lambda figure: drawing(figure.subplots()), width_in, height_in)


def draw_panels(drawing: Callable[[Figure], None], width_in: float, height_in: float) -> str:
    """A figure, filled by `drawing`, as SVG."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # The font that measures the text need not know every script; the reader's will.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure((width_in, height_in), layout="constrained")
        drawing(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return _tidy(text.getvalue())


def percent(share: float) -> str:
    """A share for an axis: ``0.001 %``, ``5 %``, ``100 %``."""
    return f"{100 * share:.6f}".rstrip("0").rstrip(".") + " %"


def power(value: float) -> str:
    """A power of ten without formulas: ``10⁻⁴``; other values plainly."""
    digits = f"{value:.0e}"
    mantissa, exponent = digits.split("e")
    if mantissa != "1" or value <= 0:
        return f"{value:g}"
    small = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{small}"


def log_axis(axes: Axes, which: str, name: Callable[[float], str]) -> None:
    """Make "x" or "y" logarithmic, with a line and a label at each power of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: name(value)))
    axis.set_minor_locator(NullLocator())


def _tidy(svg: str) -> str:
    """Without prologue, metadata and named fonts; with the colours for dark pages."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r" ?font-family: [^;\"]*;", "", svg)
    svg = re.sub(r"(font: [^;\"]*?px) '[^;\"]*", rf"\1 {_FONTS}", svg)
    dark = "".join(
        f'[style*="fill: {light}"]{{fill:{dark}!important}}'
        f'[style*="stroke: {light}"]{{stroke:{dark}!important}}'
        for light, dark in _DARK.items()
    )
    style = (
        f"<style>text{{font-family:{_FONTS}}}@media (prefers-color-scheme: dark){{{dark}}}</style>"
    )
    return re.sub(r"(<svg[^>]*>)", lambda match: match.group(1) + style, svg, count=1)
