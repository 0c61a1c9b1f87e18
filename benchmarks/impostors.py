"""Measures which distances strangers' faces have, and one person's: the tables of rates.

``python -m benchmarks.impostors --data DIR`` from the top of a checkout embeds LFW with
an embedder of the catalogue, compares all photos with each other (at most 10 a person, so
that no one person dominates), and writes a table per space into facesearch/rates/tables/.

With ``--vectors FILE.npz --space SPACE`` the vectors are taken as they are. The file holds
`people` (n names) and `vectors` (n, d). Where something in a space was learned from LFW
itself, as in the default spaces, tables must come from vectors by models that have not seen
these people: such a file holds `vectors_cv` (n, d) and `fold` (n,), photos are compared within
their fold only, and benchmarks.projection makes it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import Data
from facesearch.evaluation.cache import EmbeddingCache
from facesearch.evaluation.embedding import embed_photos
from facesearch.models.catalogue import DEFAULT_EMBEDDER, embedder_spec
from facesearch.rates.normal import angle_of, distance_of, score_of, share_below
from facesearch.rates.tables import FORMAT, table_name

PHOTOS_PER_PERSON = 10
# Probes fused of this many photos have tables of their own; this many probes per person.
REFERENCES = (1, 2, 3, 5, 8)
DRAWS = 10
SEED = 20_261_122
TABLES = Path(__file__).parents[1] / "facesearch" / "rates" / "tables"

# Below 1 in 100,000 the nearest "strangers" of LFW are in part one person under two names;
# docs/decisions/thresholds-from-rates.md shows them. The line is drawn on from there.
SMALLEST_FMR = 1e-5
IMPOSTORS_PER_QUANTILE = 200
GENUINE_PER_QUANTILE = 20
# Quantiles are this far apart, in standard deviations.
STEP = 0.15
HIGHEST_SCORE = 3.0
_BINS = 500_000
_BIN_RAD = np.pi / _BINS
_ROWS = 512
_PAIRS_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Embedded photos to compare.

    Attributes:
        vectors: float32, shape (n, d), unit rows.
        people: shape (n,), a number per person.
        fold: shape (n,); photos are compared within a fold only.
    """

    vectors: NDArray[np.float32]
    people: NDArray[np.int64]
    fold: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        vectors: NDArray[np.float32],
        names: Sequence[str],
        fold: NDArray[np.int64] | None = None,
        *,
        photos_per_person: int = PHOTOS_PER_PERSON,
    ) -> Sample:
        """The first photos of each person; photos without a vector (NaN) are passed over."""
        found = np.flatnonzero(np.isfinite(vectors).all(axis=1))
        people = np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)
        taken: dict[int, int] = {}
        kept = []
        for row in found.tolist():
            who = int(people[row])
            taken[who] = taken.get(who, 0) + 1
            if taken[who] <= photos_per_person:
                kept.append(row)
        folds = np.zeros(len(people), np.int64) if fold is None else np.asarray(fold, np.int64)
        return cls(vectors[kept].astype(np.float32), people[kept], folds[kept])

    def of_people(self, chosen: NDArray[np.int64]) -> Sample:
        """The photos of some people only."""
        rows = np.isin(self.people, chosen)
        return Sample(self.vectors[rows], self.people[rows], self.fold[rows])

    def pairs(
        self, references: int = 1, *, seed: int = SEED
    ) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
        """Comparisons by and by: cosine distances, and whether both sides show one person.

        A probe of one reference is each photo in turn, and every pair appears once. A probe
        of several is the mean of that many photos of one person, drawn `DRAWS` times per
        person who has them, against everybody's photos that are not in it.
        """
        return self._single() if references == 1 else self._fused(references, seed)

    def _fused(
        self, references: int, seed: int
    ) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
        random = np.random.default_rng(seed)
        for who in np.unique(self.people):
            own = np.flatnonzero(self.people == who)
            if len(own) < references:
                continue
            gallery = np.flatnonzero(self.fold == self.fold[own[0]])
            draws = min(DRAWS, comb(len(own), references))
            chosen = np.array([random.permutation(own)[:references] for _ in range(draws)])
            probes = self.vectors[chosen].sum(axis=1)
            probes /= np.linalg.norm(probes, axis=1, keepdims=True)
            cosines = probes @ self.vectors[gallery].T
            new = (gallery[None, None, :] != chosen[:, :, None]).all(axis=1)
            same = np.broadcast_to(self.people[gallery] == who, new.shape)
            yield 1.0 - cosines[new].astype(np.float64), same[new]

    def _single(self) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
        for fold in np.unique(self.fold):
            rows = np.flatnonzero(self.fold == fold)
            vectors, people = self.vectors[rows], self.people[rows]
            for start in range(0, len(rows), _ROWS):
                cosines = vectors[start : start + _ROWS] @ vectors[start:].T
                same = people[start : start + _ROWS, None] == people[None, start:]
                once = np.triu(np.ones(cosines.shape, dtype=bool), 1)
                yield 1.0 - cosines[once].astype(np.float64), same[once]


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """How many pairs have which angle, in bins so narrow that sorting them is not missed."""

    impostors: NDArray[np.int64]
    genuine: NDArray[np.int64]

    @classmethod
    def of(cls, sample: Sample, references: int = 1) -> Counts:
        """Compare all photos of a sample, or probes of several photos with all others."""
        counts = np.zeros(2 * _BINS, dtype=np.int64)
        waiting: list[NDArray[np.int64]] = []
        for distances, same in sample.pairs(references):
            bins = np.minimum((angle_of(distances) / _BIN_RAD).astype(np.int64), _BINS - 1)
            waiting.append(bins + _BINS * same)
            if sum(map(len, waiting)) > _PAIRS_AT_ONCE:
                counts += np.bincount(np.concatenate(waiting), minlength=2 * _BINS)
                waiting.clear()
        if waiting:
            counts += np.bincount(np.concatenate(waiting), minlength=2 * _BINS)
        return cls(counts[:_BINS], counts[_BINS:])

    def table(self, references: int = 1, *, smallest_fmr: float = SMALLEST_FMR) -> dict[str, Any]:
        """One part of a table of rates; see `facesearch.rates.tables.read_table`."""
        pairs, own = int(self.impostors.sum()), int(self.genuine.sum())
        lowest = max(smallest_fmr, IMPOSTORS_PER_QUANTILE / pairs)
        impostors = _quantiles(self.impostors, float(score_of(lowest)), HIGHEST_SCORE)
        edge = float(score_of(GENUINE_PER_QUANTILE / own))
        genuine = _quantiles(self.genuine, edge, -edge)
        return {
            "references": references,
            "impostor_pairs": pairs,
            "genuine_pairs": own,
            "impostors": _columns(*impostors),
            "genuine": _columns(1.0 - genuine[0], genuine[1]),
        }


