"""Error rates within groups of people, all at one threshold: who pays for the errors?

In: labelled photos and the group of each person. Out: `GroupsResult`: FMR over pairs of
different people of one group, FNMR over pairs of one person, with intervals.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from facesearch.errors import InvalidDataset
from facesearch.evaluation.labelled import Labelled
from facesearch.evaluation.measured import GroupRates, GroupsResult
from facesearch.evaluation.resampling import rate_intervals
from facesearch.evaluation.spectrum import edge_of, tail_counts
from facesearch.photos.files import printable, words_for

_HEADER = ["name", "group"]


def read_groups(path: Path, people: Collection[str]) -> dict[str, str]:
    """The group of each person from a CSV file with the columns name and group.

    Args:
        path: of the file; UTF-8, the first line is "name,group".
        people: names there are.

    Raises:
        InvalidDataset: naming the line: unreadable, no such header, not two fields, an unknown
            or empty name, an empty group, or a name that is there twice.
    """
    shown = printable(str(path))
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise InvalidDataset(shown, "there is no such file") from error
    except OSError as error:
        raise InvalidDataset(shown, f"cannot be read: {words_for(error)}") from error
    except UnicodeDecodeError as error:
        raise InvalidDataset(shown, "is no UTF-8 text; save it as UTF-8") from error
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: dict[str, str] = {}
    header_seen = False
    try:
        for fields in lines:
            cells = [field.strip() for field in fields]
            if not any(cells):
                continue
            if not header_seen:
                header_seen = True
                if [cell.lower() for cell in cells] != _HEADER:
                    raise InvalidDataset(
                        shown, 'the first line must be "name,group"', line=lines.line_num
                    )
                continue
            name, group = _name_and_group(cells, shown, lines.line_num)
            if name not in people:
                raise InvalidDataset(
                    shown,
                    f"there is no folder {printable(name)!r} with photos beside this file; "
                    "correct the name or remove the line",
                    line=lines.line_num,
                )
            if name in found:
                raise InvalidDataset(
                    shown, f"{printable(name)!r} is there twice", line=lines.line_num
                )
            found[name] = group
    except csv.Error as error:
        raise InvalidDataset(shown, f"no valid CSV: {error}", line=lines.line_num) from error
    if not found:
        raise InvalidDataset(shown, 'names nobody; expected "name,group" and a line a person')
    return found


def _name_and_group(cells: list[str], shown: str, line: int) -> tuple[str, str]:
    if len(cells) != 2 or not all(cells):
        raise InvalidDataset(shown, "expected a name, a comma and a group", line=line)
    return cells[0], cells[1]


def group_rates(
    data: Labelled,
    groups: Mapping[str, str],
    *,
    threshold: float,
    fmr: float,
    seed: int,
    bootstrap_samples: int,
) -> GroupsResult:
    """FMR and FNMR of each group.

    Args:
        data: all photos.
        groups: the group of each person; whoever is missing is in no group.
        threshold: distance, for all groups.
        fmr: what that threshold stands for over all pairs.
    """
    group_of = np.array([groups.get(name, "") for name in data.names])
    rates = []
    for group in sorted(set(groups.values())):
        part = data.only((group_of == group)[data.person])
        if len(part) == 0:
            continue
        edges = np.array([0, edge_of(threshold)], np.int64)
        counts = tail_counts(part, part.genuine_pairs(), edges)
        matched, missed = rate_intervals(
            counts, int(edges[1]), samples=bootstrap_samples, seed=seed
        )
        rates.append(
            GroupRates(
                group=group,
                people=part.people,
                photos=len(part),
                genuine_pairs=int(counts.genuine_pairs.sum()),
                impostor_pairs=int(counts.impostor_pairs.sum()) // 2,
                fmr=matched,
                fnmr=missed,
            )
        )
    return GroupsResult(threshold, fmr, tuple(rates), int((group_of == "").sum()))
