"""stdout, as a terminal or as a plain stream.

In: lines and tables of styled text. Out: on a terminal colours and columns that fit its
width (by rich, loaded only then); anywhere else, such as a pipe or a file, neither
colours nor breaks nor cuts, so that paths can be read back. Text is never taken for
markup, and what could move the cursor is shown as an escape.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from facesearch.cli.text import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Piece: TypeAlias = str | tuple[str, str]
"""Text, or text and its style in rich's words, such as ("Ada", "bold")."""

Cell: TypeAlias = str | Sequence[Piece]
"""What stands in a table's cell: text alone, or several pieces."""

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, whether it is a column of numbers, and its style."""

    title: str = ""
    is_number: bool = False
    style: str = ""


@dataclass(slots=True)
class Table:
    """Rows under columns; a header stands above them where any column has a title."""

    columns: Sequence[Column]
    rows: list[Sequence[Cell]] = field(default_factory=list)

    def add(self, *cells: Cell) -> None:
        """Add a row with a cell for each column."""
        self.rows.append(cells)

    @property
    def has_header(self) -> bool:
        """Whether any column has a title."""
        return any(column.title for column in self.columns)


class Screen:
    """Writes to stdout in the way that suits what stdout is."""

    def __init__(self) -> None:
        self._console = _terminal()

    @property
    def is_terminal(self) -> bool:
        """Whether a person is looking, rather than a file or a program."""
        return self._console is not None

    def blank(self) -> None:
        """An empty line."""
        self.line("")

    def line(self, *pieces: Piece) -> None:
        """One line; a terminal wraps it where it must."""
        if self._console is None:
            sys.stdout.write(_plain(pieces) + "\n")
        else:
            self._console.print(_styled(pieces), soft_wrap=True)

    def print(self, table: Table) -> None:
        """A table."""
        if self._console is None:
            _print_plain(table)
        else:
            _print_styled(table, self._console)


def _terminal() -> Console | None:
    """The terminal that stdout is; None where it is none and no colours are forced."""
    forced = os.environ.get("FORCE_COLOR", "") != ""
    if not sys.stdout.isatty() and not forced:
        return None
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False)


def _pieces(cell: Cell) -> Sequence[Piece]:
    return (cell,) if isinstance(cell, str) else cell


def _plain(pieces: Sequence[Piece]) -> str:
    return "".join(printable(p if isinstance(p, str) else p[0]) for p in pieces)


def _width(text: str) -> int:
    """How many places of a fixed-width font a text takes."""
    if text.isascii():
        return len(text)
    return sum(_width_of(character) for character in text)


def _width_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _print_plain(table: Table) -> None:
    rows = [[_plain(_pieces(cell)) for cell in row] for row in table.rows]
    if table.has_header:
        rows.insert(0, [column.title for column in table.columns])
    widths = [max(map(_width, cells), default=0) for cells in zip(*rows, strict=True)]
    for row in rows:
        line = ""
        for cell, width, column in zip(row, widths, table.columns, strict=True):
            filling = " " * (width - _width(cell))
            line += (filling + cell if column.is_number else cell + filling) + _GAP
        sys.stdout.write(line.rstrip() + "\n")


def _styled(pieces: Sequence[Piece]) -> Text:
    from rich.text import Text

    result = Text(overflow="fold")
    for piece in pieces:
        words, style = (piece, "") if isinstance(piece, str) else piece
        result.append(printable(words), style)
    return result


def _print_styled(table: Table, console: Console) -> None:
    import rich.table

    styled = rich.table.Table(
        box=None,
        pad_edge=False,
        padding=(0, len(_GAP), 0, 0),
        show_header=table.has_header,
        header_style="dim",
    )
    for column in table.columns:
        styled.add_column(
            column.title,
            justify="right" if column.is_number else "left",
            style=column.style,
            no_wrap=column.is_number,
            overflow="fold",
        )
    for row in table.rows:
        styled.add_row(*(_styled(_pieces(cell)) for cell in row))
    console.print(styled)