def _quantiles(
    counts: NDArray[np.int64], low: float, high: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of pairs at equal steps of their probit, and the distances they lie within."""
    shares = share_below(np.linspace(low, high, round((high - low) / STEP) + 1))
    within = np.cumsum(counts) / counts.sum()
    filled = np.flatnonzero(counts)
    angles = np.interp(shares, within[filled], (filled + 1) * _BIN_RAD)
    return shares, distance_of(angles)


def _columns(rates: NDArray[np.float64], distances: NDArray[np.float64]) -> dict[str, list[float]]:
    return {
        "rates": [float(f"{rate:.8g}") for rate in rates],
        "distances": [float(f"{distance:.6g}") for distance in distances],
    }


def table_of(sample: Sample, space: str, *, source: str, made_by: str) -> dict[str, Any]:
    """The table of a space, ready to be written."""
    return {
        "format": FORMAT,
        "space": space,
        "provenance": {
            "source": source,
            "photos": len(sample.vectors),
            "people": len(np.unique(sample.people)),
            "made_by": made_by,
        },
        "tables": [Counts.of(sample, count).table(count) for count in REFERENCES],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.impostors", description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder with lfw/")
    parser.add_argument(
        "--embedder", action="append", help="of the catalogue; several may be given"
    )
    parser.add_argument("--vectors", type=Path, help="vectors made before, as .npz")
    parser.add_argument("--space", help="the space of --vectors")
    parser.add_argument("--out", type=Path, default=TABLES, help="the folder of the tables")
    chosen = parser.parse_args(arguments)
    if chosen.vectors is not None:
        if chosen.space is None:
            parser.error("--vectors needs --space: a table is of no use without its name")
        samples: Iterable[tuple[str, Sample, str]] = [(chosen.space, *sample_of(chosen.vectors))]
    elif chosen.data is not None:
        for name in chosen.embedder or [DEFAULT_EMBEDDER]:
            if embedder_spec(name).learned_from == "LFW":
                parser.error(
                    f"{name} learned from LFW, so its distances flatter there: run "
                    "benchmarks.projection and give the NAME-crossed.npz it makes with --vectors"
                )
        samples = _embedded(chosen.data, chosen.embedder or [DEFAULT_EMBEDDER])
    else:
        parser.error("give --data DIR, or --vectors FILE.npz with --space SPACE")
    chosen.out.mkdir(parents=True, exist_ok=True)
    for space, sample, how in samples:
        table = table_of(sample, space, source="Labeled Faces in the Wild", made_by=how)
        place = chosen.out / table_name(space)
        place.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        print(place.name)
        for part in table["tables"]:
            print(
                f"  probes of {part['references']}: {part['impostor_pairs']:,} impostor and "
                f"{part['genuine_pairs']:,} genuine pairs"
            )
    return 0


def sample_of(path: Path) -> tuple[Sample, str]:
    with np.load(path) as stored:
        crossed = "vectors_cv" in stored
        vectors = stored["vectors_cv"] if crossed else stored["vectors"]
        sample = Sample.of(vectors, stored["people"], stored["fold"] if crossed else None)
    detail = "vectors of ten folds, each by a model that never saw its people" if crossed else ""
    return sample, _how(detail)


def _how(detail: str = "") -> str:
    rules = [
        "benchmarks.impostors",
        datetime.now(UTC).date().isoformat(),
        f"all pairs of at most {PHOTOS_PER_PERSON} photos a person",
        "the face nearest to the middle of each photo",
    ]
    return ", ".join([*rules, detail] if detail else rules)


def _embedded(data: Path, names: Sequence[str]) -> Iterator[tuple[str, Sample, str]]:
    """The photos of LFW in each embedder's space, one after the other."""
    photos = Data(data).lfw()
    for name in names:
        with EmbeddingCache() as cache:
            seen = embed_photos(photos, embedder=name, cache=cache)
        people = [photo.parent.name for photo in photos]
        yield seen.space, Sample.of(seen.vectors, people), _how()


if __name__ == "__main__":
    sys.exit(main())
