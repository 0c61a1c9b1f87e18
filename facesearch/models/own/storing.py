"""How models that users add come and go.

In: a record and what writes its file. Out: a model that is there wholly, or not at all: it
counts from the moment its JSON file has its name, and no longer once that is gone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from facesearch.errors import ModelError, UnknownModel, WeightsDamaged
from facesearch.folders import sync_folder, write_whole
from facesearch.models.files import disk_errors, require_space
from facesearch.models.own.content import content_digest, delete_content, sync_content
from facesearch.models.own.model import NAME_PATTERN, OwnModel
from facesearch.models.own.records import RECORD_NAME, own_model, own_models
from facesearch.models.store import lock, own_models_folder


def check_name(name: str, *, replace: bool = False) -> None:
    """Check that a model may be added under a name.

    Args:
        replace: whether it may take the place of one that was added before.

    Raises:
        ModelError: no such names, or it is taken.
    """
    if NAME_PATTERN.fullmatch(name) is None:
        raise ModelError(
            name,
            f"{name!r} is no name for a model: take up to 64 letters, digits, dots, underscores "
            "and hyphens, the first one a letter or digit",
        )
    from facesearch.models.catalogue import detectors, embedders

    added = {own.name for own in own_models()}
    listed = {spec.name for spec in detectors()} | {spec.name for spec in embedders()}
    # "Facenet512" stands for "deepface:Facenet512".
    taken = {
        spelling.casefold() for own in listed - added for spelling in (own, own.rpartition(":")[2])
    }
    if name.casefold() in taken:
        raise ModelError(
            name, f"{name!r} is the name of a model of the catalogue: take another one"
        )
    there = own_model(name)
    if there is not None and (not replace or there.name != name):
        raise _taken(name, there.name)


def _taken(name: str, there: str) -> ModelError:
    return ModelError(
        name,
        f"there is a model {there!r} already: take another name, replace it with --replace, or "
        f"remove it with facesearch models remove {there}",
    )


def store_model(model: OwnModel, write: Callable[[Path], None], *, replace: bool = False) -> None:
    """Put a model where it is found from now on.

    Args:
        write: makes the model file, or folder, at a path that does not exist yet; its bytes
            must have the digest `model.sha256`.
        replace: whether it may take the place of one of the same name.

    Raises:
        ModelError: the name is taken, the file cannot be written, or it is not what it should
            be; nothing is left of it, and what was there before is still there.
    """
    folder = model.folder
    with (
        lock(f"own/{model.name}", model.name),
        disk_errors(model.name, folder, needed_bytes=model.size_bytes),
    ):
        before = own_model(model.name)
        if before is not None and not replace:
            raise _taken(model.name, before.name)
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{model.file}.part"
        try:
            delete_content(temporary)
            require_space(folder, model.size_bytes)
            write(temporary)
            if content_digest(temporary) != model.sha256:
                raise WeightsDamaged(
                    model.name,
                    f"the file of {model.name} changed while it was copied: add it again",
                )
            sync_content(temporary)
            if model.path.is_dir():
                delete_content(model.path)
            temporary.replace(model.path)
            sync_folder(folder)
            record = json.dumps(model.document(), indent=2, ensure_ascii=False).encode()
            write_whole(folder / RECORD_NAME, record)
            sync_folder(folder)
        except BaseException:
            delete_content(temporary)
            if before is None:
                shutil.rmtree(folder, ignore_errors=True)
            elif isinstance(before, OwnModel):
                _keep_only(folder, before.file)
            raise
        _keep_only(folder, model.file)


def _keep_only(folder: Path, file: str) -> None:
    """Delete what belongs to another model of the same name."""
    for path in folder.iterdir():
        if path.name not in (file, RECORD_NAME):
            delete_content(path)


def remove_model(name: str) -> None:
    """Remove a model that was added.

    Raises:
        UnknownModel: none of that name was added.
        ModelError: its files cannot be removed.
    """
    there = own_model(name)
    if there is None:
        added = ", ".join(own.name for own in own_models()) or "none"
        raise UnknownModel(name, f"no model {name!r} was added; added were: {added}")
    folder = own_models_folder() / there.name
    with lock(f"own/{there.name}", there.name), disk_errors(there.name, folder):
        (folder / RECORD_NAME).unlink(missing_ok=True)
        sync_folder(folder)
        shutil.rmtree(folder)
