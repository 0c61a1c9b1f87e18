"""The model behind the quality of a face, fitted and tried on people it has not seen.

In: faces with their measures and vectors, as benchmarks/quality.py has made them. Out: the
numbers for facesearch/quality.py and the tables of docs/decisions/quality.md, on paper.

Each face is compared with some other good photos of the same person. It is missed as often
as these lie beyond the distance at which good photos of strangers match with FMR 1e-3; a
logistic regression on that share, with weights that may not be negative, is the model.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from facesearch import quality
from facesearch.quality import ChipMeasures, Terms
from facesearch.values import BoolArray, Landmarks

Floats: TypeAlias = NDArray[np.float64]

FMR = 1e-3
REFERENCES = 6  # good photos of the same person that each face is compared with, at most
SEED = 20_261_122
DISCARDED = (0.0, 0.05, 0.1, 0.2, 0.3)
BINS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
REFERENCE_FMRS = (1e-3, 1e-4, 1e-5)
POOR = 0.5  # of probes that are not good either
_TERMS = tuple(Terms.__slots__)
# Of the other terms there is enough in the photos to fit them.
_BY_HAND = {"turned": 1.5}
_RIDGE, _ROUNDS = 1e-4, 30
_DISTANCE_STEPS = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """Faces as they were found and embedded.

    Attributes:
        people: str (n,).
        photo: int64 (n,), which photo; a photo and its spoiled copy have the same.
        spoiled: bool (n,).
        measures: float64 (n, 3), the `ChipMeasures`.
        landmarks: float64 (n, 5, 2).
        scores: float64 (n,).
        vectors: float32 (n, d), unit rows.
    """

    people: NDArray[Any]
    photo: NDArray[np.int64]
    spoiled: BoolArray
    measures: Floats
    landmarks: Floats
    scores: Floats
    vectors: NDArray[np.float32]


def report(looked: Looked) -> None:
    """Fit on one half of the people and print what the model does on the other half."""
    looked = comparable(looked)
    threshold = thresholds_at(looked, [FMR])[0]
    missed = share_missed(looked, threshold)
    terms, shipped = terms_and_values(looked)
    for_fit = np.array([is_for_fit(person) for person in looked.people])
    plain, spoiled = ~for_fit & ~looked.spoiled, ~for_fit & looked.spoiled
    ordinary, weights = fit(terms[for_fit], missed[for_fit], _TERMS)
    value = foretold(terms, ordinary, weights)
    print(f"distance {threshold:.4f} at FMR {FMR:g}; fitted on {for_fit.sum()} faces of ", end="")
    print(
        f"{len(np.unique(looked.people[for_fit]))} people, tried on {plain.sum()} faces and ",
        end="",
    )
    print(f"{spoiled.sum()} spoiled ones of {len(np.unique(looked.people[plain]))} others\n")
    print(f"_ORDINARY = {ordinary:.3f}")
    print(f"_WEIGHTS = {dict(zip(_TERMS, weights.round(3).tolist(), strict=True))}\n")
    kinds = {"fitted now": value, "as shipped": shipped}
    for name in _TERMS:
        left = [at for at, term in enumerate(_TERMS) if term != name]
        some = fit(terms[for_fit][:, left], missed[for_fit], [_TERMS[at] for at in left])
        kinds[f"without {name}"] = foretold(terms[:, left], *some)
    print("| FNMR, left out: | " + " | ".join(f"{share:.0%}" for share in DISCARDED * 2) + " |")
    print("|---|" + "---|" * 2 * len(DISCARDED))
    for name, values in kinds.items():
        curve = discard(values, missed, plain) + discard(values, missed, spoiled)
        print(f"| {name} | " + " | ".join(f"{rate:.2%}" for rate in curve) + " |")
    print("\n| quality | faces | foretold | realised |\n|---|---|---|---|")
    for low, high in itertools.pairwise(BINS):
        there = ~for_fit & (shipped >= low) & (shipped < high)
        if there.any():
            print(f"| {low:.2f} to {high:.2f} | {there.sum()} | {shipped[there].mean():.3f} | "
                  f"{1 - missed[there].mean():.3f} |")  # fmt: skip
    print()
    print_references(looked, shipped, ~for_fit)


def comparable(looked: Looked) -> Looked:
    """Without the people of whom fewer than two good faces were found."""
    people, counts = np.unique(looked.people[~looked.spoiled], return_counts=True)
    kept = np.isin(looked.people, people[counts > 1])
    return Looked(*(getattr(looked, field.name)[kept] for field in dataclasses.fields(looked)))


def is_for_fit(person: str) -> bool:
    """Whether the model may learn from this person; else it is tried on them."""
    return hashlib.sha256(person.encode()).digest()[0] % 2 == 0


def thresholds_at(looked: Looked, fmrs: list[float]) -> list[float]:
    """The distances at which these shares of the pairs of good photos of strangers match."""
    vectors, people = looked.vectors[~looked.spoiled], looked.people[~looked.spoiled]
    counts = np.zeros(_DISTANCE_STEPS + 1, np.int64)
    for at in range(0, len(vectors), 512):
        distances = 1 - vectors[at : at + 512] @ vectors.T
        strangers = people[at : at + 512, None] != people[None]
        steps = np.clip(distances[strangers] * (_DISTANCE_STEPS / 2), 0, _DISTANCE_STEPS)
        counts += np.bincount(steps.astype(np.int64), minlength=len(counts))
    below = np.searchsorted(counts.cumsum(), np.array(fmrs) * counts.sum())
    return [float(step) * 2 / _DISTANCE_STEPS for step in below]


def share_missed(looked: Looked, threshold: float) -> Floats:
    """Of each face: the share of other good photos of the person beyond the threshold."""
    missed = np.zeros(len(looked.people))
    draw = np.random.default_rng(SEED)
    for person in np.unique(looked.people):
        rows = np.flatnonzero(looked.people == person)
        good = rows[~looked.spoiled[rows]]
        for row in rows:
            others = draw.permutation(good[looked.photo[good] != looked.photo[row]])[:REFERENCES]
            distances = 1 - looked.vectors[others] @ looked.vectors[row]
            missed[row] = (distances > threshold).mean()
    return missed


def terms_and_values(looked: Looked) -> tuple[Floats, Floats]:
    """What the model adds up for each face, (n, terms), and what it says now, (n,)."""
    terms, values = [], []
    rows = zip(looked.measures, looked.landmarks, looked.scores, strict=True)
    for numbers, points, score in rows:
        measures, landmarks = ChipMeasures(*map(float, numbers)), Landmarks(points)
        size_px, yaw, pitch, _ = quality.pose(landmarks)
        one = quality.terms_of(measures, size_px, yaw, pitch, float(score))
        terms.append([getattr(one, name) for name in _TERMS])
        values.append(quality.graded(measures, landmarks, float(score)).value)
    return np.array(terms), np.array(values)


def fit(terms: Floats, missed: Floats, names: tuple[str, ...] | list[str]) -> tuple[float, Floats]:
    """The model's constant and weights, none negative; those set by hand stay as they are."""
    weights = np.array([_BY_HAND.get(name, 0.0) for name in names])
    offset = terms @ weights
    free = [at for at, name in enumerate(names) if name not in _BY_HAND]
    while True:
        ordinary, found = _logistic(terms[:, free], missed, offset)
        pull = found * terms[:, free].std(axis=0)
        if not free or pull.min() >= 0:
            break
        free.pop(int(pull.argmin()))
    weights[free] = found
    return ordinary, weights


