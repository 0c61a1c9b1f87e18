"""Who the probes are: faces that are asked about in, answers out.

In: probes, the vector index and the catalog. Out: for each probe the nearest people and
unnamed faces, each with its distance and the probability that it is the same person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from facesearch.errors import DifferentPeople
from facesearch.fusing import FusedProbe, fuse, same_person_faces
from facesearch.matching import PersonRule, identity_matches, person_rule, rank
from facesearch.rates import prior_for_gallery
from facesearch.values import Embedding, FaceAnswer, FaceHit, MatchLimit

if TYPE_CHECKING:
    from facesearch.catalog.catalog import Catalog
    from facesearch.probing import Probe, ProbePhoto
    from facesearch.rates import SpaceRates
    from facesearch.values import Detection
    from facesearch.vector_cache import VectorCache

# Faces are taken for one person's up to the distance that 2 of 100 pairs of strangers keep:
# whoever says that photos show one person is seldom wrong.
_NOT_ONE_PERSON_FMR = 0.02
# Two pictures of one face that lie this near are copies: the second adds nothing.
_COPY_DISTANCE = 1e-5


def face_answers(
    catalog: Catalog,
    vectors: VectorCache,
    probes: Sequence[tuple[Detection, Embedding]],
    *,
    top: int,
    limit: MatchLimit,
    rates: SpaceRates | None,
) -> list[FaceAnswer]:
    """What the library knows about each probe.

    Args:
        catalog, vectors: of the library.
        probes: where each face is, and its embedding in the space of `vectors`.
        top: people, and unnamed faces, per probe.
        limit: up to where faces match.
        rates: for probabilities; None where there are none.
    """
    rule = _rule(rates, limit)
    widest = limit.max_distance
    if rule is not None:
        widest = max(widest, rule.search_distance)
    near, nearest = vectors.neighbours([e for _, e in probes], widest)
    mentioned = {face for hits in near for face, _ in hits}
    people = catalog.identities_of(mentioned.union(one[0] for one in nearest if one))
    poor = catalog.poor_faces(people)
    counts = catalog.face_counts({person.id for person in people.values()})
    ranked = [
        rank(
            hits,
            people,
            top=top,
            max_distance=limit.max_distance,
            poor=poor,
            rule=rule,
            face_counts=counts,
        )
        for hits in near
    ]
    wanted = set().union(*(r.face_ids for r in ranked), {n[0] for n in nearest if n})
    faces = catalog.faces_by_id(wanted)

    # People are compared as one each, so what is likely goes by people there, not by faces.
    prior_of_people = limit.prior if rule is None else prior_for_gallery(limit.people)
    answers = []
    for (detection, embedding), own, closest in zip(probes, ranked, nearest, strict=True):
        named = {face: d for person in own.people for face, d in person.faces}
        others = dict(own.unnamed)
        if closest is not None and closest[0] not in named:
            others[closest[0]] = closest[1]
        likely = [
            *_probabilities(rates, list(named.values()), prior_of_people),
            *_probabilities(rates, list(others.values()), limit.prior),
        ]
        hits = {
            face: FaceHit(faces[face], distance, probability, people.get(face))
            for (face, distance), probability in zip(
                [*named.items(), *others.items()], likely, strict=True
            )
            if face in faces  # else it left the library meanwhile
        }
        matches = identity_matches(own, hits)
        combined = {person.identity.id: person.combined_distance for person in own.people}
        of_people = _probabilities(
            rates,
            [combined[match.identity.id] for match in matches],
            prior_of_people,
        )
        answers.append(
            FaceAnswer(
                detection=detection,
                embedding=embedding,
                identities=tuple(
                    replace(match, probability=probability)
                    for match, probability in zip(matches, of_people, strict=True)
                ),
                unnamed=tuple(hits[face] for face, _ in own.unnamed if face in hits),
                nearest=None if closest is None else hits.get(closest[0]),
            )
        )
    return answers


def _probabilities(
    rates: SpaceRates | None, distances: Sequence[float], prior: float | None
) -> Sequence[float | None]:
    """That faces of the library at these distances are the probe's person; None without rates."""
    if rates is None or prior is None:
        return [None] * len(distances)
    return list(rates.probability(np.asarray(distances, np.float64), prior).tolist())


def _rule(rates: SpaceRates | None, limit: MatchLimit) -> PersonRule | None:
    """How people are compared; None where they go by their nearest face."""
    if rates is None or limit.false_matches is None or limit.person_max_distance is None:
        return None
    return person_rule(
        rates,
        gallery_faces=limit.gallery_faces,
        people=limit.people,
        false_matches=limit.false_matches,
    )


def chosen_faces(photos: Sequence[ProbePhoto]) -> tuple[int, ...]:
    """Of each photo, which face is the person that all of them show."""
    return same_person_faces([[probe.embedding for probe in photo.probes] for photo in photos])


def one_probe(
    photos: Sequence[str], probes: Sequence[Probe], rates: SpaceRates | None
) -> FusedProbe:
    """One probe from one person's faces; copies of a picture count once.

    Args:
        photos: the photo of each probe, named in errors.
        probes: at least one.
        rates: of single faces of their space; None where there are none, and then nothing
            tells whether this is one person.

    Raises:
        DifferentPeople: the faces are plainly not one person; names two photos.
    """
    kept: list[int] = []
    for number, probe in enumerate(probes):
        if all(probe.embedding.distance(probes[k].embedding) > _COPY_DISTANCE for k in kept):
            kept.append(number)
    if rates is not None:
        _check_one_person(photos, probes, kept, rates.distance_at(_NOT_ONE_PERSON_FMR))
    return fuse([probes[k].embedding for k in kept])


def _check_one_person(
    photos: Sequence[str], probes: Sequence[Probe], kept: Sequence[int], too_far: float
) -> None:
    """Check that every face is linked to every other by steps no longer than `too_far`.

    Photos of one person may differ a lot, as from the front and half aside, while each lies
    near some other one; a stranger's lies near none.
    """
    linked, rest = [kept[0]], list(kept[1:])
    while rest:
        distance, inside, outside = min(
            (probes[i].embedding.distance(probes[o].embedding), i, o) for i in linked for o in rest
        )
        if distance > too_far:
            raise DifferentPeople(
                photos[inside],
                photos[outside],
                f"{photos[inside]} and {photos[outside]} do not show the same person, as far as "
                f"can be told: their faces are {distance:.3f} apart. Ask about each photo by "
                "itself, or choose the face that is meant",
            )
        linked.append(outside)
        rest.remove(outside)
