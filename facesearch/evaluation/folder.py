"""A folder of one's own labelled photos: a subfolder for each person.

In: FOLDER/NAME/*.jpg, perhaps with a groups.csv. Out: `FolderResult`: verification over all
pairs, identification, error rates per group, and whether quality predicts errors.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from facesearch.errors import InvalidDataset
from facesearch.evaluation.embedding import OnProgress
from facesearch.evaluation.groups import group_rates, read_groups
from facesearch.evaluation.identification import Part, searched, split
from facesearch.evaluation.labelled import Labelled, labelled
from facesearch.evaluation.measured import GroupsResult, VerificationResult
from facesearch.evaluation.results import FolderResult
from facesearch.evaluation.runs import (
    EvaluationOptions,
    Run,
    discarded,
    fixed_threshold,
)
from facesearch.photos.files import printable
from facesearch.photos.walk import AnyPath, WalkProblem, root_path, walk

GROUPS_FILE = "groups.csv"


@dataclass(frozen=True, slots=True)
class LabelledFolder:
    """The photos of a labelled folder.

    Attributes:
        folder: absolute.
        paths: of the photos, absolute, sorted as they were found.
        people: who is on each: the name of the subfolder it lies in, however deep.
        warnings: sentences for the user, about what was left out.
    """

    folder: str
    paths: tuple[str, ...]
    people: tuple[str, ...]
    warnings: tuple[str, ...]


def find_labelled(folder: AnyPath) -> LabelledFolder:
    """Find photos and who is on them.

    Raises:
        PhotoNotFound: no such folder.
        InvalidDataset: no photos in subfolders, one person only, or nobody with two photos.
    """
    top = root_path(folder)
    shown = printable(top)
    problems: list[WalkProblem] = []
    paths, people, loose = [], [], 0
    for file in walk(top, on_problem=problems.append):
        inner = Path(os.path.relpath(file.path, top)).parts
        if len(inner) < 2 or inner[0] == os.pardir:
            loose += 1
            continue
        paths.append(file.path)
        people.append(inner[0])
    wanted = "expected a subfolder for each person, with their photos: NAME/*.jpg"
    if not paths:
        raise InvalidDataset(shown, f"no photos in subfolders; {wanted}")
    counts = Counter(people)
    if len(counts) < 2:
        raise InvalidDataset(
            shown,
            f"one person only, {printable(people[0])}: false matches need at least two; {wanted}",
        )
    if max(counts.values()) < 2:
        raise InvalidDataset(
            shown,
            f"{len(counts)} people with one photo each: false non-matches need at least one person "
            f"with two; {wanted}",
        )
    warnings = [problem.detail for problem in problems]
    if loose:
        warnings.append(
            f"{loose} photos lie in no subfolder of {shown}, so nobody knows who is on them; "
            "they were left out"
        )
    return LabelledFolder(top, tuple(paths), tuple(people), tuple(warnings))


def evaluate_folder(
    folder: AnyPath,
    *,
    groups: AnyPath | None = None,
    options: EvaluationOptions | None = None,
    on_progress: OnProgress | None = None,
) -> FolderResult:
    """Measure on a folder of labelled photos.

    Args:
        folder: holds a subfolder for each person, with their photos.
        groups: a CSV file with the columns name and group; None for FOLDER/groups.csv, where
            there is one.
        options: models, seeds, numbers.
        on_progress: told how far it is.

    Raises:
        PhotoNotFound: no such folder.
        InvalidDataset: no photos, one person, nobody with two photos, or a wrong groups.csv; it
            names the line.
        UnknownModel, ModelError: the models are unknown or cannot be loaded.
    """
    run = Run(options or EvaluationOptions(), on_progress)
    files = find_labelled(folder)
    group_of = _groups(files, groups)
    photos = run.embed(files.paths)
    everything = labelled(photos.vectors, files.people, photos.paths)
    data = everything.capped(run.options.max_photos_per_person, run.options.seed)
    verification = run.compare([data], photos)
    notes = list(_too_few(verification))
    at = fixed_threshold(verification)
    discard, by_group = None, None
    if at is not None:
        rate, threshold = at
        discard = discarded(data, photos, threshold)
        if group_of is not None:
            by_group = _by_group(data, group_of, threshold, rate, run.options)
    if discard is None:
        notes.append(_NO_DISCARD)
    if group_of is not None and by_group is None:
        notes.append("too few pairs of different people for error rates per group")
    seeds = tuple(run.options.seed + number for number in range(run.options.open_set_splits))
    return FolderResult(
        run=run.info("folder", files.folder, photos, everything.people, files.warnings),
        verification=verification,
        closed_set=searched(
            [Part.whole(everything)],
            seed=run.options.seed,
            bootstrap_samples=run.options.bootstrap_samples,
        ),
        open_set=split([Part.whole(data)], seeds=seeds),
        groups=by_group,
        discard=discard,
        notes=tuple(notes),
    )


_NO_DISCARD = "too few pairs, or no qualities, to see whether quality predicts errors"


def _groups(files: LabelledFolder, groups: AnyPath | None) -> dict[str, str] | None:
    path = Path(files.folder) / GROUPS_FILE if groups is None else Path(root_path(groups))
    if groups is None and not path.exists():
        return None
    return read_groups(path, set(files.people))


def _by_group(
    data: Labelled,
    group_of: dict[str, str],
    threshold: float,
    rate: float,
    options: EvaluationOptions,
) -> GroupsResult:
    return group_rates(
        data,
        group_of,
        threshold=threshold,
        fmr=rate,
        seed=options.seed,
        bootstrap_samples=options.bootstrap_samples,
    )


def _too_few(result: VerificationResult) -> list[str]:
    unseen = [point.fmr for point in result.points if not point.measurable]
    if not unseen:
        return []
    return [
        f"false match rates of {max(unseen):g} and below cannot be seen with "
        f"{result.impostor_pairs:,} pairs of different people: it takes ten times "
        f"1 / rate, {10 / max(unseen):,.0f} for {max(unseen):g}"
    ]
