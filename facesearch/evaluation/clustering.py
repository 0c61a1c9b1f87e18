"""How well a grouping of photos agrees with who is on them.

In: two labels for each photo, the true one and that of the cluster it was put in. Out:
precision, recall and F, counted by photo (B-cubed) or by pair. Labels may be anything that can
be compared for equality; only which photos share one matters. Time grows with n log n.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from facesearch.errors import InvalidValue
from facesearch.evaluation.labelled import Ints


@dataclass(frozen=True, slots=True)
class Agreement:
    """Precision, recall and their harmonic mean F, each in 0..1.

    Precision falls where clusters mix people, recall where people are spread over clusters.
    """

    precision: float
    recall: float
    f: float


def b_cubed(true: Sequence[Hashable], clusters: Sequence[Hashable]) -> Agreement:
    """B-cubed: averaged over photos, the share of a photo's cluster that is of its person
    (precision), and of its person that is in its cluster (recall), the photo itself included.

    Source: A. Bagga and B. Baldwin, "Algorithms for Scoring Coreference Chains" (1998).

    Raises:
        InvalidValue: the sequences differ in length, or are empty.
    """
    cells, in_people, in_clusters = _table(true, clusters)
    photos = cells.sum()
    return _agreement(
        float((cells**2 / in_clusters).sum() / photos),
        float((cells**2 / in_people).sum() / photos),
    )


def pairwise(true: Sequence[Hashable], clusters: Sequence[Hashable]) -> Agreement:
    """By pairs of photos: of those put together, the share of one person (precision), and of
    those of one person, the share put together (recall). A share of no pairs at all is 1.

    Raises:
        InvalidValue: the sequences differ in length, or are empty.
    """
    _check(true, clusters)
    cells, _, _ = _table(true, clusters)
    right = _pairs(cells)
    together = _pairs(np.unique(_codes(clusters), return_counts=True)[1])
    mates = _pairs(np.unique(_codes(true), return_counts=True)[1])
    return _agreement(right / together if together else 1.0, right / mates if mates else 1.0)


def _check(true: Sequence[Hashable], clusters: Sequence[Hashable]) -> None:
    if len(true) != len(clusters) or len(true) == 0:
        raise InvalidValue(
            f"each photo has a person and a cluster; found {len(true)} and {len(clusters)}"
        )


def _codes(labels: Sequence[Hashable]) -> Ints:
    code: dict[Hashable, int] = {}
    return np.array([code.setdefault(label, len(code)) for label in labels], np.int64)


def _table(true: Sequence[Hashable], clusters: Sequence[Hashable]) -> tuple[Ints, Ints, Ints]:
    """Photos in each pair of person and cluster that share one; in that person; in that cluster."""
    _check(true, clusters)
    people, groups = _codes(true), _codes(clusters)
    keys, cells = np.unique(people * (groups.max() + 1) + groups, return_counts=True)
    person, cluster = keys // (groups.max() + 1), keys % (groups.max() + 1)
    return cells, np.bincount(people)[person], np.bincount(groups)[cluster]


def _pairs(counts: Ints) -> int:
    return int((counts * (counts - 1) // 2).sum())


def _agreement(precision: float, recall: float) -> Agreement:
    total = precision + recall
    return Agreement(precision, recall, 2 * precision * recall / total if total else 0.0)
