"""The catalog's methods about spaces, their embeddings and what is remembered of them.

In: values. Out: values. `Catalog` inherits them; what the tables mean is said in `spaces.py`,
`missing.py`, `calibrations.py` and `settings.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from facesearch.catalog import calibrations, missing, references, settings, spaces
from facesearch.catalog.connection import Database
from facesearch.catalog.records import (
    BareFace,
    BarePhoto,
    Changes,
    EmbeddingBatch,
    LabelledVectors,
    SpaceInfo,
)
from facesearch.catalog.spaces import BATCH_ROWS
from facesearch.values import Embedding


class SpacesOfCatalog:
    """The part of `Catalog` that knows embeddings. Every method may raise a LibraryError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.folder = database.folder

    # Settings

    def settings(self) -> dict[str, str]:
        """What `change_settings` was told; nothing in a library of an earlier facesearch."""
        with self._database.read() as connection:
            return settings.everything(connection)

    def change_settings(self, values: Mapping[str, str]) -> None:
        """Remember some texts by their names, all in one transaction; the others stay."""
        known = self.settings()
        changed = {name: value for name, value in values.items() if known.get(name) != value}
        if changed:
            with self._database.write() as connection:
                settings.change(connection, changed)

    # Spaces and embeddings

    def ensure_space(self, name: str, dimension: int) -> None:
        """Make a space known before its first embedding. `store` does so by itself.

        Raises:
            InvalidValue: it is known with another dimension.
        """
        with self._database.write() as connection:
            spaces.ensure_space(connection, name, dimension)

    def spaces(self) -> list[SpaceInfo]:
        """Every space with its number of embeddings, in order of appearance."""
        with self._database.read() as connection:
            return spaces.all_spaces(connection)

    def photos_outside(self, space: str) -> frozenset[int]:
        """The ids of photos that show a face without an embedding in the space."""
        with self._database.read() as connection:
            return spaces.photos_outside(connection, space)

    def bare_photos(self, space: str, *, page: int = 512) -> Iterator[BarePhoto]:
        """Every photo that shows faces without an embedding in the space, with these faces.

        By id, a short transaction for each page of photos: what changes behind the place
        reached is not seen, what changes before it is.
        """
        after = 0
        while True:
            with self._database.read() as connection:
                photos_found = missing.photos_with_bare_faces(connection, space, after, page)
            if not photos_found:
                return
            yield from photos_found
            after = photos_found[-1].id

    def bare_count(self, space: str) -> tuple[int, int]:
        """Photos that show faces without an embedding in the space, and those faces."""
        with self._database.read() as connection:
            return missing.count(connection, space)

    def newest_face(self) -> int:
        """The highest id of a face in the library; larger whenever one was added. 0 if none is."""
        with self._database.read() as connection:
            return missing.newest_face(connection)

    def add_embeddings(self, space: str, embedded: Iterable[tuple[BareFace, Embedding]]) -> int:
        """Give faces an embedding in a space, in one transaction.

        Passed over are faces that are gone or lie elsewhere than they did when they were read
        (`bare_photos`), and faces that got one meanwhile.

        Returns:
            How many were stored.

        Raises:
            SpaceMismatch: one belongs to another space; nothing was stored.
            InvalidValue: the space is known with another dimension; nothing was stored.
        """
        rows = list(embedded)
        with self._database.write() as connection:
            return missing.add(connection, space, rows)

    def drop_space(self, space: str, *, batch_rows: int = BATCH_ROWS // 2) -> int:
        """Delete every embedding of a space, and what was learned about its distances.

        Many short transactions. After a crash half-way, calling it again does the rest. The
        space stays known, without embeddings.

        Returns:
            How many embeddings were deleted, none of which is left.

        Raises:
            LibraryBusy: somebody added embeddings meanwhile; hold the locks.
        """
        return spaces.drop(self._database, space, batch_rows)

    def generation(self, space: str) -> tuple[int, int]:
        """How many additions and removals the space has seen: (added, removed).

        Both only grow. An index that holds everything up to them is up to date.
        """
        with self._database.read() as connection:
            return spaces.generation(connection, space)

    def changes_since(
        self, space: str, added: int, removed: int, *, batch_rows: int = BATCH_ROWS
    ) -> Changes:
        """What an index of generation (added, removed) must remove and add to be up to date.

        From (0, 0), that is every embedding there is.

        Raises:
            IndexDamaged: the index is ahead of the catalog; it must be rebuilt.
        """
        return spaces.changes_since(self._database, space, added, removed, batch_rows)

    def embeddings(self, space: str, *, batch_rows: int = BATCH_ROWS) -> Iterator[EmbeddingBatch]:
        """Every embedding of a space, in order of addition, in batches."""
        return self.changes_since(space, 0, 0, batch_rows=batch_rows).batches

    def labelled_vectors(self, space: str, *, limit: int | None = None) -> LabelledVectors:
        """The embeddings of a space with the photos and people they belong to, in memory.

        Args:
            limit: at most about so many faces: whole photos, spread evenly over the library,
                so that faces which appear together stay together. None takes all.

        Raises:
            LibraryDamaged: an embedding is not what was stored.
        """
        with self._database.read() as connection:
            return references.labelled_vectors(connection, self.folder, space, limit)

    # Calibrations

    def calibration(self, space: str) -> str | None:
        """What `store_calibration` was last told about a space; None if nothing, or forgotten."""
        with self._database.read() as connection:
            return calibrations.latest(connection, space)

    def store_calibration(self, space: str, parameters: str) -> None:
        """Keep what was learned about distances of a space in this library (a JSON text).

        Earlier ones stay in the table; the last one counts.

        Raises:
            InvalidValue: the library knows no such space.
        """
        with self._database.write() as connection:
            calibrations.add(connection, space, parameters)

    def forget_calibration(self, space: str) -> bool:
        """Go back to what is shipped with the space.

        Returns:
            Whether there was a calibration.
        """
        with self._database.write() as connection:
            return calibrations.forget(connection, space)
