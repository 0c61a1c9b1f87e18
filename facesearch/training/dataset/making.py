"""Making a dataset: photos in, a folder of chips out; killed at any moment, it goes on.

In: a source, a folder, options. Out: a `DatasetReport`, and the folder. First every photo is
cut, and each chip goes into a journal in the folder. Then people are chosen and split, the
chips are stored from the journal, and dataset.json is written last, so that a folder without
it is not taken for a dataset.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeAlias

from facesearch.errors import InvalidDataset
from facesearch.file_lock import file_lock
from facesearch.folders import write_whole
from facesearch.models.catalogue import detector_spec
from facesearch.models.cpus import available_cpus
from facesearch.models.requirements import TENSORFLOW
from facesearch.photos.files import printable
from facesearch.photos.walk import AnyPath, root_path
from facesearch.training.dataset.choosing import Chosen, choose_photos
from facesearch.training.dataset.cutting import ChipCutter, CutPhoto, is_final, load_detector
from facesearch.training.dataset.finishing import Finished, finish
from facesearch.training.dataset.journal import Journal
from facesearch.training.dataset.manifest import MANIFEST, Manifest, read_manifest
from facesearch.training.dataset.options import DatasetOptions, Storage, differences
from facesearch.training.dataset.sources import Source, SourcePhoto
from facesearch.training.dataset.target import (
    ASKED,
    LOCK,
    WORK,
    begun_with,
    busy,
    check_begun,
    writing,
)
from facesearch.workers import Workers

_JOURNAL = "chips.journal"
_SYNC_EVERY_S = 5.0
_PHOTOS_AHEAD = 512


class Stage(StrEnum):
    """What `make_dataset` is doing."""

    CUT = "cutting chips"
    STORE = "storing chips"


@dataclass(frozen=True, slots=True)
class DatasetProgress:
    """How far it is: photos of the CUT stage, chips of the STORE stage; photos without a chip."""

    stage: Stage
    done: int
    total: int
    failed: int
    seconds: float


OnProgress: TypeAlias = Callable[[DatasetProgress], None]


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """What `make_dataset` did.

    Attributes:
        folder: of the dataset, absolute.
        manifest: what was made; None where the run was stopped before its end.
        already: it was there, made with the same options; nothing was done.
        photos: that were looked at or known from an earlier run.
        resumed: of these, those known from an earlier run.
        failed_by_reason: photos that gave no chip, by reason code.
        seconds: wall time.
        warnings: sentences for the user.
        cancelled: stopped before its end; the same call goes on.
    """

    folder: str
    manifest: Manifest | None
    already: bool = False
    photos: int = 0
    resumed: int = 0
    failed_by_reason: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    cancelled: bool = False


def make_dataset(
    source: Source,
    target: AnyPath,
    options: DatasetOptions | None = None,
    *,
    on_progress: OnProgress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> DatasetReport:
    """Make a dataset, or go on with one that was begun.

    Args:
        source: where photos come from; nothing is written there.
        target: the dataset's folder: new, empty, or begun before with the same way of cutting
            chips. A finished one of the same options is left as it is: photos that were added
            since are not looked for.
        options: what it is to be.
        on_progress: told how far it is.
        cancelled: asked now and then whether to stop.

    Raises:
        PhotoNotFound, LibraryError: the source is not there.
        InvalidDataset: too few people or photos, wrong lists, a folder with other files or
            another dataset in it, one that another process is making, or no space is left.
        ModelError: the detector is unknown or cannot be loaded.
        PackageMissing: TFRecord files need TensorFlow, which is not installed.
    """
    wanted = options or DatasetOptions()
    folder = Path(root_path(target))
    shown = printable(str(folder))
    place = source.describe()
    if Path(place["path"]) in (folder, *folder.parents):
        raise InvalidDataset(shown, "lies in what the photos come from; name a folder elsewhere")
    if wanted.storage is Storage.TFRECORDS:
        TENSORFLOW.check("a dataset of TFRecord files")
    if not wanted.already_aligned:
        detector_spec(wanted.detector)  # one that is unknown is said before a folder is made
    chosen = Chosen()
    with writing(folder):
        if not (folder / MANIFEST).exists():
            check_begun(folder, place, wanted)
            chosen = choose_photos(source, wanted)  # a wrong source leaves no folder behind
        folder.mkdir(parents=True, exist_ok=True)
        with file_lock(
            folder / LOCK,
            0,
            busy=partial(busy, shown),
            errors=partial(writing, folder),
        ):
            if (folder / MANIFEST).exists():
                return _same(folder, place, wanted)
            return _Run(folder, place, wanted, on_progress, cancelled).go(chosen)


class _Run:
    """One run of `make_dataset`, with the folder to itself."""

    def __init__(
        self,
        folder: Path,
        source: dict[str, str],
        options: DatasetOptions,
        on_progress: OnProgress | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self._folder = folder
        self._source = source
        self._options = options
        self._on_progress = on_progress
        self._cancelled = cancelled
        self._began = self._synced = time.monotonic()
        self._failed = 0

    def go(self, chosen: Chosen) -> DatasetReport:
        photos = chosen.photos
        work = self._folder / WORK
        shown = printable(str(self._folder))
        work.mkdir(exist_ok=True)
        with Journal(work / _JOURNAL) as journal:
            known = self._known(photos, journal)
            is_stopped = self._cut(photos, known, journal)
            if is_stopped:
                made = Finished(None, _reasons(photos, journal), ())
            else:
                made = finish(
                    self._folder,
                    chosen,
                    journal,
                    self._options,
                    self._source,
                    lambda done, total: self._tell(Stage.STORE, done, total),
                )
        if made.manifest is not None:
            shutil.rmtree(work, ignore_errors=True)
        return DatasetReport(
            folder=shown,
            manifest=made.manifest,
            photos=len(photos),
            resumed=len(known),
            failed_by_reason=made.failed_by_reason,
            seconds=time.monotonic() - self._began,
            warnings=(*chosen.warnings, *made.warnings),
            cancelled=is_stopped,
        )

    def _known(self, photos: Sequence[SourcePhoto], journal: Journal) -> set[str]:
        """Ids of the photos that need not be looked at again."""
        return {
            photo.id
            for photo in photos
            if (entry := journal.entries.get(photo.id)) is not None
            and entry.stamp == photo.stamp
            and is_final(entry.reason)
        }

    def _cut(self, photos: Sequence[SourcePhoto], known: set[str], journal: Journal) -> bool:
        """Cut the chips that are missing; returns whether it was stopped before the end."""
        left = [photo for photo in photos if photo.id not in known]
        done = len(known)
        self._failed = sum(1 for id in known if journal.entries[id].reason)
        self._tell(Stage.CUT, done, len(photos))
        if not left:
            return False
        needs_faces = not self._options.already_aligned and any(p.landmarks is None for p in left)
        cutter = ChipCutter(self._options, load_detector(self._options) if needs_faces else None)
        # Not before all is loaded: what was asked for in vain must not bind the next run.
        asked = begun_with(self._source, self._options)
        write_whole(self._folder / WORK / ASKED, json.dumps(asked).encode())
        if self._cancelled is not None and self._cancelled():
            return True
        is_stopped = False
        with Workers[SourcePhoto, CutPhoto](
            iter(left),
            cutter,
            embedder=_no_embedder,
            workers=self._options.workers or available_cpus(),
            embed_batch=lambda: 1,
            tasks_ahead=_PHOTOS_AHEAD,
        ) as workers:

            def poll() -> None:
                nonlocal is_stopped
                if self._cancelled is not None and not is_stopped and self._cancelled():
                    is_stopped = True
                    workers.stop()
                if time.monotonic() - self._synced > _SYNC_EVERY_S:
                    journal.sync()
                    self._synced = time.monotonic()

            for cut in workers.results(poll):
                journal.add(cut)
                done += 1
                self._failed += cut.jpeg is None
                self._tell(Stage.CUT, done, len(photos))
        journal.sync()
        return is_stopped and done < len(photos)

    def _tell(self, stage: Stage, done: int, total: int) -> None:
        if self._on_progress is not None:
            seconds = time.monotonic() - self._began
            self._on_progress(DatasetProgress(stage, done, total, self._failed, seconds))


def _reasons(photos: Sequence[SourcePhoto], journal: Journal) -> dict[str, int]:
    """How many of the photos gave no chip so far, by reason code."""
    entries = (journal.entries.get(photo.id) for photo in photos)
    found = Counter(entry.reason for entry in entries if entry is not None and entry.reason)
    return dict(sorted(found.items()))


def _no_embedder() -> NoReturn:
    raise AssertionError("chips are stored, never embedded")


def _same(folder: Path, place: dict[str, str], options: DatasetOptions) -> DatasetReport:
    """The finished dataset, where it is what is wanted.

    Raises:
        InvalidDataset: it is another one; says what differs.
    """
    manifest = read_manifest(folder)
    now = {"source": place, **json.loads(json.dumps(options.document()))}
    differ = differences({"source": manifest.source, **manifest.options}, now)
    if differ:
        raise InvalidDataset(
            printable(str(folder)),
            f"is finished and was made otherwise: {'; '.join(differ)}. Name another folder, or "
            "delete this one",
        )
    shutil.rmtree(folder / WORK, ignore_errors=True)  # a run was killed right after its end
    return DatasetReport(printable(str(folder)), manifest, already=True)
