"""Named people with one or many faces: which rule finds them best.

In: worlds. Out: for each rule how many probes get the right name, and how that and false
names depend on the number of a person's faces. Most named people have few photos and some
have many: those with ten or more keep a number drawn evenly on a logarithmic scale from 1
to 50. The others' photos, and people with a single one, ask as strangers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.references.worlds import Impostors, Ints, World

MOST_FACES = 50
SIZES = ((1, 1), (2, 3), (4, 9), (10, MOST_FACES))
FPIRS = (0.01, 0.1)
BUDGET = 0.1  # wrong names to expect per probe, in the last part


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Who is known, who asks.

    Attributes:
        named: the faces of each known person.
        mated: probes that show a known person, and whom, as (face, position in `named`).
        strangers: probes that show nobody known.
    """

    named: list[Ints]
    mated: list[tuple[int, int]]
    strangers: Ints


def draw(world: World, chance: np.random.Generator) -> Task:
    """One task from a world."""
    photos = [chance.permutation(own) for own in world.photos_of()]
    order = chance.permutation(len(photos)).tolist()
    many = [who for who in order if len(photos[who]) >= 10]
    few = [who for who in order if 2 <= len(photos[who]) < 10]
    one = [who for who in order if len(photos[who]) == 1]
    known = [*many[: len(many) * 4 // 5], *few[: len(few) // 2], *one[: len(one) // 8]]
    named, mated = [], []
    for position, who in enumerate(known):
        own = photos[who]
        asks = 0 if len(own) == 1 else min(5, max(1, len(own) // 3))
        mated += [(int(face), position) for face in own[:asks]]
        keep = MOST_FACES
        if len(own) >= 10:
            keep = round(float(np.exp(chance.uniform(0.0, np.log(MOST_FACES)))))
        named.append(own[asks:][:keep])
    unknown = [who for who in order if who not in set(known)]
    return Task(named, mated, np.concatenate([photos[who][:3] for who in unknown]))


def scores(
    world: World, task: Task, probes: Ints, impostors: Impostors
) -> dict[str, NDArray[np.float64]]:
    """How far each probe is from each known person, (probes, people), by every rule.

    Rules differ in scale; small is near in each.
    """
    names = (
        "nearest face",
        "mean of the nearest 2",
        "mean of the nearest 3",
        "mean of all",
        "centroid",
        "centroid, weighted by quality",
        "centroid, less far where it is long",
        "nearest face or centroid",
        "nearest face, its rate times the faces",
        "harmonic mean of the rates",
    )
    shape = (len(probes), len(task.named))
    out = {name: np.empty(shape) for name in names}
    asked = world.vectors[probes]
    for column, faces in enumerate(task.named):
        own = world.vectors[faces]
        apart = 1.0 - asked @ own.T
        ordered = np.sort(apart, axis=1)
        mean = own.mean(axis=0)
        length = float(np.linalg.norm(mean))
        weighted = (own * world.quality[faces][:, None]).sum(axis=0)
        weighted /= np.linalg.norm(weighted)
        rates = impostors.fmr(apart)
        values = (
            ordered[:, 0],
            ordered[:, :2].mean(axis=1),
            ordered[:, :3].mean(axis=1),
            ordered.mean(axis=1),
            1 - asked @ mean / length,
            1 - asked @ weighted,
            1 - asked @ mean / np.sqrt(length),
            np.minimum(ordered[:, 0], 1 - asked @ mean / length),
            np.log(rates.min(axis=1) * len(faces)),
            np.log(len(faces) / (1 / rates).sum(axis=1)),
        )
        for name, value in zip(names, values, strict=True):
            out[name][:, column] = value
    return out


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one rule did.

    Attributes:
        rank_1: share of mated probes whose nearest person is the right one; people alike.
        fnir: share not named rightly, at the `FPIRS`.
        fnir_by_size: the same at the larger FPIR, by how many faces a person has (`SIZES`).
        false_by_size: strangers' probes taken for a person, per 10,000 comparisons, there.
    """

    rank_1: float
    fnir: tuple[float, ...]
    fnir_by_size: tuple[float, ...]
    false_by_size: tuple[float, ...]


def compare(
    worlds: Sequence[World], impostors: Impostors, *, draws: int, seed: int
) -> dict[str, tuple[Outcome, ...]]:
    """Each rule's outcomes, one a drawing; all worlds of one drawing are pooled."""
    found: dict[str, list[Outcome]] = {}
    for number in range(draws):
        chance = np.random.default_rng(seed + number)
        tasks = [(world, draw(world, chance)) for world in worlds]
        pooled: dict[str, list[tuple[NDArray[np.float64], Task]]] = {}
        for world, task in tasks:
            probes = np.concatenate([np.array([face for face, _ in task.mated]), task.strangers])
            for name, values in scores(world, task, probes, impostors).items():
                pooled.setdefault(name, []).append((values, task))
        for name, parts in pooled.items():
            found.setdefault(name, []).append(_outcome(parts))
    return {name: tuple(own) for name, own in found.items()}


def _outcome(parts: Sequence[tuple[NDArray[np.float64], Task]]) -> Outcome:
    own, best, sizes, weights = [], [], [], []
    lowest, strange, strange_sizes = [], [], []
    for values, task in parts:
        right = np.array([position for _, position in task.mated])
        count = np.array([len(faces) for faces in task.named])
        mated, strangers = values[: len(right)], values[len(right) :]
        own.append(mated[np.arange(len(right)), right])
        best.append(mated.min(axis=1))
        sizes.append(count[right])
        weights.append(1.0 / np.bincount(right)[right])
        lowest.append(strangers.min(axis=1))
        strange.append(strangers)
        strange_sizes.append(count)
    mine, nearest = np.concatenate(own), np.concatenate(best)
    weight, size, low = np.concatenate(weights), np.concatenate(sizes), np.concatenate(lowest)
    first = mine <= nearest
    limits = [float(np.quantile(low, fpir)) for fpir in FPIRS]
    missed = [(mine > limit) | ~first for limit in limits]
    spans = [(size >= low_) & (size <= high) for low_, high in SIZES]
    false = []
    for low_, high in SIZES:
        hits = total = 0
        for values, count in zip(strange, strange_sizes, strict=True):
            columns = (count >= low_) & (count <= high)
            hits += int((values[:, columns] <= limits[1]).sum())
            total += values[:, columns].size
        false.append(1e4 * hits / max(total, 1))
    return Outcome(
        float(np.average(first, weights=weight)),
        tuple(float(np.average(m, weights=weight)) for m in missed),
        tuple(
            float(np.average(missed[1][s], weights=weight[s])) if s.any() else 0.0 for s in spans
        ),
        tuple(false),
    )


@dataclass(frozen=True, slots=True)
class Library:
    """A library in which few are named, at the default operating point.

    Attributes:
        faces, named: how many faces it holds, and how many people have names (at most).
        missed: share of probes of named people who do not get their name first.
        wrong: names that a stranger's probe gets on average.
    """

    faces: int
    named: int
    missed: dict[str, float]
    wrong: dict[str, float]


def library(
    worlds: Sequence[World],
    impostors: Impostors,
    *,
    faces: int,
    named: int,
    draws: int,
    seed: int,
) -> Library:
    """Ask libraries in which some people have names and most faces belong to nobody.

    Faces of nobody give no names, so they need not be there: only their number counts.
    """
    missed: dict[str, list[float]] = {}
    wrong: dict[str, list[float]] = {}
    for world in worlds:
        for number in range(draws):
            chance = np.random.default_rng(seed + number)
            whole = draw(world, chance)
            asking = np.unique([who for _, who in whole.mated])
            kept = chance.permutation(asking)[:named]
            place = {int(who): position for position, who in enumerate(kept)}
            task = Task(
                [whole.named[who] for who in kept],
                [(face, place[who]) for face, who in whole.mated if who in place],
                whole.strangers,
            )
            probes = np.concatenate([np.array([face for face, _ in task.mated]), task.strangers])
            counts = np.array([len(faces) for faces in task.named])
            values = scores(world, task, probes, impostors)
            per_face = values["nearest face, its rate times the faces"] - np.log(counts)
            together = values["harmonic mean of the rates"]
            rules = {
                "nearest face": per_face - np.log(BUDGET / faces),
                "both": np.minimum(
                    per_face - np.log(BUDGET / 2 / faces),
                    together - np.log(BUDGET / 2 / len(task.named)),
                ),
            }
            right = np.array([position for _, position in task.mated])
            for name, value in rules.items():
                mated, strangers = value[: len(right)], value[len(right) :]
                mine = mated[np.arange(len(right)), right]
                bad = (mine > 0) | (mine > mated.min(axis=1))
                weights = 1.0 / np.bincount(right)[right]
                missed.setdefault(name, []).append(float(np.average(bad, weights=weights)))
                wrong.setdefault(name, []).append(float((strangers <= 0).sum(axis=1).mean()))
    return Library(
        faces,
        named,
        {name: float(np.mean(v)) for name, v in missed.items()},
        {name: float(np.mean(v)) for name, v in wrong.items()},
    )
