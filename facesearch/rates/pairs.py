"""Pairs of a library's faces whose truth is known without asking anybody.

In: a library's vectors, the photo each face is in, and who it is where somebody said so.
Out: distances between faces of two people and between faces of one person, chosen so that
no photo and no person dominates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidValue
from facesearch.rates.normal import Doubles
from facesearch.values import FloatArray, IdArray

# A class photo of 60 shows 1,770 pairs, all in one light; these are plenty.
PAIRS_PER_PHOTO = 45
PAIRS_PER_TWO_PEOPLE = 20
FACES_PER_PERSON = 10
# More pairs make the fit slower, not better.
MOST_PAIRS = 20_000
_PEOPLE_ALL_COMPARED = 500
_BATCH = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class LibraryPairs:
    """Distances to calibrate from.

    Attributes:
        impostors: float64, shape (n,), cosine distances between faces of two people.
        genuine: float64, shape (m,), cosine distances between faces of one person.
        same_photo: how many of the impostors share a photo; the others have two names.
    """

    impostors: Doubles
    genuine: Doubles
    same_photo: int


def library_pairs(
    vectors: FloatArray, photo_ids: IdArray, identity_ids: IdArray, *, seed: int = 0
) -> LibraryPairs:
    """Choose pairs of faces.

    Impostors are faces that share a photo, unless both have the same name, and faces of
    different names in different photos. Genuine pairs are faces of one name in different
    photos. What is too much is left out at random, by the seed.

    Args:
        vectors: float32, shape (n, d), unit rows; faces fit to be references only.
        photo_ids: shape (n,), the photo each face is in.
        identity_ids: shape (n,), who it is; 0 where nobody said.

    Raises:
        InvalidValue: the three differ in length.
    """
    if not len(vectors) == len(photo_ids) == len(identity_ids):
        raise InvalidValue(
            f"{len(vectors)} vectors, {len(photo_ids)} photos and {len(identity_ids)} "
            "identities do not belong together: give one of each per face"
        )
    random = np.random.default_rng(seed)
    together = _same_photo(photo_ids, identity_ids, random)
    apart, genuine = _named(photo_ids, identity_ids, random)
    together = _some(together, MOST_PAIRS, random)
    apart = _some(apart, max(MOST_PAIRS - len(together), 0), random)
    return LibraryPairs(
        impostors=_distances(vectors, np.concatenate((together, apart))),
        genuine=_distances(vectors, _some(genuine, MOST_PAIRS, random)),
        same_photo=len(together),
    )


def _same_photo(photo_ids: IdArray, identity_ids: IdArray, random: np.random.Generator) -> IdArray:
    pairs = []
    for faces in _groups(photo_ids):
        pair = _all_pairs(faces)
        named = identity_ids[pair]
        differ = (named[:, 0] != named[:, 1]) | (named[:, 0] == 0)
        pairs.append(_some(pair[differ], PAIRS_PER_PHOTO, random))
    return _joined(pairs)


def _named(
    photo_ids: IdArray, identity_ids: IdArray, random: np.random.Generator
) -> tuple[IdArray, IdArray]:
    """Pairs of two names, and of one name, in different photos."""
    named = np.flatnonzero(identity_ids != 0)
    people = [
        _some(named[members], FACES_PER_PERSON, random)
        for members in _groups(identity_ids[named], at_least=1)
    ]
    genuine = _joined([_all_pairs(faces) for faces in people if len(faces) > 1])
    couples = _couples(len(people), random)
    each = max(1, min(PAIRS_PER_TWO_PEOPLE, MOST_PAIRS // max(len(couples), 1)))
    apart = []
    for first, second in couples:
        grid = np.stack(np.meshgrid(people[first], people[second]), axis=-1).reshape(-1, 2)
        apart.append(_some(grid, each, random))
    return _in_two_photos(_joined(apart), photo_ids), _in_two_photos(genuine, photo_ids)


def _couples(people: int, random: np.random.Generator) -> IdArray:
    """Pairs of people, all of them while they are not too many."""
    if people <= _PEOPLE_ALL_COMPARED:
        return _some(_all_pairs(np.arange(people)), MOST_PAIRS, random)
    first = random.integers(people, size=MOST_PAIRS)
    second = (first + random.integers(1, people, size=MOST_PAIRS)) % people
    return np.stack((first, second), axis=1)


def _groups(keys: IdArray, *, at_least: int = 2) -> list[IdArray]:
    """Positions by key, of keys that appear often enough."""
    order = np.argsort(keys, kind="stable")
    cuts = np.flatnonzero(np.diff(keys[order])) + 1
    return [group for group in np.split(order, cuts) if len(group) >= at_least]


def _all_pairs(positions: IdArray) -> IdArray:
    first, second = np.triu_indices(len(positions), 1)
    return np.stack((positions[first], positions[second]), axis=1)


def _in_two_photos(pairs: IdArray, photo_ids: IdArray) -> IdArray:
    apart: IdArray = pairs[photo_ids[pairs[:, 0]] != photo_ids[pairs[:, 1]]]
    return apart


def _joined(pairs: list[IdArray]) -> IdArray:
    return np.concatenate([np.empty((0, 2), dtype=np.int64), *pairs])


def _some(rows: IdArray, most: int, random: np.random.Generator) -> IdArray:
    if len(rows) <= most:
        return rows
    kept: IdArray = rows[np.sort(random.choice(len(rows), most, replace=False))]
    return kept


def _distances(vectors: FloatArray, pairs: IdArray) -> NDArray[np.float64]:
    parts = [np.empty(0, dtype=np.float64)]
    for start in range(0, len(pairs), _BATCH):
        one, other = pairs[start : start + _BATCH].T
        cosines = np.einsum("nd,nd->n", vectors[one], vectors[other], dtype=np.float64)
        parts.append(np.clip(1.0 - cosines, 0.0, 2.0))
    return np.concatenate(parts)
