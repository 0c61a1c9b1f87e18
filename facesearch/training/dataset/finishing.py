"""The second half of making a dataset: chips that are cut become a dataset.

In: photos and the journal of their chips. Out: stored chips, lists, and dataset.json as the
last of all. Nothing is remembered of a half that was stopped: it is done again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import facesearch
from facesearch.models.templates import template
from facesearch.photos.files import printable
from facesearch.training.dataset.choosing import Chosen, with_enough
from facesearch.training.dataset.journal import Journal
from facesearch.training.dataset.manifest import (
    ChipRow,
    Manifest,
    Template,
    digest_of,
    write_failures,
    write_lists,
    write_manifest,
)
from facesearch.training.dataset.options import DatasetOptions, Split, SplitKind, Storage
from facesearch.training.dataset.sources import SourcePhoto
from facesearch.training.dataset.splitting import is_by_person, luck, split_chips
from facesearch.training.dataset.storing import clear, store_folders, store_records

DUPLICATE = "duplicate"
"""Why a photo gives no chip, beside the codes of `cutting`: the same person has the same chip."""

_Failures: TypeAlias = list[tuple[str, str, str, str]]


@dataclass(frozen=True, slots=True)
class Finished:
    """What was made: the dataset, photos that gave no chip by reason code, and warnings.

    There is no dataset where the run was stopped before its end.
    """

    manifest: Manifest | None
    failed_by_reason: dict[str, int]
    warnings: tuple[str, ...]


def finish(
    folder: Path,
    chosen: Chosen,
    journal: Journal,
    options: DatasetOptions,
    source: dict[str, str],
    on_stored: Callable[[int, int], None],
) -> Finished:
    """Choose people, split, and store.

    Raises:
        InvalidDataset: too few people or photos are left.
        OSError: it cannot be written.
    """
    shown = printable(str(folder))
    failures: _Failures = []
    usable, warnings = _usable(chosen.photos, journal, failures)
    write_failures(folder, failures)  # first, for those who get no dataset and wonder why
    kept = with_enough(usable, options.min_photos, shown, chosen)
    left_out = len({photo.person for photo in chosen.photos} - {photo.person for photo in kept})
    splits = split_chips(kept, options, shown)
    by_person = is_by_person(kept, splits)
    classes = _classes(kept, splits, by_person)
    warnings += _of_split(kept, splits, by_person, left_out)
    rows = [_row(photo, splits[photo.id], classes[photo.person], journal) for photo in kept]
    # At random within a split: whoever reads on gets all people mixed, with a small buffer.
    rows.sort(key=lambda row: (list(Split).index(row.split), luck(options.seed, f"at:{row.id}")))

    def jpeg(row: ChipRow) -> bytes:
        return journal.chip(journal.entries[row.id])

    clear(folder)
    files: dict[str, int] = {}

    def stored(done: int) -> None:
        on_stored(done, len(rows))

    stored(0)
    if options.storage is Storage.TFRECORDS:
        rows, files = store_records(folder, rows, jpeg, options.shard_bytes, stored)
    else:
        rows = store_folders(folder, rows, jpeg, stored)
    write_lists(folder, rows, classes)
    manifest = Manifest(
        name=printable(folder.name),
        chip_px=options.chip_px,
        template=_template(options),
        storage=options.storage,
        classes=tuple(classes),
        split=SplitKind.BY_PERSON if by_person else SplitKind.BY_PHOTO,
        published=options.split is SplitKind.PUBLISHED,
        fractions=options.fractions,
        seed=options.seed,
        counts={split: sum(row.split is split for row in rows) for split in Split},
        people={split: len({row.label for row in rows if row.split is split}) for split in Split},
        digest=digest_of(rows),
        files=files,
        source=source,
        options=options.document(),
        failures=len(failures),
        left_out=left_out,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        facesearch=facesearch.__version__,
    )
    write_manifest(folder, manifest)
    reasons = Counter(reason for _, _, reason, _ in failures)
    return Finished(manifest, dict(sorted(reasons.items())), tuple(warnings))


def _usable(
    photos: Iterable[SourcePhoto], journal: Journal, failures: _Failures
) -> tuple[list[SourcePhoto], list[str]]:
    """The photos that have a chip of their own; notes the others."""
    found: list[SourcePhoto] = []
    seen: dict[str, SourcePhoto] = {}
    shared: list[tuple[str, str]] = []
    for photo in photos:
        entry = journal.entries[photo.id]
        reason, detail = entry.reason, entry.detail
        before = seen.get(entry.sha256) if entry.sha256 else None
        if before is not None and before.person == photo.person:
            reason, detail = DUPLICATE, f"the same chip as {printable(before.photo)}"
        elif before is not None:
            shared.append((before.photo, photo.photo))
        if reason:
            failures.append((photo.photo, photo.person, reason, detail))
            continue
        seen.setdefault(entry.sha256, photo)
        found.append(photo)
    if not shared:
        return found, []
    first, second = map(printable, shared[0])
    return found, [
        f"{len(shared)} photos are there under two people, such as {first} and {second}: one of "
        "the two names is wrong"
    ]


def _classes(
    kept: Sequence[SourcePhoto], splits: dict[str, Split], by_person: bool
) -> dict[str, int]:
    """Labels by person: sorted by name; where people are divided, those trained on come first."""
    if not by_person:
        return {person: at for at, person in enumerate(sorted({p.person for p in kept}))}
    order = list(Split)
    ranked = sorted({(order.index(splits[photo.id]), photo.person) for photo in kept})
    return {person: at for at, (_, person) in enumerate(ranked)}


def _of_split(
    kept: Sequence[SourcePhoto], splits: dict[str, Split], by_person: bool, left_out: int
) -> list[str]:
    warnings = []
    if left_out:
        warnings.append(f"{left_out} people had too few usable photos and were left out")
    if not by_person:
        judged = {photo.person for photo in kept if splits[photo.id] is Split.VALIDATION}
        unjudged = {photo.person for photo in kept} - judged
        if judged and unjudged:
            warnings.append(
                f"{len(unjudged)} people have too few photos to validate with and are only trained "
                f"on, such as {min(unjudged)}"
            )
    return warnings


def _row(photo: SourcePhoto, split: Split, label: int, journal: Journal) -> ChipRow:
    entry = journal.entries[photo.id]
    return ChipRow(
        photo.id, label, split, photo.person, photo.photo, entry.sha256, entry.length, ""
    )


def _template(options: DatasetOptions) -> Template | None:
    if options.template is None:
        return None
    made = template(options.template, options.chip_px)
    points = tuple((float(x), float(y)) for x, y in made.points)
    return Template(options.template.value, made.name, points, made.turns)
