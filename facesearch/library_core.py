"""An open library: its catalog, and the models and indexes it is looked at with.

In: a folder and options. Out: views of the library, each in one space. Which space that is
may change while a library is open, here or in another process; whoever begins something asks
for the view of that moment and keeps to it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from facesearch.catalog.catalog import Catalog
from facesearch.errors import UnknownModel
from facesearch.library_models import (
    DETECTOR,
    EMBEDDER,
    SPACE,
    check_options,
    detector_for,
    embedder_for,
    embedder_in,
    held_space,
    no_such_space,
)
from facesearch.model_loading import LoadedModels
from facesearch.models.base import Engine
from facesearch.models.catalogue import DetectorSpec, EmbedderSpec
from facesearch.options import LibraryOptions, default_folder
from facesearch.thresholds import LibraryRates
from facesearch.vector_cache import VectorCache

_Key: TypeAlias = tuple[str, str, Engine, str, Engine]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A library as it is seen in one space.

    Attributes:
        embedder: makes the space.
        detector: finds faces in photos that are asked about or indexed.
        models: the two, loaded when first needed.
        vectors: the index of the space.
        rates: what distances in it mean.
    """

    embedder: EmbedderSpec
    detector: DetectorSpec
    models: LoadedModels
    vectors: VectorCache
    rates: LibraryRates

    @property
    def space(self) -> str:
        """The space."""
        return self.embedder.space


class OpenLibrary:
    """What every method of `FaceLibrary` works on.

    Args:
        catalog: open; closed with this.
        options: how photos are looked at.
    """

    def __init__(self, catalog: Catalog, options: LibraryOptions) -> None:
        self._catalog = catalog
        self._options = options
        self._guard = threading.Lock()
        self._views: dict[_Key, View] = {}
        self._last: tuple[Mapping[str, str], View] | None = None
        self._view()  # here is where options that do not fit are said

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
            UnknownModel, EngineUnavailable: the options name what there is not.
            LibraryOtherModel: the options name a model that knows none of its faces.
        """
        path = default_folder() if folder is None else Path(folder)
        chosen = options if options is not None else LibraryOptions()
        check_options(chosen)
        catalog = Catalog.open(path, create=create, read_only=read_only)
        try:
            return cls(catalog, chosen)
        except BaseException:
            catalog.close()
            raise

    def close(self) -> None:
        """Close the library. Closing twice is no error."""
        with self._guard:
            views = list(self._views.values())
        for view in views:
            view.vectors.close()
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
        """The space its faces are compared in at the moment."""
        return self._view().space

    @property
    def embedder(self) -> str:
        """The model its faces are compared with, by its name in the catalogue."""
        return self._view().embedder.name

    @property
    def detector(self) -> str:
        """The model that finds faces, by its name in the catalogue."""
        return self._view().detector.name

    @property
    def device(self) -> str:
        """What networks run on here, such as "cpu".

        Raises:
            DeviceUnavailable: the wanted device is not there.
        """
        return self._view().models.device

    # The view of the moment; also what tests look into

    @property
    def _models(self) -> LoadedModels:
        return self._view().models

    @property
    def _vectors(self) -> VectorCache:
        return self._view().vectors

    def _view(self, space: str | None = None) -> View:
        """The library in the space that its options ask for, or in another one it holds.

        Args:
            space: its name, or that of the model that makes it; None for what the options
                name, or else the active one.

        Raises:
            UnknownSpace: the library holds no faces in that space.
            UnknownModel: no model here makes it.
            LibraryOtherModel: see `embedder_for`.
        """
        remembered = self._catalog.settings()
        if space is not None:
            return self._view_with(self._embedder_of(space), remembered)
        with self._guard:
            if self._last is not None and self._last[0] == remembered:
                return self._last[1]
        view = self._view_with(embedder_for(self._catalog, remembered, self._options), remembered)
        with self._guard:
            self._last = remembered, view
        return view

    def _view_to_index(self) -> View:
        """The library in its active space, to add faces to.

        Raises:
            LibraryOtherModel: the options ask for another one.
        """
        remembered = self._catalog.settings()
        embedder = embedder_for(self._catalog, remembered, self._options, to_index=True)
        return self._view_with(embedder, remembered)

    def _view_with(self, embedder: EmbedderSpec, remembered: Mapping[str, str]) -> View:
        """The library in the space of an embedder; always the same one for the same models."""
        detector = detector_for(remembered, self._options)
        key = (embedder.space, embedder.name, embedder.engine, detector.name, detector.engine)
        with self._guard:
            view = self._views.get(key)
            if view is None:
                view = self._views[key] = View(
                    embedder,
                    detector,
                    LoadedModels(
                        detector, embedder, self._options.device, self._options.detector_options
                    ),
                    self._vectors_of(embedder.space, embedder.dimension),
                    LibraryRates(self._catalog, embedder),
                )
            return view

    def _vectors_of(self, space: str, dimension: int) -> VectorCache:
        """The one index of a space in this process, however many views there are."""
        for view in self._views.values():
            if view.space == space:
                return view.vectors
        return VectorCache(self._catalog, space, dimension)

    def _embedder_of(self, space: str) -> EmbedderSpec:
        info = held_space(self._catalog, space)
        spec = embedder_in(info.name)
        if not info.count:
            raise no_such_space(self._catalog, space, None if spec is None else spec.name)
        if spec is None:
            raise UnknownModel(
                space, f"no model here makes the space {info.name!r}; add it: facesearch models add"
            )
        return spec

    def _remember(self, view: View) -> None:
        """Write down what the library works with."""
        self._catalog.change_settings(
            {
                SPACE: view.space,
                EMBEDDER: view.embedder.name,
                DETECTOR: view.detector.name,
            }
        )
