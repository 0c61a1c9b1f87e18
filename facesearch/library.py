"""A face library: what the command line, photo managers and services use.

In: folders of photos to index, photos to ask about. Out: reports and answers. A library
is one folder that holds the catalog (SQLite, the truth) and vector indexes (a cache of
it); nothing is ever written among the photos.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from facesearch.asking import chosen_faces, face_answers, one_probe
from facesearch.catalog.catalog import Catalog
from facesearch.catalog.records import PoorReference
from facesearch.errors import (
    InvalidValue,
    LibraryOtherModel,
    LibraryOutdated,
    NoFaceFound,
    RatesMissing,
    SpaceMismatch,
)
from facesearch.leaving import is_gone
from facesearch.model_loading import LoadedModels
from facesearch.models.catalogue import (
    DEFAULT_EMBEDDER,
    EmbedderSpec,
    accuracy_of,
    detector_spec,
    embedder_of_space,
    embedder_spec,
)
from facesearch.options import LibraryOptions, default_folder
from facesearch.photos.walk import AnyPath, root_path
from facesearch.probing import FaceChoice, ProbePhoto, checked_choice, look_at, whole_number
from facesearch.rates import VERIFY_PRIOR, shipped_rates
from facesearch.thresholds import LibraryRates
from facesearch.values import (
    CalibrationReport,
    CalibrationStatus,
    Detection,
    Embedding,
    Face,
    Failure,
    Identity,
    IndexProgress,
    IndexReport,
    LibraryStatus,
    QueryAnswer,
    Verification,
)
from facesearch.vector_cache import VectorCache
from facesearch.verifying import DEFAULT_MAX_FMR, verification

if TYPE_CHECKING:
    from facesearch.indexing import IndexOptions
    from facesearch.photos.source import PhotoSource

# More faces make calibrating slower, not better.
_CALIBRATION_FACES = 200_000


class FaceLibrary:
    """An open library. Make one with `FaceLibrary.open`; close it, or use it in a `with`.

    Every method may be called from any thread, also while another one indexes. Several
    processes may have a library open; reading never waits, and one process indexes at a time.
    """

    def __init__(self, catalog: Catalog, options: LibraryOptions) -> None:
        self._catalog = catalog
        self._options = options
        self._embedder = _embedder_of(catalog, options.embedder)
        self._detector = detector_spec(options.detector)
        self._models = LoadedModels(
            self._detector, self._embedder, options.device, options.detector_options
        )
        self._vectors = VectorCache(catalog, self._embedder.space, self._embedder.dimension)
        self._rates = LibraryRates(catalog, self._embedder)

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str] | None = None,
        *,
        create: bool = True,
        read_only: bool = False,
        options: LibraryOptions | None = None,
    ) -> Self:
        """Open the library in a folder, or make one there.

        Args:
            folder: None for `default_folder()`.
            create: make it where there is none.
            read_only: write nothing; works on read-only disks.
            options: how photos are looked at.

        Raises:
            LibraryNotFound: there is none, and none was to be made.
            LibraryTooNew, LibraryDamaged, LibraryReadOnly, LibraryError: see their texts.
            UnknownModel: the options name a model there is not.
        """
        path = default_folder() if folder is None else Path(folder)
        chosen = options if options is not None else LibraryOptions()
        embedder_spec(chosen.embedder or DEFAULT_EMBEDDER), detector_spec(chosen.detector)
        catalog = Catalog.open(path, create=create, read_only=read_only)
        try:
            return cls(catalog, chosen)
        except BaseException:
            catalog.close()
            raise

    def close(self) -> None:
        """Close the library. Closing twice is no error."""
        self._vectors.close()
        self._catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def folder(self) -> Path:
        """The folder it lies in."""
        return self._catalog.folder

    @property
    def space(self) -> str:
        """The space its faces are compared in."""
        return self._embedder.space

    @property
    def embedder(self) -> str:
        """The model its faces are compared with, by its name in the catalogue."""
        return self._embedder.name

    @property
    def device(self) -> str:
        """What networks run on here, such as "cpu".

        Raises:
            DeviceUnavailable: the wanted device is not there.
        """
        return self._models.device

    def index(
        self,
        paths: Sequence[AnyPath] | AnyPath | None = None,
        *,
        people_from_folders: bool = False,
        hidden: bool = False,
        options: IndexOptions | None = None,
        on_progress: Callable[[IndexProgress], None] | None = None,
        on_wait: Callable[[int | None], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> IndexReport:
        """Bring the library up to date with folders and files of photos.

        Only what is new or changed is looked at. Files that are gone from these folders
        leave the library. Photos that cannot be read are remembered and reported; they
        do not stop the run. What was committed stays, whatever stops it.

        Args:
            paths: folders and files; None for all that were ever given. Those of them that
                are not there count as unplugged disks: a warning, and nothing is removed.
            people_from_folders: each folder's name names the largest face of its photos.
                Never overrules a name given by hand.
            hidden: look into hidden folders and at hidden files too.
            on_progress: called about ten times a second, from the calling thread.
            on_wait: called with the process id of another indexing process (None when
                unknown) while waiting for it.
            cancelled: asked about ten times a second; when true, the run stops soon and
                reports what it did.

        Raises:
            PhotoNotFound: one of the paths does not exist; nothing was done.
            LibraryBusy: another process or thread indexes and did not finish in time.
            LibraryFull, LibraryReadOnly, LibraryDamaged: from the catalog.
            ModelError: weights are missing or damaged, or the device is not there.
        """
        from facesearch.indexing import IndexOptions, Tools, index_photos  # queries need none of it

        chosen = options if options is not None else IndexOptions()
        wanted: list[AnyPath]
        absent: list[str] = []
        if paths is None:
            known = self._catalog.roots()
            if not known:
                raise InvalidValue("nothing was indexed yet: say which folders to index")
            absent = [root for root in known if is_gone(root)]
            wanted = [root for root in known if root not in absent]
        elif isinstance(paths, str | bytes | os.PathLike):
            wanted = [paths]
        else:
            wanted = list(paths)
        tools = Tools(
            models=self._models.both,
            embed_batch=lambda: chosen.embed_batch or self._models.embed_batch,
            detector_key=self._detector.key(self._options.detector_options),
            limits=self._options.limits,
        )
        with self._catalog.writer_lock(chosen.wait_s, on_wait):
            # Another process may have begun to fill the library, with another model.
            _embedder_of(self._catalog, self._embedder.name)
            self._vectors.check_files()
            report = index_photos(
                self._catalog,
                wanted,
                tools,
                absent=absent,
                outdated=self._outdated(),
                options=chosen,
                hidden=hidden,
                people_from_folders=people_from_folders,
                on_progress=on_progress,
                cancelled=cancelled,
                workers=chosen.workers or self._models.cpus,
            )
            self._vectors.save()
        return report

    def query(
        self,
        photo: PhotoSource,
        *,
        top: int = 5,
        max_distance: float | None = None,
        false_matches: float | None = None,
        face: FaceChoice | int = FaceChoice.ALL,
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

        Raises:
            NoFaceFound: the photo shows no face, or not as many.
            PhotoNotFound, PhotoUnreadable: the photo cannot be had.
            ModelError: weights are missing or damaged, or the device is not there.
            RatesMissing: the space has no measured rates; give a `max_distance`.
            LibraryOutdated: the photos must be indexed again first.
            InvalidValue: `top`, `max_distance`, `false_matches` or `face` out of range, or
                both of the two in the middle.
        """
        face = checked_choice(face)
        _check_top(top)
        self._check_searchable()
        limit, rates = self._rates.limit(max_distance=max_distance, false_matches=false_matches)
        (looked_at,) = self._look_at([photo], face)
        probes = [(probe.detection, probe.embedding) for probe in looked_at.probes]
        answers = face_answers(
            self._catalog, self._vectors, probes, top=top, limit=limit, rates=rates
        )
        return QueryAnswer(looked_at.name, self.space, limit, tuple(answers))

    def query_person(
        self,
        photos: Sequence[PhotoSource],
        *,
        top: int = 5,
        max_distance: float | None = None,
        false_matches: float | None = None,
        face: FaceChoice | int = FaceChoice.ALL,
    ) -> QueryAnswer:
        """Who the person is that all of some photos show, and where else they are.

        Of each photo, the face is taken that is most like those of the others; the faces
        become one probe, which finds more than the best of them. A picture that is there
        twice counts once.

        Args:
            photos: at least one, each in a form that `query` takes.
            top, max_distance, false_matches: as for `query`.
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
        self._check_searchable()
        self._rates.limit(max_distance=max_distance, false_matches=false_matches)
        looked_at = self._look_at(photos, face)
        chosen = chosen_faces(looked_at)
        probes = [own.probes[k] for own, k in zip(looked_at, chosen, strict=True)]
        names = [own.name for own in looked_at]
        fused = one_probe(names, probes, self._rates.rates_if_any())
        limit, rates = self._rates.limit(
            max_distance=max_distance, false_matches=false_matches, references=fused.references
        )
        answers = face_answers(
            self._catalog,
            self._vectors,
            [(probes[0].detection, fused.embedding)],
            top=top,
            limit=limit,
            rates=rates,
        )
        faces = tuple(own.face(k) for own, k in zip(looked_at, chosen, strict=True))
        return QueryAnswer(names[0], self.space, limit, tuple(answers), same_person=faces)

    def verify(
        self,
        first: PhotoSource,
        second: PhotoSource,
        *,
        prior: float = VERIFY_PRIOR,
        max_fmr: float = DEFAULT_MAX_FMR,
        face: FaceChoice | int = FaceChoice.LARGEST,
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

        Raises:
            InvalidValue: `prior`, `max_fmr` or `face` out of range.
            RatesMissing: the space has no measured rates.
            Others: as for `query`.
        """
        rates = self._rates.rates()
        one, other = self._look_at([first, second], checked_choice(face))
        return verification(one, other, rates, prior=prior, max_fmr=max_fmr)

    def calibrate(self, *, dry_run: bool = False) -> CalibrationReport:
        """Fit the rates of the model to this library, and work with them from now on.

        Takes faces that appear together in one photo for different people, and faces of
        one name for one person. Run it again when the library has grown a lot.

        Args:
            dry_run: only report what would change.

        Raises:
            TooFewFaces: the library is too small; says how many faces it has and needs.
            RatesMissing: the space has no measured rates to start from.
            LibraryReadOnly: the library cannot be written to.
        """
        from facesearch.calibrating import fitted

        shipped = shipped_rates(self.space)
        labelled = self._catalog.labelled_vectors(self.space, limit=_CALIBRATION_FACES)
        calibration, report = fitted(
            labelled,
            shipped,
            self._rates.rates(),
            self._rates.gallery_faces,
            people=self._catalog.people_count(),
        )
        if not dry_run:
            self._catalog.store_calibration(self.space, calibration.to_json())
        return replace(report, stored=not dry_run)

    def forget_calibration(self) -> bool:
        """Go back to the rates that come with the model; says whether there were others.

        Raises:
            LibraryReadOnly: the library cannot be written to.
        """
        return self._catalog.forget_calibration(self.space)

    def name(self, target: int | str | os.PathLike[str], name: str) -> tuple[Face, Identity]:
        """Say who a face is.

        Args:
            target: a face's id, or the path of an indexed photo, for its largest face.
            name: as you want to read it; an existing name, however capitalised, means
                that same person.

        Raises:
            UnknownIdentity: no such face or photo in the library.
            NoFaceFound: the photo shows no face.
            InvalidValue: an empty name.
        """
        if isinstance(target, int):
            face = self._catalog.face(target)
        else:
            path = root_path(target)
            faces = self._catalog.faces_of_photo(path)
            if not faces:
                raise NoFaceFound(path, f"{path} shows no face that could be named")
            face = faces[0]
        return face, self._catalog.confirm(face.id, name)

    def status(self) -> LibraryStatus:
        """What is in the library."""
        counts = self._catalog.counts()
        gallery_faces = self._rates.gallery_faces
        calibration = self._rates.calibration()
        try:
            limit, _ = self._rates.limit(max_distance=None, false_matches=None)
        except RatesMissing:
            limit = None
        poor = Counter(one.quality.problems[0].value for one in self.poor_references())
        accuracy = accuracy_of(self._embedder.name)
        return LibraryStatus(
            photos=counts.photos,
            faces=counts.faces,
            identities=counts.identities,
            failed=counts.failed,
            no_face=counts.no_face,
            space=self.space if counts.faces else None,
            index=self._vectors.kind(gallery_faces),
            bytes=self._catalog.bytes_on_disk() + self._vectors.bytes_on_disk(),
            schema=self._catalog.schema_revision,
            folder=str(self.folder),
            accuracy=accuracy.value if accuracy is not None and counts.faces else None,
            limit=limit,
            calibration=None
            if calibration is None
            else CalibrationStatus(
                calibration.fitted_at, calibration.impostor_pairs, calibration.genuine_pairs
            ),
            poor_references=dict(sorted(poor.items())),
            outdated=max(0, counts.faces - gallery_faces),
        )

    def failures(self) -> list[Failure]:
        """Every file that could not be read, with the reason, by path."""
        return self._catalog.failures()

    def poor_references(self) -> list[PoorReference]:
        """Every named face that is too poor to decide who another face is, by name and path.

        Queries find such faces; they only never answer with a name because of one.
        """
        return self._catalog.poor_references()

    def identities(self) -> list[tuple[Identity, int]]:
        """Everybody with a name and how many of their faces are known, by name."""
        return self._catalog.identities()

    def photos_with_faces(self) -> Iterator[str]:
        """The paths of all indexed photos that show a face, sorted."""
        return self._catalog.paths_with_faces()

    def faces_of(self, photo: str | os.PathLike[str]) -> list[Face]:
        """The faces of an indexed photo, largest first.

        Raises:
            UnknownIdentity: no such photo in the library.
        """
        return self._catalog.faces_of_photo(root_path(photo))

    def embed(
        self, photo: PhotoSource, *, face: FaceChoice | int = FaceChoice.ALL
    ) -> list[tuple[Detection, Embedding]]:
        """The faces of any photo with their embeddings, largest first; nothing is stored.

        Raises:
            As for `query`.
        """
        (looked_at,) = self._look_at([photo], checked_choice(face))
        return [(probe.detection, probe.embedding) for probe in looked_at.probes]

    def _check_searchable(self) -> None:
        """Check that the library has faces to compare with, if it has any faces.

        Raises:
            LibraryOutdated: it has none but those of another space.
        """
        if not self._rates.gallery_faces and self._catalog.counts().faces:
            raise LibraryOutdated(str(self.folder))

    def _outdated(self) -> frozenset[int]:
        """Photos with faces of another space, which an earlier facesearch looked at."""
        if all(info.name == self.space or not info.count for info in self._catalog.spaces()):
            return frozenset()  # as nearly always; the rest reads every face
        return self._catalog.photos_outside(self.space)

    def _look_at(self, photos: Sequence[PhotoSource], face: FaceChoice | int) -> list[ProbePhoto]:
        """The faces asked about, photo by photo."""
        self._models.start_loading()
        found = [look_at(photo, self._models, self._options.limits, face) for photo in photos]
        for probe in (probe for photo in found for probe in photo.probes):
            if probe.embedding.space != self.space:
                raise SpaceMismatch(self.space, probe.embedding.space)
        return found


