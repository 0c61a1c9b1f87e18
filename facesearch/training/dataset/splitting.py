"""Which chips are trained on, and which judge: a function of names and a seed.

In: chips with their people. Out: a split for each. Chips are drawn by a hash of seed and id,
so neither the order of the file system nor another photo more changes what others get.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from facesearch.errors import InvalidDataset
from facesearch.training.dataset.options import DatasetOptions, Split, SplitKind


class Drawn(Protocol):
    """What is split: a chip, by id and person."""

    @property
    def id(self) -> str:
        """Of the chip."""
        ...

    @property
    def person(self) -> str:
        """Who is on it."""
        ...

    @property
    def part(self) -> Split | None:
        """What its publishers use it for; None where nobody said."""
        ...


_Drawn = TypeVar("_Drawn", bound=Drawn)


def luck(seed: int, what: str) -> bytes:
    """Bytes to sort by: random, and the same for the same seed and name everywhere."""
    return hashlib.sha256(f"{seed}:{what}".encode("utf-8", "surrogatepass")).digest()


def at_most(chips: Iterable[_Drawn], most: int, seed: int) -> list[_Drawn]:
    """At most so many of each person, drawn at random."""
    by_person: defaultdict[str, list[_Drawn]] = defaultdict(list)
    for chip in chips:
        by_person[chip.person].append(chip)
    return [
        chip
        for own in by_person.values()
        for chip in sorted(own, key=lambda one: luck(seed, f"most:{one.id}"))[:most]
    ]


def split_chips(chips: Sequence[_Drawn], options: DatasetOptions, place: str) -> dict[str, Split]:
    """The split of each chip, by its id.

    Args:
        chips: of at least two people.
        place: of the dataset, for messages.

    Raises:
        InvalidDataset: a split that is wanted would stay empty, or hold one person only where
            people are divided.
    """
    if options.split is SplitKind.BY_PHOTO:
        found = _by_photo(chips, options)
    elif options.split is SplitKind.BY_PERSON:
        of = _people_divided({chip.person for chip in chips}, options.shares, options.seed)
        found = {chip.id: of[chip.person] for chip in chips}
    else:
        found = _published(chips, options, place)
    _check(chips, found, options, place)
    return found


def _by_photo(chips: Sequence[_Drawn], options: DatasetOptions) -> dict[str, Split]:
    by_person: defaultdict[str, list[str]] = defaultdict(list)
    for chip in chips:
        by_person[chip.person].append(chip.id)
    found: dict[str, Split] = {}
    for ids in by_person.values():
        ids.sort(key=lambda one: luck(options.seed, one))
        _deal(ids, options.shares, found)
    return found


def _people_divided(
    people: Iterable[str], shares: Mapping[Split, float], seed: int
) -> dict[str, Split]:
    names = sorted(people, key=lambda name: luck(seed, f"person:{name}"))
    found: dict[str, Split] = {}
    _deal(names, shares, found)
    return found


def _deal(what: Sequence[str], shares: Mapping[Split, float], found: dict[str, Split]) -> None:
    """Give each split its share of a shuffled list, the training split first."""
    start = 0
    for split, count in counts(len(what), shares).items():
        found.update((one, split) for one in what[start : start + count])
        start += count


def counts(total: int, shares: Mapping[Split, float]) -> dict[Split, int]:
    """How many of `total` each split gets: by largest remainder, and at least one each.

    Where there are too few for one each, training comes first, then validation.
    """
    wanted = [split for split in Split if shares[split] > 0]
    exact = {split: shares[split] * total for split in wanted}
    found = {split: math.floor(exact[split] + 1e-9) for split in wanted}
    by_remainder = sorted(wanted, key=lambda split: found[split] - exact[split])
    for split in by_remainder[: total - sum(found.values())]:
        found[split] += 1
    for split in wanted[:total]:
        if found[split] == 0:
            richest = max(reversed(wanted), key=lambda one: found[one])  # of equals, the last
            found[richest] -= 1
            found[split] += 1
    return found


def _published(chips: Sequence[_Drawn], options: DatasetOptions, place: str) -> dict[str, Split]:
    found: dict[str, Split] = {}
    for chip in chips:
        if chip.part is None:
            raise InvalidDataset(
                place, "these photos have no published split: use --split by-photo or by-person"
            )
        found[chip.id] = chip.part
    if Split.VALIDATION in found.values():
        return found
    # VGGFace2 publishes none: some of the people that are trained on judge the training.
    train = {chip.person for chip in chips if chip.part is Split.TRAIN}
    shares = {**options.shares, Split.TEST: 0.0}
    of = _people_divided(train, shares, options.seed)
    return {chip.id: of[chip.person] if chip.part is Split.TRAIN else Split.TEST for chip in chips}


def _check(
    chips: Sequence[_Drawn],
    found: Mapping[str, Split],
    options: DatasetOptions,
    place: str,
) -> None:
    people = {split: {c.person for c in chips if found[c.id] is split} for split in Split}
    if len(people[Split.TRAIN]) < 2:
        raise InvalidDataset(
            place, "fewer than two people to train on: take more people, or a larger first fraction"
        )
    least = 1 if options.split is SplitKind.BY_PHOTO else 2
    for split in (Split.VALIDATION, Split.TEST):
        is_wanted = options.shares[split] > 0 and options.split is not SplitKind.PUBLISHED
        if is_wanted and len(people[split]) < least:
            raise InvalidDataset(
                place,
                f"{split} would hold {len(people[split])} people of "
                f"{len(set().union(*people.values()))}, and needs {least}: take more people, more "
                "photos of each (--min-photos), or other fractions",
            )


def is_by_person(chips: Iterable[_Drawn], found: Mapping[str, Split]) -> bool:
    """Whether nobody is in two splits."""
    pairs = {(chip.person, found[chip.id]) for chip in chips}
    return max(Counter(person for person, _ in pairs).values()) == 1
