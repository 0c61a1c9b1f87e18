"""The spaces of a library: going from one model to another without looking for faces again.

In: names of models or spaces. Out: embeddings of the same faces in another space, which one
is in use, and reports. Names and decisions belong to faces, so they are the same in all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from facesearch.catalog.records import SpaceInfo
from facesearch.errors import Cancelled, InvalidValue
from facesearch.library_core import OpenLibrary, View
from facesearch.library_models import EMBEDDER, SPACE, active_embedder, held_space, no_such_space
from facesearch.models.catalogue import embedder_of_space, embedder_spec
from facesearch.options import engine_named
from facesearch.values import IndexProgress, ReindexReport, SpaceStatus
from facesearch.vector_cache import VectorCache

if TYPE_CHECKING:
    from facesearch.indexing import IndexOptions

_BYTES_PER_NUMBER = 4
_WAIT_S = 30.0


class LibraryWithSpaces(OpenLibrary):
    """The methods of `FaceLibrary` that are about spaces."""

    def count_spaces(self) -> int:
        """How many spaces hold faces of the library; quicker than describing them."""
        return sum(info.count > 0 for info in self._catalog.spaces())

    def spaces(self) -> list[SpaceStatus]:
        """Every space that holds faces of the library, in order of appearance."""
        active = self._active_spaces()
        faces = self._catalog.counts().faces
        found = []
        for info in self._catalog.spaces():
            if not info.count:
                continue
            spec = embedder_of_space(info.name)
            files = VectorCache(self._catalog, info.name, info.dimension).bytes_on_disk()
            found.append(
                SpaceStatus(
                    space=info.name,
                    model=None if spec is None else spec.name,
                    dimension=info.dimension,
                    faces=info.count,
                    missing=max(0, faces - info.count),
                    active=info.name in active,
                    bytes=info.count * info.dimension * _BYTES_PER_NUMBER + files,
                )
            )
        return found

    def use_space(self, space_or_model: str) -> None:
        """Work in another space that holds faces: queries answer in it, and `index` adds to it.

        Faces that it lacks are not found until `reindex`, or an `index` that comes across
        their photos, gives them an embedding. A library that was opened for a certain
        embedder stays with that.

        Args:
            space_or_model: the name of a space, or of the model that makes it.

        Raises:
            UnknownSpace: it holds no faces of the library.
            UnknownModel: no model here makes it.
            LibraryBusy: another process indexes and did not finish in time.
            LibraryReadOnly: the library cannot be written to.
        """
        with self._catalog.writer_lock(_WAIT_S):
            spec = self._embedder_of(space_or_model)
            self._catalog.change_settings({SPACE: spec.space, EMBEDDER: spec.name})

    def drop_space(self, space_or_model: str) -> int:
        """Delete what one model knows of the faces: its embeddings, rates and index files.

        Photos, faces and names stay. After a crash half-way, calling it again does the rest.

        Args:
            space_or_model: the name of a space, or of the model that makes it.

        Returns:
            How many embeddings were deleted; none of the space is left.

        Raises:
            UnknownSpace: the library holds nothing of it.
            InvalidValue: it is the one in use.
            LibraryBusy: another process indexes or reindexes and did not finish in time.
            LibraryReadOnly: the library cannot be written to.
        """
        with self._catalog.reindex_lock(_WAIT_S), self._catalog.writer_lock(_WAIT_S):
            info = held_space(self._catalog, space_or_model)
            if info.name in self._active_spaces():
                raise InvalidValue(
                    f"the library works in the space {info.name!r}, so it is not dropped: choose "
                    "another one first (facesearch spaces use NAME, or facesearch reindex)"
                )
            vectors = self._index_of(info)
            if not info.count and not vectors.folder.exists():
                raise no_such_space(self._catalog, space_or_model, None)
            dropped = self._catalog.drop_space(info.name)
            vectors.remove()
        return dropped

    def reindex(
        self,
        embedder: str,
        *,
        engine: str = "auto",
        switch: bool = True,
        options: IndexOptions | None = None,
        on_progress: Callable[[IndexProgress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> ReindexReport:
        """Give every face of the library an embedding by another model, then work with that.

        Faces stay as they were found, so names stay too, and no detector runs. The library
        is in use meanwhile: others index, name and ask, and what they add is embedded as
        well. What was committed stays, whatever stops the run; the next one does the rest.

        Args:
            embedder: the model, by its name in the catalogue.
            engine: what is to run it.
            switch: work in its space once all faces that can be embedded are.
            on_progress: called about ten times a second, from the calling thread. Counts
                photos; `failed` are photos whose faces are left out.
            cancelled: asked about ten times a second; when true, the run stops soon, does
                not switch, and reports what it did.

        Raises:
            UnknownModel, EngineUnavailable: there is no such model.
            ModelError: weights are missing or damaged, or the device is not there.
            LibraryBusy: another process reindexes, or still indexed when all else was done,
                and did not finish in time.
            LibraryFull, LibraryReadOnly, LibraryDamaged: from the catalog.
            Cancelled: while waiting for another `reindex`; nothing was done.
        """
        from facesearch.indexing import IndexOptions
        from facesearch.reindexing import ReindexTools, reindex_faces  # queries need none of it

        chosen = options if options is not None else IndexOptions()
        spec = embedder_spec(embedder, engine_named(engine))

        def on_wait(holder: int | None) -> None:
            if cancelled is not None and cancelled():
                raise Cancelled("stopped while waiting for another process; nothing was done")

        with self._catalog.reindex_lock(chosen.wait_s, on_wait):
            self._remember_active()
            view = self._view_with(spec, self._catalog.settings())
            return reindex_faces(
                self._catalog,
                view.vectors,
                ReindexTools(
                    embedder=view.models.embedder,
                    embed_batch=lambda: chosen.embed_batch or view.models.embed_batch,
                    space=view.space,
                    limits=self._options.limits,
                ),
                switch=lambda: self._switched(view, wanted=switch),
                options=chosen,
                on_progress=on_progress,
                cancelled=cancelled,
                workers=chosen.workers or view.models.cpus,
            )

    def _switched(self, view: View, *, wanted: bool) -> bool:
        """Work in a view's space if it is wanted; says whether the library does now.

        A space without any face is no use to a library that has some.
        """
        is_of_use = view.rates.gallery_faces > 0 or not self._catalog.newest_face()
        if wanted and is_of_use:
            self._catalog.change_settings({SPACE: view.space, EMBEDDER: view.embedder.name})
        return view.space == self._catalog.settings().get(SPACE)

    def _remember_active(self) -> None:
        """Write down the space in use where that only followed from how many faces it holds."""
        remembered = self._catalog.settings()
        if SPACE not in remembered:
            active = active_embedder(self._catalog, remembered)
            if active is not None:
                self._catalog.change_settings({SPACE: active.space, EMBEDDER: active.name})

    def _active_spaces(self) -> set[str]:
        """The space in use; two where an update of the model made another one of it."""
        remembered = self._catalog.settings()
        active = active_embedder(self._catalog, remembered)
        names = {remembered.get(SPACE), None if active is None else active.space}
        return {name for name in names if name is not None}

    def _index_of(self, info: SpaceInfo) -> VectorCache:
        with self._guard:
            return self._vectors_of(info.name, info.dimension)

    def _save_other_indexes(self, view: View) -> None:
        """Let the index files of the other spaces forget what left the library, too."""
        for info in self._catalog.spaces():
            if info.name != view.space:
                self._index_of(info).save_if_stale()
