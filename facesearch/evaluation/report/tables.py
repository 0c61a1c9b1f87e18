"""Results as tables of words: for the terminal and for the page alike.

In: what the protocols measured. Out: `Table` values, the most asked-for figure first.
Shares are written in percent; a rate that could not be measured says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from facesearch.evaluation.detection import DetectionResult
from facesearch.evaluation.measured import (
    ClosedSetResult,
    DiscardResult,
    GroupsResult,
    Interval,
    OpenSetResult,
    PairsResult,
    VerificationResult,
)
from facesearch.evaluation.report.html import Table
from facesearch.evaluation.results import FolderResult, LfwResult, RunInfo

_TOO_FEW = "too few to measure"


def share(value: float, digits: int = 2) -> str:
    """A share in percent: ``99.20 %``; a small one keeps two digits: ``0.0093 %``."""
    percent = 100 * value
    if 0 < percent < 5 * 10.0**-digits:
        return f"{percent:.2g} %"
    return f"{percent:.{digits}f} %"


def interval(value: Interval | None) -> str:
    """A share with its interval: ``4.75 % (4.31 to 5.20)``; a dash for None."""
    if value is None:
        return "-"
    low, high = (share(edge).removesuffix(" %") for edge in (value.low, value.high))
    return f"{share(value.value)} ({low} to {high})"


def rate(value: float) -> str:
    """A false match rate as it is asked for: ``1 in 1,000``."""
    return f"1 in {round(1 / value):,}" if value > 0 else "0"


def distance(value: float | None) -> str:
    """A distance with four decimals: thresholds lie close together."""
    return "-" if value is None else f"{value:.4f}"


def about(run: RunInfo) -> str:
    """What was measured on, and with what, in a line."""
    return f"{run.photos:,} photos of {run.people:,} people, {run.embedder} with {run.detector}"


def lfw_tables(result: LfwResult) -> tuple[Table, ...]:
    """Every table about Labeled Faces in the Wild."""
    views = [("View 2", result.view2), ("View 1", result.view1)]
    measured = [(name, view) for name, view in views if view is not None]
    tables = [_pairs_table(measured)] if measured else []
    if result.all_pairs is not None:
        tables += verification_tables(result.all_pairs)
    tables += _identification(result.closed_set, result.open_set)
    if result.discard is not None:
        tables.append(_discard_table(result.discard))
    return tuple(tables)


def folder_tables(result: FolderResult) -> tuple[Table, ...]:
    """Every table about a folder of people."""
    tables = [*verification_tables(result.verification)]
    tables += _identification(result.closed_set, result.open_set)
    if result.groups is not None:
        tables.append(_groups_table(result.groups))
    if result.discard is not None:
        tables.append(_discard_table(result.discard))
    return tuple(tables)


def detection_tables(result: DetectionResult) -> tuple[Table, ...]:
    """Every table about finding faces."""
    rows = [
        ("recall", share(result.recall), f"{result.matched:,} of {result.faces:,} marked faces"),
        (
            "precision",
            share(result.precision),
            f"{result.matched:,} of {result.detections:,} finds are marked faces",
        ),
        ("average precision", share(result.average_precision), "area under the curve"),
    ]
    for wanted in (0.95, 0.99):
        point = result.at_precision(wanted)
        rows.append(
            (
                f"recall at precision {wanted:g}",
                share(result.recall_at(wanted)),
                "never reached" if point is None else f"detection score {point.score:.4f} or more",
            )
        )
    return (
        Table(
            "Finding faces",
            ("", "Share", "Which is"),
            tuple(rows),
            f"A find is a marked face where the two overlap by {result.min_iou:g} or more "
            "(intersection over union).",
        ),
    )


def fold_table(view: PairsResult) -> Table:
    """The folds of a list of pairs, one by one."""
    rows = (
        (str(number), f"{fold.pairs:,}", share(fold.accuracy), distance(fold.threshold))
        for number, fold in enumerate(view.folds, start=1)
    )
    return Table(
        "Fold by fold",
        ("Fold", "Pairs", "Accuracy", "At distance"),
        tuple(rows),
        f"{view.protocol[:1].upper()}{view.protocol[1:]}".rstrip(".") + ".",
    )


def verification_tables(result: VerificationResult) -> Iterator[Table]:
    """All pairs: FNMR at each FMR, and whether the shipped rates hold."""
    rows = []
    for point in result.points:
        if point.measurable:
            rows.append((rate(point.fmr), distance(point.threshold), interval(point.fnmr)))
        else:
            rows.append((rate(point.fmr), "-", _TOO_FEW))
    yield Table(
        "All pairs: what a false match rate costs",
        ("False match rate", "Up to distance", "False non-match rate (95 % interval)"),
        tuple(rows),
        f"{result.genuine_pairs:,} genuine and {result.impostor_pairs:,} impostor pairs of "
        f"{result.photos:,} photos of {result.people:,} people. "
        f"Equal error rate {share(result.eer)}, area under the ROC curve {result.auc:.5f}.",
    )
    if result.realised:
        yield Table(
            "Do the thresholds that facesearch ships hold here?",
            ("Asked for", "Gives distance", "False match rate here", "False non-match rate here"),
            tuple(
                (rate(r.asked), distance(r.threshold), interval(r.fmr), interval(r.fnmr))
                for r in result.realised
            ),
            f"The shipped rates were measured on: {result.rates_source}. On those very photos "
            "they hold by construction; only other people put them to the test.",
        )


def _pairs_table(views: list[tuple[str, PairsResult]]) -> Table:
    rows = []
    for name, view in views:
        error = view.standard_error
        rows.append(
            (
                name,
                share(view.accuracy) + ("" if error is None else f" ± {100 * error:.2f}"),
                f"{view.genuine_pairs + view.impostor_pairs:,}",
                share(view.eer),
                f"{view.auc:.5f}",
                f"{view.pairs_with_failures:,}",
                share(view.best_accuracy),
            )
        )
    return Table(
        "Same person or not?",
        ("Protocol", "Accuracy", "Pairs", "Equal error", "AUC", "No face", "Best threshold"),
        tuple(rows),
        "View 2: ten folds, each judged at the distance chosen on the other nine; ± is the "
        "standard error of their mean. View 1: pairsDevTest at the distance chosen on "
        "pairsDevTrain. Pairs with a photo without a found face count as different people. "
        "Best threshold: with hindsight, as some published tables have it.",
    )


def _identification(closed: ClosedSetResult | None, opened: OpenSetResult | None) -> list[Table]:
    tables = []
    if closed is not None:
        tables.append(
            Table(
                "Who is it, among people who are all known?",
                ("", "Share (95 % interval)"),
                (
                    ("rank-1: the first answer is right", interval(closed.rank1)),
                    ("rank-5: right among the first five", interval(closed.rank5)),
                ),
                f"Each of {closed.probes:,} photos searched for among all the others, of "
                f"{closed.people:,} people. Without a face, and so a miss: "
                f"{closed.failed_probes:,}.",
            )
        )
    if opened is not None:
        rows = []
        for point in opened.points:
            if point.measurable and point.fnir is not None:
                spread = point.fnir_spread
                found = share(point.fnir) + ("" if spread is None else f" ± {100 * spread:.2f}")
                rows.append((share(point.fpir, 0), distance(point.threshold), found))
            else:
                rows.append((share(point.fpir, 0), "-", _TOO_FEW))
        tables.append(
            Table(
                "Who is it, if it is anybody known?",
                ("Unknown people named (FPIR)", "Up to distance", "Known people missed (FNIR)"),
                tuple(rows),
                f"Mean of {len(opened.seeds)} random splits: a gallery of "
                f"{opened.gallery_people:,.0f} people, searches for them in "
                f"{opened.mated_probes:,.0f} other photos, and for unknown people in "
                f"{opened.unknown_probes:,.0f}; ± is the standard deviation over the splits.",
            )
        )
    return tables


def _groups_table(result: GroupsResult) -> Table:
    left_out = result.people_without_group
    return Table(
        "Errors per group",
        ("Group", "People", "Photos", "FMR (95 % interval)", "FNMR (95 % interval)"),
        tuple(
            (g.group, f"{g.people:,}", f"{g.photos:,}", interval(g.fmr), interval(g.fnmr))
            for g in result.groups
        ),
        f"All at distance {distance(result.threshold)}, which gives a false match rate of "
        f"{rate(result.fmr)} over everybody."
        + (f" People in no group: {left_out:,}." if left_out else ""),
    )


def _discard_table(result: DiscardResult) -> Table:
    return Table(
        "Does the measured quality foretell errors?",
        ("Poorest photos left out", "Mean false non-match rate"),
        (
            ("by measured quality", share(result.area)),
            ("at random", share(result.random_area)),
            ("with hindsight, the most that is possible", share(result.ideal_area)),
        ),
        f"At distance {distance(result.threshold)}, averaged over leaving out none to "
        f"{share(float(result.discarded[-1]), 0)} of the photos.",
    )
