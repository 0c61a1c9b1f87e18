"""From near faces to people.

In: the neighbours of one probe, and who they are. Out: the nearest people, and the
nearest faces that belong to nobody. A person is as near as their nearest face.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from facesearch.values import FaceHit, Identity, IdentityMatch


@dataclass(frozen=True, slots=True)
class Ranked:
    """Face ids and distances near a probe, sorted by whom they belong to.

    Attributes:
        people: nearest first; for each, who and their faces as (face id, distance).
        unnamed: faces of nobody, as (face id, distance), nearest first.
    """

    people: tuple[tuple[Identity, tuple[tuple[int, float], ...]], ...]
    unnamed: tuple[tuple[int, float], ...]

    @property
    def face_ids(self) -> set[int]:
        """Every face that is mentioned."""
        named = {face for _, faces in self.people for face, _ in faces}
        return named | {face for face, _ in self.unnamed}


def rank(near: list[tuple[int, float]], people: Mapping[int, Identity], *, top: int) -> Ranked:
    """Group near faces by person.

    Args:
        near: face ids and distances, nearest first.
        people: who each face is; faces of nobody are not in it.
        top: people, and unnamed faces, to keep.
    """
    faces_of: dict[int, list[tuple[int, float]]] = {}
    identities: dict[int, Identity] = {}
    unnamed: list[tuple[int, float]] = []
    for face, distance in near:
        identity = people.get(face)
        if identity is None:
            unnamed.append((face, distance))
            continue
        identities[identity.id] = identity
        faces_of.setdefault(identity.id, []).append((face, distance))
    # Dictionaries keep order, and the first face of a person is their nearest.
    kept = list(faces_of.items())[:top]
    return Ranked(
        tuple((identities[who], tuple(faces)) for who, faces in kept), tuple(unnamed[:top])
    )


def identity_matches(ranked: Ranked, hits: Mapping[int, FaceHit]) -> tuple[IdentityMatch, ...]:
    """The ranking as values; faces that left the library meanwhile are passed over."""
    matches = []
    for identity, faces in ranked.people:
        found = tuple(hits[face] for face, _ in faces if face in hits)
        if found:
            matches.append(IdentityMatch(identity, found[0].distance, found))
    return tuple(matches)
