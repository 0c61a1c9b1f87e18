"""Plots: drawn for pages and for print, with all that was logged and measured."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from facesearch.evaluation.report.drawing import SERIES
from facesearch.training.logs import EpochRow, StepRow
from facesearch.training.report import plots
from facesearch.training.report.curves import curve_drawings
from facesearch.training.report.drawn import Drawing
from facesearch.training.report.making import Reported
from facesearch.training.report.naming import Naming

EPOCHS = [
    EpochRow(
        epoch=number,
        phase="top" if number < 3 else "joint",
        step=10 * number,
        loss=1 / number,
        accuracy=0.5,
        validation_loss=1.1 / number,
        validation_accuracy=0.4,
        threshold=None,
        learning_rate=1e-3,
        beta1=None,
        seconds=1.0,
    )
    for number in range(1, 5)
]
STEPS = [
    StepRow(step=n, epoch=1, loss=1.0, accuracy=None, learning_rate=0.1 / n, beta1=1 - 0.1 / n)
    for n in range(1, 41)
]


def texts(drawing: Drawing) -> list[str]:
    """The words in a drawing; it must be whole XML."""
    root = ET.fromstring(drawing.plot().svg)
    return [text for each in root.iter() if (text := (each.text or "").strip())]


def test_every_plot_is_drawn_for_pages_and_for_print(
    naming_report: Reported, pairs_report: Reported
):
    names = [drawing.name for drawing in naming_report.contents.drawings]
    assert names == [
        "loss", "accuracy", "confusion", "roc", "distances-cosine", "embeddings",
    ]  # fmt: skip
    pairs = [drawing.name for drawing in pairs_report.contents.drawings]
    assert pairs == [
        "loss", "accuracy", "learning-rate", "roc", "distances-euclidean", "distances-cosine",
        "embeddings",
    ]  # fmt: skip
    for drawing in (*naming_report.contents.drawings, *pairs_report.contents.drawings):
        assert texts(drawing)
        assert drawing.caption
        assert "nan" not in drawing.alt
    loss = naming_report.contents.drawings[0]
    assert loss.pdf().startswith(b"%PDF-")
    assert loss.pdf() == loss.pdf()


def test_curves_mark_phases_and_the_epoch_that_was_kept():
    loss, accuracy, rates = curve_drawings(EPOCHS, STEPS, best=3)
    shown = texts(loss)
    assert {"training", "validation", "epoch", "loss", "joint"} <= set(shown)
    assert "phases top, joint" in loss.caption
    assert "epoch 3, whose network was kept" in accuracy.caption
    assert {"learning rate", "beta1", "step"} <= set(texts(rates))
    assert "highest 0.1" in rates.alt


def test_what_was_not_logged_is_not_drawn():
    bare = [replace(row, accuracy=None, validation_accuracy=None) for row in EPOCHS]
    steps = [replace(step, beta1=None) for step in STEPS]
    loss, rates = curve_drawings(bare, steps, best=None)
    assert loss.name == "loss"
    assert "beta1" not in texts(rates)
    assert "Dotted" not in loss.caption
    assert curve_drawings((), (), best=None) == ()


def test_rates_that_never_change_are_not_drawn():
    steps = [replace(step, learning_rate=1e-4, beta1=0.9) for step in STEPS]
    assert [each.name for each in curve_drawings(EPOCHS, steps, best=None)] == ["loss", "accuracy"]
    small = [replace(step, learning_rate=1e-4 * step.step, beta1=0.9) for step in STEPS[:10]]
    *_, rates = curve_drawings(EPOCHS, small, best=None)
    assert "learning rate (10⁻³)" in texts(rates)
    assert "beta1" not in texts(rates)


def test_a_line_looks_the_same_with_and_without_the_other(pairs_report: Reported):
    training, validation = (f"stroke: {colour}" for colour in SERIES[:2])
    loss, accuracy = (
        each.plot().svg.partition("</style>")[2] for each in pairs_report.contents.drawings[:2]
    )
    assert training in loss
    assert validation in loss
    assert training not in accuracy
    assert validation in accuracy


def test_few_pairs_go_into_few_bins(naming_report: Reported):
    assert naming_report.measured is not None
    telling = naming_report.measured.telling[0]
    edges = tuple(np.linspace(0, 1, 101).tolist())
    counts = tuple(range(100))
    few = replace(
        telling,
        edges=edges, genuine=counts, impostor=counts, genuine_pairs=90, impostor_pairs=9000,
    )  # fmt: skip
    middles, kinds = plots.coarser(few)
    assert len(middles) == 21
    assert middles[-1] == 1
    assert [int(found.sum()) for _, found in kinds] == [sum(counts)] * 2
    many = replace(few, genuine_pairs=9000)
    assert len(plots.coarser(many)[0]) == 101


def test_a_matrix_of_many_people_takes_the_whole_width():
    def drawn(people: int) -> Drawing:
        labels = np.repeat(np.arange(people), 2)
        shares = np.eye(people, dtype=np.float32)[labels]
        return plots.confusion(Naming.of(shares, labels, tuple(map(str, range(people)))))

    assert not drawn(15).is_wide
    assert drawn(16).is_wide
    assert "100" in texts(drawn(30))
    assert "100" not in texts(drawn(31))
    assert drawn(16).pdf().startswith(b"%PDF-")


def test_of_many_people_those_with_most_errors_are_drawn():
    luck = np.random.default_rng(0)
    people = tuple(f"P{number}" for number in range(60))
    labels = np.repeat(np.arange(60), 3)
    shares = np.eye(60, dtype=np.float32)[labels]
    wrong = luck.permutation(60)[:20]
    shares[3 * wrong] = np.eye(60, dtype=np.float32)[(wrong + 1) % 60]
    naming = Naming.of(shares, labels, people)
    drawn = plots.drawn_people(naming)
    assert len(drawn) == plots.MOST_ROWS
    assert set(wrong.tolist()) <= set(drawn)
    drawing = plots.confusion(naming)
    assert f"P{wrong[0]}" in texts(drawing)
    assert f"P{wrong[0]} (3)" in texts(drawing)
    assert "Of 60 people" in drawing.caption


@pytest.mark.parametrize(
    ("name", "shown"), [("George_W_Bush", "George W Bush"), ("x" * 30, "x" * 23 + "…")]
)
def test_names_are_cut_to_what_an_axis_holds(name: str, shown: str):
    assert plots.short(name) == shown
