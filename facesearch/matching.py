"""From near faces to people.

In: the neighbours of one probe, who they are, and which of them are too poor to say so.
Out: the nearest people, and the nearest faces that name nobody.

A person is compared as one, with all their faces together: the false match rate of a person
is the harmonic mean of the false match rates of their faces. A stranger then has one chance
to be taken for a person, not one for each of their photos, so the line can be drawn by the
number of people. Beside that, a single face that is near enough by the number of faces in
the whole library names its person whatever the others look like, as a child's picture among
an adult's. The two lines share what may be named falsely between them.

Where distances have no rates, or the user chose a distance, a person is as near as their
nearest face. docs/decisions/identity-rule.md has the figures the rule was chosen by.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from facesearch.rates import SpaceRates, operating_point
from facesearch.values import FaceHit, Identity, IdentityMatch

# What may be named falsely is shared between the line for people and the line for faces.
_SHARE_OF_PEOPLE = 0.5
# Faces beyond the people's line still count for a person; those at four times its rate and
# more add too little to look for.
_BEYOND = 4.0
# Strangers' faces to fetch for that at most, in libraries of millions.
_MOST_STRANGERS = 4000
_SMALLEST_FMR = 1e-100  # so that it can be divided by


@dataclass(frozen=True, slots=True)
class PersonRule:
    """How rates of faces become the rate of a person, and which rate still is a match.

    Attributes:
        rates: of one probe and one face, in the probe's space.
        max_fmr: a person matches up to this false match rate of all their faces together.
        max_face_fmr: one face alone names its person up to this rate.
        max_distance: the distance with `max_fmr`; the nearest reference of every person
            that matches lies within it, or within that of `max_face_fmr`.
        search_distance: how far to look for faces.
    """

    rates: SpaceRates
    max_fmr: float
    max_face_fmr: float
    max_distance: float
    search_distance: float

    def person_fmr(self, fmrs: Sequence[float], faces: int) -> float:
        """The false match rate of a person, on the scale of `max_fmr`.

        Args:
            fmrs: of those of their faces that are near, at least one.
            faces: how many faces they have, at least as many; the others count as far.
        """
        safe = [max(fmr, _SMALLEST_FMR) for fmr in fmrs]
        together = max(faces, len(safe)) / sum(1.0 / fmr for fmr in safe)
        return min(together, min(safe) * self.max_fmr / self.max_face_fmr)


def person_rule(
    rates: SpaceRates, *, gallery_faces: int, people: int, false_matches: float
) -> PersonRule:
    """The rule for a library.

    Args:
        rates: of the probe and one face (`measured_rates` for as many references as the
            probe has, fitted to the library where it is calibrated).
        gallery_faces: faces in the library.
        people: how many people have names there; 0 counts as 1.
        false_matches: wrong names to expect per probe face, above 0.

    Raises:
        InvalidValue: `false_matches` is not above 0, or a negative number of faces.
    """
    budget = false_matches * _SHARE_OF_PEOPLE
    whole = operating_point(rates, gallery_faces=min(people, gallery_faces), false_matches=budget)
    single = operating_point(
        rates, gallery_faces=gallery_faces, false_matches=false_matches - budget
    )
    widest = max(_MOST_STRANGERS / max(gallery_faces, 1), single.fmr)
    max_fmr = min(whole.fmr, widest)
    beyond = min(_BEYOND * max_fmr, widest, 1.0)
    return PersonRule(
        rates=rates,
        max_fmr=max_fmr,
        max_face_fmr=single.fmr,
        max_distance=rates.distance_at(max_fmr),
        search_distance=max(rates.distance_at(beyond), single.max_distance),
    )


@dataclass(frozen=True, slots=True)
class RankedPerson:
    """A person near a probe.

    Attributes:
        identity: who.
        distance: of their nearest face that serves as reference.
        combined_distance: the distance at which a single face would have the false match
            rate of the person: what probabilities go by. Without a rule, `distance`.
        faces: all their faces near the probe, poor ones too, as (face id, distance),
            nearest first, never empty. A poor face may come first, nearer than `distance`.
    """

    identity: Identity
    distance: float
    combined_distance: float
    faces: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Face ids and distances near a probe, sorted by whom they belong to.

    Attributes:
        people: nearest first, by their combined distance.
        unnamed: faces that name nobody, as (face id, distance), nearest first: faces of
            nobody, and faces of people whom they do not decide, such as poor ones alone.
    """

    people: tuple[RankedPerson, ...]
    unnamed: tuple[tuple[int, float], ...]

    @property
    def face_ids(self) -> set[int]:
        """Every face that is mentioned."""
        named = {face for person in self.people for face, _ in person.faces}
        return named | {face for face, _ in self.unnamed}


