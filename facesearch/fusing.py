"""Several references of one person become one probe.

In: the faces of several photos that show one person. Out: which face of each photo is
theirs, and one probe to search with.

The rule is the mean direction: unit vectors are added and the sum is made unit length
again. One reference stays what it is. A fused probe lies nearer to faces of the same
person and, as a mean, nearer to strangers too, so its distances follow another impostor
distribution than those of single faces: rates belong to a number of references
(`measured_rates(space, references=k)`). docs/decisions/several-references.md has the
figures the rule was chosen by.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.errors import InvalidValue, SpaceMismatch
from facesearch.values import Embedding

_EXACT_CHOICES = 20_000  # choices of one face per photo that are all tried, in about 0.1 s
_MOST_ROUNDS = 100  # improving ends long before
_TIE_DIGITS = 9
_NO_DIRECTION = 1e-3  # a mean this short points nowhere in particular


@dataclass(frozen=True, slots=True, eq=False)
class FusedProbe:
    """One probe made of several faces of one person.

    Attributes:
        embedding: what to search with; unit length, of the references' space.
        references: how many faces it is made of, at least 1. Distances to it follow the
            rates of that many references.
        farthest: the greatest distance between two of the references, 0 for one
            reference. Far apart, they are hardly one person.
        farthest_pair: the positions of those two, ascending; None for one reference.
    """

    embedding: Embedding
    references: int
    farthest: float
    farthest_pair: tuple[int, int] | None


def fuse(embeddings: Sequence[Embedding]) -> FusedProbe:
    """One probe from faces of one person, whatever order they come in.

    All count alike: weights by quality were measured and gain nothing.

    Args:
        embeddings: one per reference, at least one, all of one space.

    Raises:
        InvalidValue: no reference, or references that cancel each other out, as those of
            one person never do.
        SpaceMismatch: references of different spaces.
    """
    if not embeddings:
        raise InvalidValue("fusing needs at least one reference face")
    space = embeddings[0].space
    for other in embeddings:
        if other.space != space:
            raise SpaceMismatch(space, other.space)
    if len(embeddings) == 1:
        return FusedProbe(embeddings[0], 1, 0.0, None)
    vectors = np.stack([one.vector for one in embeddings]).astype(np.float64)
    # math.fsum: the sum of the same numbers in another order is the same to the last bit
    total = np.array([math.fsum(column) for column in vectors.T.tolist()])
    length = float(np.linalg.norm(total))
    if length < _NO_DIRECTION * len(embeddings):
        raise InvalidValue(
            "the reference faces point in opposite directions, so they have no mean: "
            "give photos of one person"
        )
    pair, distance = _farthest(vectors)
    mean = Embedding((total / length).astype(np.float32), space)
    return FusedProbe(mean, len(embeddings), distance, pair)


def same_person_faces(candidates: Sequence[Sequence[Embedding]]) -> tuple[int, ...]:
    """The face of each photo that shows the person all photos have in common.

    The chosen faces have the smallest sum of distances to each other. Where a photo shows
    two faces that are equally near, and where there is only one photo, the one that comes
    first is chosen (faces come largest first). Every choice is tried while there are at
    most 20,000; beyond, each face in turn gathers its nearest in the other photos, and
    the best gathering is improved face by face until nothing changes.

    Args:
        candidates: for each photo its faces, at least one photo and one face each.

    Returns:
        For each photo the position of the chosen face.

    Raises:
        InvalidValue: no photo, or a photo without a face, saying which.
        SpaceMismatch: embeddings of different spaces.
    """
    if not candidates:
        raise InvalidValue("finding one person needs at least one photo")
    for number, faces in enumerate(candidates, start=1):
        if not faces:
            raise InvalidValue(f"photo {number} of {len(candidates)} has no face to choose from")
    flat = [face for faces in candidates for face in faces]
    for face in flat:
        if face.space != flat[0].space:
            raise SpaceMismatch(flat[0].space, face.space)
    vectors = np.stack([face.vector for face in flat]).astype(np.float64)
    alike = np.einsum("id,jd->ij", vectors, vectors)
    sizes = [len(faces) for faces in candidates]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rows = [np.arange(start, start + size) for start, size in zip(starts, sizes, strict=True)]
    if math.prod(sizes) <= _EXACT_CHOICES:
        choices = np.array(list(itertools.product(*rows)))
    else:
        choices = np.array([_gathered(seed, rows, alike) for seed in range(len(flat))])
    # rounded, so that equal choices tie although they were summed in another order
    apart = np.round(-_together(choices, alike), _TIE_DIGITS)
    best = min(range(len(choices)), key=lambda row: (apart[row], choices[row].tolist()))
    return tuple((choices[best] - starts).tolist())


def _together(choices: NDArray[np.int64], alike: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of the cosines within each choice (n, photos): large is mutually near."""
    total = np.zeros(len(choices))
    for one, other in itertools.combinations(range(choices.shape[1]), 2):
        total += alike[choices[:, one], choices[:, other]]
    return total


def _gathered(
    seed: int, rows: Sequence[NDArray[np.int64]], alike: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The nearest face to `seed` in each photo, improved until no single change helps."""
    chosen = np.array([own[np.argmax(alike[seed, own])] for own in rows])
    for _ in range(_MOST_ROUNDS):
        before = chosen.copy()
        for photo, own in enumerate(rows):
            others = np.delete(chosen, photo)
            gain = np.round(alike[np.ix_(own, others)].sum(axis=1), _TIE_DIGITS)
            chosen[photo] = own[np.argmax(gain)]
        if (chosen == before).all():
            break
    return chosen


def _farthest(vectors: NDArray[np.float64]) -> tuple[tuple[int, int], float]:
    """The pair of rows that is farthest apart, and its cosine distance."""
    alike = np.einsum("id,jd->ij", vectors, vectors)
    np.fill_diagonal(alike, np.inf)
    one, other = np.unravel_index(int(np.argmin(alike)), alike.shape)
    return (int(one), int(other)), float(np.clip(1.0 - alike[one, other], 0.0, 2.0))
