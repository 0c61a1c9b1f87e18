"""Prints the tables of several-references.md and identity-rule.md; see `benchmarks.references`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.references import people, probes
from benchmarks.references.worlds import Impostors, World, embedded, load
from facesearch.models.catalogue import DEFAULT_EMBEDDER


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.references",
        description="Compare rules for several references and for people with many faces.",
    )
    photos = parser.add_mutually_exclusive_group(required=True)
    photos.add_argument("--data", type=Path, help="the folder with lfw/")
    photos.add_argument("--vectors", type=Path, help="vectors made before, as .npz")
    parser.add_argument("--embedder", default=DEFAULT_EMBEDDER, help="what embeds --data")
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--only", choices=("probes", "people"), help="one of the two questions")
    chosen = parser.parse_args(arguments)
    if chosen.vectors is not None:
        halves = load(chosen.vectors)
    else:
        halves = embedded(chosen.data, chosen.embedder)
    parts = dict(zip(("choosing", "confirming"), halves, strict=True))
    for what, worlds in parts.items():
        for k in () if chosen.only == "people" else (2, 3, 4):
            fused_table(what, worlds, k, chosen.draws, chosen.seed)
    if chosen.only == "probes":
        return 0
    impostors = Impostors.of(parts["choosing"])
    for what, worlds in parts.items():
        people_table(what, worlds, impostors, chosen.draws, chosen.seed)
        library_table(what, worlds, impostors, chosen.draws, chosen.seed)
    return 0


def fused_table(what: str, worlds: Sequence[World], k: int, draws: int, seed: int) -> None:
    """Rules of fusing."""
    count, found = probes.compare(worlds, k, draws=draws, seed=seed)
    print(f"\n{what}: {k} references, {count} people, {draws} drawings\n")
    print(
        "| rule | FNMR at 1e-3 | saved | at 1e-4 | saved | rank-1 | FNIR at FPIR 1 % | "
        "distance at 1e-3, 1e-4 | FMR at the distances of single faces |\n" + "|---" * 9 + "|"
    )
    for name, own in found.items():
        (low3, high3), (low4, high4) = own.gain
        print(
            f"| {name} | {own.fnmr[0]:.2%} | {100 * low3:.1f} to {100 * high3:.1f} "
            f"| {own.fnmr[1]:.2%} | {100 * low4:.1f} to {100 * high4:.1f} | {own.rank_1:.2%} "
            f"| {own.fnir:.1%} | {own.threshold[0]:.4f}, {own.threshold[1]:.4f} "
            f"| {own.fmr_unmapped[0]:.1e}, {own.fmr_unmapped[1]:.1e} |",
            flush=True,
        )


def people_table(
    what: str, worlds: Sequence[World], impostors: Impostors, draws: int, seed: int
) -> None:
    """Rules for named people."""
    found = people.compare(worlds, impostors, draws=draws, seed=seed)
    print(f"\n{what}: named people, {draws} drawings\n")
    print(
        "| rule | rank-1 | FNIR at FPIR 1 % | at 10 % | with 1, 2-3, 4-9, 10-50 faces "
        "| false names per 10,000, same |\n" + "|---" * 6 + "|"
    )
    for name, outcomes in found.items():
        fnir = np.array([own.fnir for own in outcomes])
        error = fnir.std(axis=0) / np.sqrt(len(fnir))
        sizes = np.mean([own.fnir_by_size for own in outcomes], axis=0)
        false = np.mean([own.false_by_size for own in outcomes], axis=0)
        rank_1 = float(np.mean([own.rank_1 for own in outcomes]))
        print(
            f"| {name} | {rank_1:.2%} | {100 * fnir[:, 0].mean():.1f} ± {100 * error[0]:.1f} "
            f"| {100 * fnir[:, 1].mean():.1f} ± {100 * error[1]:.1f} "
            f"| {', '.join(f'{100 * x:.1f}' for x in sizes)} "
            f"| {', '.join(f'{x:.1f}' for x in false)} |",
            flush=True,
        )


def library_table(
    what: str, worlds: Sequence[World], impostors: Impostors, draws: int, seed: int
) -> None:
    """The default operating point, by the nearest face and by the chosen rule."""
    print(f"\n{what}: libraries at 0.1 wrong names per probe\n")
    print("| faces | people with names | rule | missed | wrong names |\n" + "|---" * 5 + "|")
    for faces, named in ((1_000, 10), (10_000, 50), (100_000, 50), (1_000_000, 50)):
        own = people.library(worlds, impostors, faces=faces, named=named, draws=draws, seed=seed)
        for name, missed in own.missed.items():
            wrong = own.wrong[name]
            print(f"| {faces:,} | {named} | {name} | {missed:.1%} | {wrong:.3f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
