"""Write parts into an index folder, and read them back.

In: parts of an index, on disk already or not. Out: the segments that replaced
them, mapped from their new files. Whatever fails, the folder holds what it
held before.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facesearch.errors import IndexDamaged
from facesearch.folders import sync_folder
from facesearch.values import FloatArray, IdArray
from facesearch.vectors import files, storage
from facesearch.vectors.base import BoolArray, Generation
from facesearch.vectors.codes import Codes
from facesearch.vectors.manifest import Entry, Manifest, read_manifest, write_manifest
from facesearch.vectors.merging import Group, SegmentOptions, plan
from facesearch.vectors.segments import Part, Segment, Stored

_LOAD_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Replaced:
    """What became of some parts in a save.

    Attributes:
        sources: the parts as they were when the save began.
        segment: holds their rows now; None where none was left.
        dead: rows of `segment` that were removed before the save began.
    """

    sources: tuple[Part, ...]
    segment: Segment | None
    dead: BoolArray | None


class Save:
    """One save of one index: `write`, then `clean` once its result is in use.

    Raises (both methods):
        OSError: as the system raised it.
        IndexDamaged: rows to be merged fail their checksum.
    """

    def __init__(self, folder: Path, space: str, dimension: int, options: SegmentOptions) -> None:
        self._space = space
        self._dimension = dimension
        self._options = options
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._known: set[str] = set()  # files of the state before
        self._kept: set[str] = set()  # files of the state after
        self._written: list[str] = []

    def write(
        self, parts: Sequence[Part], generation: Generation, *, compact: bool
    ) -> list[Replaced]:
        """Write what is new or changed, then the manifest that refers to it."""
        before = self._manifest_before()
        stored = [part.segment.stored for part in parts]
        self._known = set() if before is None else before.files()
        for one in stored:
            if one is not None:
                self._known |= _names(one)
        live = sum(part.live_count for part in parts)
        largest = self._options.largest(self._dimension)
        groups = plan(parts, largest, self._options, self._on_disk, compact=compact)
        replaced_manifest = False
        try:
            replaced = [self._write_group(group, live) for group in groups]
            entries = [_entry(one.segment, one.dead) for one in replaced if one.segment is not None]
            manifest = Manifest(self._space, self._dimension, generation, tuple(entries))
            data = manifest.encode()
            if self._written or before is None or before.encode() != data:
                write_manifest(self._folder, data)
                replaced_manifest = True
        except BaseException:
            with suppress(OSError):
                storage.remove_files(self._folder, self._written)
            raise
        if replaced_manifest:
            sync_folder(self._folder)
        self._kept = manifest.files()
        return replaced

    def clean(self, *, everything: bool) -> None:
        """Remove the files of the state before."""
        storage.remove_stale(self._folder, self._known, self._kept, everything=everything)
        if everything:
            sync_folder(self._folder)

    def _manifest_before(self) -> Manifest | None:
        try:
            return read_manifest(self._folder)
        except (FileNotFoundError, IndexDamaged):
            return None  # its files are orphans then

    def _on_disk(self, part: Part) -> bool:
        """Whether the part's files are in this folder; another process may have removed them."""
        stored = part.segment.stored
        return stored is not None and all(
            (self._folder / name).is_file() for name in _names(stored)
        )

    def _write_group(self, group: Group, live_of_all: int) -> Replaced:
        if group.keep:
            (part,) = group.parts
            segment = self._with_codes(part.segment, live_of_all)
            return Replaced(group.parts, segment, part.dead)
        merged = self._merged(group.parts)
        if merged is None:
            return Replaced(group.parts, None, None)
        if len(group.parts) == 1 and group.parts[0].dead_count == 0:
            merged = self._copied_codes(merged, group.parts[0].segment.codes)
        return Replaced(group.parts, self._with_codes(merged, live_of_all), None)

    def _merged(self, parts: Sequence[Part]) -> Segment | None:
        """Write the live rows of some parts, by id, as one segment, and map it."""
        origins = [part.live_positions() for part in parts]
        ids = np.concatenate(
            [part.segment.ids[live] for part, live in zip(parts, origins, strict=True)]
        )
        if not len(ids):
            return None
        order = np.argsort(ids)
        numbers = np.repeat(np.arange(len(parts)), [len(live) for live in origins])[order]
        positions = np.concatenate(origins)[order]

        def read(start: int, stop: int) -> FloatArray:
            number, position = numbers[start:stop], positions[start:stop]
            rows = np.empty((len(number), self._dimension), np.float32)
            for own in np.unique(number).tolist():
                mine = number == own
                rows[mine] = parts[own].segment.rows.take(position[mine])
            return rows

        token = storage.new_token()
        self._written.append(storage.rows_name(token))
        crc = files.write_rows(self._folder, token, self._dimension, ids[order], read)
        return self._opened(Stored(token, crc), len(ids))

    def _opened(self, stored: Stored, count: int) -> Segment:
        entry = Entry(count, stored.rows_token, stored.rows_crc, None, None, None)
        mapped_bytes = self._options.mapped_bytes
        ids, rows = files.read_rows(self._folder, entry, self._dimension, mapped_bytes)
        return Segment(ids, rows, None, stored)

    def _with_codes(self, segment: Segment, live_of_all: int) -> Segment:
        """The segment, with codes where its size asks for them and it has none."""
        options = self._options
        if (
            segment.codes is not None
            or live_of_all <= options.exact_rows
            or len(segment) < options.coded_rows
        ):
            return segment
        return self._copied_codes(segment, Codes.build(segment.rows))

    def _copied_codes(self, segment: Segment, codes: Codes | None) -> Segment:
        """The segment with these codes, written beside its rows."""
        if codes is None or segment.stored is None:
            return segment
        token = storage.new_token()
        self._written.append(storage.codes_name(token))
        crc = files.write_codes(self._folder, token, codes)
        stored = replace(segment.stored, codes_token=token, codes_crc=crc)
        return replace(segment, codes=codes, stored=stored)


