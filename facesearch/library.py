"""A face library: what the command line, photo managers and services use.

In: folders of photos to index, photos to ask about. Out: reports and answers. A library
is one folder that holds the catalog (SQLite, the truth) and vector indexes (a cache of
it); nothing is ever written among the photos.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, SupportsIndex

from facesearch.catalog.catalog import Catalog
from facesearch.errors import InvalidValue, NoFaceFound, SpaceMismatch
from facesearch.indexing import IndexOptions, Tools, index_photos
from facesearch.leaving import is_gone
from facesearch.matching import identity_matches, rank
from facesearch.model_loading import LoadedModels
from facesearch.models.base import DetectorOptions
from facesearch.models.catalogue import (
    DEFAULT_DETECTOR,
    DEFAULT_EMBEDDER,
    detector_spec,
    embedder_spec,
)
from facesearch.photos.decode import DecodeLimits
from facesearch.photos.walk import AnyPath, root_path
from facesearch.values import (
    Detection,
    Embedding,
    Face,
    FaceAnswer,
    FaceHit,
    Failure,
    Identity,
    IndexProgress,
    IndexReport,
    LibraryStatus,
    QueryAnswer,
)
from facesearch.vector_cache import VectorCache

if TYPE_CHECKING:
    from facesearch.photos.source import PhotoSource

LIBRARY_VARIABLE = "FACESEARCH_LIBRARY"


class FaceChoice(StrEnum):
    """Which faces of a query photo are asked about."""

    ALL = "all"
    LARGEST = "largest"


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryOptions:
    """How a library looks at photos.

    Attributes:
        device: what networks run on: "auto", "cpu", "cuda", ...; see `models.onnx.Device`.
        detector, embedder: names in the catalogue of models.
        detector_options: smallest face and thresholds. Photos looked at with other
            ones are looked at again by the next `index`.
        limits: what is refused.
    """

    device: str = "auto"
    detector: str = DEFAULT_DETECTOR
    embedder: str = DEFAULT_EMBEDDER
    detector_options: DetectorOptions = field(default_factory=DetectorOptions)
    limits: DecodeLimits = field(default_factory=DecodeLimits)


def default_folder() -> Path:
    """$FACESEARCH_LIBRARY, else "library.faces" in the platform's data folder."""
    chosen = os.environ.get(LIBRARY_VARIABLE)
    if chosen:
        return Path(chosen)
    from platformdirs import user_data_path

    return user_data_path("facesearch", appauthor=False) / "library.faces"


