"""What stands in a report: results in, words, tables, plots and pictures to show out.

`page.py` makes HTML of it; nothing here knows HTML, and no photo is opened yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from facesearch.evaluation.detection import DetectionResult, PlacedBox
from facesearch.evaluation.measured import (
    ClosedSetResult,
    PairsResult,
    PhotoPair,
    VerificationResult,
)
from facesearch.evaluation.report import tables
from facesearch.evaluation.report.drawing import Plot
from facesearch.evaluation.report.figures import detection_plots, folder_plots, lfw_plots
from facesearch.evaluation.report.html import Table
from facesearch.evaluation.results import FolderResult, LfwResult, PhotoFailure, RunInfo
from facesearch.values import Box

# As many as one looks at; more only make the page heavy.
_SHOWN = 24


@dataclass(frozen=True, slots=True)
class Highlight:
    """A figure worth large letters."""

    value: str
    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Shot:
    """A photo to show: the surroundings of `box`, or all of it where that is None."""

    path: str
    label: str
    box: Box | None


@dataclass(frozen=True, slots=True)
class Exhibit:
    """Photos shown side by side, and a line of words below them."""

    shots: tuple[Shot, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """Exhibits of one kind, the worst first."""

    title: str
    note: str
    exhibits: tuple[Exhibit, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a report shows, in this order."""

    title: str
    about: str
    highlights: tuple[Highlight, ...]
    remarks: tuple[str, ...]
    tables: tuple[Table, ...]
    plots: tuple[Plot, ...]
    galleries: tuple[Gallery, ...]
    details: tuple[Table, ...]
    failures: tuple[PhotoFailure, ...]
    run: tuple[tuple[str, str], ...]


def lfw_contents(result: LfwResult) -> Contents:
    """A report about Labeled Faces in the Wild."""
    highlights = []
    for name, view in (("View 2", result.view2), ("View 1", result.view1)):
        if view is not None:
            error = view.standard_error
            highlights.append(
                Highlight(
                    tables.share(view.accuracy),
                    f"accuracy, {name}",
                    "one fold" if error is None else f"± {100 * error:.2f} standard error",
                )
            )
    highlights += _common_highlights(result.all_pairs, result.closed_set)
    highlights.append(_missing(result.run))
    pairs = result.view2 if result.view2 is not None else result.view1
    return Contents(
        title="Labeled Faces in the Wild",
        about=tables.about(result.run),
        highlights=tuple(highlights),
        remarks=result.run.warnings,
        tables=tables.lfw_tables(result),
        plots=lfw_plots(result),
        galleries=(
            *(_galleries(pairs, "published pairs") if pairs is not None else ()),
            *(_galleries(result.all_pairs, "all pairs") if result.all_pairs else ()),
        ),
        details=() if result.view2 is None else (tables.fold_table(result.view2),),
        failures=result.run.failures,
        run=_run_facts(result.run),
    )


def folder_contents(result: FolderResult) -> Contents:
    """A report about a folder of people."""
    highlights = _common_highlights(result.verification, result.closed_set)
    return Contents(
        title="How well are these people recognised?",
        about=tables.about(result.run),
        highlights=(*highlights, _missing(result.run)),
        remarks=(*result.run.warnings, *result.notes),
        tables=tables.folder_tables(result),
        plots=folder_plots(result),
        galleries=tuple(_galleries(result.verification, "all pairs")),
        details=(),
        failures=result.run.failures,
        run=_run_facts(result.run),
    )


def detection_contents(result: DetectionResult, run: Sequence[tuple[str, str]]) -> Contents:
    """A report about finding faces.

    Args:
        run: how the figures came about: names and values.
    """
    at_95 = result.recall_at(0.95)
    return Contents(
        title="How well are faces found?",
        about=f"{result.faces:,} marked faces in {result.photos:,} photos",
        highlights=(
            Highlight(tables.share(result.recall), "recall", "marked faces that were found"),
            Highlight(tables.share(result.precision), "precision", "finds that are marked faces"),
            Highlight(tables.share(at_95), "recall at precision 0.95", "at a stricter score"),
            Highlight(f"{len(result.missed):,}", "missed", f"of {result.faces:,} marked faces"),
        ),
        remarks=(),
        tables=tables.detection_tables(result),
        plots=detection_plots(result),
        galleries=tuple(
            gallery
            for gallery in (
                _boxes("Missed faces", "Marked, but not found.", result.missed),
                _boxes(
                    "Finds that are not marked",
                    "The surest first. Some may be faces that nobody marked.",
                    result.wrong,
                ),
            )
            if gallery.exhibits
        ),
        details=(),
        failures=tuple(PhotoFailure(f.path, f.reason, f.detail) for f in result.failures),
        run=tuple(run),
    )


