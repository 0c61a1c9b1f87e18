"""Several references of one person: which rule makes the best probe of them.

In: worlds. Out: for each rule and number of references its error rates, with intervals
from drawing people again. Probes are `k` random photos of a person with at least five; the
gallery is everybody's remaining photos.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.references.worlds import Floats, World, distance_at, histogram

FEWEST_PHOTOS = 5
MOST_GENUINE = 10  # photos of one person a probe is compared with
RATES = (1e-3, 1e-4)
SINGLE = "one reference, mean"

# Vectors (k, d) and qualities (k,) in; probe vectors (m, d) out, of any length: the distance
# is the smallest 1 - dot.
Rule = Callable[[Floats, Floats], Floats]


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _mean_direction(faces: Floats, quality: Floats) -> Floats:
    return _unit(faces.mean(axis=0, keepdims=True))


def _weighted(faces: Floats, quality: Floats) -> Floats:
    return _unit((faces * quality[:, None]).sum(axis=0, keepdims=True))


def _mean_distance(faces: Floats, quality: Floats) -> Floats:
    return np.asarray(faces.mean(axis=0, keepdims=True))


def _between(faces: Floats, quality: Floats) -> Floats:
    mean = faces.mean(axis=0, keepdims=True)
    return np.asarray(mean / np.sqrt(np.linalg.norm(mean)))


def _smallest(faces: Floats, quality: Floats) -> Floats:
    return faces


def _best(faces: Floats, quality: Floats) -> Floats:
    return np.asarray(faces[np.argmax(quality)][None])


RULES: dict[str, Rule] = {
    "mean direction": _mean_direction,
    "mean direction, weighted by quality": _weighted,
    "mean of the distances": _mean_distance,
    "half way between those two": _between,
    "smallest distance": _smallest,
    "one reference, the best by quality": _best,
}


@dataclass(slots=True)
class _Seen:
    """What one rule did, one entry a probe, but `impostors` one a person."""

    who: list[int] = field(default_factory=list)
    impostors: list[NDArray[np.float64]] = field(default_factory=list)
    genuine: list[Floats] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Error rates of one rule; thresholds are its own, at the same false match rate.

    Attributes:
        fnmr: at the rates of `RATES`.
        gain: interval (95 %) of how much more of them a single reference misses, same order.
        rank_1: share of probes whose nearest face is the person's.
        fnir: share not found where 1 % of strangers' probes find somebody.
        threshold: distances at `RATES`.
        fmr_unmapped: what the thresholds of single faces would give.
    """

    fnmr: tuple[float, ...]
    gain: tuple[tuple[float, float], ...]
    rank_1: float
    fnir: float
    threshold: tuple[float, ...]
    fmr_unmapped: tuple[float, ...]


def compare(
    worlds: Sequence[World], k: int, *, draws: int, seed: int
) -> tuple[int, dict[str, Outcome]]:
    """How many people there were, and what each rule did with `k` references."""
    chance = np.random.default_rng(seed)
    seen: dict[str, _Seen] = {name: _Seen() for name in (*RULES, SINGLE)}
    count = 0
    for world in worlds:
        for photos in world.photos_of():
            if len(photos) < FEWEST_PHOTOS:
                continue
            for _ in range(draws):
                drawn = chance.permutation(photos)
                _probe(world, photos, drawn[:k], drawn[k:], count, seen)
            count += 1
    single = _thresholds(seen[SINGLE], np.ones(count))
    again = [
        chance.multinomial(count, np.ones(count) / count).astype(np.float64) for _ in range(100)
    ]
    base = [_fnmr(seen[SINGLE], weights) for weights in again]
    outcomes = {}
    for name, own in seen.items():
        everybody = np.ones(count)
        gains = np.array([b - _fnmr(own, w) for b, w in zip(base, again, strict=True)])
        low, high = np.percentile(gains, (2.5, 97.5), axis=0)
        total = np.sum(own.impostors, axis=0)
        outcomes[name] = Outcome(
            tuple(_fnmr(own, everybody).tolist()),
            tuple(zip(low.tolist(), high.tolist(), strict=True)),
            float(np.mean(np.array(own.own) < np.array(own.others))),
            _fnir(own, 0.01),
            _thresholds(own, everybody),
            tuple(_share_within(total, at) for at in single),
        )
    return count, outcomes


def _probe(
    world: World,
    photos: NDArray[np.int64],
    used: NDArray[np.int64],
    left: NDArray[np.int64],
    who: int,
    seen: dict[str, _Seen],
) -> None:
    """Ask about one person with every rule."""
    faces, quality = world.vectors[used], world.quality[used]
    probes = [(name, rule(faces, quality)) for name, rule in RULES.items()]
    probes += [(SINGLE, face[None]) for face in faces]
    apart = 1.0 - world.vectors @ np.concatenate([vectors for _, vectors in probes]).T
    strangers = np.delete(np.arange(len(world.people)), photos)
    column = 0
    for name, vectors in probes:
        distances = apart[:, column : column + len(vectors)].min(axis=1)
        column += len(vectors)
        own = seen[name]
        own.who.append(who)
        if len(own.impostors) == who:
            own.impostors.append(
                np.zeros_like(own.impostors[0]) if who else histogram(distances[:0])
            )
        own.impostors[who] += histogram(distances[strangers])
        own.genuine.append(distances[left[:MOST_GENUINE]])
        own.own.append(float(distances[left].min()))
        own.others.append(float(distances[strangers].min()))


def _thresholds(own: _Seen, weights: NDArray[np.float64]) -> tuple[float, ...]:
    counts = weights @ np.array(own.impostors)
    return tuple(distance_at(counts, rate) for rate in RATES)


def _fnmr(own: _Seen, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of a person's photos that are missed, at each rate; people count alike."""
    per_probe = weights[np.array(own.who)]
    return np.array(
        [
            np.average([float(np.mean(g > at)) for g in own.genuine], weights=per_probe)
            for at in _thresholds(own, weights)
        ]
    )


def _share_within(counts: NDArray[np.float64], distance: float) -> float:
    edges = np.arange(1, len(counts) + 1) * (1.2 / len(counts))
    return float(counts[edges <= distance + 1e-9].sum() / counts.sum())


def _fnir(own: _Seen, fpir: float) -> float:
    mated, other = np.array(own.own), np.array(own.others)
    return float(np.mean((mated >= np.quantile(other, fpir)) | (mated > other)))
