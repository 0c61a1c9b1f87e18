"""Questions to a library: who is in a photo, and are these two the same person.

In: photos in any form. Out: answers, each in one space, which it names. Nothing is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from facesearch.asking import chosen_faces, face_answers, one_probe
from facesearch.errors import InvalidValue, LibraryOutdated, SpaceMismatch
from facesearch.library_core import OpenLibrary, View
from facesearch.library_models import active_embedder, no_such_space
from facesearch.probing import FaceChoice, ProbePhoto, checked_choice, look_at, whole_number
from facesearch.rates import VERIFY_PRIOR
from facesearch.values import Detection, Embedding, QueryAnswer, Verification
from facesearch.verifying import DEFAULT_MAX_FMR, verification

if TYPE_CHECKING:
    from facesearch.photos.source import PhotoSource


class LibraryWithAnswers(OpenLibrary):
    """The methods of `FaceLibrary` that answer."""

    def query(
        self,
        photo: PhotoSource,
        *,
        top: int = 5,
        max_distance: float | None = None,
        false_matches: float | None = None,
        face: FaceChoice | int = FaceChoice.ALL,
        space: str | None = None,
    ) -> QueryAnswer:
        """Who is in a photo, and where else they are.

        Faces match up to a distance that is chosen by rates: so that the answer to one
        face holds `false_matches` strangers' faces on average, in a library of this size.

        Args:
            photo: a path, the bytes of an image file, an open binary file, a Pillow
                image or an RGB array, uint8 of shape (height, width, 3).
            top: people shown per face, and as many faces that belong to nobody.
            max_distance: largest cosine distance of a match, in 0..2, instead.
            false_matches: strangers' faces to expect in the answer to one face, above 0;
                None for 0.1.
            face: all faces, the largest, or the N-th largest (from 1).
            space: the space to look in, or the model that makes it; None for the one in use.

        Raises:
            NoFaceFound: the photo shows no face, or not as many.
            PhotoNotFound, PhotoUnreadable: the photo cannot be had.
            ModelError: weights are missing or damaged, or the device is not there.
            RatesMissing: the space has no measured rates; give a `max_distance`.
            UnknownSpace: the library holds no faces in `space`.
            LibraryOutdated: the photos must be indexed again first.
            InvalidValue: `top`, `max_distance`, `false_matches` or `face` out of range, or
                both of the two in the middle.
        """
        face = checked_choice(face)
        _check_top(top)
        view = self._view_to_search(space)
        limit, rates = view.rates.limit(max_distance=max_distance, false_matches=false_matches)
        (looked_at,) = self._look_at(view, [photo], face)
        probes = [(probe.detection, probe.embedding) for probe in looked_at.probes]
        answers = face_answers(
            self._catalog, view.vectors, probes, top=top, limit=limit, rates=rates
        )
        return QueryAnswer(
            looked_at.name,
            view.space,
            limit,
            tuple(answers),
            without_embedding=looked_at.silent,
        )

    def query_person(
        self,
        photos: Sequence[PhotoSource],
        *,
        top: int = 5,
        max_distance: float | None = None,
        false_matches: float | None = None,
        face: FaceChoice | int = FaceChoice.ALL,
        space: str | None = None,
    ) -> QueryAnswer:
        """Who the person is that all of some photos show, and where else they are.

        Of each photo, the face is taken that is most like those of the others; the faces
        become one probe, which finds more than the best of them. A picture that is there
        twice counts once.

        Args:
            photos: at least one, each in a form that `query` takes.
            top, max_distance, false_matches, space: as for `query`.
            face: of each photo, the faces to choose from.

        Raises:
            DifferentPeople: the photos plainly do not show one person; names two of them.
            InvalidValue: no photo, or as for `query`.
            Others: as for `query`.
        """
        if not photos:
            raise InvalidValue("name at least one photo of the person")
        face = checked_choice(face)
        _check_top(top)
        view = self._view_to_search(space)
        view.rates.limit(max_distance=max_distance, false_matches=false_matches)
        looked_at = self._look_at(view, photos, face)
        chosen = chosen_faces(looked_at)
        probes = [own.probes[k] for own, k in zip(looked_at, chosen, strict=True)]
        names = [own.name for own in looked_at]
        fused = one_probe(names, probes, view.rates.rates_if_any())
        limit, rates = view.rates.limit(
            max_distance=max_distance, false_matches=false_matches, references=fused.references
        )
        answers = face_answers(
            self._catalog,
            view.vectors,
            [(probes[0].detection, fused.embedding)],
            top=top,
            limit=limit,
            rates=rates,
        )
        faces = tuple(own.face(k) for own, k in zip(looked_at, chosen, strict=True))
        return QueryAnswer(names[0], view.space, limit, tuple(answers), same_person=faces)

    def verify(
        self,
        first: PhotoSource,
        second: PhotoSource,
        *,
        prior: float = VERIFY_PRIOR,
        max_fmr: float = DEFAULT_MAX_FMR,
        face: FaceChoice | int = FaceChoice.LARGEST,
        space: str | None = None,
    ) -> Verification:
        """Whether two photos show the same person; nothing is stored.

        Goes by the rates that were fitted to this library, where it was calibrated.
        `facesearch.verify` does the same without a library.

        Args:
            first, second: in any form that `query` takes.
            prior: probability that they do, before looking.
            max_fmr: up to which false match rate they count as the same person.
            face: of each photo, the largest face or the N-th largest; with
                `FaceChoice.ALL` the most alike pair of faces counts.
            space: as for `query`.

        Raises:
            InvalidValue: `prior`, `max_fmr` or `face` out of range.
            RatesMissing: the space has no measured rates.
            Others: as for `query`.
        """
        view = self._view(space)
        rates = view.rates.rates()
        one, other = self._look_at(view, [first, second], checked_choice(face))
        return verification(one, other, rates, prior=prior, max_fmr=max_fmr)

    def embed(
        self, photo: PhotoSource, *, face: FaceChoice | int = FaceChoice.ALL
    ) -> list[tuple[Detection, Embedding]]:
        """The faces of any photo with their embeddings, largest first; nothing is stored.

        Raises:
            As for `query`.
        """
        (looked_at,) = self._look_at(self._view(), [photo], checked_choice(face))
        return [(probe.detection, probe.embedding) for probe in looked_at.probes]

    def _view_to_search(self, space: str | None) -> View:
        """The library in a space, if that has faces to compare with or there are none at all.

        Raises:
            LibraryOutdated: the space in use has none, since an update made another one of it.
            UnknownSpace: another space has none.
        """
        view = self._view(space)
        if not view.rates.gallery_faces and self._catalog.counts().faces:
            active = active_embedder(self._catalog, self._catalog.settings())
            if active is not None and active.space != view.space:
                raise no_such_space(self._catalog, view.embedder.name, view.embedder.name)
            raise LibraryOutdated(str(self.folder))
        return view

    def _look_at(
        self, view: View, photos: Sequence[PhotoSource], face: FaceChoice | int
    ) -> list[ProbePhoto]:
        """The faces asked about, photo by photo."""
        view.models.start_loading()
        found = [look_at(photo, view.models, self._options.limits, face) for photo in photos]
        for probe in (probe for photo in found for probe in photo.probes):
            if probe.embedding.space != view.space:
                raise SpaceMismatch(view.space, probe.embedding.space)
        return found


def _check_top(top: int) -> None:
    if whole_number(top) < 1:
        raise InvalidValue(f"top is a whole number of at least 1, not {top!r}")
