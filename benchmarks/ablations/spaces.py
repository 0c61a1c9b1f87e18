"""What can be made of descriptors without another look: centring, whitening, a learned map.

Comes in: the laboratory. Goes out: rows of a table: FNMR at four FMRs and rank-1, where
people are halved and each half is judged by what was learned from the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.ablations.faces import Laboratory
from benchmarks.ablations.learning import Fit, fit_map
from benchmarks.ablations.measures import fnmr_at, rank_one
from facesearch.models.dlib_resnet import TEMPLATE
from facesearch.models.projection import unit_rows
from facesearch.values import FloatArray

Rows = NDArray[np.int64]
Line = tuple[str, list[float]]
# Learns from rows and who they are of; what it returns makes embeddings of other rows.
Learner = Callable[[FloatArray, Rows], Callable[[FloatArray], FloatArray]]


def table(laboratory: Laboratory) -> Iterator[Line]:
    """What each way is worth, on all people."""
    faces = laboratory.faces
    rows = np.flatnonzero(faces.capped)
    chip, mirror = laboratory.descriptors("standard", TEMPLATE.cut, rows)
    plain, people = unit_rows(chip + mirror), faces.people[rows]
    half = faces.part(1, 2)[rows].astype(np.int64)
    for name, learner in LEARNERS.items():
        placed = np.empty_like(plain)
        for which in (0, 1):
            seen = half != which
            placed[~seen] = unit_rows(learner(plain[seen], people[seen])(plain[~seen]))
        ranks = [rank_one(placed[half == at], people[half == at]) for at in (0, 1)]
        yield name, [*fnmr_at(placed, people, half), sum(ranks) / len(ranks)]


def _unchanged(rows: FloatArray, people: Rows) -> Callable[[FloatArray], FloatArray]:
    return lambda new: new


def _centred(share: float) -> Learner:
    """Takes away that share of the mean of all rows."""

    def learn(rows: FloatArray, people: Rows) -> Callable[[FloatArray], FloatArray]:
        mean = rows.mean(axis=0)
        return lambda new: new - share * mean

    return learn


def _whitened(shrinkage: float, *, centred: bool = False) -> Learner:
    """Makes people spread alike in all directions, `shrinkage` of the way left undone."""

    def learn(rows: FloatArray, people: Rows) -> Callable[[FloatArray], FloatArray]:
        _, who, counts = np.unique(people, return_inverse=True, return_counts=True)
        means = np.zeros((len(counts), rows.shape[1]))
        np.add.at(means, who, rows)
        means /= counts[:, None]
        off = (rows - means[who])[counts[who] > 1]
        within = off.T @ off / (len(off) - np.sum(counts > 1))
        average = np.trace(within) / len(within)
        within = (1 - shrinkage) * within + shrinkage * average * np.eye(len(within))
        values, vectors = np.linalg.eigh(within)
        matrix = ((vectors * values**-0.5) @ vectors.T).astype(np.float32)
        mean = means.mean(axis=0).astype(np.float32) * np.float32(centred)
        return lambda new: (new - mean) @ matrix

    return learn


def _learned(fit: Fit) -> Learner:
    def learn(rows: FloatArray, people: Rows) -> Callable[[FloatArray], FloatArray]:
        matrix = fit_map(rows, people, fit)
        return lambda new: new @ matrix

    return learn


LEARNERS: dict[str, Learner] = {
    "nothing": _unchanged,
    "mean taken away": _centred(1.0),
    "half the mean taken away": _centred(0.5),
    "mean added": _centred(-1.0),
    "whitened within people": _whitened(0.0),
    "whitened, shrinkage 0.2": _whitened(0.2),
    "whitened, shrinkage 0.7": _whitened(0.7),
    "centred and whitened, shrinkage 0.2": _whitened(0.2, centred=True),
    "learned map": _learned(Fit()),
    "learned map, bound half as much": _learned(Fit(stay_near=Fit().stay_near / 2)),
    "learned map, bound three times": _learned(Fit(stay_near=Fit().stay_near * 3)),
    "learned map, softer": _learned(Fit(softness=Fit().softness * 2)),
    "learned map, impostors a third": _learned(Fit(impostor_weight=Fit().impostor_weight / 3)),
}
