"""Judging an embedder on people that part of it was learned from, without flattery.

In: embeddings by the shipped map, and the list of LFW's ten sets of people. Out: the same
photos as maps see them that were learned without the people judged. Each set of people is
judged by the map that has not seen it, so every figure is one of cross-validation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from facesearch.evaluation.identification import Part
from facesearch.evaluation.labelled import Bools, Ints, Labelled, labelled
from facesearch.evaluation.lfw_files import LfwFiles, LfwPair
from facesearch.models.catalogue import embedder_spec
from facesearch.models.projection import CrossedProjections
from facesearch.values import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class UnseenMaps:
    """One map for each set of people, learned from all the others.

    Attributes:
        maps: the shipped one, and the one for each set.
        set_of: the set that each person is in, from 0.
    """

    maps: CrossedProjections
    set_of: Mapping[str, int]

    def sets(self, people: Sequence[str]) -> Ints:
        """The set that each of these people is in: int (n,)."""
        return np.array([self.set_of[person] for person in people], np.int64)

    def vectors(self, vectors: FloatArray, people: Sequence[str]) -> FloatArray:
        """Each photo as the map sees it that has not seen its person.

        Vectors may be compared with those of people of the same set only.

        Args:
            vectors: float32 (n, d) by the shipped map, NaN where a photo gave no face.
            people: who is on each photo.
        """
        sets = self.sets(people)
        judged = vectors.copy()
        for number in np.unique(sets):
            rows = sets == number
            judged[rows] = self.maps.as_unseen(vectors[rows], int(number))
        return judged

    def parts(
        self, vectors: FloatArray, people: Sequence[str], paths: Sequence[str]
    ) -> tuple[Part, ...]:
        """For each set: all photos as its map sees them, to search for its people among all."""
        parts = []
        for number in range(self.maps.sets):
            data = labelled(self.maps.as_unseen(vectors, number), people, paths)
            judged = self._is_in(data, number)
            if judged.any():
                parts.append(Part(data, judged))
        return tuple(parts)

    def apart(self, data: Labelled) -> list[Labelled]:
        """Photos with vectors of `vectors`, one `Labelled` for each set."""
        members = [self._is_in(data, number) for number in range(self.maps.sets)]
        return [data.only(some) for some in members if some.any()]

    def _is_in(self, data: Labelled, number: int) -> Bools:
        is_in: Bools = (self.sets(data.names) == number)[data.person]
        return is_in


def find_unseen(
    embedder: str, files: LfwFiles, folds: Sequence[Sequence[LfwPair]] | None
) -> UnseenMaps | None:
    """The maps for an embedder that learned from LFW.

    Args:
        embedder: name in the catalogue.
        files: with people.txt, which lists the sets.
        folds: pairs that are to be judged, each by the map of its fold.

    Returns:
        None where the embedder learned nothing from LFW, or where the list is missing, or does
        not fit the photos, the folds or the maps: then nobody can say who is unseen.

    Raises:
        InvalidDataset: people.txt is malformed; it names the line.
        WeightsMissing, WeightsDamaged: the maps are.
    """
    spec = embedder_spec(embedder)
    if spec.learned_from != "LFW" or spec.unseen is None:
        return None
    sets = files.sets_of_people()
    if sets is None:
        return None
    unseen = UnseenMaps(
        spec.unseen(), {person: at for at, people in enumerate(sets) for person in people}
    )
    if len(sets) != unseen.maps.sets or not unseen.set_of.keys() >= {n for n, _ in files.photos}:
        return None
    name_of = files.name_of()
    for number, fold in enumerate(folds or ()):
        if any(
            unseen.set_of[name_of[p]] != number for pair in fold for p in (pair.first, pair.second)
        ):
            return None
    return unseen