class FaceLibrary:
    """An open library. Make one with `FaceLibrary.open`; close it, or use it in a `with`.

    Every method may be called from any thread, also while another one indexes. Several
    processes may have a library open; reading never waits, and one process indexes at a time.
    """

    def __init__(self, catalog: Catalog, options: LibraryOptions) -> None:
        self._catalog = catalog
        self._options = options
        self._embedder = embedder_spec(options.embedder)
        self._detector = detector_spec(options.detector)
        self._models = LoadedModels(
            self._detector, self._embedder, options.device, options.detector_options
        )
        self._vectors = VectorCache(catalog, self._embedder.space, self._embedder.dimension)

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
        embedder_spec(chosen.embedder), detector_spec(chosen.detector)
        catalog = Catalog.open(path, create=create, read_only=read_only)
        return cls(catalog, chosen)

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
            self._vectors.check_files()
            report = index_photos(
                self._catalog,
                wanted,
                tools,
                absent=absent,
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
        face: FaceChoice | int = FaceChoice.ALL,
    ) -> QueryAnswer:
        """Who is in a photo, and where else they are.

        Args:
            photo: a path, the bytes of an image file, an open binary file, a Pillow
                image or an RGB array, uint8 of shape (height, width, 3).
            top: people shown per face, and as many faces that belong to nobody.
            max_distance: largest cosine distance of a match, in 0..2; None for the
                default of the model.
            face: all faces, the largest, or the N-th largest (from 1).

        Raises:
            NoFaceFound: the photo shows no face, or not as many.
            PhotoNotFound, PhotoUnreadable: the photo cannot be had.
            ModelError: weights are missing or damaged, or the device is not there.
            InvalidValue: `top`, `max_distance` or `face` out of range.
        """
        if _whole_number(top) < 1:
            raise InvalidValue(f"top is a whole number of at least 1, not {top!r}")
        face = _checked_choice(face)
        if max_distance is None:
            max_distance = self._embedder.max_distance
        if not 0 <= max_distance <= 2:
            raise InvalidValue(f"a cosine distance is in 0..2, not {max_distance}")
        self._models.start_loading()
        name, detections, embeddings = self._probe_faces(photo, face)
        return QueryAnswer(
            photo=name,
            space=self.space,
            max_distance=max_distance,
            faces=tuple(self._answers(detections, embeddings, top, max_distance)),
        )

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
        return LibraryStatus(
            photos=counts.photos,
            faces=counts.faces,
            identities=counts.identities,
            failed=counts.failed,
            no_face=counts.no_face,
            space=self.space if counts.faces else None,
            index=self._vectors.kind(counts.faces),
            bytes=self._catalog.bytes_on_disk() + self._vectors.bytes_on_disk(),
            schema=self._catalog.schema_revision,
            folder=str(self.folder),
        )

    def failures(self) -> list[Failure]:
        """Every file that could not be read, with the reason, by path."""
        return self._catalog.failures()

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
        _, detections, embeddings = self._probe_faces(photo, _checked_choice(face))
        return list(zip(detections, embeddings, strict=True))

    def _probe_faces(
        self, photo: PhotoSource, face: FaceChoice | int
    ) -> tuple[str, Sequence[Detection], Sequence[Embedding]]:
        """The faces asked about."""
        from facesearch.extraction import extract_faces
        from facesearch.photos.source import open_source

        opened, name = open_source(photo, self._options.limits)
        detector, embedder = self._models.both()
        found = extract_faces(opened, detector, embedder)
        chosen = range(len(found.detections))
        if not chosen:
            raise NoFaceFound(name, f"no face found in {name}")
        if isinstance(face, int):
            if not 1 <= face <= len(chosen):
                raise NoFaceFound(
                    name, f"{name} shows {len(chosen)} faces, so there is no face {face}"
                )
            chosen = range(face - 1, face)
        elif face is FaceChoice.LARGEST:
            chosen = range(1)
        vectors = embedder.embed(found.chips[chosen.start : chosen.stop])
        embeddings = [Embedding(vector, embedder.space) for vector in vectors]
        return name, [found.detections[row] for row in chosen], embeddings

    def _answers(
        self,
        detections: Sequence[Detection],
        embeddings: Sequence[Embedding],
        top: int,
        max_distance: float,
    ) -> list[FaceAnswer]:
        for embedding in embeddings:
            if embedding.space != self.space:
                raise SpaceMismatch(self.space, embedding.space)
        near, nearest = self._vectors.neighbours(embeddings, max_distance)
        people = self._catalog.identities_of({f for hits in near for f, _ in hits})
        ranked = [rank(hits, people, top=top) for hits in near]
        wanted = set().union(*(r.face_ids for r in ranked), {n[0] for n in nearest if n})
        faces = self._catalog.faces_by_id(wanted)

        def hit(face: int, distance: float) -> FaceHit | None:
            return FaceHit(faces[face], distance) if face in faces else None

        answers = []
        for detection, embedding, own, closest in zip(
            detections, embeddings, ranked, nearest, strict=True
        ):
            pairs = [pair for _, found in own.people for pair in found]
            hits = {f: FaceHit(faces[f], d) for f, d in pairs if f in faces}
            unnamed = [hit(f, d) for f, d in own.unnamed]
            answers.append(
                FaceAnswer(
                    detection=detection,
                    embedding=embedding,
                    identities=identity_matches(own, hits),
                    unnamed=tuple(h for h in unnamed if h is not None),
                    nearest=hit(*closest) if closest is not None else None,
                )
            )
        return answers


def _checked_choice(face: FaceChoice | int) -> FaceChoice | int:
    """A choice of faces, given as one or as its name, or a number from 1.

    Raises:
        InvalidValue: neither.
    """
    if isinstance(face, str) and face in set(FaceChoice):
        return FaceChoice(face)
    number = _whole_number(face)
    if number < 1:
        raise InvalidValue(
            f"a face is chosen by {', '.join(FaceChoice)} or a number from 1, not {face!r}"
        )
    return number


def _whole_number(value: object) -> int:
    """A whole number of any type, such as numpy's; 0 for what is none."""
    return operator.index(value) if isinstance(value, SupportsIndex) else 0
