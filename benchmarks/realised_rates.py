"""Measures whether rates hold on people whom they were not made from.

``python -m benchmarks.realised_rates --vectors FILE.npz`` from the top of a checkout; the
file is one that benchmarks.impostors takes (`people` and `vectors`, or `vectors_cv` and
`fold`). With ``--shifted FILE.npz`` the same is done for photos of another kind, such as
blurred ones. Prints the tables of docs/decisions/thresholds-from-rates.md:

1. rates of one half of the people, asked for on the other half;
2. rates beyond the measured ones, foretold by the straight line;
3. probabilities of one half, counted on the other half;
4. calibrations of small libraries, asked for on people who are in none of them;
5. what a default of so many false matches costs, for libraries of all sizes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.impostors import sample_of
from facesearch.rates import SpaceRates, fit_to_library, operating_point, prior_for_gallery
from facesearch.rates.measuring import Counts, Sample
from facesearch.rates.tables import FORMAT, read_table

SEEDS = range(5)
ASKED = (1e-2, 1e-3, 1e-4, 1e-5)
LIBRARIES = 24
HALVES = 3
PAIRS = (200, 500, 2_000, 20_000)
LOOK_ALIKES = 1_200
CONTAMINATION = 0.03


def rates_of(counts: Counts, *, smallest_fmr: float | None = None) -> SpaceRates:
    """Rates made from counts the way a shipped table is made."""
    part = counts.table() if smallest_fmr is None else counts.table(smallest_fmr=smallest_fmr)
    about = {"source": "half", "photos": 0, "people": 0, "made_by": "benchmarks.realised_rates"}
    table = {"format": FORMAT, "space": "measured", "provenance": about, "tables": [part]}
    return read_table(json.dumps(table))


def halves(sample: Sample, seed: int) -> tuple[Sample, Sample]:
    """The photos of one half of the people, and of the other: whole folds where there are any."""
    folds = np.unique(sample.fold)
    if len(folds) > 1:
        mixed = np.random.default_rng(seed).permutation(folds)
        first = np.isin(sample.fold, mixed[: len(folds) // 2])
        return sample.of_people(sample.people[first]), sample.of_people(sample.people[~first])
    people = np.random.default_rng(seed).permutation(np.unique(sample.people))
    middle = len(people) // 2
    return sample.of_people(people[:middle]), sample.of_people(people[middle:])


def distances(sample: Sample) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Impostor and genuine distances of a sample, sorted."""
    impostors, genuine = [], []
    for some, same in sample.pairs():
        impostors.append(some[~same].astype(np.float32))
        genuine.append(some[same])
    together = np.sort(np.concatenate(impostors)).astype(np.float64)
    return together, np.sort(np.concatenate(genuine))


def share_within(ordered: NDArray[np.float64], distance: float) -> float:
    """The share of sorted distances that are not greater than one."""
    return float(np.searchsorted(ordered, distance, "right")) / len(ordered)


def across_people(sample: Sample) -> None:
    """Table 1 and 3."""
    realised: dict[float, list[float]] = {fmr: [] for fmr in ASKED}
    edges = np.array([0, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 0.99, 0.999, 1])
    reliability = {prior: np.zeros((3, len(edges) - 1)) for prior in (0.5, 0.001)}
    for seed in SEEDS:
        made_from, asked_of = halves(sample, seed)
        rates = rates_of(Counts.of(made_from))
        impostors, genuine = distances(asked_of)
        for fmr in ASKED:
            realised[fmr].append(share_within(impostors, rates.distance_at(fmr)) / fmr)
        for prior, sums in reliability.items():
            for values, weight, one_person in ((genuine, prior, 1), (impostors, 1 - prior, 0)):
                said = rates.probability(values, prior)
                at = np.clip(np.searchsorted(edges, said, "right") - 1, 0, len(edges) - 2)
                each = weight / len(values)
                sums[0] += np.bincount(at, said, len(edges) - 1) * each
                sums[1] += np.bincount(at, minlength=len(edges) - 1) * each
                sums[2] += np.bincount(at, minlength=len(edges) - 1) * each * one_person
    print("\n| FMR asked for | realised / asked: median | worst below | worst above |")
    print("|---|---|---|---|")
    for fmr, ratios in realised.items():
        print(f"| {fmr:.0e} | {np.median(ratios):.2f} | {min(ratios):.2f} | {max(ratios):.2f} |")
    for prior, (said, all_pairs, same) in reliability.items():
        print(
            f"\nprior {prior}\n\n| probability | mean said | one person, counted |\n|---|---|---|"
        )
        for row, low in enumerate(edges[:-1]):
            print(
                f"| {low:g} to {edges[row + 1]:g} | {said[row] / all_pairs[row]:.4f} "
                f"| {same[row] / all_pairs[row]:.4f} |"
            )


