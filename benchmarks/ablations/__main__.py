"""Prints the tables of docs/decisions/accuracy-settings.md, in percent.

``python -m benchmarks.ablations --data DIR [--work DIR] [--only views]`` from the top folder
of a checkout. `views` looks at LFW in many ways and takes half an hour on two cores;
`spaces` takes minutes,
`albums` one. What networks said is kept in the work folder for the next time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.ablations import albums, spaces, views
from benchmarks.ablations.faces import Laboratory
from benchmarks.ablations.measures import RATES
from benchmarks.data import Data
from benchmarks.projection import DEFAULT_WORK

TABLES = ("views", "spaces", "albums")
_LFW_FIGURES = (*(f"FNMR at {rate:g}" for rate in RATES), "rank-1")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the chosen tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablations", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with lfw/")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="where results are kept")
    parser.add_argument("--only", choices=TABLES, help="one of the tables")
    chosen = parser.parse_args(arguments)
    data = Data(chosen.data)
    for name in [chosen.only] if chosen.only else TABLES:
        if name == "albums":
            _show(name, albums.FIGURES, albums.table(data))
            continue
        table = views.table if name == "views" else spaces.table
        _show(name, _LFW_FIGURES, table(Laboratory(data, chosen.work)))
    return 0


def _show(name: str, figures: Sequence[str], lines: Iterator[tuple[str, list[float]]]) -> None:
    print(f"\n| {name} | {' | '.join(figures)} |\n|---|{'---|' * len(figures)}")
    for what, measured in lines:
        print(f"| {what} | {' | '.join(f'{figure:.2f}' for figure in measured)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