def rank(
    near: Sequence[tuple[int, float]],
    people: Mapping[int, Identity],
    *,
    top: int,
    max_distance: float = 2.0,
    poor: Collection[int] = frozenset(),
    rule: PersonRule | None = None,
    face_counts: Mapping[int, int] | None = None,
) -> Ranked:
    """Group near faces by person.

    Args:
        near: face ids and distances, nearest first; with a rule, all within its
            `search_distance`, or within `max_distance` where that is larger.
        people: who each face is; faces of nobody are not in it.
        top: people, and unnamed faces, to keep.
        max_distance: up to where single faces are matches.
        poor: ids of faces of too low a quality to serve as reference (a set). They are
            found, but never decide who somebody is, however near: beside a better face of
            the same person they are listed with that person, alone among the unnamed.
        rule: how people are compared; None to go by the nearest face.
        face_counts: how many faces people have, by the id of the identity; of those who
            are not in it, as many as are near. Only with a rule. To count poor faces too
            errs on the safe side.
    """
    faces_of: dict[int, list[tuple[int, float]]] = {}
    identities: dict[int, Identity] = {}
    for face, distance in near:
        identity = people.get(face)
        if identity is not None:
            identities[identity.id] = identity
            faces_of.setdefault(identity.id, []).append((face, distance))
    references = {
        who: [distance for face, distance in faces if face not in poor]
        for who, faces in faces_of.items()
    }
    if rule is None:
        decided = {who: own[0] for who, own in references.items() if own and own[0] <= max_distance}
        widest = max_distance
    else:
        decided = _decided(references, rule, face_counts or {})
        widest = max(max_distance, rule.max_distance)
    # Sorting keeps the order of equals: near faces come nearest first.
    order = sorted(decided, key=lambda who: (decided[who], references[who][0]))
    ranked = [
        RankedPerson(
            identities[who],
            references[who][0],
            decided[who],
            tuple(pair for pair in faces_of[who] if pair[1] <= widest),
        )
        for who in order[:top]
    ]
    unnamed = [
        pair
        for pair in near
        if pair[1] <= max_distance and (pair[0] not in people or people[pair[0]].id not in decided)
    ]
    return Ranked(tuple(ranked), tuple(unnamed[:top]))


def _decided(
    references: Mapping[int, Sequence[float]], rule: PersonRule, face_counts: Mapping[int, int]
) -> dict[int, float]:
    """Who matches under a rule, and the distance that stands for all their faces."""
    own = {who: distances for who, distances in references.items() if distances}
    flat = np.array([d for distances in own.values() for d in distances], np.float64)
    fmrs = iter(rule.rates.fmr(flat).tolist())
    decided = {}
    for who, distances in own.items():
        count = face_counts.get(who, 0)
        fmr = rule.person_fmr([next(fmrs) for _ in distances], count)
        if fmr <= rule.max_fmr:
            single = len(distances) == 1 and count <= 1
            decided[who] = distances[0] if single else rule.rates.distance_at(fmr)
    return decided


def identity_matches(ranked: Ranked, hits: Mapping[int, FaceHit]) -> tuple[IdentityMatch, ...]:
    """The ranking as values; faces that left the library meanwhile are passed over."""
    matches = []
    for person in ranked.people:
        found = tuple(hits[face] for face, _ in person.faces if face in hits)
        if found:
            matches.append(IdentityMatch(person.identity, person.distance, found))
    return tuple(matches)
