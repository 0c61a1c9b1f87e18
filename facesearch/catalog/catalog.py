"""The catalog of one library: everything facesearch knows, in one SQLite file.

In: values. Out: values; no row, connection or SQLite error leaves this package.

A `Catalog` may be used by several threads at once, and several processes may have the same
library open. Reading never waits. Each writing call is one transaction: it is there wholly
or not at all, whatever happens to the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from facesearch.catalog import (
    faces,
    files,
    listing,
    people,
    photos,
    references,
)
from facesearch.catalog.embedded import SpacesOfCatalog
from facesearch.catalog.errors import not_writable, printable
from facesearch.catalog.lock import writer_lock
from facesearch.catalog.opening import Opened, open_database
from facesearch.catalog.records import (
    Counts,
    DecisionOrigin,
    FileStamp,
    KnownFile,
    PhotoRecord,
    PhotoResult,
    PoorReference,
    Stored,
)
from facesearch.catalog.reindex_lock import reindex_lock
from facesearch.errors import UnknownIdentity
from facesearch.values import Face, Failure, Identity


class Catalog(SpacesOfCatalog):
    """An open catalog. Make one with `Catalog.open`; close it, or use it in a `with`.

    Iterables are read to their end before a transaction begins.

    Every method may raise a LibraryError: LibraryDamaged when the database turns out to be
    broken, LibraryFull, LibraryBusy or LibraryReadOnly when writing is not possible.

    Attributes:
        folder: the library folder.
        library_id: 32 hexadecimal digits, this library's own. A copy made by a backup gets
            another one, so what is derived from a library can tell the two apart.
        schema_revision: of its tables.
    """

    def __init__(self, opened: Opened) -> None:
        super().__init__(opened.database)
        self.library_id = opened.library_id
        self.schema_revision = opened.revision

    @classmethod
    def open(
        cls, folder: Path, *, create: bool, read_only: bool, busy_timeout_s: float = 30.0
    ) -> Catalog:
        """Open the library in a folder.

        An older library is copied beside itself (catalog.sqlite.backup-REVISION-TIME) and
        migrated. A database up to 64 MiB is checked before it is opened for writing; a
        larger one when `check` is called.

        Args:
            create: make the folder and an empty library where there is none.
            read_only: write nothing, wherever that would be possible. Works on read-only
                disks. Beats `create`.
            busy_timeout_s: how long a writing call waits for another writer.

        Raises:
            LibraryNotFound: there is none, and none was to be made.
            LibraryError: the folder holds other files and no library.
            LibraryTooNew: a later facesearch wrote it; it was not touched.
            LibraryDamaged: the database fails its check; it was not touched.
            LibraryReadOnly: it was to be written to and cannot be, or it must be migrated
                or recovered first and was to be opened read-only.
        """
        return cls(
            open_database(folder, create=create, read_only=read_only, busy_timeout_s=busy_timeout_s)
        )

    def close(self) -> None:
        """Write the log back into the database and close. Closing twice is no error."""
        self._database.close()

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
    def read_only(self) -> bool:
        """Whether it was opened for reading only."""
        return self._database.read_only

    def writer_lock(
        self, wait_s: float, on_wait: Callable[[int | None], None] | None = None
    ) -> AbstractContextManager[None]:
        """Keep other processes and threads from indexing while the context lasts.

        Single writing calls do not need it, and do not respect it: naming a face works
        while somebody indexes.

        Args:
            wait_s: how long to wait for the present holder; 0 tries once.
            on_wait: called about five times a second while waiting, with the holder's
                process id (None when unknown). What it raises ends the waiting.

        Raises:
            LibraryBusy: the waiting time ran out; names the process.
            LibraryReadOnly: the library cannot be written to.
        """
        if self.read_only:
            raise not_writable(self.folder, "it was opened for reading only")
        return writer_lock(self.folder, wait_s, on_wait)

    def reindex_lock(
        self, wait_s: float, on_wait: Callable[[int | None], None] | None = None
    ) -> AbstractContextManager[None]:
        """Keep other processes and threads from reindexing and from dropping spaces.

        Independent of `writer_lock`. Who wants both takes this one first.

        Args:
            wait_s, on_wait: as for `writer_lock`.

        Raises:
            LibraryBusy: the waiting time ran out; names the process.
            LibraryReadOnly: the library cannot be written to.
        """
        if self.read_only:
            raise not_writable(self.folder, "it was opened for reading only")
        return reindex_lock(self.folder, wait_s, on_wait)

    def check(self) -> None:
        """Check all that can be checked; reads the whole database.

        Raises:
            LibraryDamaged: with the first finding.
        """
        self._database.check()

    def backup(self, target: Path) -> None:
        """Write a consistent copy of the database to a new file, while it is in use."""
        self._database.copy_to(target)

    def bytes_on_disk(self) -> int:
        """Size of the database with its log, in bytes; backups are not counted."""
        return self._database.bytes_on_disk()

    # Files and photos

    def files_at(self, paths: Sequence[str]) -> dict[str, KnownFile]:
        """What is known about the files at some paths (absolute); unknown ones are left out."""
        with self._database.read() as connection:
            return listing.files_at(connection, paths)

    def paths_under(self, under: Sequence[str]) -> Iterator[str]:
        """Every known path at or below the roots, in byte order, read page by page.

        Holds no transaction in between, so files may be removed while it goes on.
        """
        return listing.paths_under(self._database, under)

    def paths_with_faces(self) -> Iterator[str]:
        """Every path that holds a photo with faces, in byte order, read page by page."""
        return listing.paths_with_faces(self._database)

    def failure_reasons(self, under: Sequence[str]) -> dict[str, int]:
        """How many files at or below the roots could not be read, by reason code."""
        with self._database.read() as connection:
            return listing.failure_reasons(connection, under)

    def photo_by_hash(self, content_hash: str) -> PhotoRecord | None:
        """The result there is for some content, wherever it lies."""
        return self.photos_by_hash([content_hash]).get(content_hash)

    def photos_by_hash(self, hashes: Iterable[str]) -> dict[str, PhotoRecord]:
        """The results there are for some contents, keyed by content hash."""
        with self._database.read() as connection:
            return photos.by_hash(connection, hashes)

    def store(self, batch: Sequence[PhotoResult]) -> Stored:
        """Store results in one transaction.

        A result that is there already (same content, same detector key) is kept and only
        its files are noted; embeddings of a space new to its faces are added. A result of
        another detector key, or for content that could not be read before, replaces the
        old one, and its faces take over the names that were given to the old faces at the
        same place. A file that held other content before is moved; a photo that then lies
        nowhere is deleted with its faces, but decisions about it stay.

        Content that the catalog did not know, in a file that held other content before, may
        be an edit of that: its faces take over the names, with their origins, of the old
        faces that lie at the same place and look the same (see
        `facesearch.catalog.carrying`). Faces that have a name on the same or better
        authority keep it.

        Raises:
            InvalidValue: a space is known with another dimension; nothing was stored.
            LibraryDamaged: an embedding is not what was stored; nothing was stored.
        """
        with self._database.write() as connection:
            return photos.store(connection, batch)

    def attach(self, found: Iterable[tuple[int, FileStamp]]) -> list[FileStamp]:
        """Note where known photos (by id) lie now: moved, copied, or with a new timestamp.

        Returns:
            Those whose photo is gone from the catalog meanwhile; read them again.
        """
        moved = list(found)
        with self._database.write() as connection:
            return files.attach(connection, moved)

    def remove_files(self, paths: Iterable[str]) -> int:
        """Forget files that are gone, and photos with their faces that lay nowhere else.

        Returns:
            How many of the paths were known.
        """
        gone = list(paths)
        with self._database.write() as connection:
            return files.remove(connection, gone)

    def record_file_failures(self, failures: Iterable[Failure]) -> None:
        """Remember files that could not be reached; they are to be tried again every run."""
        failed = list(failures)
        with self._database.write() as connection:
            files.record_failures(connection, failed)

    def clear_file_failures(self, paths: Iterable[str]) -> None:
        """Forget such failures. Storing or removing a file does so by itself."""
        cleared = list(paths)
        with self._database.write() as connection:
            files.clear_failures(connection, cleared)

    def failed_files(self, under: Sequence[str]) -> list[str]:
        """Files at or below the roots that could not be reached when last tried."""
        with self._database.read() as connection:
            return files.failed_files(connection, under)

    def failures(self) -> list[Failure]:
        """Every file that could not be read, out of reach or bad content, sorted by path."""
        with self._database.read() as connection:
            return files.failures(connection)

    def counts(self, under: Sequence[str] | None = None) -> Counts:
        """How much is in the library, or at and below some roots of it."""
        with self._database.read() as connection:
            return files.counts(connection, under)

    def remember_root(self, path: str) -> None:
        """Note that a folder or file was given to `index`."""
        with self._database.write() as connection:
            files.remember_root(connection, path)

    def roots(self) -> list[str]:
        """Every folder or file that was ever given to `index`."""
        with self._database.read() as connection:
            return files.roots(connection)

    # Faces

    def face(self, face_id: int) -> Face:
        """One face.

        Raises:
            UnknownIdentity: there is none of that id.
        """
        found = self.faces_by_id([face_id]).get(face_id)
        if found is None:
            raise self._unknown(f"no face {face_id}")
        return found

    def faces_by_id(self, ids: Iterable[int]) -> dict[int, Face]:
        """Any number of faces with their photos; ids of faces that are gone are left out."""
        with self._database.read() as connection:
            return faces.by_id(connection, ids)

    def faces_of_photo(self, photo: int | str) -> list[Face]:
        """The faces of a photo, by its id or an absolute path, largest first.

        Raises:
            UnknownIdentity: no such photo in the library.
        """
        with self._database.read() as connection:
            photo_id = faces.photo_at(connection, photo)
            found = [] if photo_id is None else faces.of_photo(connection, photo_id)
        if photo_id is None:
            name = printable(photo) if isinstance(photo, str) else f"photo {photo}"
            raise self._unknown(f"no {name}; index it first")
        return found

    def largest_faces(self, paths: Sequence[str]) -> dict[str, int]:
        """The id of the largest face in the photo at each path; paths without are left out."""
        with self._database.read() as connection:
            return faces.largest_at(connection, paths)

    # People

    def identities_of(self, face_ids: Iterable[int]) -> dict[int, Identity]:
        """Who the faces are; faces of nobody in particular are left out."""
        with self._database.read() as connection:
            return people.of_faces(connection, face_ids)

    def identities(self) -> list[tuple[Identity, int]]:
        """Everybody who has faces in the library and how many, by name."""
        with self._database.read() as connection:
            return people.with_face_counts(connection)

    def people_count(self) -> int:
        """How many people have faces in the library."""
        with self._database.read() as connection:
            return people.how_many(connection)

    def face_counts(self, identity_ids: Iterable[int]) -> dict[int, int]:
        """How many faces these people have, by the id of the identity; 0 is left out."""
        with self._database.read() as connection:
            return people.face_counts(connection, identity_ids)

    def identity_named(self, name: str) -> Identity | None:
        """The person of that name, however it is capitalised, with or without faces."""
        with self._database.read() as connection:
            return people.named(connection, name)

    def identity_face_ids(self, identity_id: int) -> list[int]:
        """The faces of one person, ascending."""
        with self._database.read() as connection:
            return people.face_ids_of(connection, identity_id)

    def poor_faces(self, face_ids: Iterable[int]) -> set[int]:
        """Which of the faces are too poor to decide who another face is.

        Faces that were never measured are not among them (see `facesearch.quality`).
        """
        with self._database.read() as connection:
            return references.poor_faces(connection, face_ids)

    def poor_references(self) -> list[PoorReference]:
        """Named faces that are too poor to decide who another face is, by name and path."""
        with self._database.read() as connection:
            return references.poor_references(connection)

    def confirm(
        self, face_id: int, name: str, origin: DecisionOrigin = DecisionOrigin.USER
    ) -> Identity:
        """Decide that a face is the person of that name, who is made if new.

        Writes a row to the log of decisions, unless the same was decided already. What the
        user decides is on the disk when this returns.

        Returns:
            Whose face it is now: for `DecisionOrigin.FOLDER` perhaps somebody else, whom
            the user named before.

        Raises:
            UnknownIdentity: there is no such face.
            InvalidValue: the name has no visible character.
        """
        name = people.clean_name(name)
        with self._database.write(durable=origin is DecisionOrigin.USER) as connection:
            outcome = people.confirm(connection, face_id, [name], origin)
        if outcome is None:
            raise self._unknown(f"no face {face_id}")
        return outcome[0]

    def confirm_from_folders(self, names: Iterable[tuple[int, str]]) -> int:
        """Name many faces (by id) after their folders, in one transaction.

        Never overrules the user. Faces that are gone and names without a visible character
        are passed over. A face told several names in one call keeps the one it has, if it
        is among them, and else gets the first.

        Returns:
            How many faces were named anew.
        """
        told = list(names)
        with self._database.write() as connection:
            return people.confirm_from_folders(connection, told)

    def rebuild_identities(self) -> None:
        """Derive who every face is again, from nothing but the log of decisions."""
        with self._database.write() as connection:
            people.rebuild(connection)

    def _unknown(self, what: str) -> UnknownIdentity:
        library = printable(self.folder)
        return UnknownIdentity(library, f"library {library} has {what}")