def _logistic(terms: Floats, missed: Floats, offset: Floats) -> tuple[float, Floats]:
    """Logistic regression on shares, by Newton's method, hardly regularised."""
    spread = np.append(1.0, terms.std(axis=0))
    inputs = np.column_stack([np.ones(len(terms)), terms]) / spread
    ridge = np.append(0.0, np.full(terms.shape[1], _RIDGE * len(terms)))
    weights = np.zeros(inputs.shape[1])
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-(inputs @ weights + offset)))
        slope = inputs.T @ (missed - chance) - ridge * weights
        bend = (inputs.T * (chance * (1 - chance))) @ inputs + np.diag(ridge)
        weights += np.linalg.solve(bend, slope)
    return float(weights[0]), weights[1:] / spread[1:]


def foretold(terms: Floats, ordinary: float, weights: Floats) -> Floats:
    """The quality by a model, in 0..1."""
    return np.asarray(1 / (1 + np.exp(ordinary + terms @ weights)), np.float64)


def discard(values: Floats, missed: Floats, there: BoolArray) -> list[float]:
    """FNMR of some faces after the poorest shares of them are left out."""
    best_last = missed[there][np.argsort(values[there], kind="stable")]
    return [float(best_last[int(len(best_last) * share) :].mean()) for share in DISCARDED]


def print_references(looked: Looked, values: Floats, tested: BoolArray) -> None:
    """What references of each quality do: right and wrong matches, good and poor probes."""
    thresholds = thresholds_at(looked, list(REFERENCE_FMRS))
    poor = looked.spoiled & (values < POOR)
    print("| quality of the reference | probes | " + " | ".join(
        f"TMR, FMR, wrong per right at {fmr:g}" for fmr in REFERENCE_FMRS) + " |")  # fmt: skip
    print("|---|---|" + "---|" * len(REFERENCE_FMRS))
    for low, high in itertools.pairwise(BINS):
        references = np.flatnonzero(tested & (values >= low) & (values < high))
        for kind, probes in (
            ("good", np.flatnonzero(~looked.spoiled)),
            ("poor", np.flatnonzero(poor)),
        ):
            distances = 1 - looked.vectors[references] @ looked.vectors[probes].T
            same = looked.people[references][:, None] == looked.people[probes][None]
            other = looked.photo[references][:, None] != looked.photo[probes][None]
            cells = []
            for at in thresholds:
                right, wrong = (distances < at)[same & other], (distances < at)[~same]
                ratio = wrong.sum() / max(right.sum(), 1)
                cells.append(f"{right.mean():.1%}, {wrong.mean():.1e}, {ratio:.2g}")
            print(f"| {low:.2f} to {high:.2f} | {kind} | " + " | ".join(cells) + " |")
