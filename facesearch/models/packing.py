"""Carry models to a machine without network: pack them into a folder there, unpack them here.

In: weight files, the models that users added, and a folder. Out: a folder of copies with a
manifest that has the SHA-256 of each, the digests the user trusts and the licences accepted;
and from such a folder the same on another machine. Everything is verified before anything is
put in place.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from facesearch.errors import ModelError
from facesearch.folders import models_folder, sync_folder, write_whole
from facesearch.models import store
from facesearch.models.catalogue import DetectorSpec, EmbedderSpec, detectors, embedders
from facesearch.models.files import (
    copy_hashed,
    disk_errors,
    file_digest,
    inside,
    place,
    require_space,
)
from facesearch.models.packlist import (
    MANIFEST_NAME,
    PackedFile,
    PackedModel,
    PackList,
    PackReport,
    pack_error,
)
from facesearch.models.weights import DownloadedFile

_WEIGHTS, _OWN = "weights", "own"


def pack(
    folder: Path, files: Sequence[tuple[str, DownloadedFile]], extra: Sequence[Path] = ()
) -> PackReport:
    """Copy weight files, and all models that users added, to a folder.

    Args:
        folder: is made where it is not there; what it holds already is not copied again.
        files: each with the model it is for; a file may be for several.
        extra: folders of further models, beside those in `store.own_models_folder()`.

    Raises:
        WeightsMissing, WeightsDamaged: of a file that is to be packed.
        ModelError: the folder cannot be written, or two models have one name.
    """
    models: dict[str, list[str]] = {}
    sources: dict[str, Path] = {}
    for model, file in files:
        sources[file.name] = file.locate(model)
        models.setdefault(file.name, []).append(model)
    own = _own_models(extra)
    with _folder_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST_NAME).unlink(missing_ok=True)  # there only once all it lists is
        packed, present = [], []
        for name, source in sources.items():
            one, was_there = _copied(source, name, folder / _WEIGHTS)
            packed.append(PackedFile(one.name, one.sha256, one.size_bytes, tuple(models[name])))
            present += [name] * was_there
        own_packed = []
        for name, place_ in own.items():
            copies = [
                _copied(path, path.relative_to(place_).as_posix(), folder / _OWN / name)
                for path in _files_in(place_)
            ]
            own_packed.append(PackedModel(name, tuple(one for one, _ in copies)))
            present += [name] * all(was_there for _, was_there in copies)
        listed = PackList(tuple(packed), tuple(own_packed), *_records(files))
        write_whole(folder / MANIFEST_NAME, listed.encode())
        sync_folder(folder)
    return PackReport.of(folder, listed, present)


def unpack(folder: Path) -> PackReport:
    """Put in place what `pack` wrote, with the records that belong to it.

    Raises:
        ModelError: something in the folder is missing, not what its manifest says, or not what
            is pinned; or another digest is trusted here, or another model has the same name
            here; or the disk fails. Nothing was put in place then, unless it was the disk.
    """
    listed = PackList.read(folder)
    known = _known_files()
    wanted = tuple(file for file in listed.files if file.name in known)
    skipped = tuple(file.name for file in listed.files if file.name not in known)
    for file in wanted:
        _check_digest(folder, file, known[file.name], listed)
    present: list[str] = []
    with store.lock("unpacking", "models"), _staging(listed) as staging:
        moves: list[tuple[Path, Path]] = []
        for file in wanted:
            target = known[file.name].path()
            with disk_errors("models", target.parent):
                is_there = file.is_at(target)
            if is_there:
                present.append(file.name)
                continue
            _stage(folder / _WEIGHTS, file, staging / _WEIGHTS)
            moves.append((inside(staging / _WEIGHTS, file.name), target))
        for model in listed.own:
            target = store.own_models_folder() / model.name
            if target.exists():
                _check_same_model(target, model)
                present.append(model.name)
                continue
            for file in model.files:
                _stage(folder / _OWN / model.name, file, staging / _OWN / model.name)
            moves.append((staging / _OWN / model.name, target))
        # First: a file that no record vouches for would not run, while a record harms nobody.
        _adopt_records(listed, known)
        with disk_errors("models", models_folder()):
            for staged, target in moves:
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(staged, target)
                sync_folder(target.parent)
    return PackReport.of(folder, listed, present, skipped)


def _own_models(extra: Sequence[Path]) -> dict[str, Path]:
    """The folders of models that users added, by name."""
    home = store.own_models_folder()
    there = sorted(path for path in home.iterdir() if path.is_dir()) if home.is_dir() else []
    found: dict[str, Path] = {}
    for path in (*there, *extra):
        if path.name.startswith("."):
            continue  # half-made
        other = found.setdefault(path.name, path)
        if other.resolve() != path.resolve():
            raise ModelError(path.name, f"{other} and {path} have one name: rename one of them")
    return found


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _copied(source: Path, name: str, folder: Path) -> tuple[PackedFile, bool]:
    """Copy a file into a folder, unless it is there: what it is, and whether it was there."""
    target = inside(folder, name)
    found = file_digest(source)
    packed = PackedFile(name, found, source.stat().st_size)
    if packed.is_at(target):
        return packed, True
    target.parent.mkdir(parents=True, exist_ok=True)
    require_space(target.parent, packed.size_bytes)
    temporary = target.with_name(f"{target.name}.new")
    try:
        with source.open("rb") as opened:
            copied = copy_hashed(opened, temporary)
        if copied != found:
            raise ModelError("models", f"{source} changed while it was copied: pack again")
        place(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return packed, False


def _records(
    files: Iterable[tuple[str, DownloadedFile]],
) -> tuple[dict[str, store.TrustRecord], dict[str, store.LicenceRecord]]:
    trusted, licences = {}, {}
    for model, file in files:
        digest = store.trusted_digest(file.name) if file.sha256 is None else None
        if digest is not None:
            trusted[file.name] = digest
        licence = store.accepted_licence(model)
        if licence is not None:
            licences[model] = licence
    return trusted, licences


def _known_files() -> dict[str, DownloadedFile]:
    specs: list[EmbedderSpec | DetectorSpec] = [*embedders(), *detectors()]
    return {
        file.name: file for spec in specs for file in spec.files if isinstance(file, DownloadedFile)
    }


def _adopt_records(listed: PackList, known: Mapping[str, DownloadedFile]) -> None:
    """Take over what the other machine's user decided, where this one's has not."""
    trusted = {
        name: record
        for name, record in listed.trusted.items()
        if name in known and known[name].digest() is None
    }
    licences = {}
    for model, record in listed.licences.items():
        own = store.accepted_licence(model)
        if own is None or own.licence != record.licence or own.consent is store.Consent.SHOWN:
            licences[model] = record
    store.adopt(trusted, licences)


def _check_digest(
    folder: Path, packed: PackedFile, known: DownloadedFile, listed: PackList
) -> None:
    """Check what the manifest says against what is pinned or trusted here."""
    expected = known.digest()
    if expected is None:
        record = listed.trusted.get(packed.name)
        if record is None:
            raise pack_error(
                folder,
                f"no digest is published or recorded for {packed.name}",
            )
        expected = record.sha256
    if packed.sha256 != expected:
        raise pack_error(
            folder,
            f"the SHA-256 of its {packed.name} is {packed.sha256}, expected {expected}",
        )


def _check_same_model(target: Path, model: PackedModel) -> None:
    with disk_errors(model.name, target):
        here = {path.relative_to(target).as_posix(): path for path in _files_in(target)}
        is_same = here.keys() == {file.name for file in model.files} and all(
            file.is_at(here[file.name]) for file in model.files
        )
    if not is_same:
        raise ModelError(
            model.name,
            f"another model called {model.name} is here already, at {target}: remove it with "
            f"`facesearch models remove {model.name}`, then unpack again",
        )


def _stage(folder: Path, file: PackedFile, staging: Path) -> None:
    """Copy a file to this machine, not yet in place."""
    source, target = inside(folder, file.name), inside(staging, file.name)
    try:
        opened = source.open("rb")
    except OSError as error:
        raise pack_error(folder, f"{file.name} is missing ({error.strerror})") from error
    with opened, disk_errors("models", models_folder(), needed_bytes=file.size_bytes):
        target.parent.mkdir(parents=True, exist_ok=True)
        found = copy_hashed(opened, target, file.size_bytes)
        with target.open("rb+") as written:
            os.fsync(written.fileno())
    if found != file.sha256:
        raise pack_error(
            folder, f"{file.name} is damaged: its SHA-256 is {found}, expected {file.sha256}"
        )


@contextmanager
def _staging(listed: PackList) -> Iterator[Path]:
    """A folder beside the places where everything goes, so that moving is renaming."""
    needed = listed.size_bytes
    with disk_errors("models", models_folder(), needed_bytes=needed):
        models_folder().mkdir(parents=True, exist_ok=True)
        for old in models_folder().glob("unpacking-*"):  # killed, for the lock is ours
            shutil.rmtree(old)
        require_space(models_folder(), needed)
        staging = Path(tempfile.mkdtemp(prefix="unpacking-", dir=models_folder()))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _folder_errors(folder: Path) -> AbstractContextManager[None]:
    return disk_errors("models", folder, elsewhere="choose another folder")
