"""How accurate each setting is on LFW, judged by maps that never saw the people judged.

``python -m benchmarks.accuracy --data DIR [--cache DIR]`` from the top of a checkout looks
at all of LFW with the settings `fast` and `best`, as an index does, and prints a table.

Both settings end with a linear map that was learned from LFW's people, so the shipped map
would flatter on them. Here it is undone, and each of the ten sets of people of LFW's View 2 is
judged with a map that has not seen it; these ship beside the default one, and
`python -m benchmarks.projection` learns them anew:
pairs are made within the sets and counted together; in rank-1 the photos of a set are
searched for among all of LFW. Photos without a face are errors.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import Data
from benchmarks.impostors import Counts, Sample
from benchmarks.realised_rates import distances, halves, rates_of, share_within
from facesearch.evaluation.cache import EmbeddingCache
from facesearch.evaluation.embedding import embed_photos
from facesearch.evaluation.identification import Part, searched
from facesearch.evaluation.labelled import labelled
from facesearch.evaluation.lfw_files import LfwFiles, find_lfw
from facesearch.evaluation.measured import PairsResult, VerificationResult
from facesearch.evaluation.pair_lists import judged, pairs_result
from facesearch.evaluation.verification import MAX_PHOTOS_PER_PERSON, all_pairs
from facesearch.models.catalogue import Accuracy, embedder_for
from facesearch.models.dlib_resnet import BEST, FAST
from facesearch.models.projection import unit_rows
from facesearch.values import FloatArray

SETTINGS = {Accuracy.FAST: FAST, Accuracy.BEST: BEST}
RATES = (1e-3, 1e-4)
SEEDS = range(5)
SPLITS = range(10)


@dataclass(frozen=True, slots=True, eq=False)
class LookedAt:
    """All of LFW. `rows` are what the network says, of unit length, before the learned map; NaN
    where a photo gave no face. `fold` is the set of View 2 that the person is in, from 0;
    `maps` has for each set the map learned without it."""

    files: LfwFiles
    paths: tuple[str, ...]
    people: tuple[str, ...]
    fold: NDArray[np.int64]
    rows: FloatArray
    maps: FloatArray


def look_at(data: Data, accuracy: Accuracy, cache: Path | None) -> LookedAt:
    """Look at all of LFW with a setting; what was looked at before comes from the cache."""
    files = find_lfw(data.folder / "lfw", leave_out_missing=True)
    with EmbeddingCache(cache) as kept:
        photos = embed_photos(files.paths, embedder=embedder_for(accuracy), cache=kept)
    maps = SETTINGS[accuracy].unseen()
    rows = np.full_like(photos.vectors, np.nan)
    found = photos.found
    undone = np.linalg.solve(
        maps.shipped.T.astype(np.float64), photos.vectors[found].T.astype(np.float64)
    )
    rows[found] = unit_rows(undone.T.astype(np.float32))
    name_of = files.name_of()
    people = tuple(name_of[path] for path in photos.paths)
    folds = data.lfw_fold_of_people()
    fold = np.array([folds[person] for person in people], np.int64)
    return LookedAt(files, photos.paths, people, fold, rows, maps.without)


def measure(lfw: LookedAt) -> dict[str, Any]:
    """The figures of a setting: shares, and what they were measured on."""
    found = np.isfinite(lfw.rows).all(axis=1)
    first = _first(lfw.people, MAX_PHOTOS_PER_PERSON)
    mapped = np.full_like(lfw.rows, np.nan)
    for fold, matrix in enumerate(lfw.maps):
        own = found & (lfw.fold == fold)
        mapped[own] = unit_rows(lfw.rows[own] @ matrix)
    view2 = _view2(lfw, mapped)
    ours = _compared(lfw, mapped, first, lfw.fold)
    drawn = [_compared(lfw, mapped, None, lfw.fold, seed=seed) for seed in SEEDS]
    unmapped = _compared(lfw, lfw.rows, first, None)
    return {
        "view2": {"accuracy": view2.accuracy, "standard_error": view2.standard_error},
        "view2_folds": [fold.accuracy for fold in view2.folds],
        "fnmr": _fnmr(ours),
        "fnmr_of_drawn_photos": {
            f"{rate:g}": float(np.mean([_at(result, rate) for result in drawn])) for rate in RATES
        },
        "fnmr_before_the_map": _fnmr(unmapped),
        "rank1": _rank1(lfw),
        "rank1_before_the_map": searched(
            [Part.whole(labelled(lfw.rows, lfw.people))], seed=0, bootstrap_samples=1
        ).rank1.value,
        "realised": _realised(mapped, lfw),
        "photos": len(lfw.paths),
        "missed": int((~found).sum()),
        "genuine_pairs": ours.genuine_pairs,
        "impostor_pairs": ours.impostor_pairs,
    }


def _first(people: Sequence[str], most: int) -> NDArray[np.bool_]:
    """True for the first photos of each person."""
    seen: dict[str, int] = {}
    kept = []
    for person in people:
        seen[person] = seen.get(person, 0) + 1
        kept.append(seen[person] <= most)
    return np.array(kept)


def _compared(
    lfw: LookedAt,
    rows: FloatArray,
    chosen: NDArray[np.bool_] | None,
    fold: NDArray[np.int64] | None,
    *,
    seed: int = 0,
) -> VerificationResult:
    keep = np.arange(len(rows)) if chosen is None else np.flatnonzero(chosen)
    return all_pairs(
        rows[keep],
        [lfw.people[row] for row in keep],
        paths=[lfw.paths[row] for row in keep],
        folds=None if fold is None else fold[keep].tolist(),
        seed=seed,
        bootstrap_samples=1000 if chosen is not None else 1,
    )


def _at(result: VerificationResult, rate: float) -> float:
    fnmr = result.at(rate).fnmr
    return float("nan") if fnmr is None else fnmr.value


def _fnmr(result: VerificationResult) -> dict[str, list[float]]:
    """Value, low and high end of the interval."""
    points = [(point.fmr, point.fnmr) for point in result.points]
    return {
        f"{rate:g}": [fnmr.value, fnmr.low, fnmr.high] for rate, fnmr in points if fnmr is not None
    }


def _view2(lfw: LookedAt, mapped: FloatArray) -> PairsResult:
    folds = lfw.files.folds()
    at = np.repeat(np.arange(len(folds)), [len(pairs) for pairs in folds])
    row_of = {path: row for row, path in enumerate(lfw.paths)}
    pairs = [(pair.first, pair.second, pair.same) for fold in folds for pair in fold]
    return pairs_result(
        judged(pairs, mapped, row_of),
        [(at == number, at != number) for number in range(len(folds))],
        protocol="View 2, maps learned without the people of each fold",
        name_of=lfw.files.name_of(),
        worst_pairs=0,
    )


def _rank1(lfw: LookedAt) -> float:
    """Each set of people searched for among all of LFW, with the map that has not seen them."""
    found = np.isfinite(lfw.rows).all(axis=1)
    parts = []
    for fold, matrix in enumerate(lfw.maps):
        rows = np.full_like(lfw.rows, np.nan)
        rows[found] = unit_rows(lfw.rows[found] @ matrix)
        data = labelled(rows, lfw.people, lfw.paths)
        parts.append(Part(data, lfw.fold[data.rows] == fold))
    return searched(parts, seed=0, bootstrap_samples=1).rank1.value


def _realised(mapped: FloatArray, lfw: LookedAt) -> dict[str, list[float]]:
    """Realised rate over the asked one on people whom the rates were not made from: median,
    smallest and largest over splits of the sets into halves."""
    sample = Sample.of(mapped, lfw.people, lfw.fold)
    ratios: dict[float, list[float]] = {rate: [] for rate in RATES}
    for seed in SPLITS:
        made_from, asked_of = halves(sample, seed)
        rates = rates_of(Counts.of(made_from))
        impostors, _ = distances(asked_of)
        for rate in RATES:
            ratios[rate].append(share_within(impostors, float(rates.distance_at(rate))) / rate)
    return {f"{r:g}": [float(np.median(x)), min(x), max(x)] for r, x in ratios.items()}


def table(values: dict[str, dict[str, Any]]) -> str:
    """The figures of all settings, as Markdown."""
    rows = [["what", *values], ["---"] * (len(values) + 1)]

    def row(what: str, cells: Sequence[str]) -> None:
        rows.append([what, *cells])

    each = list(values.values())
    row(
        "LFW View 2 accuracy",
        [
            f"{100 * v['view2']['accuracy']:.2f} ± {100 * v['view2']['standard_error']:.2f} %"
            for v in each
        ],
    )
    for rate in RATES:
        key = f"{rate:g}"
        row(
            f"FNMR at FMR {key}",
            [
                "{:.2f} % ({:.2f} to {:.2f})".format(*(100 * x for x in v["fnmr"][key]))
                for v in each
            ],
        )
        row(
            f"FNMR at FMR {key}, photos drawn",
            [f"{100 * v['fnmr_of_drawn_photos'][key]:.2f} %" for v in each],
        )
        row(
            f"FNMR at FMR {key}, before the map",
            [f"{100 * v['fnmr_before_the_map'][key][0]:.2f} %" for v in each],
        )
    row("rank-1", [f"{100 * v['rank1']:.2f} %" for v in each])
    row("photos without a face", [f"{v['missed']} of {v['photos']:,}" for v in each])
    for rate in RATES:
        row(
            f"realised / asked, FMR {rate:g}",
            ["{:.2f} ({:.2f} to {:.2f})".format(*v["realised"][f"{rate:g}"]) for v in each],
        )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both settings and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with lfw/")
    parser.add_argument("--cache", type=Path, help="where embeddings are kept")
    chosen = parser.parse_args(arguments)
    data = Data(chosen.data)
    values = {
        accuracy.value: measure(look_at(data, accuracy, chosen.cache)) for accuracy in SETTINGS
    }
    print(table(values))
    return 0


if __name__ == "__main__":
    sys.exit(main())
