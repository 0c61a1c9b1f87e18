"""Which models a library works with.

In: what the library remembers and holds, and what was asked for. Out: an embedder and a
detector of the catalogue, or an error that says how to get from one to the other.

A library works in one space at a time, the active one. `index` and `reindex` write it down,
with the models' names; a library of an earlier facesearch works in the space that holds most
of its faces. Models that are not here any more (a file of the user's, another machine) are
stood in for, so that the library can be opened: only using them is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from facesearch.errors import EngineUnavailable, LibraryOtherModel, UnknownModel, UnknownSpace
from facesearch.models.base import Engine
from facesearch.models.catalogue import (
    DEFAULT_DETECTOR,
    DEFAULT_EMBEDDER,
    DetectorSpec,
    EmbedderSpec,
    accuracy_of,
    detector_spec,
    embedder_of_space,
    embedder_spec,
    embedders,
)
from facesearch.options import LibraryOptions, engine_named
from facesearch.photos.files import printable

if TYPE_CHECKING:
    from facesearch.catalog.catalog import Catalog
    from facesearch.catalog.records import SpaceInfo

SPACE, EMBEDDER, DETECTOR = "space", "embedder", "detector"
"""Names of settings in the catalog."""


def check_options(options: LibraryOptions) -> None:
    """Check that the models named by options exist, before a library is made for them.

    Raises:
        UnknownModel, EngineUnavailable: they do not.
    """
    if options.embedder is not None:
        embedder_spec(options.embedder, engine_named(options.engine))
    if options.detector is not None:
        detector_spec(options.detector)


def active_embedder(
    catalog: Catalog, remembered: Mapping[str, str], engine: Engine = Engine.AUTO
) -> EmbedderSpec | None:
    """The model that the library works with; None while any may be chosen.

    Args:
        remembered: the catalog's settings.
        engine: what is to run it.

    Raises:
        LibraryOtherModel: on that engine the model makes another space.
        EngineUnavailable: it does not run on that engine.
    """
    held = sorted((info for info in catalog.spaces() if info.count), key=lambda info: -info.count)
    if SPACE not in remembered:
        own = next((spec for i in held if (spec := embedder_in(i.name)) is not None), None)
        return None if own is None else _on_engine(catalog, own, engine)
    space, name = remembered[SPACE], remembered[EMBEDDER]
    spec = embedder_in(space)
    if spec is not None:
        return _on_engine(catalog, spec, engine)
    if any(spec.name == name for spec in embedders()):
        return embedder_spec(name, engine)  # an update gave it another space
    return _absent_embedder(name, space, held) if held else None


def embedder_in(space: str) -> EmbedderSpec | None:
    """What makes a space, on an engine that is ready if there is one; None where nothing does."""
    spec = embedder_of_space(space)
    if spec is None:
        return None
    ready = embedder_spec(spec.name)
    return ready if ready.space == space else spec


def embedder_for(
    catalog: Catalog,
    remembered: Mapping[str, str],
    options: LibraryOptions,
    *,
    to_index: bool = False,
) -> EmbedderSpec:
    """The model to work with under some options.

    Args:
        remembered: the catalog's settings.
        to_index: whether faces are to be added; only the active space takes any.

    Raises:
        UnknownModel: there is no model of the name in the options.
        LibraryOtherModel: the library works with another one, and faces are to be added or
            the one asked for knows none of its faces.
        EngineUnavailable: the model does not run on the engine in the options.
    """
    engine = engine_named(options.engine)
    if options.embedder is None:
        return active_embedder(catalog, remembered, engine) or embedder_spec(
            DEFAULT_EMBEDDER, engine
        )
    asked = embedder_spec(options.embedder, engine)
    active = active_embedder(catalog, remembered)
    counts = {info.name: info.count for info in catalog.spaces() if info.count}
    if active is None or asked.space == active.space or not counts:
        return asked
    if asked.space in counts and not to_index:
        return asked
    raise _other_model(catalog, active, asked, engine)


def detector_for(remembered: Mapping[str, str], options: LibraryOptions) -> DetectorSpec:
    """The detector to work with under some options.

    Raises:
        UnknownModel: there is no detector of the name in the options.
    """
    engine = engine_named(options.engine)
    if options.detector is not None:
        return _detector_on(options.detector, engine)
    name = remembered.get(DETECTOR, DEFAULT_DETECTOR)
    try:
        return _detector_on(name, engine)
    except UnknownModel:
        return _absent_detector(name)


def held_space(catalog: Catalog, name: str) -> SpaceInfo:
    """The space of that name, or that a model of that name makes; it may hold no faces any more.

    Raises:
        UnknownSpace: the library knows no such space.
    """
    known = {info.name: info for info in catalog.spaces()}
    if name in known:
        return known[name]
    try:
        model = embedder_spec(name).name
    except UnknownModel:
        model = None
    made = [known[s.space] for s in embedders() if s.name == model and s.space in known]
    if made:
        return max(made, key=lambda info: info.count)
    raise no_such_space(catalog, name, model)


def no_such_space(catalog: Catalog, name: str, model: str | None) -> UnknownSpace:
    """The error for a space that holds no faces: how to get it, or which ones do.

    Args:
        model: what makes that space; None where nothing here does.
    """
    library = printable(str(catalog.folder))
    if model is not None:
        hint = f"run facesearch reindex --model {model}, which gives every face an embedding by it"
    else:
        there = ", ".join(info.name for info in catalog.spaces() if info.count)
        hint = f"choose one of: {there}" if there else "index photos first"
    return UnknownSpace(library, f"library {library} holds no faces of {name!r}: {hint}")


def _on_engine(catalog: Catalog, spec: EmbedderSpec, engine: Engine) -> EmbedderSpec:
    """The same model on an engine, provided that it makes the same space there."""
    if engine is Engine.AUTO:
        return spec
    variant = embedder_spec(spec.name, engine)
    if variant.space != spec.space:
        raise _other_model(catalog, spec, variant, engine)
    return variant


def _other_model(
    catalog: Catalog, own: EmbedderSpec, asked: EmbedderSpec, engine: Engine
) -> LibraryOtherModel:
    on_engine = "" if engine is Engine.AUTO else f" --engine {engine}"
    return LibraryOtherModel(
        printable(str(catalog.folder)),
        expected=_described(own),
        found=_described(asked) if asked.name != own.name else f"its space {asked.space}",
        reindex=f"--model {asked.name}{on_engine}",
    )


def _described(embedder: EmbedderSpec) -> str:
    """A model's name, and the setting that chooses it."""
    accuracy = accuracy_of(embedder.name)
    return embedder.name if accuracy is None else f"{embedder.name} (accuracy {accuracy})"


def _detector_on(name: str, engine: Engine) -> DetectorSpec:
    """The detector on an engine; few run on several, so where it does not, on its own."""
    try:
        return detector_spec(name, engine)
    except EngineUnavailable:
        return detector_spec(name)


def _absent_embedder(name: str, space: str, held: list[SpaceInfo]) -> EmbedderSpec:
    """Stands in for a model that is not here."""

    def load(runtime: Any) -> NoReturn:
        raise UnknownModel(
            name,
            f"the library works with {name} (space {space}), which is not here: add it with "
            "facesearch models add, or go over to another model with facesearch reindex --model "
            "NAME",
        )

    dimension = next((info.dimension for info in held if info.name == space), 1)
    return EmbedderSpec(
        name=name,
        licence="",
        source="",
        space=space,
        dimension=dimension,
        max_distance=None,
        load=load,
    )


def _absent_detector(name: str) -> DetectorSpec:
    """Stands in for a detector that is not here."""

    def missing(*arguments: Any) -> NoReturn:
        raise UnknownModel(
            name,
            f"the library was looked at with the detector {name}, which is not here: add it "
            "with facesearch models add, or name another one with --detector",
        )

    return DetectorSpec(name=name, licence="", source="", key=missing, load=missing)
