"""What keeps the figures of a run from being misread."""

from __future__ import annotations

from dataclasses import replace

import pytest

from facesearch.training.report.making import Reported
from facesearch.training.report.measured import Measured
from facesearch.training.report.naming import Naming
from facesearch.training.report.origins import of_environment, of_run, when
from facesearch.training.report.remarks import remarks


def said(reported: Reported, measured: Measured | None = None) -> str:
    found = remarks(reported.facts, reported.measured if measured is None else measured)
    return "\n".join(map(str, found))


def naming(named: tuple[int, ...]) -> Naming:
    """Ten chips each of two people, said to show whom `named` says."""
    return Naming(
        people=("Ada_Lovelace", "Bo"),
        positions=tuple(range(20)),
        truth=(0,) * 10 + (1,) * 10,
        named=named,
        confidence=(0.9,) * 20,
        rank=(1,) * 20,
        strangers=0,
    )


def test_a_network_that_learnt_nothing_is_said_to(naming_report: Reported):
    measured = naming_report.measured
    assert measured is not None
    one = replace(measured, naming=naming((0,) * 20))
    assert "names everybody Ada Lovelace: it has not learnt" in said(naming_report, one)
    luck = replace(measured, naming=naming((0, 1) * 10))
    assert "no better, beyond luck" in said(naming_report, luck)
    good = replace(measured, naming=naming((0,) * 10 + (1,) * 10))
    assert "learnt" not in said(naming_report, good)
    assert "luck" not in said(naming_report, good)


def test_who_trained_in_vain_is_told_what_to_try(naming_report: Reported):
    run = naming_report.facts.run
    recipe = replace(run.config.recipe, when_untaught="Try it so.")
    facts = replace(
        naming_report.facts, run=replace(run, config=replace(run.config, recipe=recipe))
    )
    measured = naming_report.measured
    assert measured is not None
    for named, told in (((0,) * 20, True), ((0, 1) * 10, True), ((0,) * 10 + (1,) * 10, False)):
        found = remarks(facts, replace(measured, naming=naming(named)))
        assert any(each.advice == "Try it so." for each in found) is told


def test_a_run_that_was_cut_short_is_said_to_be(naming_report: Reported):
    best = naming_report.facts.standing.best
    assert best is not None
    for epoch, told in ((2, True), (1, False)):
        standing = replace(naming_report.facts.standing, best=replace(best, epoch=epoch))
        facts = replace(naming_report.facts, standing=standing)
        found = said(replace(naming_report, facts=facts))
        assert ("was the best: the loss was still falling" in found) is told


def test_advice_stands_apart_from_what_is_said(pairs_report: Reported):
    (flatters,) = [each for each in pairs_report.contents.remarks if "validation" in each.said]
    assert "--fractions" in flatters.advice
    assert "--fractions" not in flatters.said


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2026-11-24T19:48:25+00:00", "2026-11-24 19:48 UTC"),
        ("2026-11-24T19:48:25+02:00", "2026-11-24 17:48 UTC"),
        ("yesterday", "yesterday"),
        ("", "-"),
    ],
)
def test_times_are_written_for_people(written: str, shown: str):
    assert when(written) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(59.4, "59 s"), (152, "2 min 32 s"), (3661, "1 h 01 min")]
)
def test_a_run_says_how_long_it_took(naming_report: Reported, seconds: float, shown: str):
    standing = replace(naming_report.facts.standing, seconds=seconds)
    told = dict(of_run(replace(naming_report.facts, standing=standing), naming_report.measured))
    assert told["Trained"] == f"2 epochs, 6 steps of 8 chips, {shown}"
    assert told["Network"].endswith("layers")


def test_variables_of_the_environment_are_told(naming_report: Reported):
    start = {"environment": {"TF_XLA_FLAGS": "--auto", "CUDA_VISIBLE_DEVICES": ""}}
    told = dict(of_environment(replace(naming_report.facts, starts=(start,))))
    assert told["Variables"] == "TF_XLA_FLAGS=--auto CUDA_VISIBLE_DEVICES="
    assert told["Started"] == "-"