def load_parts(
    folder: Path, space: str, dimension: int, mapped_bytes: int
) -> tuple[Generation, list[Part]]:
    """The parts of an index folder.

    A file that is gone was probably merged away by a save in another process
    after the manifest was read, so the new manifest is tried.

    Raises:
        IndexDamaged: no index there, one of another space, dimension or format,
            or one that fails its checksums.
        OSError: the folder cannot be read.
    """
    for attempt in range(1, _LOAD_ATTEMPTS + 1):
        try:
            return _load_once(folder, space, dimension, mapped_bytes)
        except FileNotFoundError as error:
            if attempt == _LOAD_ATTEMPTS:
                raise IndexDamaged(
                    f"the vector index in {folder} is incomplete: {error.filename} is missing; "
                    "rebuild it from the catalog"
                ) from error
    raise AssertionError("the last attempt returns or raises")


def _load_once(
    folder: Path, space: str, dimension: int, mapped_bytes: int
) -> tuple[Generation, list[Part]]:
    manifest = read_manifest(folder)
    for what, expected, found in (
        ("space", space, manifest.space),
        ("dimension", dimension, manifest.dimension),
    ):
        if expected != found:
            raise IndexDamaged(
                f"the vector index in {folder} has {what} {found!r}, expected {expected!r}; "
                "rebuild it from the catalog"
            )
    parts = []
    for entry in manifest.entries:
        ids, rows = files.read_rows(folder, entry, dimension, mapped_bytes)
        codes = files.read_codes(folder, entry, dimension)
        stored = Stored(entry.rows_token, entry.rows_crc, entry.codes_token, entry.codes_crc)
        parts.append(Part(Segment(ids, rows, codes, stored), entry.dead))
    return manifest.generation, parts


def live_rows(parts: Sequence[Part], dimension: int) -> tuple[IdArray, FloatArray]:
    """Copies of the ids and vectors that were not removed, part after part.

    Raises:
        IndexDamaged: they fail their checksums.
    """
    ids = [np.empty(0, np.int64)]
    vectors = [np.empty((0, dimension), np.float32)]
    for part in parts:
        live = part.live_positions()
        ids.append(part.segment.ids[live])
        vectors.append(part.segment.rows.take(live))
    return np.concatenate(ids), np.concatenate(vectors)


def _entry(segment: Segment, dead: BoolArray | None) -> Entry:
    stored = segment.stored
    if stored is None:
        raise AssertionError("a segment is listed only once it is written")
    return Entry(
        rows=len(segment),
        rows_token=stored.rows_token,
        rows_crc=stored.rows_crc,
        codes_token=stored.codes_token,
        codes_crc=stored.codes_crc,
        dead=dead,
    )


def _names(stored: Stored) -> set[str]:
    names = {storage.rows_name(stored.rows_token)}
    return names if stored.codes_token is None else names | {storage.codes_name(stored.codes_token)}
