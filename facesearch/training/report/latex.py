"""Small pieces of LaTeX: values in, source out, in which no name can do harm.

Names and paths come from strangers' disks; every text passes `escaped`. Letters that pdfTeX
has in no font are declared, see `declarations`; LuaTeX and XeTeX print them as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from facesearch.evaluation.report.html import Table
from facesearch.photos.files import printable

ROWS_AT_ONCE = 38
"""Rows of a table that fit on a page."""

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "…": r"\ldots{}",
    # Put in by `escaped` and `_cell`.
    "\0": "{}",
    "\1": r"\allowbreak{}",
    "\2": r"\,",
}
# Units that stay with their number at the end of a line.
_UNIT = re.compile(r"(?<=\d) (?=%|(?:s|min|h|px|GB)\b)")
# Two of these side by side would become another sign.
_LIGATURES = re.compile(r"([-,'?!])(?=[-,'`])")
# Digests, which are longer than a column is wide.
_LONG = re.compile(r"([0-9A-Za-z]{16})(?=[0-9A-Za-z]{4})")
# What the encoding T1 has besides Latin-1.
_T1 = set("ĂăĄąĆćČčĎďĐđĘęĚěĞğĹĺĽľŁłŃńŇňŊŋŐőŒœŔŕŘřŚśŞşŠšŢţŤťŮůŰűŸŹźŻżŽžİı–—‘’‚“”„†‡•‰‹›€™")


def escaped(text: str) -> str:
    """Text as LaTeX that prints just that, on one line."""
    return _spelt(printable(unicodedata.normalize("NFC", text)))


def _spelt(text: str) -> str:
    parted = _UNIT.sub("\2", _LIGATURES.sub("\\1\0", text))
    return "".join(_SPECIAL.get(each, each) for each in parted)


def typed(text: str) -> str:
    """A path or a command, in typewriter letters; it may break after its signs."""
    broken = re.sub(r"(\\_|/|(?<=\w)-(?=\w))", r"\1\\allowbreak{}", escaped(text))
    return f"\\texttt{{{broken}}}"


def declarations(source: str) -> str:
    """What pdfTeX is told of the letters in a source that it has in no font.

    It prints their base letter where that is one of ASCII, else their number.
    """
    unknown = sorted({each for each in source if ord(each) > 0xFF and each not in _T1})
    return "".join(
        f"\\DeclareUnicodeCharacter{{{ord(each):04X}}}{{{_instead(each)}}}\n" for each in unknown
    )


def _instead(letter: str) -> str:
    plain = unicodedata.normalize("NFKD", letter)
    base = "".join(each for each in plain if not unicodedata.combining(each))
    if not base or unicodedata.category(letter) == "Cf":  # an accent, or a joiner
        return ""
    if base.isascii():
        return escaped(base)
    return f"\\texttt{{U+{ord(letter):04X}}}"


def tables(
    content: Table, label: str, *, columns: str | None = None, wide: bool = False
) -> Iterator[str]:
    """A table as floats, as many as its rows take.

    Args:
        content: the table.
        label: to refer to the first of them by.
        columns: of `tabular`; the first one to the left and the others to the right, by default.
        wide: over both columns of the page.
    """
    layout = columns or "l" + "r" * (len(content.columns) - 1)
    kind = "table*" if wide else "table"
    heads = " & ".join(map(escaped, content.columns))
    for start in range(0, max(len(content.rows), 1), ROWS_AT_ONCE):
        rows = content.rows[start : start + ROWS_AT_ONCE]
        body = "".join(f"{' & '.join(map(_cell, row))} \\\\\n" for row in rows)
        more = " (continued)" if start else ""
        named = "" if start else f"\\label{{tab:{label}}}"
        last = start + ROWS_AT_ONCE >= len(content.rows)
        note = (
            "\\par\\vspace{3pt}\n\\parbox{\\linewidth}{\\footnotesize\\raggedright "
            f"{escaped(content.note)}}}\n"
            if content.note
            else ""
        )
        yield (
            f"\\begin{{{kind}}}[tp]\n\\caption{{{escaped(content.title)}{more}}}{named}\n"
            "\\centering\\footnotesize\n\\begin{fitting}\n"
            f"\\begin{{tabular}}{{{layout}}}\n\\hline\n{heads} \\\\\n\\hline\n{body}\\hline\n"
            f"\\end{{tabular}}\n\\end{{fitting}}\n{note if last else ''}\\end{{{kind}}}\n"
        )


def _cell(text: str) -> str:
    # A bracket or a star at the start of a row would be taken for an argument of the row before.
    cell = _spelt(_LONG.sub("\\1\1", printable(unicodedata.normalize("NFC", text))))
    return f"{{}}{cell}" if cell.startswith(("[", "*")) else cell


def figure(name: str, caption: str, *, wide: bool = False) -> str:
    """A figure of one column, or over both, from a file in the folder figures."""
    kind, width = ("figure*", "0.78\\textwidth") if wide else ("figure", "\\columnwidth")
    return (
        f"\\begin{{{kind}}}[tp]\n\\centering\n"
        f"\\includegraphics[width={width}]{{figures/{name}}}\n"
        f"\\caption{{{escaped(caption)}}}\\label{{fig:{name}}}\n\\end{{{kind}}}\n"
    )


def references(labels: Sequence[str]) -> str:
    """Labels of one kind as text, such as ``Tables~\\ref{tab:one} and \\ref{tab:two}``."""
    words = {"fig": ("Fig.", "Figs."), "tab": ("Table", "Tables")}
    one, many = words[labels[0].partition(":")[0]]
    named = [f"\\ref{{{label}}}" for label in labels]
    listed = " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))
    return f"{one if len(named) == 1 else many}~{listed}"


def bibliography(papers: Iterable[tuple[str, str]]) -> str:
    """Keys and entries, which are LaTeX already, as a bibliography."""
    entries = "".join(f"\\bibitem{{{key}}}\n{entry}\n" for key, entry in papers)
    return f"\\begin{{thebibliography}}{{99}}\n{entries}\\end{{thebibliography}}\n"
