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
from benchmarks.realised_rates import distances, halves, rates_of, share_within
from facesearch.evaluation.cache import EmbeddingCache
from facesearch.evaluation.embedding import embed_photos
from facesearch.evaluation.identification import Part, searched
from facesearch.evaluation.labelled import labelled
from facesearch.evaluation.lfw_files import LfwFiles, find_lfw
from facesearch.evaluation.measured import PairsResult, VerificationResult
from facesearch.evaluation.pair_lists import judged, pairs_result
from facesearch.evaluation.unseen import UnseenMaps, find_unseen
from facesearch.evaluation.verification import MAX_PHOTOS_PER_PERSON, all_pairs
from facesearch.models.catalogue import Accuracy, embedder_for
from facesearch.rates.measuring import Counts, Sample
from facesearch.values import FloatArray

RATES = (1e-3, 1e-4)
SEEDS = range(5)
SPLITS = range(10)


@dataclass(frozen=True, slots=True, eq=False)
class LookedAt:
    """All of LFW. `vectors` are embeddings by the shipped map, NaN where a photo gave no face;
    `unseen` judges each person by the map that was learned without them."""

    files: LfwFiles
    paths: tuple[str, ...]
    people: tuple[str, ...]
    vectors: FloatArray
    unseen: UnseenMaps


def look_at(data: Data, accuracy: Accuracy, cache: Path | None) -> LookedAt:
    """Look at all of LFW with a setting; what was looked at before comes from the cache."""
    files = find_lfw(data.folder / "lfw", leave_out_missing=True)
    embedder = embedder_for(accuracy)
    unseen = find_unseen(embedder, files, files.folds())
    assert unseen is not None, "LFW comes with people.txt, and both settings learned from it"
    with EmbeddingCache(cache) as kept:
        photos = embed_photos(files.paths, embedder=embedder, cache=kept)
    name_of = files.name_of()
    people = tuple(name_of[path] for path in photos.paths)
    return LookedAt(files, photos.paths, people, photos.vectors, unseen)


def measure(lfw: LookedAt) -> dict[str, Any]:
    """The figures of a setting: shares, and what they were measured on."""
    first = _first(lfw.people, MAX_PHOTOS_PER_PERSON)
    fold = lfw.unseen.sets(lfw.people)
    given = lfw.unseen.maps.undone(lfw.vectors)
    mapped = lfw.unseen.vectors(lfw.vectors, lfw.people)
    parts = lfw.unseen.parts(lfw.vectors, lfw.people, lfw.paths)
    view2 = _view2(lfw, mapped)
    ours = _compared(lfw, mapped, first, fold)
    drawn = [_compared(lfw, mapped, None, fold, seed=seed) for seed in SEEDS]
    unmapped = _compared(lfw, given, first, None)
    return {
        "view2": {"accuracy": view2.accuracy, "standard_error": view2.standard_error},
        "view2_folds": [fold.accuracy for fold in view2.folds],
        "fnmr": _fnmr(ours),
        "fnmr_of_drawn_photos": {
            f"{rate:g}": float(np.mean([_at(result, rate) for result in drawn])) for rate in RATES
        },
        "fnmr_before_the_map": _fnmr(unmapped),
        "rank1": searched(parts, seed=0, bootstrap_samples=1).rank1.value,
        "rank1_before_the_map": searched(
            [Part.whole(labelled(given, lfw.people))], seed=0, bootstrap_samples=1
        ).rank1.value,
        "realised": _realised(mapped, lfw.people, fold),
        "photos": len(lfw.paths),
        "missed": int(np.isnan(lfw.vectors).any(axis=1).sum()),
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


def _realised(
    mapped: FloatArray, people: Sequence[str], fold: NDArray[np.int64]
) -> dict[str, list[float]]:
    """Realised rate over the asked one on people whom the rates were not made from: median,
    smallest and largest over splits of the sets into halves."""
    sample = Sample.of(mapped, people, fold)
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
        accuracy.value: measure(look_at(data, accuracy, chosen.cache)) for accuracy in Accuracy
    }
    print(table(values))
    return 0


if __name__ == "__main__":
    sys.exit(main())