def beyond_the_measured(sample: Sample) -> None:
    """Table 2: the line drawn on from rates that are easy to measure."""
    counts = Counts.of(sample)
    impostors = distances(sample)[0]
    print("\n| drawn on from | " + " | ".join(f"asked {f:.0e}" for f in (1e-4, 1e-5, 1e-6, 1e-7)))
    print("|---|---|---|---|---|")
    for start in (1e-2, 1e-3, 1e-4, 1e-5):
        rates = rates_of(counts, smallest_fmr=start)
        cells = []
        for fmr in (1e-4, 1e-5, 1e-6, 1e-7):
            found = share_within(impostors, rates.distance_at(fmr))
            cells.append(f"{found:.2e} ({found * len(impostors):.0f} pairs)")
        print(f"| {start:.0e} | " + " | ".join(cells) + " |")


def small_libraries(sample: Sample, shifted: Sample | None) -> None:
    """Table 4."""
    print(f"\n| photos | pairs | wrong pairs | {' | '.join(_heads())} |")
    print("|---" * (3 + len(_heads())) + "|")
    for pairs in PAIRS:
        _libraries("any people", sample, sample, pairs, 0.0)
    _libraries("any people", sample, sample, 1_000, CONTAMINATION)
    for pairs in PAIRS:
        _libraries("people who look alike", sample, sample, pairs, 0.0, alike=True)
    _libraries("people who look alike", sample, sample, 1_000, CONTAMINATION, alike=True)
    if shifted is not None:
        for pairs in PAIRS:
            _libraries("blurred", sample, shifted, pairs, 0.0)
        _libraries("blurred", sample, shifted, 1_000, CONTAMINATION)


def _heads() -> list[str]:
    return [f"{fmr:.0e}: {what}" for fmr in (1e-3, 1e-4) for what in ("shipped", "calibrated")]


def _libraries(
    name: str, general: Sample, of: Sample, pairs: int, wrong: float, *, alike: bool = False
) -> None:
    """One row: realised over asked, median, middle 80 % of libraries, share within a factor 2."""
    ratios: dict[str, list[float]] = {head: [] for head in _heads()}
    for seed in range(LIBRARIES):
        random = np.random.default_rng([seed, pairs])
        half = seed % HALVES
        known, unseen = halves(of, half)
        if alike:
            known, unseen = _look_alikes(known, unseen, random)
        shipped = _cached_rates(general, half)
        fitted = fit_to_library(shipped, _library(known, pairs, wrong, random), np.empty(0)).apply(
            shipped
        )
        impostors = distances(unseen)[0] if alike else _cached_distances(unseen, half)
        for fmr in (1e-3, 1e-4):
            for what, rates in (("shipped", shipped), ("calibrated", fitted)):
                found = share_within(impostors, rates.distance_at(fmr))
                ratios[f"{fmr:.0e}: {what}"].append(found / fmr)
    cells = []
    for values in ratios.values():
        low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
        within = np.mean([0.5 <= value <= 2 for value in values])
        cells.append(f"{middle:.2f} ({low:.2f} to {high:.2f}), {within:.0%}")
    print(f"| {name} | {pairs:,} | {wrong:.0%} | " + " | ".join(cells) + " |", flush=True)