def _embedder_of(catalog: Catalog, wanted: str | None) -> EmbedderSpec:
    """The model that a library's faces are compared with.

    Faces of a space that no model here makes, such as an earlier facesearch's, do not count:
    the next `index` looks at their photos again.

    Args:
        catalog: of the library.
        wanted: its name in the catalogue of models; None for the library's own.

    Raises:
        UnknownModel: there is none of that name.
        LibraryOtherModel: the library's faces were looked at with another one.
    """
    held = sorted((info for info in catalog.spaces() if info.count), key=lambda info: -info.count)
    own = [spec for info in held if (spec := embedder_of_space(info.name)) is not None]
    if wanted is None:
        return own[0] if own else embedder_spec(DEFAULT_EMBEDDER)
    spec = embedder_spec(wanted)
    if own and spec not in own:
        raise LibraryOtherModel(
            str(catalog.folder), expected=_described(own[0]), found=_described(spec)
        )
    return spec


def _described(embedder: EmbedderSpec) -> str:
    """A model's name, and the setting that chooses it."""
    accuracy = accuracy_of(embedder.name)
    return embedder.name if accuracy is None else f"{embedder.name} (accuracy {accuracy})"


def _check_top(top: int) -> None:
    if whole_number(top) < 1:
        raise InvalidValue(f"top is a whole number of at least 1, not {top!r}")
