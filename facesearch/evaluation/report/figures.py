"""The plots of a result: what the protocols measured in, `Plot` values out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from facesearch.evaluation.detection import DetectionResult
from facesearch.evaluation.measured import (
    ClosedSetResult,
    DiscardResult,
    GroupsResult,
    OpenSetResult,
    PairsResult,
    VerificationResult,
)
from facesearch.evaluation.report import plots, tables
from facesearch.evaluation.report.curves import Curve, Mark
from facesearch.evaluation.report.drawing import Plot
from facesearch.evaluation.report.group_plot import GroupRates, group_rates
from facesearch.evaluation.results import FolderResult, LfwResult


def lfw_plots(result: LfwResult) -> tuple[Plot, ...]:
    """Every plot about Labeled Faces in the Wild."""
    lists = [("View 2", result.view2), ("View 1", result.view1)]
    curves = [(name, view.curve) for name, view in lists if view is not None]
    if result.all_pairs is not None:
        curves.insert(0, ("all pairs", result.all_pairs.curve))
    made = []
    if curves:
        made.append(
            plots.det([Curve(n, c.fmr, c.fnmr) for n, c in curves], _marks(result.all_pairs))
        )
        made.append(plots.roc([Curve(n, c.fmr, 1 - c.fnmr) for n, c in curves]))
    spread: PairsResult | VerificationResult | None = (
        result.all_pairs or result.view2 or result.view1
    )
    if spread is not None:
        made.append(_distances(spread))
    return (*made, *_common_plots(result.closed_set, result.open_set, result.discard))


def folder_plots(result: FolderResult) -> tuple[Plot, ...]:
    """Every plot about a folder of people."""
    curve = result.verification.curve
    return (
        plots.det([Curve("all pairs", curve.fmr, curve.fnmr)], _marks(result.verification)),
        plots.roc([Curve("all pairs", curve.fmr, 1 - curve.fnmr)]),
        _distances(result.verification),
        *_common_plots(result.closed_set, result.open_set, result.discard),
        *([_groups(result.groups)] if result.groups is not None and result.groups.groups else []),
    )


def detection_plots(result: DetectionResult) -> tuple[Plot, ...]:
    """Every plot about finding faces."""
    if not result.curve:
        return ()
    recall = np.array([point.recall for point in result.curve])
    precision = np.array([point.precision for point in result.curve])
    return (plots.precision_recall([Curve("detections", recall, precision)]),)


def _marks(result: VerificationResult | None) -> list[Mark]:
    if result is None:
        return []
    return [
        Mark(tables.rate(p.fmr), p.fmr, p.fnmr.value, p.fnmr.low, p.fnmr.high)
        for p in result.points
        if p.measurable and p.fnmr is not None
    ]


def _distances(result: PairsResult | VerificationResult) -> Plot:
    marks = []
    if isinstance(result, VerificationResult):
        marks = [
            (f"FMR {tables.rate(p.fmr)}", p.threshold)
            for p in result.points
            if p.threshold is not None and 0.5e-4 < p.fmr < 0.05  # more would hide one another
        ]
    return plots.distances(
        result.genuine.edges, result.genuine.counts, result.impostor.counts, marks
    )


def _common_plots(
    closed: ClosedSetResult | None, opened: OpenSetResult | None, left_out: DiscardResult | None
) -> Iterator[Plot]:
    if closed is not None and len(closed.cmc):
        ranks = np.arange(1, len(closed.cmc) + 1, dtype=np.float64)
        yield plots.cmc([Curve("searches", ranks, closed.cmc)])
    if opened is not None and len(opened.fpir):
        yield plots.open_set([Curve("searches", opened.fpir, opened.fnir)])
    if left_out is not None and len(left_out.discarded):
        at_random = np.full(len(left_out.discarded), left_out.fnmr[0])
        yield plots.discard(
            [
                Curve("by measured quality", left_out.discarded, left_out.fnmr),
                Curve("at random", left_out.discarded, at_random),
            ]
        )


def _groups(result: GroupsResult) -> Plot:
    return group_rates(
        [
            GroupRates(
                group.group,
                None if group.fmr is None else (group.fmr.value, group.fmr.low, group.fmr.high),
                None if group.fnmr is None else (group.fnmr.value, group.fnmr.low, group.fnmr.high),
            )
            for group in result.groups
        ],
        wanted_fmr=result.fmr,
    )