_RATES: dict[int, SpaceRates] = {}
_DISTANCES: dict[tuple[int, int], NDArray[np.float64]] = {}


def _cached_rates(sample: Sample, half: int) -> SpaceRates:
    if half not in _RATES:
        _RATES[half] = rates_of(Counts.of(halves(sample, half)[0]))
    return _RATES[half]


def _cached_distances(sample: Sample, half: int) -> NDArray[np.float64]:
    key = (len(sample.people), half)
    if key not in _DISTANCES:
        _DISTANCES[key] = distances(sample)[0]
    return _DISTANCES[key]


def _library(
    sample: Sample, pairs: int, wrong: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Distances within photos of 2 to 6 people; a share of the pairs shows one person."""
    found: list[NDArray[np.float64]] = []
    while sum(map(len, found)) < pairs:
        together = np.flatnonzero(sample.fold == random.choice(sample.fold))
        rows = random.choice(together, random.integers(2, 7), replace=False)
        rows = rows[np.unique(sample.people[rows], return_index=True)[1]]
        cosines = sample.vectors[rows] @ sample.vectors[rows].T
        found.append(1.0 - cosines[np.triu_indices(len(rows), 1)].astype(np.float64))
    chosen = np.concatenate(found)[:pairs]
    # a mirror shows the same face, a portrait another photo of it
    spoilt = random.random(pairs) < wrong
    chosen[spoilt] = random.choice([0.002, 0.01, 0.03, 0.05], int(spoilt.sum()))
    return chosen


def _look_alikes(
    known: Sample, unseen: Sample, random: np.random.Generator
) -> tuple[Sample, Sample]:
    """Of both, the people nearest to one person: such as one family or one region."""
    centre = known.vectors[random.integers(len(known.vectors))]

    def nearest(sample: Sample) -> Sample:
        first = np.unique(sample.people, return_index=True)[1]
        order = np.argsort(sample.vectors[first] @ -centre)[: LOOK_ALIKES // 2]
        return sample.of_people(sample.people[first[order]])

    return nearest(known), nearest(unseen)


def what_it_costs(sample: Sample) -> None:
    """Table 5: FNMR, how often somebody with 5 photos is not found, odds of the faintest hit."""
    rates = rates_of(Counts.of(sample))
    nearest = _nearest_of(sample, 5)
    print("\nFNMR; missed with 5 photos; probability of the faintest hit\n")
    print("| faces | 0.01 false matches | 0.1 | 1 |\n|---|---|---|---|")
    for faces in (10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000):
        cells = []
        for false_matches in (0.01, 0.1, 1.0):
            at = operating_point(rates, gallery_faces=faces, false_matches=false_matches)
            odds = rates.probability(at.max_distance, prior_for_gallery(faces))
            missed = float(np.mean(nearest > at.max_distance))
            cells.append(f"{rates.fnmr(at.max_distance):.1%}; {missed:.1%}; {odds:.2f}")
        print(f"| {faces:,} | " + " | ".join(cells) + " |")


def _nearest_of(sample: Sample, photos: int) -> NDArray[np.float64]:
    """For each photo of people who have more, the distance to the nearest of 5 others."""
    random = np.random.default_rng(0)
    nearest = []
    for who in np.unique(sample.people):
        own = np.flatnonzero(sample.people == who)
        for probe in own if len(own) > photos else ():
            others = random.permutation(own[own != probe])[:photos]
            nearest.append(1.0 - float((sample.vectors[others] @ sample.vectors[probe]).max()))
    return np.array(nearest)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.realised_rates", description=__doc__
    )
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--shifted", type=Path, help="vectors of photos of another kind")
    chosen = parser.parse_args(arguments)
    sample = sample_of(chosen.vectors)[0]
    shifted = None if chosen.shifted is None else sample_of(chosen.shifted)[0]
    beyond_the_measured(sample)
    what_it_costs(sample)
    across_people(sample)
    small_libraries(sample, shifted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
