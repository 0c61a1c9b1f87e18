"""A face library: what the command line, photo managers and services use.

In: folders of photos to index, photos to ask about. Out: reports and answers. A library
is one folder that holds the catalog (SQLite, the truth) and vector indexes (a cache of
it); nothing is ever written among the photos.

`FaceLibrary` is made of parts: `library_core.py` opens it, `library_answers.py` asks it,
`library_spaces.py` moves it from one model to another.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from facesearch.catalog.records import PoorReference
from facesearch.errors import InvalidValue, NoFaceFound, RatesMissing
from facesearch.leaving import is_gone
from facesearch.library_answers import LibraryWithAnswers
from facesearch.library_spaces import LibraryWithSpaces
from facesearch.models.catalogue import accuracy_of
from facesearch.options import LibraryOptions, default_folder
from facesearch.photos.walk import AnyPath, root_path
from facesearch.probing import FaceChoice
from facesearch.rates import measured_rates
from facesearch.values import (
    CalibrationReport,
    CalibrationStatus,
    Face,
    Failure,
    Identity,
    IndexProgress,
    IndexReport,
    LibraryStatus,
)

if TYPE_CHECKING:
    from facesearch.indexing import IndexOptions
    from facesearch.library_core import View
    from facesearch.model_loading import LoadedModels
    from facesearch.models.base import Detector, Embedder

__all__ = ["FaceChoice", "FaceLibrary", "LibraryOptions", "default_folder"]

# More faces make calibrating slower, not better.
_CALIBRATION_FACES = 200_000


class FaceLibrary(LibraryWithAnswers, LibraryWithSpaces):
    """An open library. Make one with `FaceLibrary.open`; close it, or use it in a `with`.

    Every method may be called from any thread, also while another one indexes. Several
    processes may have a library open; reading never waits, and one process indexes at a time.
    """

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
            LibraryOtherModel: the library works with another model than the options name;
                `reindex` goes over to it.
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
        self._view_to_index()  # who may not add faces hears of it before waiting for the lock
        with self._catalog.writer_lock(chosen.wait_s, on_wait):
            # Only now: another process may have begun to fill the library, or switched it.
            view = self._view_to_index()
            tools = Tools(
                models=_Remembering(view.models, lambda: self._remember(view)),
                embed_batch=lambda: chosen.embed_batch or view.models.embed_batch,
                detector_key=view.detector.key(self._options.detector_options),
                limits=self._options.limits,
            )
            view.vectors.check_files()
            report = index_photos(
                self._catalog,
                wanted,
                tools,
                absent=absent,
                outdated=self._outdated(view),
                options=chosen,
                hidden=hidden,
                people_from_folders=people_from_folders,
                on_progress=on_progress,
                cancelled=cancelled,
                workers=chosen.workers or view.models.cpus,
            )
            if self._catalog.newest_face():
                self._remember(view)
            view.vectors.save()
            self._save_other_indexes(view)
        return report

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

        view = self._view()
        shipped = measured_rates(view.space)
        labelled = self._catalog.labelled_vectors(view.space, limit=_CALIBRATION_FACES)
        calibration, report = fitted(
            labelled,
            shipped,
            view.rates.rates(),
            view.rates.gallery_faces,
            people=self._catalog.people_count(),
        )
        if not dry_run:
            self._catalog.store_calibration(view.space, calibration.to_json())
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
        view = self._view()
        counts = self._catalog.counts()
        gallery_faces = view.rates.gallery_faces
        calibration = view.rates.calibration()
        try:
            limit, _ = view.rates.limit(max_distance=None, false_matches=None)
        except RatesMissing:
            limit = None
        poor = Counter(one.quality.problems[0].value for one in self.poor_references())
        accuracy = accuracy_of(view.embedder.name)
        return LibraryStatus(
            photos=counts.photos,
            faces=counts.faces,
            identities=counts.identities,
            failed=counts.failed,
            no_face=counts.no_face,
            space=view.space if counts.faces else None,
            index=view.vectors.kind(gallery_faces),
            bytes=self._catalog.bytes_on_disk() + view.vectors.bytes_on_disk(),
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
            embedder=view.embedder.name,
            detector=view.detector.name,
            spaces=self.count_spaces(),
        )

    def failures(self) -> list[Failure]:
        """Every file that could not be read, with the reason, by path."""
        return self._catalog.failures()

    def unsearchable(self) -> Iterator[Face]:
        """Every face that queries do not find: the model in use gave it no embedding.

        Either it says nothing of the face, or the photo was not there when the library went
        over to this model. None where it knows no face at all: then all are to be indexed again.
        """
        view = self._view()
        if not view.rates.gallery_faces:
            return
        for photo in self._catalog.bare_photos(view.space):
            faces = self._catalog.faces_by_id(face.id for face in photo.faces)
            yield from (faces[id] for id in sorted(faces))

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

    def _outdated(self, view: View) -> frozenset[int]:
        """Photos with faces that queries do not find: they have no embedding in the space."""
        if view.rates.gallery_faces == self._catalog.counts().faces:
            return frozenset()  # as nearly always; the rest reads every face
        return self._catalog.photos_outside(view.space)


class _Remembering:
    """Loads models, and calls back once when they have been loaded for the first time.

    So that a model which cannot be loaded is never what a library works with.
    """

    def __init__(self, models: LoadedModels, on_loaded: Callable[[], None]) -> None:
        self._models = models
        self._on_loaded = on_loaded
        self._lock = threading.Lock()
        self._told = False

    def __call__(self) -> tuple[Detector, Embedder]:
        loaded = self._models.both()
        if not self._told:
            with self._lock:
                if not self._told:
                    self._on_loaded()
                    self._told = True
        return loaded
