"""Models for programs: values in, JSON documents out (docs/reference/json.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from facesearch.models.listing import ListedModel, Variant
    from facesearch.models.weights import WeightFile

Document: TypeAlias = dict[str, Any]


def model_document(model: ListedModel) -> Document:
    """A model, and each engine it runs on, the one that is chosen first."""
    chosen = model.chosen
    others = [variant for variant in model.variants if variant is not chosen]
    return {
        "kind": model.kind.value,
        "name": model.name,
        "licence": chosen.spec.licence,
        "non_commercial": chosen.spec.non_commercial,
        "source": chosen.spec.source,
        "dimension": getattr(chosen.spec, "dimension", None),
        "input_px": _input(chosen),
        "variants": [_variant(variant) for variant in (chosen, *others)],
    }


def _variant(variant: Variant) -> Document:
    from facesearch.evaluation.measured_records import measured

    space = getattr(variant.spec, "space", None)
    found = None if space is None else measured(space)
    return {
        "engine": variant.engine.value,
        "space": space,
        "ready": variant.ready,
        "weights": variant.weights.value,
        "bytes": variant.bytes,
        "missing": list(variant.missing),
        "files": [_file(file) for file in variant.spec.files],
        "measured": None if found is None else found.to_document(),
    }


def _file(file: WeightFile) -> Document:
    from facesearch.models.weights import AddedFile, PackagedFile

    if isinstance(file, PackagedFile):
        return {
            "name": file.path,
            "sha256": file.sha256,
            "present": file.is_present(),
            "package": file.requirement,
        }
    if isinstance(file, AddedFile):
        return {
            "name": file.name,
            "sha256": file.sha256,
            "present": file.is_present(),
            "path": str(file.place),
            "urls": [],
        }
    return {
        "name": file.name,
        "sha256": file.digest(),
        "present": file.is_present(),
        "path": str(file.path()),
        "urls": list(file.urls),
    }


def _input(variant: Variant) -> list[int] | None:
    size = getattr(variant.spec, "input_px", None)
    return None if size is None else list(size)