def _common_highlights(
    pairs: VerificationResult | None, closed: ClosedSetResult | None
) -> list[Highlight]:
    found = []
    if pairs is not None:
        measured = [p for p in pairs.points if p.measurable and p.fnmr is not None]
        # The strictest common one that the data can show, 1 in 1,000 where it can.
        usual = [p for p in measured if p.fmr >= 0.99e-3]
        if usual and usual[-1].fnmr is not None:
            low, high = usual[-1].fnmr.low, usual[-1].fnmr.high
            found.append(
                Highlight(
                    tables.share(usual[-1].fnmr.value),
                    f"FNMR at FMR {tables.rate(usual[-1].fmr)}",
                    f"95 % interval {100 * low:.2f} to {100 * high:.2f}",
                )
            )
    if closed is not None:
        found.append(
            Highlight(tables.share(closed.rank1.value), "rank-1", f"of {closed.probes:,} searches")
        )
    return found


def _missing(run: RunInfo) -> Highlight:
    lost = run.no_face + run.unreadable
    name = "photo without a face" if lost == 1 else "photos without a face"
    return Highlight(f"{lost:,}", name, f"{run.unreadable:,} of them unreadable")


def _galleries(result: PairsResult | VerificationResult, where: str) -> Iterator[Gallery]:
    if result.worst_false_matches:
        yield Gallery(
            f"Nearest strangers, {where}",
            "Different people, by their labels, whose faces lie closest. Look for the same person "
            "under two names before blaming the network.",
            tuple(_pair(pair) for pair in result.worst_false_matches[:_SHOWN]),
        )
    if result.worst_false_non_matches:
        yield Gallery(
            f"Farthest faces of one person, {where}",
            "One person, by the label, whose faces lie farthest apart. Wrong labels, the wrong "
            "face of several and faces hard to see gather here.",
            tuple(_pair(pair) for pair in result.worst_false_non_matches[:_SHOWN]),
        )


def _pair(pair: PhotoPair) -> Exhibit:
    def shot(path: str, person: str, box: tuple[float, float, float, float] | None) -> Shot:
        return Shot(path, person, None if box is None else Box(*box))

    return Exhibit(
        (
            shot(pair.first, pair.first_person, pair.first_box),
            shot(pair.second, pair.second_person, pair.second_box),
        ),
        f"distance {tables.distance(pair.distance)}",
    )


def _boxes(title: str, note: str, places: Sequence[PlacedBox]) -> Gallery:
    def words(place: PlacedBox) -> str:
        size = f"{place.box.width:.0f} x {place.box.height:.0f} pixels"
        return size if place.score is None else f"score {place.score:.3f}, {size}"

    return Gallery(
        title,
        note,
        tuple(
            Exhibit((Shot(str(place.path), place.path.name, place.box),), words(place))
            for place in places[:_SHOWN]
        ),
    )


_CROSSED = (
    "the embedder learned from these people; each of the ten sets of people was judged by a copy "
    "of it that learned without them, and all pairs are pairs within a set"
)


def _run_facts(run: RunInfo) -> tuple[tuple[str, str], ...]:
    return (
        ("Photos", f"{run.folder} ({run.photos:,} photos, {run.people:,} people)"),
        ("Embedder", f"{run.embedder}, space {run.space}"),
        *([("Cross-validation", _CROSSED)] if run.cross_validated else []),
        ("Detector", f"{run.detector} ({run.detector_key})"),
        ("Face of a photo with several", run.face),
        ("Photos with several faces", f"{run.photos_with_several_faces:,}"),
        ("Photos a person at most, in all pairs", f"{run.max_photos_per_person:,}"),
        ("Seed", str(run.seed)),
        ("Intervals from", f"{run.bootstrap_samples:,} resamplings of the people"),
        ("Ran on", run.device),
        (
            "Seconds",
            f"{run.seconds:.1f}, of which {run.embed_seconds:.1f} embedding "
            f"({run.from_cache:,} photos were known)",
        ),
        ("facesearch", run.facesearch),
    )
